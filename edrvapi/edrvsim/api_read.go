package edrvsim

import (
	"cmp"
	"slices"
	"strings"
)

// Query is the filter and the page of a list. Empty fields do not filter.
type Query struct {
	Status    string // of sessions, in any case
	Connector string
	Station   string
	Location  string
	Online    *bool
	Limit     int  // per page, 1 to 1,000; 0 is 20
	Page      int  // from 1; 0 is 1
	Expand    bool // include_…: references as objects
}

// ListLocations is GET /locations.
func (w *World) ListLocations(q Query) Reply[[]Location] {
	return list(w, "locations.list", q, func(Query) []Location {
		out := make([]Location, len(w.spec.Locations))
		for i := range w.spec.Locations {
			out[i] = w.spec.Locations[i].record()
		}
		return out
	})
}

// GetLocation is GET /locations/{id}.
func (w *World) GetLocation(id string) Reply[Location] {
	return call(w, "locations.get", "Location", func() (Location, *refusal) {
		l := w.locationOf[id]
		if l == nil {
			return Location{}, errNotFound
		}
		return l.record(), nil
	})
}

func (l *LocationSpec) record() Location {
	return Location{ID: l.ID, Operator: l.Operator, Timezone: l.Timezone}
}

// ListStations is GET /chargestations, newest first.
func (w *World) ListStations(q Query) Reply[[]Station] {
	return list(w, "chargestations.list", q, func(q Query) []Station {
		var out []Station
		for _, st := range slices.Backward(w.stations) {
			if (q.Location == "" || q.Location == st.spec.Location) && (q.Online == nil || *q.Online == st.online) {
				rec := w.stationRecord(st)
				rec.Location.Expanded = q.Expand
				out = append(out, rec)
			}
		}
		return out
	})
}

// GetStation is GET /chargestations/{id}.
func (w *World) GetStation(id string) Reply[Station] {
	return call(w, "chargestations.get", "Chargestation", func() (Station, *refusal) {
		st := w.stationOf[id]
		if st == nil {
			return Station{}, errNotFound
		}
		return w.stationRecord(st), nil
	})
}

// ListConnectors is GET /chargestations/{id}/connectors.
func (w *World) ListConnectors(station string, q Query) Reply[[]Connector] {
	st := w.stationOf[station]
	if st == nil {
		return call(w, "connectors.list", "List", func() ([]Connector, *refusal) { return nil, errNotFound })
	}
	return list(w, "connectors.list", q, func(q Query) []Connector {
		rec := w.stationRecord(st).Connectors
		for i := range rec {
			rec[i].Station.Expanded = q.Expand
		}
		return rec
	})
}

// GetConnector is GET /connectors/{id}.
func (w *World) GetConnector(id string) Reply[Connector] {
	return call(w, "connectors.get", "Connector", func() (Connector, *refusal) {
		c := w.connOf[id]
		if c == nil {
			return Connector{}, errNotFound
		}
		rec := w.connectorRecord(c)
		rec.Station.Expanded = w.hits(RefsExpanded, c.station.id)
		return rec, nil
	})
}

// ListSessions is GET /sessions, newest first.
func (w *World) ListSessions(q Query) Reply[[]Session] {
	return list(w, "sessions.list", q, func(q Query) []Session {
		var found []*session
		for _, s := range w.book.live {
			if q.matches(&s.rec) {
				found = append(found, s)
			}
		}
		if !strings.EqualFold(q.Status, string(Started)) {
			for _, s := range w.book.ended {
				if q.matches(&s.rec) {
					found = append(found, s)
				}
			}
		}
		slices.SortStableFunc(found, func(a, b *session) int {
			return cmp.Or(b.rec.CreatedAt.Compare(a.rec.CreatedAt), cmp.Compare(b.rec.ID, a.rec.ID))
		})
		out := make([]Session, len(found))
		for i, s := range found {
			out[i] = s.rec
			if q.Expand {
				out[i].expand()
			}
		}
		return out
	})
}

func (q *Query) matches(s *Session) bool {
	return (q.Status == "" || strings.EqualFold(q.Status, string(s.Status))) &&
		(q.Connector == "" || q.Connector == s.Connector.ID) &&
		(q.Station == "" || q.Station == s.Station.ID)
}

// GetSession is GET /sessions/{id}.
func (w *World) GetSession(id string) Reply[Session] {
	return call(w, "sessions.get", "Session", func() (Session, *refusal) {
		s := w.book.byID[id]
		if s == nil {
			return Session{}, errNotFound
		}
		rec := s.rec
		if w.hits(RefsExpanded, rec.Station.ID) {
			rec.expand()
		}
		return rec, nil
	})
}

// ListGroups is GET /load_management/groups.
func (w *World) ListGroups(q Query) Reply[[]Group] {
	return list(w, "groups.list", q, func(q Query) []Group {
		var out []Group
		for _, g := range w.groups {
			if q.Location == "" || q.Location == g.Location {
				out = append(out, g)
			}
		}
		return out
	})
}

// GetGroup is GET /load_management/groups/{id}.
func (w *World) GetGroup(id string) Reply[Group] {
	return call(w, "groups.get", "Group", func() (Group, *refusal) {
		for _, g := range w.groups {
			if g.ID == id {
				return g, nil
			}
		}
		return Group{}, errNotFound
	})
}

// list runs a list operation: filter, page, and the ways in which a server may
// fail to do either.
func list[T any](w *World, operation string, q Query, find func(Query) []T) Reply[[]T] {
	more := false
	r := call(w, operation, "List", func() ([]T, *refusal) {
		if w.hits(ListUnfiltered, "") {
			q = Query{Limit: q.Limit, Page: q.Page, Expand: q.Expand}
		}
		q.Expand = w.hits(RefsExpanded, "") || q.Expand
		all := find(q)
		if w.hits(ListUnpaged, "") {
			more = true
			return all, nil
		}
		size := min(max(cmp.Or(q.Limit, 20), 1), 1000)
		from := min((max(q.Page, 1)-1)*size, len(all))
		to := min(from+size, len(all))
		more = to < len(all)
		return all[from:to], nil
	})
	if r.OK() && !w.hits(ListNoHasNext, "") {
		r.HasNext = &more
	}
	return r
}

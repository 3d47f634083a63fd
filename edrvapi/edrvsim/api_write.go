package edrvsim

import (
	"math"
	"net/http"
)

// StartRequest is the body of POST /sessions.
type StartRequest struct {
	Connector string
	User      string
	Target    Target
	Meta      map[string]string
}

// StartSession is POST /sessions: a created session, and a remote start. The
// session is cancelled if no car starts it in time.
func (w *World) StartSession(req StartRequest) Reply[Session] {
	return change(w, "sessions.start", "Session created", func() (Session, *refusal) {
		c := w.connOf[req.Connector]
		if c == nil {
			return Session{}, errNotFound
		}
		for _, s := range w.book.live {
			if s.conn == c {
				return Session{}, &refusal{http.StatusBadRequest, "Connector is in use"}
			}
		}
		s := w.newSession(c, CarSpec{User: req.User, Target: req.Target, Meta: req.Meta})
		s.rec.Status = Created
		w.enter(s)
		w.emitSession("session.created", s)
		w.remoteStart(s)
		return s.rec, nil
	})
}

// StopSession is GET /sessions/{id}/stop.
func (w *World) StopSession(id string) Reply[Session] {
	return change(w, "sessions.stop", "Session stop requested", func() (Session, *refusal) {
		s, no := w.ongoing(id)
		if no != nil {
			return Session{}, no
		}
		w.remoteStop(s)
		return s.rec, nil
	})
}

// ongoing is a session that has started and not ended.
func (w *World) ongoing(id string) (*session, *refusal) {
	s := w.book.byID[id]
	if s == nil {
		return nil, errNotFound
	}
	if s.rec.Status != Started {
		return nil, &refusal{http.StatusBadRequest, "Session is not ongoing"}
	}
	return s, nil
}

// SetSessionLimit is set_power_limit of a session.
func (w *World) SetSessionLimit(id string, l Limit) Reply[Action] {
	return w.sessionOrder("sessions.set_power_limit", id, sessionLimit, l)
}

// ClearSessionLimit is clear_power_limit of a session.
func (w *World) ClearSessionLimit(id string) Reply[Action] {
	return w.sessionOrder("sessions.clear_power_limit", id, sessionClear, Limit{})
}

func (w *World) sessionOrder(operation, id string, kind orderKind, l Limit) Reply[Action] {
	return w.order(operation, "Session Set Power Requested", l, func() (*order, *refusal) {
		s, no := w.ongoing(id)
		if no != nil {
			return nil, no
		}
		return &order{kind: kind, station: s.conn.station, conn: s.conn, session: s}, nil
	})
}

// SetConnectorDefault is set_default_power_limit of a connector.
func (w *World) SetConnectorDefault(id string, l Limit) Reply[Action] {
	return w.connectorOrder("connectors.set_default_power_limit", "Connector Set Default Power Requested", id, connectorLimit, l)
}

// ClearConnectorDefault is clear_default_power_limit of a connector.
func (w *World) ClearConnectorDefault(id string) Reply[Action] {
	return w.connectorOrder("connectors.clear_default_power_limit", "Connector Clear Default Power Requested", id, connectorClear, Limit{})
}

// GetCompositeSchedule is get_composite_schedule of a connector; the schedule
// comes as the action's response.
func (w *World) GetCompositeSchedule(id string) Reply[Action] {
	return w.connectorOrder("connectors.get_composite_schedule", "Get Composite Schedule Requested", id, compositeSchedule, Limit{})
}

func (w *World) connectorOrder(operation, message, id string, kind orderKind, l Limit) Reply[Action] {
	return w.order(operation, message, l, func() (*order, *refusal) {
		c := w.connOf[id]
		if c == nil {
			return nil, errNotFound
		}
		return &order{kind: kind, station: c.station, conn: c}, nil
	})
}

// SetStationDefault is set_default_power_limit of a chargestation.
func (w *World) SetStationDefault(id string, l Limit) Reply[Action] {
	return w.stationOrder("chargestations.set_default_power_limit", "Chargestation Set Default Power Requested", id, stationLimit, l)
}

// ClearStationDefault is clear_default_power_limit of a chargestation.
func (w *World) ClearStationDefault(id string) Reply[Action] {
	return w.stationOrder("chargestations.clear_default_power_limit", "Chargestation Clear Default Power Requested", id, stationClear, Limit{})
}

// SetChargingProfile is set_charging_profile of a chargestation. The charger
// accepts, and the profile has no effect: raw profiles are not modelled.
func (w *World) SetChargingProfile(id string) Reply[Action] {
	return w.stationOrder("chargestations.set_charging_profile", "Set Charging Profile Requested", id, setProfile, Limit{})
}

// ClearChargingProfile is clear_charging_profile of a chargestation, likewise.
func (w *World) ClearChargingProfile(id string) Reply[Action] {
	return w.stationOrder("chargestations.clear_charging_profile", "Clear Charging Profile Requested", id, clearProfile, Limit{})
}

func (w *World) stationOrder(operation, message, id string, kind orderKind, l Limit) Reply[Action] {
	return w.order(operation, message, l, func() (*order, *refusal) {
		st := w.stationOf[id]
		if st == nil {
			return nil, errNotFound
		}
		return &order{kind: kind, station: st}, nil
	})
}

// order is a call that asks a charger for something: checked, then issued.
func (w *World) order(operation, message string, l Limit, find func() (*order, *refusal)) Reply[Action] {
	var o *order
	r := change(w, operation, message, func() (Action, *refusal) {
		var no *refusal
		if o, no = find(); no != nil {
			return Action{}, no
		}
		if no := checkLimit(l); no != nil && o.kind.carriesLimit() {
			return Action{}, no
		}
		if !o.station.online && w.hits(OfflineRefused, o.station.id) {
			return Action{}, errOffline
		}
		o.limit = l
		return w.issue(o), nil
	})
	if r.Executed && o.station.online && w.hits(VerdictEarly, o.station.id) {
		r.After += o.station.answered - w.now + w.spec.Behaviour.HookDelay.Max
	}
	return r
}

// checkLimit refuses what eDRV's validation refuses.
func checkLimit(l Limit) *refusal {
	switch {
	case l.Unit != Current && l.Unit != Power:
		return errBadUnit
	case math.IsNaN(l.Value) || math.IsInf(l.Value, 0) || l.Value < 0:
		return errBadLimit
	}
	return nil
}

// CreateGroup is POST /load_management/groups.
func (w *World) CreateGroup(g Group) Reply[Group] {
	return change(w, "groups.create", "Group created", func() (Group, *refusal) {
		g.ID, g.Connectors = w.newID(), nil
		w.groups = append(w.groups, g)
		return g, nil
	})
}

// AddToGroup is POST /load_management/groups/{id}/chargestations.
func (w *World) AddToGroup(id string, connectors ...string) Reply[Group] {
	return change(w, "groups.add", "Chargestations added", func() (Group, *refusal) {
		for _, c := range connectors {
			if w.connOf[c] == nil {
				return Group{}, errNotFound
			}
		}
		for i := range w.groups {
			if g := &w.groups[i]; g.ID == id {
				g.Connectors = append(g.Connectors[:len(g.Connectors):len(g.Connectors)], connectors...)
				return *g, nil
			}
		}
		return Group{}, errNotFound
	})
}

package core

import (
	"slices"
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// connector is what is known of one outlet.
type connector struct {
	set     *Connector
	circuit int
	online  bool
	seenAt  time.Time // when online last changed
	group   string    // the load-management group of eDRV it belongs to, if any
	grouped bool      // and that is known
	since   time.Time // when it came into the model
	listed  bool      // a full list was asked for since it is in the model
	install install
	session *session

	verdicts latency // how long its charger takes to answer
	// unnamed are orders that were given up without ever learning the ids of
	// their actions, the last few.
	unnamed []*order
}

// session is one that charges, or could.
type session struct {
	id        string
	began     time.Time // by eDRV, or when it was first seen
	seenAt    time.Time // when it was first seen
	updatedAt time.Time // of the newest snapshot
	reading   reading
	uses      int  // phases that the car is known to use, from the last reading that told; 0: not known
	several   bool // it drew more than one phase may carry: the current it tells is a sum
	nap       nap
	turn      policy.Turn
	usage     usage
	target    edrvapi.Target
	meta      map[string]string
	override  Override

	orders   []*order // without a verdict, oldest first
	late     []*order // those whose verdict did not come in time
	raisedAt time.Time
	ordered  time.Time // when an order was last sent
	// confirmedAt is when the charger last confirmed a limit.
	confirmedAt time.Time
	// reassertAt is when the limit is to be confirmed although nothing changed.
	reassertAt time.Time
	holdOff    time.Time // no order before this: the last ones failed
	accepted   uint64    // the newest order that its charger confirmed
	failures   int       // in a row
	refusals   int       // verdicts in a row that rejected
	denied     int       // calls in a row that eDRV refused
	noAmps     int       // verdicts in a row that rejected a limit in amperes
	message    string    // why orders fail

	behind     bool      // nothing but its fallback holds it back: it began behind that, and confirmed no order
	unanswered int       // orders in a row without a verdict
	strikes    int       // reports in a row of more than it may draw
	disobeys   bool      // and booked for it
	foreignAt  time.Time // when somebody else last set its limit
}

// stubborn reports whether the charger takes no orders for now.
func (ses *session) stubborn(now time.Time) bool { return ses.refusals >= 2 && now.Before(ses.holdOff) }

// watts reports whether the next order to an AC charger goes out in watts:
// where it is known to take them, after a rejection in amperes, and for good
// after the second. After a rejection in watts, amperes are tried.
func (c *connector) watts() bool {
	ses := c.session
	if c.set.Watts {
		return ses.refusals != 1
	}
	return ses.refusals == 1 || ses.noAmps >= 2
}

// locate is the place of the connector that a session is at. eDRV names both
// the connector and the station; the station alone decides when it has one
// connector.
func (s *Site) locate(connector, station string) (int, bool) {
	if i, ok := s.byConnector[connector]; ok {
		return i, true
	}
	if at := s.byStation[station]; connector == "" && len(at) == 1 {
		return at[0], true
	}
	return 0, false
}

// sawSession takes a snapshot of a session from a webhook or a list. Snapshots
// may be lost, doubled, late, and out of order.
func (s *Site) sawSession(seen *edrvapi.Session, listed bool) {
	i, ok := s.locate(seen.Connector, seen.Station)
	if !ok || s.ended.has(seen.ID) {
		return
	}
	c := &s.connectors[i]
	switch seen.Status {
	case edrvapi.SessionEnded, edrvapi.SessionCancelled:
		s.ended.add(seen.ID)
		if c.session != nil && c.session.id == seen.ID {
			s.endSession(i, "ended")
		}
		return
	case edrvapi.SessionCreated:
		return // nothing flows before it starts
	case edrvapi.SessionUnknown:
		if c.session == nil || c.session.id != seen.ID {
			s.fetch(seen.ID)
			return
		}
	}
	if c.session == nil || c.session.id != seen.ID {
		if !listed && s.belated(seen) {
			s.fetch(seen.ID)
			return
		}
	}
	if c.session == nil {
		s.beginSession(i, seen)
	} else if c.session.id != seen.ID {
		if !startOf(seen, s.now).After(c.session.began) {
			return // an older one that eDRV never closed
		}
		s.ended.add(c.session.id)
		s.endSession(i, "another session began at its connector")
		s.beginSession(i, seen)
	}
	s.updateSession(i, seen, listed)
}

// listGrace is how long before a list a session may have begun and not be in it.
const listGrace = 30 * time.Second

// belated reports whether a session that a webhook tells of should have been in
// the last full list: the message is late, and the session most likely over.
func (s *Site) belated(seen *edrvapi.Session) bool {
	l := &s.listing
	return l.complete && !l.partial && startOf(seen, s.now).Before(l.doneAt.Add(s.clock-listGrace))
}

// startOf is when a session began, as far as eDRV tells.
func startOf(seen *edrvapi.Session, now time.Time) time.Time {
	switch {
	case !seen.ChargingStart.IsZero():
		return seen.ChargingStart
	case !seen.CreatedAt.IsZero():
		return seen.CreatedAt
	}
	return now
}

// beginSession puts a session into the model. One that is found at the start,
// before the first full list, may have any limit, and so may one whose limit
// somebody else has set; a later one began behind its fallback.
func (s *Site) beginSession(i int, seen *edrvapi.Session) {
	c := &s.connectors[i]
	c.session = &session{id: seen.ID, began: startOf(seen, s.now), seenAt: s.now}
	s.bySession[seen.ID] = i
	s.dirty = true
	c.session.reassertAt = s.now.Add(s.set.Timing.Reassert)
	if c.listed && !s.listing.partial && c.group == "" && !s.touched.has(seen.ID) {
		s.ledger.Begin(i)
		c.session.behind = true
		s.note(NoteSession, s.about(i), "session began at %s", c.set.label())
		return
	}
	s.ledger.Adopt(i)
	c.session.turn = policy.Turn{Running: true, Since: s.now, Starts: 1}
	s.note(NoteSession, s.about(i), "session found at %s; its limit is not known", c.set.label())
}

func (s *Site) endSession(i int, why string) {
	c := &s.connectors[i]
	s.note(NoteSession, s.about(i), "session at %s: %s", c.set.label(), why)
	for _, o := range slices.Concat(c.session.orders, c.session.late) {
		if o.waits() {
			s.withdraw(o)
		}
		s.forget(o)
	}
	if s.bySession[c.session.id] == i { // eDRV may tell of one at two connectors
		delete(s.bySession, c.session.id)
	}
	c.session = nil
	s.ledger.End(i)
	s.dirty = true
}

// updateSession takes over what a snapshot says, unless it is older than what
// is known.
func (s *Site) updateSession(i int, seen *edrvapi.Session, listed bool) {
	ses := s.connectors[i].session
	if updated := seen.UpdatedAt; !updated.IsZero() && !s.isAhead(updated) {
		if updated.Before(ses.updatedAt) {
			return
		}
		ses.updatedAt = updated
	}
	ses.target, ses.meta = seen.Target, seen.Meta
	if seen.Consumed.Known {
		ses.turn.Served = policy.MilliwattHours(seen.Consumed.Value)
	}
	s.read(i, seen, listed)
}

// cameOnline takes word that a station connected. Where it was not known to be gone,
// the word of that was lost: what was ordered meanwhile may be queued all the same.
func (s *Site) cameOnline(station string) {
	for _, i := range s.byStation[station] {
		if s.connectors[i].online {
			s.ledger.Reachable(i, false, s.now)
			s.ledger.Reachable(i, true, s.now)
		}
	}
	s.sawStation(station, true)
}

// sawStation takes a station's connection state.
func (s *Site) sawStation(station string, online bool) {
	for _, i := range s.byStation[station] {
		c := &s.connectors[i]
		c.seenAt = s.now
		s.ledger.Reachable(i, online, s.now)
		if c.online == online {
			continue
		}
		c.online = online
		s.dirty = true
		if online {
			s.note(NoteStation, s.about(i), "the station of %s is online again", c.set.label())
			s.believeFallbackAgain(i)
			if c.session != nil { // it may have restarted and lost its limit
				c.session.reassertAt = s.now
				c.session.holdOff, c.session.refusals, c.session.denied = time.Time{}, 0, 0
			}
		} else {
			s.note(NoteStation, s.about(i), "the station of %s is offline: it keeps its last limit", c.set.label())
		}
	}
}

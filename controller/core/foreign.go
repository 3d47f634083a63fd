package core

import (
	"slices"
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
)

// Somebody else may set limits at our chargers: a second controller, an
// operator in eDRV's dashboard, eDRV's own load management. Fighting over a
// limit is worse than either side alone, so the site stands down: no raises,
// no orders to the sessions that were touched, and an alarm.

// standDown is how many foreign orders within standDownIn make a site stand
// down.
const (
	standDown   = 2
	standDownIn = time.Minute
)

// dropStrays takes actions that belong to no order of ours for somebody else's.
func (s *Site) dropStrays() {
	rest := s.strays[:0]
	for _, st := range s.strays {
		if s.settled.has(st.in.Action.ID) || s.ended.has(st.in.Action.Session) {
			continue
		}
		if s.now.Sub(st.at) < strayGrace {
			rest = append(rest, st)
		} else if i, ok := s.locateAction(&st.in.Action); ok {
			s.foreign(i, st.in)
		}
	}
	s.strays = rest
	s.foreignAt = slices.DeleteFunc(s.foreignAt, func(t time.Time) bool { return s.now.Sub(t) > standDownIn })
}

// foreign takes an order that somebody else sent. Once the charger accepted it
// the session's limit is what they say, and may change again at any time.
func (s *Site) foreign(i int, in ActionSeen) {
	c := &s.connectors[i]
	if other := in.Action.Session; in.Verdict == Accepted && other != "" && (c.session == nil || c.session.id != other) {
		s.foreignSession(i, &in.Action)
	}
	if in.Verdict == Requested || s.harmless(i, &in.Action) {
		return
	}
	if c.set.Removed { // as it should be
		if in.Verdict == Accepted {
			s.ledger.Doubt(i)
			s.dirty = true
		}
		return
	}
	if s.fromBefore(&in.Action) {
		if in.Verdict == Accepted && c.session != nil {
			s.ledger.Doubt(i)
			s.dirty = true
		}
		return
	}
	s.foreignAt = append(s.foreignAt, s.now)
	s.count.Foreign++
	s.dirty = true
	n := s.about(i)
	n.Alarm = true
	s.note(NoteForeign, n, "somebody else set a limit at %s (action %s, %s)", c.set.label(), in.Action.ID, in.Action.Limit.Value)
	if c.session != nil {
		c.session.foreignAt = s.now
		if in.Verdict == Accepted {
			s.ledger.Doubt(i)
		}
	}
}

// fromBefore reports whether an action is most likely our own, from before a restart:
// it is told soon after that, or was created before, and its verdict came late or
// once more.
func (s *Site) fromBefore(a *edrvapi.Action) bool {
	created := s.clockKnown && !a.CreatedAt.IsZero() && a.CreatedAt.Before(s.born.Add(s.clock))
	return created || s.now.Sub(s.born) < s.set.Timing.VerdictTimeout
}

// foreignSession takes word of a session that the site does not know, and whose
// limit somebody else has set: its charger confirmed that it runs.
func (s *Site) foreignSession(i int, a *edrvapi.Action) {
	s.touched.add(a.Session)
	s.fetch(a.Session) // it may be over by now
	if seen := (&edrvapi.Session{ID: a.Session, CreatedAt: a.CreatedAt}); s.connectors[i].session == nil && !s.belated(seen) {
		s.beginSession(i, seen)
	}
}

// harmless reports whether an action changes nothing: it is about a session
// that is over, or sets the fallback that is to be there.
func (s *Site) harmless(i int, a *edrvapi.Action) bool {
	c := &s.connectors[i]
	if a.Session != "" {
		return c.session == nil || c.session.id != a.Session
	}
	return a.Limit.Known && (a.Limit.Value == limitOf(c.set, c.set.Fallback, false, 1) || a.Limit.Value == limitOf(c.set, c.set.Fallback, true, 1))
}

// stoodDown says why the site stands down, or nothing.
func (s *Site) stoodDown() string {
	if len(s.foreignAt) >= standDown {
		return "somebody else sets limits at these chargers: only one controller may"
	}
	return ""
}

// contested reports whether a session is left to somebody else.
func (s *Site) contested(ses *session) bool {
	return s.ladder.state != Normal && !ses.foreignAt.IsZero() && s.now.Sub(ses.foreignAt) < s.set.Timing.RecoverAfter+standDownIn
}

package replay

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// stay is a session at a connector of a site. It does not depend on what the
// engine gives: cars leave when the recording says so. Times are milliseconds
// after the epoch of the recording.
type stay struct {
	*Session
	connector int // -1: turned away
	arrival   int64
	plugged   int64 // when its connector was free
	departure int64
	wiring    policy.Wiring // of the phases that its car uses
	most      policy.Milliamps
	need      int64 // µJ
}

// turnedAway reports whether no connector was free before the car left.
func (s *stay) turnedAway() bool { return s.connector < 0 }

// microjoules in a thousandth of a watt hour; a milliwatt for a millisecond is
// one microjoule.
const microjoules = 3_600_000

// epochOf is the time from which stays count: the hour of the first arrival.
func epochOf(sessions []Session) time.Time {
	first := sessions[0].Arrival
	for i := range sessions {
		if sessions[i].Arrival.Before(first) {
			first = sessions[i].Arrival
		}
	}
	return first.Truncate(time.Hour)
}

// staysOf plugs every session in, in the order of arrival. A session whose
// connector is taken stands in line for it, in the order of arrival; one that
// leaves before its turn comes is turned away and gets nothing. A session
// without a connector takes the first free one that fits, in the order of the
// configuration, and there first one that no other session names during its
// stay; where none is free, the one that is free soonest. The error is [Mistakes].
func (s *Site) staysOf(rec *Recording, epoch time.Time) ([]stay, error) {
	order := make([]*Session, len(rec.Sessions))
	for i := range rec.Sessions {
		order[i] = &rec.Sessions[i]
	}
	slices.SortStableFunc(order, func(a, b *Session) int { return a.Arrival.Compare(b.Arrival) })
	a := &arrivals{site: s, file: rec.File, epoch: epoch, free: make([]int64, len(s.connectors)), named: s.namedStays(order, epoch)}
	stays := make([]stay, 0, len(order))
	for _, session := range order {
		if st, ok := a.plug(session); ok {
			stays = append(stays, st)
		}
	}
	slices.SortStableFunc(a.mistakes, func(x, y Mistake) int { return cmp.Compare(x.Line, y.Line) })
	return stays, a.mistakes.asError()
}

// arrivals is the state of all connectors as cars come.
type arrivals struct {
	site     *Site
	file     string
	epoch    time.Time
	free     []int64  // from when on each connector is free
	named    [][]span // when sessions name each connector
	mistakes Mistakes
}

// span is a time from, included, to, not included.
type span struct{ from, to int64 }

// namedStays lists for each connector when a session that names it is there.
func (s *Site) namedStays(sessions []*Session, epoch time.Time) [][]span {
	named := make([][]span, len(s.connectors))
	for _, session := range sessions {
		if i, ok := s.byID[session.Connector]; ok {
			named[i] = append(named[i], span{since(epoch, session.Arrival), since(epoch, session.Departure)})
		}
	}
	return named
}

// since is the milliseconds from the epoch to t.
func since(epoch, t time.Time) int64 { return t.Sub(epoch).Milliseconds() }

// plug finds the connector of a session. It is false where the session cannot
// be at this site at all; that is then noted.
func (a *arrivals) plug(session *Session) (stay, bool) {
	st := stay{
		Session: session, connector: -1, arrival: since(a.epoch, session.Arrival), departure: since(a.epoch, session.Departure),
		need: int64(session.Energy) * microjoules,
	}
	at, why := a.connectorOf(session, &st)
	if why != "" {
		a.mistakes = append(a.mistakes, Mistake{a.file, session.line, session.col, "connector", why})
		return st, false
	}
	c := &a.site.connectors[at]
	st.wiring, st.most, _ = c.takes(session)
	st.plugged = max(st.arrival, a.free[at])
	if st.plugged >= st.departure {
		st.plugged = st.departure
		return st, true
	}
	st.connector, a.free[at] = at, st.departure
	return st, true
}

// connectorOf is the connector that a session uses, or why there is none.
func (a *arrivals) connectorOf(session *Session, st *stay) (at int, why string) {
	s := a.site
	if session.Connector != "" {
		i, ok := s.byID[session.Connector]
		if !ok {
			return 0, fmt.Sprintf("site %s has no connector %q", s.ID, clip(session.Connector))
		}
		_, _, why = s.connectors[i].takes(session)
		return i, why
	}
	at = -1
	best := [2]int64{}
	for i := range s.connectors {
		_, _, no := s.connectors[i].takes(session)
		if no != "" {
			why = cmp.Or(why, no)
			continue
		}
		rank := [2]int64{max(a.free[i], st.arrival), 0} // free first, then one that nobody else names
		if slices.ContainsFunc(a.named[i], func(o span) bool { return o.from < st.departure && st.arrival < o.to }) {
			rank[1] = 1
		}
		if at < 0 || slices.Compare(rank[:], best[:]) < 0 {
			at, best = i, rank
		}
	}
	if at < 0 {
		return at, cmp.Or(why, "site "+s.ID+" has no connectors")
	}
	return at, ""
}

// takes is how a session's car loads the circuits above the connector, and the
// most that it may draw on each phase; or why the car does not fit it. A DC
// charger loads all its phases, whatever the car.
func (c *connector) takes(session *Session) (policy.Wiring, policy.Milliamps, string) {
	w := c.Wiring
	switch {
	case c.Kind == policy.DC && session.MaxCurrent > 0:
		return w, 0, fmt.Sprintf("connector %s is dc: its car's most is max_kw, not max_amps", c.ID)
	case c.Kind == policy.DC:
	case session.On != 0 && session.On&^w.Phases != 0:
		return w, 0, fmt.Sprintf("connector %s is wired to %s, the car uses %s", c.ID, w.Phases, session.On)
	case session.On != 0:
		w.Phases = session.On
	case session.PhaseCount > len(c.order):
		return w, 0, fmt.Sprintf("connector %s has %d phases, the car uses %d", c.ID, len(c.order), session.PhaseCount)
	case session.PhaseCount > 0:
		w.Phases = policy.On(c.order[:session.PhaseCount]...)
	}
	most := c.Max
	if c.Capped { // its fallback caps every session
		most = min(most, c.Fallback)
	}
	if session.MaxCurrent > 0 {
		most = min(most, session.MaxCurrent)
	}
	if session.MaxPower > 0 {
		most = min(most, w.Level(session.MaxPower))
	}
	if most < c.Min {
		return w, 0, fmt.Sprintf("the car takes at most %s on each of %s, the least of connector %s is %s: are its phases right?", most, w.Phases, c.ID, c.Min)
	}
	return w, most, ""
}

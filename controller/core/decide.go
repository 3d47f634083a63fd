package core

import (
	"time"

	"github.com/headroom-ev/headroom/controller/ledger"
	"github.com/headroom-ev/headroom/policy"
)

// leave is the part, in ‰, of what is permitted below which the measured load
// must stay before a site that engages on measurement disengages; enter is
// where it engages.
const (
	enter = 970
	leave = 900
)

// decide makes the plan, and the ledger ready to permit orders by it.
func (s *Site) decide() {
	s.fillWorld()
	s.engine.Decide(s.now, &s.world, &s.plan)
	for k := range s.plan.Allocations {
		a := &s.plan.Allocations[k]
		ses := s.connectors[a.Key].session
		ses.turn = ses.turn.After(s.now, a.Level)
	}
	s.ledger.Open(ledger.Frame{
		Now: s.now, Permitted: s.world.Permitted, Covered: s.plan.Covered, Reserve: s.world.ArrivalReserve,
		Keep: s.keep(), Hold: s.ladder.state != Normal, Held: s.held(),
	})
}

// keep is what raises must leave for idle connectors on circuits whose
// fallbacks do not fit. Where the configured ones would, a charger did not take
// its own, or does not obey: then all idle connectors count in full. Where they
// cannot fit, the site accepts that, or its limit is lower for a time, and what
// may begin before the next pass is kept.
func (s *Site) keep() []policy.Load {
	fallbacks := make([]policy.Load, len(s.circuits))
	for i := range s.connectors {
		c := &s.connectors[i]
		fallbacks[c.circuit] = fallbacks[c.circuit].Plus(c.set.Wiring.At(c.set.Fallback))
	}
	s.tree.AddUp(fallbacks)
	keep, idle := fallbacks, s.greatestIdle(s.ledger.Bound)
	for k := range keep {
		switch {
		case fallbacks[k].Fits(s.world.Permitted[k]):
			keep[k] = policy.NoLimit()
		case s.circuits[k].set.ReserveSet:
			keep[k] = s.circuits[k].set.ArrivalReserve
		default:
			keep[k] = idle[k]
		}
	}
	return keep
}

// fillWorld describes the site to the engine.
func (s *Site) fillWorld() {
	w := &s.world
	w.Sessions, w.Idle, w.Held = w.Sessions[:0], w.Idle[:0], w.Held[:0]
	for i := range s.connectors {
		c := &s.connectors[i]
		switch {
		case c.session == nil:
			w.Idle = append(w.Idle, policy.Booking{Circuit: c.circuit, Wiring: c.set.Wiring, Level: s.plannedFallback(i)})
		case !s.steerable(c):
			w.Held = append(w.Held, policy.Booking{Circuit: c.circuit, Wiring: c.set.Wiring, Level: s.ledger.Bound(i)})
		default:
			w.Sessions = append(w.Sessions, s.claim(i))
		}
	}
	w.Permitted = append(w.Permitted[:0], make([]policy.Load, len(s.circuits))...)
	w.ArrivalReserve = append(w.ArrivalReserve[:0], make([]policy.Load, len(s.circuits))...)
	idle := s.greatestIdle(s.plannedFallback)
	for k := range s.circuits {
		w.Permitted[k] = s.circuits[k].permitted
		w.ArrivalReserve[k] = s.circuits[k].set.ArrivalReserve
		if !s.circuits[k].set.ReserveSet {
			w.ArrivalReserve[k] = idle[k]
		}
	}
}

// greatestIdle is, for each circuit, the load of the one idle connector below it
// that could draw most: what the next arrival may add.
func (s *Site) greatestIdle(level func(i int) policy.Milliamps) []policy.Load {
	most := make([]policy.Load, len(s.circuits))
	for i := range s.connectors {
		if c := &s.connectors[i]; c.session == nil {
			most[c.circuit] = atLeast(most[c.circuit], c.set.Wiring.At(level(i)))
		}
	}
	for k := len(most) - 1; k > 0; k-- { // a circuit stands behind the one that feeds it
		if p := s.tree.Parent(k); p >= 0 {
			most[p] = atLeast(most[p], most[k])
		}
	}
	return most
}

// claim is a session as the engine sees it.
func (s *Site) claim(i int) policy.Session {
	c := &s.connectors[i]
	ses := c.session
	claim := policy.Session{
		Key: i, ID: ses.id, Circuit: c.circuit, Wiring: c.set.Wiring, Kind: c.set.Kind,
		Min: c.set.Min, Max: c.set.Max, Floor: s.plannedFallback(i), CanPause: c.set.CanPause,
		Tier: c.set.Tier, Weight: c.set.Weight, Since: ses.began, Turn: ses.turn,
		Need: s.need(ses, c.set), Leaves: s.departure(ses), KeepsOn: ses.nap.slept && !ses.nap.asleep,
	}
	if c.set.Capped {
		claim.Max = min(claim.Max, s.plannedFallback(i))
	}
	if ses.reading.fresh(s.now, s.set.Timing.ReportStale) {
		claim.Uses, claim.UsesLess = ses.usage.lent()
	}
	o := &ses.override
	if o.Tier != nil {
		claim.Tier = *o.Tier
	}
	if o.Weight != nil {
		claim.Weight = *o.Weight
	}
	if o.Max != nil {
		claim.Max = min(claim.Max, *o.Max)
	}
	if !c.set.CanPause { // it cannot be given less
		claim.Max = max(claim.Max, claim.Min)
	}
	return claim
}

// steerable reports whether orders can reach a connector and are followed.
func (s *Site) steerable(c *connector) bool {
	ses := c.session
	return c.online && c.grouped && c.group == "" && !c.set.Removed && !ses.stubborn(s.now) && !ses.disobeys && !ses.mute() && !s.contested(ses)
}

// updateEngaged engages the site when it could pass a limit, and disengages it
// when it has been calm for a time.
func (s *Site) updateEngaged() {
	var busy, calm bool
	switch s.set.Engage {
	case EngageAlways:
		busy = true
	case EngagePotential:
		busy = !s.potentialFits()
		calm = !busy
	case EngageMeasured:
		busy = s.loadAbove(enter) || s.starved()
		calm = !busy && !s.loadAbove(leave)
	}
	switch {
	case busy:
		s.busyAt = s.now
		if !s.engaged {
			s.engaged = true
			s.note(NoteState, Note{}, "congestion: the site engages")
		}
	case !calm:
		s.busyAt = s.now
	case s.engaged && s.now.Sub(s.busyAt) >= s.set.Timing.DisengageAfter:
		s.engaged = false
		s.note(NoteState, Note{}, "no congestion any more: the site disengages")
	}
}

// starved reports whether a session takes all that it may, as far as is known, is
// to have more, and there is no room for that in what others may draw.
func (s *Site) starved() bool {
	for k := range s.plan.Allocations {
		a := &s.plan.Allocations[k]
		knows, ses := s.ledger.Knows(a.Key), s.connectors[a.Key].session
		if !knows.Known || knows.Waiting > 0 || a.Level-knows.Confirmed < partial {
			continue
		}
		idle := ses.reading.fresh(s.now, s.set.Timing.ReportStale) && ses.reading.level < knows.Confirmed-knows.Confirmed/10-deadband
		if room, _ := s.ledger.Room(a.Key); !idle && room < knows.Confirmed+partial {
			return true
		}
	}
	return false
}

// potentialFits reports whether every circuit could carry what its connectors
// draw when nobody is steered: sessions their maximum, or what they may draw where
// that is not in force; idle connectors their fallback.
func (s *Site) potentialFits() bool {
	sum := make([]policy.Load, len(s.circuits))
	add := func(circuit int, l policy.Load) { sum[circuit] = sum[circuit].Plus(l) }
	for _, b := range s.world.Idle {
		add(b.Circuit, b.Wiring.At(b.Level))
	}
	for _, b := range s.world.Held {
		add(b.Circuit, b.Wiring.At(b.Level))
	}
	for k := range s.world.Sessions {
		c := &s.world.Sessions[k]
		add(c.Circuit, c.Wiring.At(max(c.Max, s.ledger.Bound(c.Key))))
	}
	s.tree.AddUp(sum)
	for k := range sum {
		if !sum[k].Fits(s.circuits[k].permitted) {
			return false
		}
	}
	return true
}

// loadAbove reports whether what is drawn passes the given part, in ‰, of what
// any circuit permits.
func (s *Site) loadAbove(perMille int64) bool {
	for k := range s.circuits {
		c := &s.circuits[k]
		part := policy.Margin{PerMille: 1000 - perMille}.Under(c.permitted)
		if !c.measured.Fits(part) {
			return true
		}
	}
	return false
}

// laterOf is the later of two times.
func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

package core

import (
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// install is how far the fallback of a connector has come into its charger.
type install struct {
	state  installState
	order  *order
	again  time.Time // when to try again
	tries  int       // verdicts in a row that rejected
	failed bool      // some try was refused, rejected, or not answered in time

	// inAmperes is when a fallback is sent in amperes once more that was rejected so
	// and accepted in watts; insisted tells that it was.
	inAmperes time.Time
	insisted  bool

	// ignored is how often the charger was seen to draw more although it had
	// accepted its fallback, and nothing else held it back.
	ignored int
}

// ignoredOften is after how many times a fallback is not believed any more, until
// its station has been away: that it is accepted says nothing then.
const ignoredOften = 2

type installState uint8

const (
	installWanted installState = iota
	installSent
	installInForce
	installFailed // the charger does not take it: its fallback is its maximum
)

// startInstalls puts down which fallbacks are there already and which are to
// be installed.
func (s *Site) startInstalls() {
	for i := range s.connectors {
		if c := &s.connectors[i]; !c.set.InstallFallback {
			c.install.state = installInForce
		}
	}
}

// listedSince notes which connectors were in the model when a list was asked
// for, and books their fallbacks where they are in force. Before its first list a
// connector may have a session, with any limit.
func (s *Site) listedSince(began time.Time) {
	for i := range s.connectors {
		c := &s.connectors[i]
		if c.listed || c.since.After(began) {
			continue
		}
		c.listed = true
		if c.install.state == installInForce && c.believed() {
			s.ledger.FallbackInForce(i, true)
		}
	}
}

// retryInstalls sends what is to be installed and waits for no answer. What
// eDRV's own load management steers is left alone.
func (s *Site) retryInstalls() {
	if s.mode == Observe || !s.grouped {
		return
	}
	for i := range s.connectors {
		c := &s.connectors[i]
		if c.group != "" || !c.grouped || c.set.Removed {
			continue
		}
		if c.install.state == installSent && c.online && c.install.order.overdue(s.now, s.set.Timing.VerdictTimeout) {
			s.note(NoteFallback, s.about(i), "no verdict on the fallback of %s: sending it again", c.set.label())
			s.giveUp(c.install.order)
			c.install.state, c.install.failed = installWanted, true
			s.dirty = true
		}
		insist := c.install.state == installInForce && !c.install.inAmperes.IsZero() && !s.now.Before(c.install.inAmperes)
		due := insist || c.install.state == installWanted || c.install.state == installFailed
		if !due || !c.online || s.now.Before(c.install.again) {
			continue
		}
		o := &order{
			id: s.id(), connector: i, install: true, level: c.set.Fallback, sent: s.now, made: s.now,
			limit: limitOf(c.set, c.set.Fallback, (c.install.tries%2 == 1) != c.set.Watts, 1),
		}
		s.orders[o.id] = o
		c.install.state, c.install.order, c.install.insisted = installSent, o, c.install.insisted || insist
		s.lowers = append(s.lowers, InstallFallback{ID: o.id, Connector: c.set.ID, Limit: o.limit})
	}
}

// overdue reports whether an order reached eDRV and has had no verdict for so long.
func (o *order) overdue(now time.Time, timeout time.Duration) bool {
	return o != nil && !o.reached.IsZero() && now.Sub(o.reached) >= timeout
}

// installed takes the verdict on a fallback.
func (s *Site) installed(o *order, accepted bool, why string) {
	c := &s.connectors[o.connector]
	s.forget(o)
	if c.install.order != o {
		return
	}
	c.install.order = nil
	s.dirty = true
	if accepted {
		c.install = install{state: installInForce, ignored: c.install.ignored, insisted: c.install.insisted}
		if c.poor(o.limit) && !c.install.insisted {
			c.install.inAmperes = s.now.Add(s.set.Timing.Reassert)
		}
		if !c.believed() {
			c.install.failed = true
			return
		}
		if c.listed {
			s.ledger.FallbackInForce(o.connector, true)
		}
		s.note(NoteFallback, s.about(o.connector), "%s falls back to %s", c.set.label(), o.limit)
		return
	}
	c.install.tries++
	c.install.failed = true
	c.install.state, c.install.again = installWanted, s.now
	if c.install.tries >= 2 || c.set.Kind == policy.DC {
		c.install.state, c.install.again = installFailed, s.now.Add(s.set.Timing.Reassert)
		n := s.about(o.connector)
		n.Alarm = true
		s.note(NoteFallback, n, "%s does not take its fallback%s; when it is idle it is booked at its maximum", c.set.label(), because(why))
	}
}

// poor reports whether a limit in watts stands for one in amperes and may be too
// little: it is for one phase, as long as nobody knows on how many a car is, and a
// charger may divide it by all of them.
func (c *connector) poor(l edrvapi.Limit) bool {
	return l.Unit == edrvapi.UnitPower && c.set.Kind == policy.AC && !c.set.Watts && c.set.Wiring.Phases.Count() > 1
}

// fallbackIgnored takes that a charger does not keep the fallback that it
// accepted. It is told once more; until it accepts that, and for good when it
// happens again, its fallback is its maximum.
func (s *Site) fallbackIgnored(i int) {
	c := &s.connectors[i]
	c.install.ignored++
	n := s.about(i)
	n.Alarm = true
	s.note(NoteFallback, n, "%s does not keep its fallback of %s", c.set.label(), c.set.Fallback)
	if c.set.InstallFallback {
		c.install.state = installWanted
	}
	if c.set.InstallFallback || !c.believed() {
		c.install.failed = true
		s.ledger.FallbackInForce(i, false)
	}
}

// restoreIgnored takes over from a record how often a fallback was not kept.
func (s *Site) restoreIgnored(i, times int) {
	c := &s.connectors[i]
	if c.install.ignored = times; times >= ignoredOften {
		c.install.failed = true
		s.ledger.FallbackInForce(i, false)
	}
}

// believed reports whether a fallback that the charger accepted counts.
func (c *connector) believed() bool { return c.install.ignored < ignoredOften }

// believeFallbackAgain gives a charger that did not keep its fallback another try:
// its station was away, and whoever mends one restarts it.
func (s *Site) believeFallbackAgain(i int) {
	c := &s.connectors[i]
	if c.install.ignored == 0 || c.install.state != installInForce {
		return
	}
	c.install.ignored = ignoredOften - 1
	if c.set.InstallFallback {
		c.install.state = installWanted
	} else {
		c.install.failed = false
		s.ledger.FallbackInForce(i, true)
	}
}

// installFell takes a call that did not install anything.
func (s *Site) installFell(o *order, in Reply) {
	c := &s.connectors[o.connector]
	s.forget(o)
	if c.install.order != o {
		return
	}
	c.install.order = nil
	c.install.state, c.install.again = installWanted, s.now.Add(retryAfter)
	if in.Outcome == Refused {
		c.install.state, c.install.again, c.install.failed = installFailed, s.now.Add(s.set.Timing.Reassert), true
		n := s.about(o.connector)
		n.Alarm = true
		s.note(NoteFallback, n, "eDRV refuses the fallback of %s: %s", c.set.label(), in.Message)
	}
	s.dirty = true
}

// plannedFallback is the fallback to plan with: the one in force, or, as long
// as nothing speaks against it, the one on its way. Most chargers answer within
// the time between two raises; who takes longer speaks against it.
func (s *Site) plannedFallback(i int) policy.Milliamps {
	c := &s.connectors[i]
	late := c.install.order.overdue(s.now, s.set.Timing.RaiseEvery)
	if !c.install.failed && !late && c.group == "" {
		return c.set.Fallback
	}
	return s.ledger.Knows(i).Fallback
}

// limitOf writes a level as a limit for the charger: AC in amperes per phase
// and DC in watts. An AC charger that rejects amperes is told watts for so many
// phases as its car is known to use: on fewer phases than that, the same watts
// would be more amperes.
func limitOf(c *Connector, level policy.Milliamps, watts bool, phases int) edrvapi.Limit {
	switch {
	case c.Kind == policy.DC:
		return edrvapi.InWatts(edrvapi.Milliwatts(powerOf(c, level))).Rounded()
	case watts:
		return edrvapi.InWatts(edrvapi.Milliwatts(int64(level) * c.Wiring.Volts * int64(phases))).Rounded()
	}
	return edrvapi.InAmperes(edrvapi.Milliamps(level)).Rounded()
}

// powerOf is the power at a level, in whole watts: as configured at the levels
// that the configuration gives in watts.
func powerOf(c *Connector, level policy.Milliamps) policy.Milliwatts {
	if c.Kind == policy.DC {
		switch level {
		case c.Max:
			return c.MaxPower
		case c.Fallback:
			return c.FallbackPower
		case c.Min:
			return c.MinPower
		}
	}
	return c.Wiring.Power(level) / policy.Watt * policy.Watt
}

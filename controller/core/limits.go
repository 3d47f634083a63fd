package core

import (
	"slices"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// circuit is what is known of one circuit.
type circuit struct {
	set       *Circuit
	limits    policy.Limits
	changes   time.Time   // when the limit changes next by itself, or is looked at again
	limit     policy.Load // in force now
	source    policy.Source
	baseBelow policy.Load       // base load of the circuit and all below it
	permitted policy.Load       // what all connectors below may draw
	measured  policy.Load       // what they draw, the unknown at its bound
	over      excursions        // times in which what is known to flow passed the limit
	flow      policy.Milliwatts // what it carries in all, the unknown at its bound
	residue   residue           // of a meter that measures all of it
	demand    demand
	overload  overload
}

func newCircuit(c *Circuit) circuit {
	return circuit{
		set:      c,
		flow:     c.Peak.Power, // until it is known: neither a reserve nor a debt
		overload: overload{left: unknownBudget},
		limits:   policy.Limits{Configured: c.Limit, Margin: c.Margin, Windows: c.Windows},
	}
}

// updateLimits works out what every circuit permits now.
func (s *Site) updateLimits() {
	base := s.baseLoads()
	for k := range s.circuits {
		c := &s.circuits[k]
		s.expireLimits(c)
		limit, source := c.limits.At(s.now, s.set.Zone)
		if c.source != "" && limit != c.limit {
			s.note(NoteLimit, Note{Circuit: c.set.ID}, "the limit of %s is now %s, set by %s", c.set.ID, limitText(limit), source)
		}
		c.limit, c.source, c.baseBelow = limit, source, base[k]
		c.permitted = c.limits.Margin.Under(s.ahead(c)).Minus(base[k])
		c.demand.target = c.limits.Margin.Under(policy.Symmetric(policy.Unlimited, c.set.Peak.Power)).Power
	}
}

// expireLimits ends the external limits whose time is over. Where one has a
// fallback, that holds until the limit is renewed or ended.
func (s *Site) expireLimits(c *circuit) {
	c.limits.External = slices.DeleteFunc(c.limits.External, func(x policy.External) bool {
		if s.now.Before(x.Until) {
			return false
		}
		nothing := x.Fallback == policy.NoLimit()
		n := Note{Circuit: c.set.ID, Alarm: !nothing}
		switch {
		case nothing:
			s.note(NoteLimit, n, "external limit %s on %s expired", x.Name, c.set.ID)
			s.limitsChanged = true
		case !s.expired[x.Name]:
			s.expired[x.Name] = true
			s.note(NoteLimit, n, "external limit %s on %s expired: its fallback of %s holds until it is renewed or ended",
				x.Name, c.set.ID, limitText(x.Fallback))
		}
		return nothing
	})
}

// ahead is the limit in force, or a tighter one that comes into force before
// orders that are sent now have their effect.
func (s *Site) ahead(c *circuit) policy.Load {
	if !s.now.Before(c.changes) {
		at, ok := c.limits.NextChange(s.now, s.set.Zone)
		if c.changes = at; !ok {
			c.changes = s.now.Add(24 * time.Hour) // look again
		}
	}
	if c.changes.Sub(s.now) > s.reaction() {
		return c.limit
	}
	next, _ := c.limits.At(c.changes, s.set.Zone)
	return c.limit.Tightest(next)
}

// limitText writes the parts of a limit that exist.
func limitText(l policy.Load) string {
	var parts []string
	if l.Power < policy.Unlimited {
		parts = append(parts, l.Power.String())
	}
	if a := min(l.Amps[0], l.Amps[1], l.Amps[2]); a < policy.Unlimited {
		parts = append(parts, a.String())
	}
	if len(parts) == 0 {
		return "unlimited"
	}
	return strings.Join(parts, " and ")
}

// setLimit puts an external limit in force. It can only lower, because of all
// limits the tightest holds.
func (s *Site) setLimit(in LimitSet) {
	if s.putLimit(in.Circuit, in.Limit) {
		s.note(NoteLimit, Note{Circuit: in.Circuit, By: in.By}, "external limit %s on %s: %s until %s", in.Limit.Name, in.Circuit,
			limitText(in.Limit.Limit), in.Limit.Until.In(s.set.Zone).Format(time.RFC3339))
	}
}

// putLimit replaces the external limit of that name.
func (s *Site) putLimit(circuit string, x policy.External) bool {
	k, ok := s.tree.Index(circuit)
	if !ok {
		return false
	}
	s.removeLimit(x.Name)
	c := &s.circuits[k]
	at, _ := slices.BinarySearchFunc(c.limits.External, x.Name, func(x policy.External, name string) int { return strings.Compare(x.Name, name) })
	c.limits.External = slices.Insert(c.limits.External, at, x)
	c.changes = time.Time{}
	delete(s.expired, x.Name)
	s.dirty, s.limitsChanged = true, true
	return true
}

func (s *Site) endLimit(in LimitEnded) {
	if s.removeLimit(in.Name) {
		s.note(NoteLimit, Note{By: in.By}, "external limit %s ended", in.Name)
	}
}

func (s *Site) removeLimit(name string) bool {
	found := false
	for k := range s.circuits {
		c := &s.circuits[k]
		before := len(c.limits.External)
		c.limits.External = slices.DeleteFunc(c.limits.External, func(x policy.External) bool { return x.Name == name })
		if len(c.limits.External) < before {
			found = true
			c.changes = time.Time{}
		}
	}
	if found {
		s.dirty, s.limitsChanged = true, true
	}
	return found
}

// rounding is by how much a report may be off because it is rounded: some are
// in tenths of a kilowatt.
const rounding = 50 * policy.Watt

// measure adds up what is drawn on every circuit. A session without a fresh
// reading counts at its bound; the time over a limit counts only what was read.
// A reading from before a car has followed the last confirmed limit says no more
// than the bound: reports are up to a minute apart, and the next one judges
// whether it was obeyed. Nor does one that is above it by rounding.
func (s *Site) measure(took time.Duration) {
	known, worst := make([]policy.Load, len(s.circuits)), make([]policy.Load, len(s.circuits))
	for i := range s.connectors {
		c := &s.connectors[i]
		switch {
		case c.session == nil:
		case c.session.reading.fresh(s.now, s.set.Timing.ReportStale):
			load, bound := c.session.reading.load, c.set.Wiring.At(s.ledger.Bound(i))
			moves := c.session.reading.at.Before(c.session.confirmedAt.Add(s.settle(c) + s.set.Timing.Tick))
			if moves || load.Excess(bound).Fits(policy.Symmetric(policy.Milliamps(int64(rounding)/c.set.Wiring.Volts)+1, rounding)) {
				load = load.Tightest(bound)
			}
			known[c.circuit] = known[c.circuit].Plus(load)
		default:
			worst[c.circuit] = worst[c.circuit].Plus(c.set.Wiring.At(s.ledger.Bound(i)))
		}
	}
	s.tree.AddUp(known)
	s.tree.AddUp(worst)
	for k := range s.circuits {
		c := &s.circuits[k]
		flows := known[k].Plus(c.baseBelow)
		most := flows.Plus(worst[k])
		c.flow = most.Power
		if m := s.meter(k); m != nil && m.set.Whole {
			if c.flow, flows.Power = m.power, m.power; m.phases {
				flows = m.load()
			}
			most = m.atMost(flows, most)
		}
		if x, ended := c.over.pass(s.now, took, flows, c.limit); ended {
			x.Circuit = c.set.ID
			s.effects = append(s.effects, x)
		}
		c.measured = known[k].Plus(worst[k])
		s.updateOverload(k, most, took)
	}
}

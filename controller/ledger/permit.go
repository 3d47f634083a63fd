package ledger

import "github.com/headroom-ev/headroom/policy"

// Obstacle says why an order may not be sent now.
type Obstacle struct {
	Hold     bool            // no raises at all, or none below Circuit
	Circuit  int             // the circuit whose bounds leave no room, or that is held, or -1
	Resource policy.Resource // what of it
}

// Permits reports whether the session at connector i may be ordered to level
// now, and if not, what is in the way.
//
// An order that cannot raise anything may always be sent. So may, in doubt,
// the fallback: it is counted already wherever the fallbacks fit, and where
// they do not, the minimum is the least that a charger may be told. All others
// may be sent only while the bounds above the connector fit with it.
func (l *Ledger) Permits(i int, level policy.Milliamps) (bool, Obstacle) {
	e := &l.entries[i]
	switch {
	case level <= e.lowest(), !e.known && level <= l.InDoubt(i):
		return true, Obstacle{Circuit: -1}
	case l.frame.Hold:
		return false, Obstacle{Hold: true, Circuit: -1}
	}
	for k := l.connectors[i].Circuit; k >= 0 && l.frame.Held != nil; k = l.tree.Parent(k) {
		if l.frame.Held[k] {
			return false, Obstacle{Hold: true, Circuit: k}
		}
	}
	room, at := l.Room(i)
	return max(level, l.counted(i)) <= room, at
}

// InDoubt is the highest level that a session of which nothing is known may be
// ordered to.
func (l *Ledger) InDoubt(i int) policy.Milliamps {
	c := &l.connectors[i]
	if l.coveredAbove(i) {
		return c.Fallback
	}
	return min(c.Min, c.Fallback)
}

// Room is the highest level to which connector i could be raised within the
// bounds of all circuits above it, and the circuit that sets it.
func (l *Ledger) Room(i int) (policy.Milliamps, Obstacle) {
	c, e := &l.connectors[i], &l.entries[i]
	level, at := c.Max, Obstacle{Circuit: -1}
	for k := c.Circuit; k >= 0; k = l.tree.Parent(k) {
		// what is left when the connector's own bound is taken out
		left := l.frame.Permitted[k].Minus(l.booked[k]).Plus(c.Wiring.At(e.bound(c.Max)))
		if !l.frame.Covered[k] {
			reserve := l.idle[k].Tightest(l.frame.Keep[k])
			left = l.frame.Permitted[k].Minus(l.active[k]).Minus(reserve).Plus(c.Wiring.At(e.steered(c.Max)))
		}
		for p := policy.L1; p <= policy.L3; p++ {
			if c.Wiring.Phases.Has(p) && left.Amps[p] < level {
				level, at = left.Amps[p], Obstacle{Circuit: k, Resource: policy.Resource(p)}
			}
		}
		if by := c.Wiring.Level(max(0, left.Power)); by < level {
			level, at = by, Obstacle{Circuit: k, Resource: policy.OnPower}
		}
	}
	return max(0, level), at
}

// Over reports whether the bounds above connector i pass what is permitted, on
// anything that the connector uses.
func (l *Ledger) Over(i int) bool {
	room, _ := l.Room(i)
	return room < l.counted(i)
}

// counted is the bound of connector i as it counts on the circuits above it.
func (l *Ledger) counted(i int) policy.Milliamps {
	if l.coveredAbove(i) {
		return l.entries[i].bound(l.connectors[i].Max)
	}
	return l.entries[i].steered(l.connectors[i].Max)
}

// Excess is, for each circuit, by how much the bounds below it pass what is
// permitted.
func (l *Ledger) Excess(k int) policy.Load {
	if l.frame.Covered[k] {
		return l.booked[k].Excess(l.frame.Permitted[k])
	}
	reserve := l.idle[k].Tightest(l.frame.Reserve[k])
	return l.active[k].Plus(reserve).Excess(l.frame.Permitted[k])
}

func (l *Ledger) coveredAbove(i int) bool {
	for k := l.connectors[i].Circuit; k >= 0; k = l.tree.Parent(k) {
		if !l.frame.Covered[k] {
			return false
		}
	}
	return true
}

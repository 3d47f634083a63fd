package core

import "github.com/headroom-ev/headroom/policy"

// What a judge may look at between two steps: the simulator holds these
// against what is true.

// Bound is the highest current per phase that connector i, in the order of the
// settings, may draw as far as the site knows.
func (s *Site) Bound(i int) policy.Milliamps { return s.ledger.Bound(i) }

// Fallback is what is booked for connector i when nobody steers it.
func (s *Site) Fallback(i int) policy.Milliamps { return s.ledger.Knows(i).Fallback }

// State is the state of the site.
func (s *Site) State() State { return s.ladder.state }

// Session is the session at connector i, or empty.
func (s *Site) Session(i int) string {
	if ses := s.connectors[i].session; ses != nil {
		return ses.id
	}
	return ""
}

// Permitted is what all connectors below the named circuit may draw.
func (s *Site) Permitted(circuit string) policy.Load {
	k, ok := s.tree.Index(circuit)
	if !ok {
		return policy.Load{}
	}
	return s.circuits[k].permitted
}

// Reading is what the session at connector i draws as far as a fresh report tells;
// false where there is none.
func (s *Site) Reading(i int) (policy.Milliwatts, bool) {
	ses := s.connectors[i].session
	if ses == nil || !ses.reading.fresh(s.now, s.set.Timing.ReportStale) {
		return 0, false
	}
	return ses.reading.power, true
}

// Engaged reports whether the site steers its sessions.
func (s *Site) Engaged() bool { return s.engaged }

// Booked is the sum of the bounds below the named circuit.
func (s *Site) Booked(circuit string) policy.Load {
	k, ok := s.tree.Index(circuit)
	if !ok {
		return policy.Load{}
	}
	return s.ledger.Booked()[k]
}

// OverloadBudget is what is left of the overload budget of the named circuit, from
// 0 to 1; 1 where nothing is said of what protects it.
func (s *Site) OverloadBudget(circuit string) float64 {
	k, ok := s.tree.Index(circuit)
	if !ok || s.circuits[k].set.Protection.Device == NoDevice {
		return 1
	}
	return s.circuits[k].overload.left
}

// Sizes counts what the site remembers; all of it is bounded.
type Sizes struct {
	Sessions, Orders, Actions, Strays, Ended, Settled, Touched int
}

// Sizes counts what the site remembers now.
func (s *Site) Sizes() Sizes {
	return Sizes{
		Sessions: len(s.bySession), Orders: len(s.orders), Actions: len(s.byAction), Strays: len(s.strays),
		Ended: len(s.ended.at), Settled: len(s.settled.at), Touched: len(s.touched.at),
	}
}

package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headroom-ev/headroom/policy"
)

// Balance is what the configuration puts on one circuit: the sums over all
// connectors and base loads on it and below it.
type Balance struct {
	Circuit  int // Index into Site.Circuits.
	Depth    int // Steps from the root of its tree.
	Fallback policy.Load
	Maximum  policy.Load
	Base     policy.Load
	Bounds   []Bound // The configured limit, then each schedule window.
}

// Bound is one limit that can be in force on a circuit.
type Bound struct {
	Window int         // Index into Circuit.Schedule; -1 for the configured limit.
	Limit  policy.Load // As it acts: in a window never above the circuit's.
	Usable policy.Load // Limit less the margin.
	Excess policy.Load // By how much fallbacks and base load pass Usable; zero if they fit.
}

// Fits reports whether the fallbacks and the base load stay within the bound.
func (b Bound) Fits() bool { return b.Excess == policy.Load{} }

// FailSafe reports whether the site is safe with nobody steering it at any time: on
// every circuit and phase the fallbacks and the base load fit the limit less the
// margin, under the configured limit and in every schedule window. External limits
// are not known here.
func (s *Site) FailSafe() bool {
	for _, b := range s.Balances() {
		if slices.ContainsFunc(b.Bounds, func(b Bound) bool { return !b.Fits() }) {
			return false
		}
	}
	return true
}

// Balances computes the balance of every circuit, parents before children and
// otherwise in the order of the file. AC counts amperes × voltage on each wired
// phase, DC its watts spread evenly over its phases; everything is rounded up.
func (s *Site) Balances() []Balance {
	all := make([]Balance, len(s.Circuits))
	children := make([][]int, len(s.Circuits))
	var roots []int
	for i, k := range s.Circuits {
		all[i] = Balance{Circuit: i, Base: k.BaseLoad.Worst(s.Voltage)}
		if p := s.parent(i); p >= 0 {
			children[p] = append(children[p], i)
		} else {
			roots = append(roots, i)
		}
	}
	for _, k := range s.Connectors {
		if i := s.circuit(k.Circuit); i >= 0 {
			all[i].Fallback = all[i].Fallback.Plus(k.Load(k.Fallback, s.Voltage))
			all[i].Maximum = all[i].Maximum.Plus(k.Load(k.Max, s.Voltage))
		}
	}
	out := make([]Balance, 0, len(all))
	var walk func(i, depth int) *Balance
	walk = func(i, depth int) *Balance {
		b, at := &all[i], len(out)
		b.Depth = depth
		out = append(out, Balance{})
		for _, child := range children[i] {
			below := walk(child, depth+1)
			b.Fallback = b.Fallback.Plus(below.Fallback)
			b.Maximum = b.Maximum.Plus(below.Maximum)
			b.Base = b.Base.Plus(below.Base)
		}
		b.Bounds = s.bounds(s.Circuits[i], b)
		out[at] = *b
		return b
	}
	for _, i := range roots {
		walk(i, 0)
	}
	return out
}

func (s *Site) bounds(k Circuit, b *Balance) []Bound {
	limit := k.Limit.Load()
	out := []Bound{s.bound(-1, limit, b)}
	for i, w := range k.Schedule {
		out = append(out, s.bound(i, w.Limit.Load().Tightest(limit), b))
	}
	return out
}

func (s *Site) bound(window int, limit policy.Load, b *Balance) Bound {
	usable := s.Margin.At(s.Voltage).Under(limit)
	return Bound{Window: window, Limit: limit, Usable: usable, Excess: b.Fallback.Plus(b.Base).Excess(usable)}
}

// worst is the highest current of the three phases, and its phase.
func worst(l policy.Load) (policy.Milliamps, policy.Phase) {
	at := policy.L1
	for p := policy.L2; p <= policy.L3; p++ {
		if l.Amps[p] > l.Amps[at] {
			at = p
		}
	}
	return l.Amps[at], at
}

// Shortfall says in words by how much the fallbacks and the base load pass a
// bound; empty if they fit.
func (b Balance) Shortfall(bound Bound) string {
	var parts []string
	sum := b.Fallback.Plus(b.Base)
	if over, p := worst(bound.Excess); over > 0 {
		parts = append(parts, fmt.Sprintf("%s A of %s A usable on %s",
			decimalText(int64(sum.Amps[p]), 3), decimalText(int64(max(0, bound.Usable.Amps[p])), 3), p))
	}
	if bound.Excess.Power > 0 {
		parts = append(parts, fmt.Sprintf("%s kW of %s kW usable",
			decimalText(ceilDiv(int64(sum.Power), 1000), 3), decimalText(int64(max(0, bound.Usable.Power)/policy.Watt), 3)))
	}
	return strings.Join(parts, " and ")
}

// failSafe checks that the site is safe with nobody steering it. In a file with
// other mistakes it counts what could be read: what does not fit even so is worth
// saying in the same run.
func (c *checker) failSafe(path string, s *Site) {
	if !c.sound(path+".margin") || !c.sound(path+".voltage") {
		return
	}
	known := *s
	known.Circuits, known.Connectors = slices.Clone(s.Circuits), nil
	for i := range known.Circuits {
		if !c.sound(item(path+".circuits", i) + ".base_load") {
			known.Circuits[i].BaseLoad = BaseLoad{}
		}
	}
	for i, k := range s.Connectors {
		if c.sound(item(path+".connectors", i)) {
			known.Connectors = append(known.Connectors, k)
		}
	}
	for _, b := range known.Balances() {
		if k := s.Circuits[b.Circuit]; k.Peak.Power > 0 && c.sound(item(path+".circuits", b.Circuit)+".peak") {
			if sum, most := b.Fallback.Plus(b.Base).Power, known.Margin.At(s.Voltage).Under(policy.Symmetric(0, k.Peak.Power)).Power; sum > most {
				c.warn(item(path+".circuits", b.Circuit)+".peak.kw", "the fallbacks and the base load alone can draw %s kW, more than the peak less the margin: they are never cut for a peak",
					decimalText(ceilDiv(int64(sum), 1000), 3))
			}
		}
		circuit := item(path+".circuits", b.Circuit)
		for _, bound := range b.Bounds {
			at, when := circuit+".limit", ""
			if bound.Window >= 0 {
				window := s.Circuits[b.Circuit].Schedule[bound.Window]
				at, when = item(circuit+".schedule", bound.Window)+".limit", "in the window "+window.String()+" "
			}
			if c.usable(at) && c.sound(circuit+".limit") {
				c.fits(path, at, when, s, b, bound)
			}
		}
	}
}

func (c *checker) fits(site, at, when string, s *Site, b Balance, bound Bound) {
	nothing := bound.Window < 0 &&
		(bound.Usable.Power <= 0 && bound.Limit.Power > 0 || bound.Usable.Amps[0] <= 0 && bound.Limit.Amps[0] > 0)
	switch text := b.Shortfall(bound); {
	case nothing:
		c.problem(site+".margin", "of %s leaves nothing of the limit of circuit %s", s.Margin, s.Circuits[b.Circuit].ID)
	case text == "":
	case bound.Window >= 0:
		c.warn(at, "%sthe fallbacks and the base load do not fit: %s; with nobody steering, the site would pass this limit", when, text)
	case s.AcceptNotFailsafe:
		c.warn(at, "the fallbacks and the base load do not fit: %s; accepted by accept_not_failsafe", text)
	case c.use == ForReplay || c.use == ForExplain: // where every charger obeys
		c.warn(at, "the fallbacks and the base load do not fit: %s; headroom run would refuse this", text)
	default:
		c.problem(at, "the fallbacks and the base load do not fit: %s; lower them, raise the limit, or set accept_not_failsafe: true on the site", text)
	}
}

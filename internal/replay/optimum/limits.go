package optimum

import (
	"cmp"
	"slices"
)

// A part is what one car draws on one phase, or, with noPhase, all that it
// draws where nothing tells its phases apart.
type part struct {
	car   int // of the problem's demands
	phase int
	most  int64 // mW
}

const noPhase = -1

// aLimit is one limit in one interval: on the power of everything below a
// circuit, or of what is on one phase of it.
type aLimit struct {
	circuit int
	phase   int   // noPhase: all
	cap     int64 // mW
	most    int64 // mW, of all that could flow
}

// interval is one time in which nothing changes: who is there, and the limits
// that matter and are nested.
type interval struct {
	*problem
	limits []Limit
	ms     int64
	there  []int
	below  [][3]int64        // of each circuit, mW that could flow on each phase
	kinds  [][]bool          // of each circuit, which sets of phases are below it
	keep   map[[2]int]aLimit // by circuit and phase
}

// interval adds one to the network.
func (p *problem) interval(there []int, cars []int32, limits []Limit, ms int64) {
	in := &interval{problem: p, limits: limits, ms: ms, there: there, keep: map[[2]int]aLimit{}}
	in.survey()
	in.choose()
	in.build(cars)
}

// survey adds up what could flow.
func (in *interval) survey() {
	n := len(in.site.Parents)
	in.below, in.kinds = make([][3]int64, n), make([][]bool, n)
	for c := range n {
		in.kinds[c] = make([]bool, 8)
	}
	for _, k := range in.there {
		d := &in.demands[k]
		in.kinds[d.Circuit][kindOf(d.Phases)] = true
		for ph, on := range d.Phases {
			if on {
				in.below[d.Circuit][ph] += perPhase(d)
			}
		}
	}
	for c := n - 1; c >= 0; c-- {
		if up := in.site.Parents[c]; up >= 0 {
			for ph := range 3 {
				in.below[up][ph] += in.below[c][ph]
			}
			for k, on := range in.kinds[c] {
				in.kinds[up][k] = in.kinds[up][k] || on
			}
		}
	}
}

// choose keeps the limits that matter, the tightest first, as long as they are
// nested.
func (in *interval) choose() {
	var all []aLimit
	for c := range in.limits {
		all = append(all, in.limitsOf(c)...)
	}
	slices.SortStableFunc(all, func(a, b aLimit) int {
		return cmp.Compare(float64(a.cap)/float64(a.most), float64(b.cap)/float64(b.most))
	})
	for _, l := range all {
		if in.crosses(l) {
			in.exact = false
			continue
		}
		in.keep[[2]int{l.circuit, l.phase}] = l
	}
}

// limitsOf is the limits of a circuit that could bind. Where all cars below it
// use the same phases, limits on phases are one in power.
func (in *interval) limitsOf(c int) []aLimit {
	most := in.below[c]
	total := most[0] + most[1] + most[2]
	power := aLimit{c, noPhase, max(0, in.limits[c].Power), total}
	var out []aLimit
	kinds := kindsIn(in.kinds[c])
	for ph, amps := range in.limits[c].Amps {
		switch {
		case most[ph] == 0 || amps >= Unlimited:
		case len(kinds) == 1:
			power.cap = min(power.cap, max(0, amps)*in.site.Volts*int64(count(kinds[0])))
		default:
			out = append(out, aLimit{c, ph, max(0, amps) * in.site.Volts, most[ph]})
		}
	}
	out = append(out, power)
	return slices.DeleteFunc(out, func(l aLimit) bool { return l.cap >= l.most })
}

// crosses reports whether a limit overlaps with one that is kept, and neither
// lies within the other: one in power that feeds several phases, and one on a
// phase above it.
func (in *interval) crosses(l aLimit) bool {
	if l.phase == noPhase {
		if in.phasesBelow(l.circuit) < 2 {
			return false
		}
		for up := in.site.Parents[l.circuit]; up >= 0; up = in.site.Parents[up] {
			for ph := range 3 {
				if _, kept := in.keep[[2]int{up, ph}]; kept && in.below[l.circuit][ph] > 0 {
					return true
				}
			}
		}
		return false
	}
	for c := range in.site.Parents {
		_, kept := in.keep[[2]int{c, noPhase}]
		if kept && c != l.circuit && in.within(c, l.circuit) && in.below[c][l.phase] > 0 && in.phasesBelow(c) > 1 {
			return true
		}
	}
	return false
}

// phasesBelow is how many phases could carry something below a circuit.
func (in *interval) phasesBelow(c int) (n int) {
	for _, most := range in.below[c] {
		if most > 0 {
			n++
		}
	}
	return n
}

// within reports whether a circuit is top or lies below it.
func (in *interval) within(c, top int) bool {
	for ; c >= 0; c = in.site.Parents[c] {
		if c == top {
			return true
		}
	}
	return false
}

// build adds the cars and the kept limits to the network.
func (in *interval) build(cars []int32) {
	nodes := map[[2]int]int32{}
	for _, k := range in.there {
		d := &in.demands[k]
		parts := in.partsOf(k)
		from := cars[k]
		if len(parts) > 1 {
			from = in.net.node()
			in.net.edge(cars[k], from, energy(d.Most, in.ms))
		}
		for _, pt := range parts {
			in.path(from, pt, nodes)
		}
	}
}

// partsOf splits a car where a limit that is kept sees one of its phases only.
func (in *interval) partsOf(k int) []part {
	d := &in.demands[k]
	split := false
	for c := d.Circuit; c >= 0 && count(d.Phases) > 1; c = in.site.Parents[c] {
		for ph, on := range d.Phases {
			_, kept := in.keep[[2]int{c, ph}]
			split = split || on && kept
		}
	}
	only := noPhase
	var parts []part
	for ph, on := range d.Phases {
		if on {
			only = ph
			parts = append(parts, part{k, ph, perPhase(d)})
		}
	}
	if split {
		in.exact = false
		return parts
	}
	if count(d.Phases) > 1 {
		only = noPhase
	}
	return []part{{k, only, d.Most}}
}

// path leads a part from a node through the limits above it to the sink.
func (in *interval) path(from int32, pt part, nodes map[[2]int]int32) {
	room := energy(pt.most, in.ms)
	for c := in.demands[pt.car].Circuit; c >= 0; c = in.site.Parents[c] {
		for _, phase := range [...]int{pt.phase, noPhase} {
			key := [2]int{c, phase}
			l, kept := in.keep[key]
			if !kept {
				continue
			}
			to, there := nodes[key]
			if !there {
				to = in.net.node()
				nodes[key] = to
			}
			in.net.edge(from, to, room)
			if there {
				return
			}
			from, room = to, energy(l.cap, in.ms)
			if phase == noPhase {
				break // of a part without a phase, both keys are the same
			}
		}
	}
	in.net.edge(from, sink, room)
}

// energy is a power over a time in µJ. It is cut where it could overflow, at
// some 300 MWh: more than flows between two events.
func energy(mw, ms int64) int64 {
	const most = 1 << 60
	if mw > 0 && ms > most/mw {
		return most
	}
	return mw * ms
}

// perPhase is the most that a car draws on each of its phases, rounded up.
func perPhase(d *Demand) int64 {
	n := int64(count(d.Phases))
	return (d.Most + n - 1) / n
}

// kindOf numbers a set of phases.
func kindOf(phases [3]bool) (kind int) {
	for ph, on := range phases {
		if on {
			kind |= 1 << ph
		}
	}
	return kind
}

// kindsIn is the sets of phases that are marked.
func kindsIn(marks []bool) (kinds [][3]bool) {
	for kind, on := range marks {
		if on {
			kinds = append(kinds, [3]bool{kind&1 != 0, kind&2 != 0, kind&4 != 0})
		}
	}
	return kinds
}

func count(phases [3]bool) (n int) {
	for _, on := range phases {
		if on {
			n++
		}
	}
	return n
}

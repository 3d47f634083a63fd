package policy

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// The baselines of the benchmarks: what a textbook does, and what others do, on
// the problem that the engine gives its solver. Both work in floating point and
// write the level of every claim to x.

// solved is the problem as the engine gave it to its solver, and the answer.
func solved(e *Engine) (problem, []float64) {
	p := problem{tree: e.tree, capacity: e.left, claims: e.claims}
	x := make([]float64, len(p.claims))
	for i := range x {
		x[i] = float64(p.claims[i].x)
	}
	return p, x
}

// progressiveFilling raises everybody together until somebody is at its maximum
// or something is full, stops whom that concerns, and begins again. It looks at
// every claim and every circuit in each round.
func progressiveFilling(p problem, x []float64) {
	n := len(p.claims)
	stopped := make([]bool, n)
	left := freeAtLeast(p, x)
	level := math.Inf(1)
	enters := func(c *claim) float64 { return (float64(c.lo) - float64(c.offset)) / float64(c.weight) }
	for i := range p.claims {
		level = min(level, enters(&p.claims[i]))
	}
	rate := make([]float64, len(left))
	for open := n; open > 0; {
		clear(rate)
		step := math.Inf(1)
		for i := range p.claims { // up to the next bound of a claim
			c := &p.claims[i]
			switch from := enters(c); {
			case stopped[i]:
			case from > level:
				step = min(step, from-level)
			default:
				step = min(step, (float64(c.hi)-x[i])/float64(c.weight))
				p.each(c, func(k int, cost float64) { rate[k] += cost * float64(c.weight) })
			}
		}
		for k, r := range rate { // or to where something is full
			if r > 0 {
				step = min(step, max(0, left[k]/r))
			}
		}
		for i := range p.claims {
			if c := &p.claims[i]; !stopped[i] && enters(c) <= level {
				x[i] += step * float64(c.weight)
			}
		}
		for k := range left {
			left[k] -= step * rate[k]
		}
		level += step
		for i := range p.claims {
			c := &p.claims[i]
			if stopped[i] {
				continue
			}
			full := false
			p.each(c, func(k int, _ float64) { full = full || left[k] < 1e-6 })
			if full || x[i] > float64(c.hi)-1e-6 {
				stopped[i] = true
				open--
			}
		}
	}
}

// sliceAuction gives everybody in turn another half ampere for each unit of
// weight, until nobody can take one. It is how EVerest's energy manager works.
func sliceAuction(p problem, x []float64) {
	left := freeAtLeast(p, x)
	bidders := make([]int, len(p.claims))
	for i := range bidders {
		bidders[i] = i
	}
	for len(bidders) > 0 {
		next := bidders[:0]
		for _, i := range bidders {
			c := &p.claims[i]
			slice := min(float64(c.weight)/2, float64(c.hi)-x[i]) // weights are in thousandths
			fits := slice > 0
			p.each(c, func(k int, cost float64) { fits = fits && cost*slice <= left[k] })
			if !fits {
				continue
			}
			p.each(c, func(k int, cost float64) { left[k] -= cost * slice })
			x[i] += slice
			next = append(next, i)
		}
		bidders = next
	}
}

// freeAtLeast gives every claim its least and returns what is left.
func freeAtLeast(p problem, x []float64) []float64 {
	left := make([]float64, p.tree.Len()*resources)
	for k := range left {
		left[k] = float64(p.capacity[k/resources].of(k % resources))
	}
	for i := range p.claims {
		c := &p.claims[i]
		x[i] = float64(c.lo)
		p.each(c, func(k int, cost float64) { left[k] -= cost * x[i] })
	}
	return left
}

// each calls f with every constraint that the claim loads, and by how much.
func (p problem) each(c *claim, f func(constraint int, cost float64)) {
	for at := int(c.circuit); at >= 0; at = p.tree.parent[at] {
		for r, cost := range c.cost {
			if cost != 0 {
				f(at*resources+r, float64(cost))
			}
		}
	}
}

// TestBaselinesSolveTheSameProblem: a baseline that did less would be no
// baseline.
func TestBaselinesSolveTheSameProblem(t *testing.T) {
	for _, phases := range []int{1, 3} {
		tree, w := benchSite(300, 3, phases)
		e := NewEngine(tree, equal{}, Options{})
		var plan Plan
		e.Decide(noon, w, &plan)
		p, x := solved(e)
		filled, sold := make([]float64, len(x)), make([]float64, len(x))
		progressiveFilling(p, filled)
		sliceAuction(p, sold)
		var engine, auction float64
		for i := range x {
			require.InDelta(t, filled[i], x[i], 200, "%d phases, claim %d", phases, i) // the engine hands out what rounding left
			engine += x[i]
			auction += sold[i]
		}
		require.InEpsilon(t, engine, auction, 0.02)
	}
}

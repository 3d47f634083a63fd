package policy

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDecideIsFairOnRandomTrees looks for a bottleneck of every session that
// has less than its maximum: a circuit above it that is full, on which nobody
// has more than the rule allows beside it. An allocation that has one for
// everybody is weighted max-min fair, and no other is.
func TestDecideIsFairOnRandomTrees(t *testing.T) {
	eachRandomWorld(t, func(t *testing.T, seed int, r *rand.Rand, e *Engine, _ *Tree, w *World) {
		if r.IntN(2) == 0 {
			randomTurns(r, w)
		}
		var plan Plan
		e.Decide(noon, w, &plan)
		shares := sharesOf(e, w)
		for i := range e.claims {
			if c := &e.claims[i]; !c.waits && c.x+c.step <= c.hi {
				require.True(t, hasBottleneck(e, shares, i), "seed %d, %s: session %d has %d of %d", seed, e.rule.Name(), i, c.x, c.hi)
			}
		}
	})
}

// sharesOf is what the rule says of every claim that does not wait.
func sharesOf(e *Engine, w *World) []Share {
	var charge []*Session
	for i := range e.claims {
		if !e.claims[i].waits {
			charge = append(charge, &w.Sessions[e.claims[i].session])
		}
	}
	said := make([]Share, len(charge))
	e.rule.Shares(noon, charge, said)
	shares := make([]Share, len(e.claims))
	for i := range e.claims {
		if !e.claims[i].waits {
			shares[i], said = said[0], said[1:]
			if s := &shares[i]; s.Balance > 0 { // moved for the phases' sake, by no more than two phases' worth
				s.Offset = min(max(s.Offset, Milliamps(e.claims[i].offset)), s.Offset+2*s.Balance)
			}
		}
	}
	return shares
}

// hasBottleneck reports whether claim i is held back by somebody's equals only.
func hasBottleneck(e *Engine, shares []Share, i int) bool {
	c := &e.claims[i]
	for at := int(c.circuit); at >= 0; at = e.tree.parent[at] {
		for r, k := range c.cost {
			if k != 0 && e.room[at].of(r) < int64(k)*coarse(e) && deservesAsMuch(e, shares, i, at, r) {
				return true
			}
		}
	}
	return false
}

// coarse is how far levels may be off by rounding to steps of at most 0.1 A:
// a car on one phase can use what three phases of every other one left.
func coarse(e *Engine) int64 { return int64(3*len(e.claims)+1) * 100 }

// deservesAsMuch reports whether nobody on resource r of the circuit has more
// than the rule allows beside claim i.
func deservesAsMuch(e *Engine, shares []Share, i, circuit, r int) bool {
	c, mine := &e.claims[i], &shares[i]
	for k := range e.claims {
		o, theirs := &e.claims[k], &shares[k]
		if k == i || o.waits || o.cost[r] == 0 || !e.tree.Within(int(o.circuit), circuit) || theirs.Tier > mine.Tier {
			continue
		}
		allowed := int64(o.lo)
		if theirs.Tier == mine.Tier { // what the common level of i comes to for k
			allowed = max(allowed, theirs.Weight*(int64(c.x)-int64(mine.Offset))/mine.Weight+int64(theirs.Offset))
		}
		if int64(o.x) > allowed+coarse(e)*(1+theirs.Weight/mine.Weight) {
			return false
		}
	}
	return true
}

// TestMoreIsNeverWorseOnRandomTrees raises a limit. Then at least as many
// charge, the least that anybody has does not fall, and where all cars are
// alike and the limit is the whole site's, nobody has less.
func TestMoreIsNeverWorseOnRandomTrees(t *testing.T) {
	eachRandomWorld(t, func(t *testing.T, seed int, r *rand.Rand, _ *Engine, tree *Tree, w *World) {
		w.Idle = nil // a limit that just covers all fallbacks books them
		alike := true
		for i := range w.Sessions {
			s := &w.Sessions[i]
			s.Floor, s.UsesLess, s.Weight = 0, false, 0
			alike = alike && s.Wiring == w.Sessions[0].Wiring
		}
		e := NewEngine(tree, equal{}, randomOptions)
		var before, after Plan
		e.Decide(noon, w, &before)
		c := r.IntN(tree.Len())
		if alike {
			c = 0
		}
		limit := &w.Permitted[c]
		for p := range limit.Amps {
			limit.Amps[p] += Milliamps(r.IntN(40_000))
		}
		limit.Power += Milliwatts(r.IntN(20_000)) * Watt
		e.Decide(noon, w, &after)
		few, little := charging(&before)
		many, much := charging(&after)
		tolerance := Milliamps(7*len(w.Sessions) + 100)
		require.GreaterOrEqual(t, many, few, "seed %d: fewer charge", seed)
		if few == len(w.Sessions) {
			require.GreaterOrEqual(t, much+tolerance, little, "seed %d: the least is less", seed)
			for i := range after.Allocations {
				if alike {
					fell := before.Allocations[i].Level - after.Allocations[i].Level
					require.LessOrEqual(t, int64(fell), coarse(e), "seed %d: session %d has less", seed, i)
				}
			}
		}
	})
}

// charging is how many sessions charge, and the least that any of them has.
func charging(plan *Plan) (n int, least Milliamps) {
	for _, a := range plan.Allocations {
		if a.Reason.Code == ReasonWaiting || a.Reason.Code == ReasonResting {
			continue
		}
		if n++; n == 1 || a.Level < least {
			least = a.Level
		}
	}
	return n, least
}

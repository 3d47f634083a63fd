package policy

import (
	"cmp"
	"encoding/binary"
	"flag"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// trees is how many random problems each property is tried on, from firstTree
// on. A long run: go test ./policy -run Random -args -trees 1000000
var (
	trees     = flag.Int("trees", 6000, "random problems for each property")
	firstTree = flag.Int("first-tree", 0, "number of the first random problem")
)

// problem is a random instance of what the solver is given.
type problem struct {
	tree     *Tree
	capacity []Load
	claims   []claim
}

// randomProblem draws a tree of up to 8 circuits and up to 12 items on random
// phases, of which some circuits bind. Every item at its lower bound fits.
func randomProblem(r *rand.Rand, offsets bool) problem {
	alike := r.IntN(4) == 0
	n := 1 + r.IntN(8)
	specs := make([]CircuitSpec, n)
	for i := range specs {
		specs[i].ID = string(rune('a' + i))
		if i > 0 && r.IntN(8) > 0 {
			specs[i].Parent = specs[r.IntN(i)].ID
		}
	}
	tree, err := NewTree(specs)
	if err != nil {
		panic(err)
	}
	p := problem{tree: tree, capacity: make([]Load, n)}
	used, most := make([]Load, n), make([]Load, n)
	for range r.IntN(13) {
		w := Wiring{Phases: Phases(1 + r.IntN(7)), Volts: []int64{120, 208, 230, 277}[r.IntN(4)]}
		if alike {
			w = Wiring{Phases: AllPhases, Volts: 230}
		}
		it := claim{circuit: int32(r.IntN(n)), cost: w.costs(), weight: 1 + r.Int32N(3)}
		it.hi = r.Int32N(32_000)
		if r.IntN(2) == 0 {
			it.lo = r.Int32N(it.hi + 1)
		}
		if r.IntN(4) == 0 {
			it.weight = 1 + r.Int32N(maxWeight)
		}
		if offsets {
			it.offset = r.Int32N(200_000) - 100_000
		}
		p.claims = append(p.claims, it)
		used[it.circuit] = used[it.circuit].Plus(w.At(Milliamps(it.lo)))
		most[it.circuit] = most[it.circuit].Plus(w.At(Milliamps(it.hi)))
	}
	slices.SortStableFunc(p.claims, func(a, b claim) int { return cmp.Compare(a.circuit, b.circuit) })
	tree.AddUp(used)
	tree.AddUp(most)
	between := func(lo, hi int64) int64 {
		switch r.IntN(4) {
		case 0:
			return Unlimited
		case 1:
			return lo
		}
		return lo + r.Int64N(hi-lo+1)
	}
	for i := range p.capacity {
		for ph := range 3 {
			p.capacity[i].Amps[ph] = Milliamps(between(int64(used[i].Amps[ph]), int64(most[i].Amps[ph])))
		}
		p.capacity[i].Power = Milliwatts(between(int64(used[i].Power), int64(most[i].Power)))
	}
	return p
}

// oracle is progressive filling in exact fractions: raise the common level as
// far as the first constraint or bound allows, stop whom it stops, repeat.
// It shares no code with the solver.
func oracle(p problem) []*big.Rat {
	n := len(p.claims)
	stopped := make([]bool, n)
	x := make([]*big.Rat, n)
	for i, it := range p.claims {
		x[i] = big.NewRat(int64(it.lo), 1)
		stopped[i] = it.lo >= it.hi
	}
	at := func(i int, level *big.Rat) *big.Rat {
		it := p.claims[i]
		v := new(big.Rat).Mul(level, big.NewRat(int64(it.weight), 1))
		v.Add(v, big.NewRat(int64(it.offset), 1))
		if lo := big.NewRat(int64(it.lo), 1); v.Cmp(lo) < 0 {
			return lo
		}
		return v
	}
	for {
		// The breakpoints of everybody's level, in which all loads are linear.
		var next *big.Rat
		lowest := func(l *big.Rat) {
			if next == nil || l.Cmp(next) < 0 {
				next = l
			}
		}
		for i, it := range p.claims {
			if !stopped[i] {
				lowest(new(big.Rat).Quo(big.NewRat(int64(it.hi-it.offset), 1), big.NewRat(int64(it.weight), 1)))
			}
		}
		if next == nil {
			return x
		}
		var full []int
		for c := range p.tree.Len() {
			for r := range resources {
				l := levelOfFull(p, c, r, stopped, x, at)
				if l == nil {
					continue
				}
				if next == nil || l.Cmp(next) < 0 {
					next, full = l, nil
				}
				if l.Cmp(next) == 0 {
					full = append(full, c*resources+r)
				}
			}
		}
		for i, it := range p.claims {
			if stopped[i] {
				continue
			}
			level := at(i, next)
			if level.Cmp(big.NewRat(int64(it.hi), 1)) >= 0 {
				x[i], stopped[i] = big.NewRat(int64(it.hi), 1), true
			}
			for _, f := range full {
				if !stopped[i] && it.cost[f%resources] != 0 && p.tree.Within(int(it.circuit), f/resources) {
					x[i], stopped[i] = level, true
				}
			}
		}
	}
}

// levelOfFull is the common level at which resource r of circuit c becomes
// full, or nil where it cannot. It walks the breakpoints of the load.
func levelOfFull(p problem, c, r int, stopped []bool, x []*big.Rat, at func(int, *big.Rat) *big.Rat) *big.Rat {
	limit := big.NewRat(p.capacity[c].of(r), 1)
	load := func(level *big.Rat) *big.Rat {
		sum := new(big.Rat)
		for i, it := range p.claims {
			if it.cost[r] == 0 || !p.tree.Within(int(it.circuit), c) {
				continue
			}
			v := x[i]
			if !stopped[i] {
				v = at(i, level)
			}
			sum.Add(sum, new(big.Rat).Mul(v, big.NewRat(int64(it.cost[r]), 1)))
		}
		return sum
	}
	var points []*big.Rat
	for i, it := range p.claims {
		if !stopped[i] && it.cost[r] != 0 && p.tree.Within(int(it.circuit), c) {
			points = append(points, new(big.Rat).Quo(big.NewRat(int64(it.lo-it.offset), 1), big.NewRat(int64(it.weight), 1)),
				new(big.Rat).Quo(big.NewRat(int64(it.hi-it.offset), 1), big.NewRat(int64(it.weight), 1)))
		}
	}
	if len(points) == 0 {
		return nil
	}
	var below, above *big.Rat // the nearest breakpoints around the answer
	for _, l := range points {
		if load(l).Cmp(limit) <= 0 {
			if below == nil || l.Cmp(below) > 0 {
				below = l
			}
		} else if above == nil || l.Cmp(above) < 0 {
			above = l
		}
	}
	if above == nil {
		return nil
	}
	if below == nil { // full with everybody at the lower bound
		return above
	}
	a, b := load(below), load(above)
	slope := new(big.Rat).Sub(b, a)
	part := new(big.Rat).Quo(new(big.Rat).Sub(limit, a), slope)
	return part.Mul(part, new(big.Rat).Sub(above, below)).Add(part, below)
}

func TestFillAgreesWithProgressiveFillingOnRandomTrees(t *testing.T) {
	for seed := range *trees / 4 {
		seed += *firstTree
		checkFill(t, seed, randomProblem(rand.New(rand.NewPCG(1, uint64(seed))), seed%2 == 1))
	}
}

// FuzzFill lets the fuzzer choose what would be random.
func FuzzFill(f *testing.F) {
	for seed := range 20 {
		f.Add(seed%2 == 1, chosen(uint64(seed), 600))
	}
	f.Fuzz(func(t *testing.T, offsets bool, choices []byte) {
		checkFill(t, 0, randomProblem(rand.New(&choice{left: choices}), offsets))
	})
}

// checkFill compares the solver with the oracle.
func checkFill(t *testing.T, seed int, p problem) {
	f := filler{tree: p.tree, claims: slices.Clone(p.claims), block: int32(1 + seed%13)}
	f.fill(p.capacity)
	for i, want := range oracle(p) {
		w, _ := want.Float64()
		require.InDelta(t, w, float64(f.claims[i].x), 7*float64(len(p.claims)), "seed %d, item %d of %d", seed, i, len(p.claims))
	}
}

// choice is a source of numbers that a fuzzer chooses. When they are used up it
// goes on with random ones that depend on the last.
type choice struct {
	left []byte
	last uint64
	rest *rand.PCG
}

func (c *choice) Uint64() uint64 {
	if len(c.left) >= 8 {
		c.last = binary.LittleEndian.Uint64(c.left)
		c.left = c.left[8:]
		return c.last
	}
	if c.rest == nil {
		c.rest = rand.NewPCG(c.last, uint64(len(c.left)))
	}
	return c.rest.Uint64()
}

// chosen is n random bytes to begin with.
func chosen(seed uint64, n int) []byte {
	r := rand.NewPCG(7, seed)
	out := make([]byte, 0, n)
	for len(out) < n {
		out = binary.LittleEndian.AppendUint64(out, r.Uint64())
	}
	return out
}

// TestFillGivesTheSameInBlocksOfAnySize: a site that is cut into blocks is
// shared like one that is worked off whole, but for what may be lost by rounding
// where circuits are full at the same level.
func TestFillGivesTheSameInBlocksOfAnySize(t *testing.T) {
	for _, depth := range []int{1, 3, 5} {
		p, _ := solved(newBenchRun(3000, 3, depth).engine)
		whole := filler{tree: p.tree, claims: slices.Clone(p.claims), block: math.MaxInt32}
		whole.fill(p.capacity)
		require.Len(t, whole.pieces, 1)
		for _, size := range []int32{1, 7, 40, 500} {
			f := filler{tree: p.tree, claims: slices.Clone(p.claims), block: size}
			f.fill(p.capacity)
			require.Greater(t, len(f.pieces), 3000/int(size)/2)
			for i := range f.claims {
				require.InDelta(t, whole.claims[i].x, f.claims[i].x, 1, "depth %d, blocks of %d, claim %d", depth, size, i)
			}
		}
	}
}

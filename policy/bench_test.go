package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The benchmarks measure the engine beside its baselines in one run, on the
// same problems: sorting as many numbers, textbook progressive filling, and an
// auction of slices in turns. docs/performance.md has the figures.
//
//	go test ./policy -run '^$' -bench Decide -benchmem

// benchSite is a site of n sessions: about 20 under each of the lowest
// circuits, which hang on a tree of the given depth, a third of the circuits
// binding. phases is 1 or 3.
func benchSite(n, depth, phases int) (*Tree, *World) {
	r := rand.New(rand.NewPCG(1, uint64(n*10+depth)))
	specs := []CircuitSpec{{ID: "grid"}}
	level := []int{0}
	panels := max(1, n/20)
	for d := 1; d < depth; d++ {
		width := panels
		for range depth - 1 - d {
			width = max(1, width/8)
		}
		var next []int
		for range width {
			next = append(next, len(specs))
			specs = append(specs, CircuitSpec{ID: fmt.Sprint("c", len(specs)), Parent: specs[level[r.IntN(len(level))]].ID})
		}
		level = next
	}
	tree, err := NewTree(specs)
	if err != nil {
		panic(err)
	}
	w := &World{Permitted: make([]Load, tree.Len()), ArrivalReserve: make([]Load, tree.Len())}
	low, high := make([]Load, tree.Len()), make([]Load, tree.Len())
	for i := range n { // panel after panel, as a configuration lists them
		at, _ := tree.Index(specs[level[i*len(level)/n]].ID)
		wiring := Wiring{Phases: On(L1), Volts: 230}
		if phases == 3 {
			wiring.Phases = []Phases{AllPhases, AllPhases, On(L1), On(L2), On(L3), On(L1, L2)}[r.IntN(6)]
		}
		s := Session{
			Key: i, Circuit: at, Wiring: wiring, Min: 6000, Max: 10_000 + Milliamps(r.IntN(220))*100, CanPause: true,
			Weight: 1000 * (1 + r.IntN(3)),
		}
		w.Sessions = append(w.Sessions, s)
		low[at] = low[at].Plus(wiring.At(s.Min))
		high[at] = high[at].Plus(wiring.At(s.Max))
	}
	tree.AddUp(low)
	tree.AddUp(high)
	for c := range w.Permitted {
		part := func(lo, hi int64) int64 { return lo + (hi-lo)*int64(40+r.IntN(110))/100 }
		for p := range 3 {
			w.Permitted[c].Amps[p] = Milliamps(part(int64(low[c].Amps[p]), int64(high[c].Amps[p])))
		}
		w.Permitted[c].Power = Milliwatts(part(int64(low[c].Power), int64(high[c].Power)))
	}
	return tree, w
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000, 100_000, 1_000_000} {
		floats := make([]float64, n)
		r := rand.New(rand.NewPCG(3, 4))
		b.Run(fmt.Sprintf("sort/n=%d", n), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				for i := range floats {
					floats[i] = r.Float64()
				}
				b.StartTimer()
				slices.Sort(floats)
			}
		})
		for _, phases := range []int{1, 3} {
			for _, depth := range []int{1, 3, 5} {
				tree, w := benchSite(n, depth, phases)
				e := NewEngine(tree, equal{}, Options{Rotate: 15 * time.Minute})
				var plan Plan
				b.Run(fmt.Sprintf("engine/n=%d/phases=%d/depth=%d", n, phases, depth), func(b *testing.B) {
					b.ReportAllocs()
					for range b.N {
						e.Decide(noon, w, &plan)
					}
				})
			}
		}
	}
}

package policy

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// The benchmarks measure the engine beside its baselines in one run, on the
// same problems: sorting as many numbers, textbook progressive filling, and an
// auction of slices in turns. docs/performance.md has the figures.
//
//	go test ./policy -run "^$" -bench Decide -benchtime 5x -timeout 1h

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
			Key: i, Circuit: at, Wiring: wiring, Min: 6000, Max: benchMax(r), CanPause: true,
			Weight: 1000 * (1 + r.IntN(3)),
		}
		w.Sessions = append(w.Sessions, s)
		low[at] = low[at].Plus(wiring.At(s.Min))
		high[at] = high[at].Plus(wiring.At(s.Max))
	}
	tree.AddUp(low)
	tree.AddUp(high)
	for c := range w.Permitted {
		part := func(lo, hi int64) int64 {
			if c == 0 { // the grid always binds, so that sites of all sizes are alike
				return lo + (hi-lo)*70/100
			}
			return lo + (hi-lo)*int64(40+r.IntN(110))/100
		}
		for p := range 3 {
			w.Permitted[c].Amps[p] = Milliamps(part(int64(low[c].Amps[p]), int64(high[c].Amps[p])))
		}
		w.Permitted[c].Power = Milliwatts(part(int64(low[c].Power), int64(high[c].Power)))
	}
	return tree, w
}

// median of the processor time that f takes, over runs calls. before is not
// timed. The caller stays on its thread.
func median(runs int, before, f func()) time.Duration {
	took := make([]time.Duration, runs)
	for i := range took {
		before()
		start := processorTime()
		f()
		took[i] = processorTime() - start
	}
	slices.Sort(took)
	return took[runs/2]
}

// BenchmarkDecide is a whole decision of a site. Beside its median in ns/op it
// reports that as a multiple of the time to sort as many numbers (x-sort) and of
// its own time for a tenth of the sessions (x-tenth), and how many times as long
// as the solver the baselines take for the solver's problem. Whatever is
// compared runs in turns, so that a busy machine slows all alike.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000, 100_000, 1_000_000} {
		for _, phases := range []int{1, 3} {
			for _, depth := range []int{1, 3, 5} {
				b.Run(fmt.Sprintf("n=%d/phases=%d/depth=%d", n, phases, depth), func(b *testing.B) {
					benchDecide(b, n, phases, depth)
				})
			}
		}
	}
}

func benchDecide(b *testing.B, n, phases, depth int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := rand.New(rand.NewPCG(3, uint64(n)))
	all, part := newBenchRun(n, phases, depth), newBenchRun(n/10, phases, depth)
	floats := make([]float64, n)
	redraw := func() {
		for i := range floats {
			floats[i] = r.Float64()
		}
	}
	runs := max(3, 300_000/n) // a round takes milliseconds
	var decide, sort, tenth []time.Duration
	for b.Loop() {
		decide = append(decide, median(runs, all.redraw, all.decide))
		sort = append(sort, median(runs, redraw, func() { slices.Sort(floats) }))
		tenth = append(tenth, median(runs, part.redraw, part.decide))
	}
	ns := func(list []time.Duration) float64 {
		slices.Sort(list)
		return float64(list[len(list)/2])
	}
	b.ReportMetric(ns(decide), "ns/op")
	b.ReportMetric(ns(decide)/ns(sort), "x-sort")
	b.ReportMetric(ns(decide)/ns(tenth), "x-tenth")
	b.ReportMetric(testing.AllocsPerRun(1, all.decide), "allocs/op")
	p, x := solved(all.engine)
	f := filler{tree: p.tree, claims: slices.Clone(p.claims), block: blockSize}
	solver := float64(median(5, func() {}, func() { f.fill(p.capacity) }))
	b.ReportMetric(float64(median(3, func() {}, func() { sliceAuction(p, x) }))/solver, "x-auction")
	if n <= 10_000 { // takes minutes above
		b.ReportMetric(float64(median(3, func() {}, func() { progressiveFilling(p, x) }))/solver, "x-progressive")
	}
}

// benchRun is a site that is decided on again and again, never twice the same:
// a processor learns a problem of a thousand sessions by heart.
type benchRun struct {
	engine *Engine
	world  *World
	plan   Plan
	random *rand.Rand
}

func newBenchRun(n, phases, depth int) *benchRun {
	tree, w := benchSite(n, depth, phases)
	r := &benchRun{engine: NewEngine(tree, equal{}, Options{Rotate: 15 * time.Minute}), world: w, random: rand.New(rand.NewPCG(5, 6))}
	r.decide()
	return r
}

func (r *benchRun) redraw() {
	for i := range r.world.Sessions {
		r.world.Sessions[i].Max = benchMax(r.random)
	}
}

func (r *benchRun) decide() { r.engine.Decide(noon, r.world, &r.plan) }

// benchMax is a maximum of 10 to 32 A.
func benchMax(r *rand.Rand) Milliamps { return 10_000 + Milliamps(r.IntN(220))*100 }

// BenchmarkRules is a whole decision by every rule, where the minimums fit
// (limits=1:1) and with a third of the limits.
func BenchmarkRules(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		for _, rule := range rules {
			for _, part := range []int64{1, 3} {
				tree, w := benchSite(n, 3, 3)
				for c := range w.Permitted {
					w.Permitted[c] = w.Permitted[c].divided(part)
				}
				for i := range w.Sessions {
					s := &w.Sessions[i]
					s.Tier, s.Since = i%3, noon.Add(-time.Duration(i)*time.Second)
					s.Need, s.Leaves = MilliwattHours(1+i%40)*KWh, noon.Add(time.Duration(1+i%17)*time.Hour)
				}
				run := &benchRun{
					engine: NewEngine(tree, rule, turnOptions), world: w, random: rand.New(rand.NewPCG(5, 6)),
				}
				b.Run(fmt.Sprintf("n=%d/%s/limits=1:%d", n, rule.Name(), part), func(b *testing.B) {
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
					b.ReportMetric(float64(median(max(3, min(b.N, 200)), run.redraw, run.decide)), "ns/op")
				})
			}
		}
	}
}

// divided is every part of the load divided by n.
func (l Load) divided(n int64) Load {
	for p := range l.Amps {
		l.Amps[p] /= Milliamps(n)
	}
	l.Power /= Milliwatts(n)
	return l
}

package policy

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// randomWorld draws a site of up to 12 sessions on a tree of up to 8 circuits,
// with idle and held connectors, scarce more often than not.
func randomWorld(r *rand.Rand) (*Tree, *World) {
	p := randomProblem(r, false)
	w := &World{
		Permitted:      make([]Load, p.tree.Len()),
		ArrivalReserve: make([]Load, p.tree.Len()),
	}
	scarce := r.IntN(3)
	for i := range w.Permitted {
		part := func(v int64) int64 {
			if v >= Unlimited || scarce == 0 {
				return v
			}
			return v * int64(r.IntN(100)) / 100
		}
		for ph := range 3 {
			w.Permitted[i].Amps[ph] = Milliamps(part(int64(p.capacity[i].Amps[ph])))
		}
		w.Permitted[i].Power = Milliwatts(part(int64(p.capacity[i].Power)))
	}
	volts := []int64{120, 208, 230, 277}[r.IntN(4)]
	for i, it := range p.claims {
		var phases Phases
		for ph := L1; ph <= L3; ph++ {
			if it.cost[ph] != 0 {
				phases |= On(ph)
			}
		}
		wiring := Wiring{Phases: phases, Volts: volts}
		if r.IntN(6) == 0 {
			b := Booking{Circuit: int(it.circuit), Wiring: wiring, Level: Milliamps(r.IntN(10_000))}
			if r.IntN(2) == 0 {
				w.Idle = append(w.Idle, b)
			} else {
				w.Held = append(w.Held, b)
			}
			continue
		}
		s := Session{
			Key: i, Circuit: int(it.circuit), Wiring: wiring, Kind: Kind(r.IntN(2)),
			Min: Milliamps(r.IntN(3))*3000 + Milliamps(r.IntN(2)*r.IntN(200)), Max: 6000 + Milliamps(r.IntN(26_000)),
			CanPause: r.IntN(5) > 0, Tier: r.IntN(3), Weight: r.IntN(3),
			Since: noon.Add(-time.Duration(r.IntN(3600)) * time.Second),
			Need:  MilliwattHours(r.IntN(50)) * KWh, Leaves: noon.Add(time.Duration(r.IntN(10)) * time.Hour),
		}
		if r.IntN(2) == 0 {
			s.Floor = Milliamps(r.IntN(8000))
		}
		if r.IntN(4) == 0 {
			s.UsesLess, s.Uses = true, Milliamps(r.IntN(20_000))
		}
		w.Sessions = append(w.Sessions, s)
	}
	return p.tree, w
}

// drawn is what the plan lets flow on every circuit: the levels, what is held,
// and the fallbacks of sessions and idle connectors where they are covered.
func drawn(tree *Tree, w *World, plan *Plan) []Load {
	sum := make([]Load, tree.Len())
	for c := range sum {
		for i, s := range w.Sessions {
			if tree.Within(s.Circuit, c) {
				sum[c] = sum[c].Plus(s.Wiring.At(booked(plan, c, &s, plan.Allocations[i].Level)))
			}
		}
		for _, b := range w.Held {
			if tree.Within(b.Circuit, c) {
				sum[c] = sum[c].Plus(b.Wiring.At(b.Level))
			}
		}
		for _, b := range w.Idle {
			if tree.Within(b.Circuit, c) && plan.Covered[c] {
				sum[c] = sum[c].Plus(b.Wiring.At(b.Level))
			}
		}
	}
	return sum
}

// booked is what a session counts on a circuit above it when it is given a
// level.
func booked(plan *Plan, circuit int, s *Session, level Milliamps) Milliamps {
	if plan.Covered[circuit] {
		return max(level, s.Floor)
	}
	return level
}

// randomTurns puts the sessions somewhere in the rotation.
func randomTurns(r *rand.Rand, w *World) {
	for i := range w.Sessions {
		t := &w.Sessions[i].Turn
		if t.Running = r.IntN(2) == 0; t.Running || r.IntN(2) == 0 {
			t.Since = noon.Add(-time.Duration(r.IntN(40)) * time.Minute)
			t.Starts = r.IntN(3)
			t.Served = MilliwattHours(r.IntN(3)) * KWh
		}
	}
}

var randomOptions = Options{Rotate: 15 * time.Minute, MinOn: 5 * time.Minute, ResumeAfter: 10 * time.Minute}

func eachRandomWorld(t *testing.T, f func(t *testing.T, seed int, r *rand.Rand, e *Engine, tree *Tree, w *World)) {
	for seed := range *trees {
		r := rand.New(rand.NewPCG(2, uint64(*firstTree+seed)))
		tree, w := randomWorld(r)
		f(t, *firstTree+seed, r, NewEngine(tree, rules[seed%len(rules)], randomOptions), tree, w)
	}
}

// lows is the least that each session is given when it is given anything, as
// the engine has it after a decision.
func lows(e *Engine, w *World) []Milliamps {
	out := make([]Milliamps, len(w.Sessions))
	for _, c := range e.claims {
		out[c.session] = Milliamps(c.lo)
	}
	return out
}

func TestDecideKeepsItsPromisesOnRandomTrees(t *testing.T) {
	eachRandomWorld(t, func(t *testing.T, seed int, r *rand.Rand, e *Engine, tree *Tree, w *World) {
		if r.IntN(2) == 0 {
			randomTurns(r, w)
		}
		checkDecision(t, seed, r, e, tree, w)
	})
}

// wild is a rule that says anything.
type wild struct{ equal }

func (wild) Shares(_ time.Time, sessions []*Session, out []Share) {
	for i, s := range sessions {
		r := rand.New(rand.NewPCG(9, uint64(s.Key)))
		out[i] = Share{Tier: r.IntN(3) - 1, Weight: r.Int64() >> (40 + r.IntN(24)), Offset: Milliamps(r.Uint64()) >> (24 + r.IntN(30))}
	}
}

func TestDecideKeepsItsPromisesWhateverTheRuleSaysOnRandomTrees(t *testing.T) {
	eachRandomWorld(t, func(t *testing.T, seed int, r *rand.Rand, _ *Engine, tree *Tree, w *World) {
		checkDecision(t, seed, r, NewEngine(tree, wild{}, randomOptions), tree, w)
	})
}

// FuzzDecide lets the fuzzer choose what would be random. A long run:
// go test ./policy -run '^$' -fuzz FuzzDecide -fuzzminimizetime 1x -fuzztime 1h
func FuzzDecide(f *testing.F) {
	for seed := range 20 {
		f.Add(uint8(seed), chosen(uint64(seed), 600))
	}
	f.Fuzz(func(t *testing.T, rule uint8, choices []byte) {
		r := rand.New(&choice{left: choices})
		tree, w := randomWorld(r)
		if r.IntN(2) == 0 {
			randomTurns(r, w)
		}
		checkDecision(t, int(rule), r, NewEngine(tree, rules[int(rule)%len(rules)], randomOptions), tree, w)
	})
}

// checkDecision decides and checks everything that a plan promises.
func checkDecision(t *testing.T, seed int, r *rand.Rand, e *Engine, tree *Tree, w *World) {
	var plan Plan
	e.Decide(noon, w, &plan)
	low := lows(e, w)
	forced := make([]Load, tree.Len()) // what nobody can take away
	for c := range forced {
		for i, s := range w.Sessions {
			if tree.Within(s.Circuit, c) {
				least := low[i]
				if s.CanPause {
					least = 0
				}
				forced[c] = forced[c].Plus(s.Wiring.At(booked(&plan, c, &s, least)))
			}
		}
		for _, b := range w.Held {
			if tree.Within(b.Circuit, c) {
				forced[c] = forced[c].Plus(b.Wiring.At(b.Level))
			}
		}
		for _, b := range w.Idle {
			if tree.Within(b.Circuit, c) && plan.Covered[c] {
				forced[c] = forced[c].Plus(b.Wiring.At(b.Level))
			}
		}
	}
	for c, sum := range drawn(tree, w, &plan) {
		for r := range resources {
			permitted := max(w.Permitted[c].of(r), forced[c].of(r))
			require.LessOrEqual(t, sum.of(r), permitted, "seed %d, circuit %d, resource %d", seed, c, r)
		}
	}
	for i, s := range w.Sessions {
		checkLevel(t, seed, s, plan.Allocations[i])
		if roomForMore(tree, w, &plan, i) {
			require.Fail(t, "left over", "seed %d: session %d could have more than %d", seed, i, plan.Allocations[i].Level)
		}
	}
	byKey := map[int]Allocation{}
	for _, a := range plan.Allocations {
		byKey[a.Key] = a
	}
	r.Shuffle(len(w.Sessions), func(i, k int) { w.Sessions[i], w.Sessions[k] = w.Sessions[k], w.Sessions[i] })
	var shuffled Plan
	e.Decide(noon, w, &shuffled)
	for _, a := range shuffled.Allocations {
		require.Equal(t, byKey[a.Key], a, "seed %d: the order of the sessions matters", seed)
	}
}

// checkLevel checks one session's level against its own bounds.
func checkLevel(t *testing.T, seed int, s Session, a Allocation) {
	require.LessOrEqual(t, a.Level, max(s.Max, 0), "seed %d, session %d: above its maximum", seed, s.Key)
	require.Zero(t, a.Level%s.Kind.step(), "seed %d, session %d: not a multiple of its step", seed, s.Key)
	require.Equal(t, s.Wiring.Power(a.Level), a.Power, "seed %d, session %d", seed, s.Key)
	if a.Level != 0 {
		require.GreaterOrEqual(t, a.Level, s.Min, "seed %d, session %d: below its minimum", seed, s.Key)
		require.Zero(t, a.Queue, "seed %d, session %d: charges and waits", seed, s.Key)
	} else if !s.CanPause && s.Max >= s.Min+s.Kind.step() && s.Min > 0 {
		require.Fail(t, "paused", "seed %d, session %d cannot pause", seed, s.Key)
	}
}

// roomForMore reports whether a session that charges could have another step.
func roomForMore(tree *Tree, w *World, plan *Plan, i int) bool {
	s, a := w.Sessions[i], plan.Allocations[i]
	waits := a.Reason.Code == ReasonWaiting || a.Reason.Code == ReasonResting
	if waits || a.Level+s.Kind.step() > s.Max || s.UsesLess {
		return false
	}
	more := s.Wiring.At(s.Kind.step())
	for c := s.Circuit; c >= 0; c = tree.Parent(c) {
		if !plan.Booked[c].Plus(more).Fits(w.Permitted[c]) {
			return false
		}
	}
	return true
}

func TestTheLargestSetChargesOnRandomTrees(t *testing.T) {
	eachRandomWorld(t, func(t *testing.T, seed int, _ *rand.Rand, e *Engine, tree *Tree, w *World) {
		var plan Plan
		e.Decide(noon, w, &plan)
		n, got, low := len(w.Sessions), 0, lows(e, w)
		for i, a := range plan.Allocations {
			if low[i] > 0 && a.Reason.Code != ReasonWaiting && w.Sessions[i].CanPause {
				got++
			}
		}
		best := 0
		e.gather(noon, w, &plan)
		e.book(w, &plan) // what is left when nobody has anything
		for set := range 1 << n {
			if size := feasibleSet(e, tree, w, low, set); size > best {
				best = size
			}
		}
		require.Equal(t, best, got, "seed %d", seed)
	})
}

// feasibleSet is how many sessions that can pause are in the set, or -1 where
// their minimums do not fit beside those of the sessions that cannot pause.
func feasibleSet(e *Engine, tree *Tree, w *World, low []Milliamps, set int) int {
	size := 0
	for i, s := range w.Sessions {
		if set>>i&1 == 1 {
			if !s.CanPause || low[i] == 0 {
				return -1 // one way to write each set
			}
			size++
		}
	}
	for c := range tree.Len() {
		var sum, places Load
		for i, s := range w.Sessions {
			if !tree.Within(s.Circuit, c) {
				continue
			}
			var level, floor Milliamps
			if e.covered[c] {
				floor = s.Floor
			}
			if set>>i&1 == 1 || !s.CanPause {
				level = low[i]
			}
			if set>>i&1 == 1 && level > floor {
				places = places.Plus(s.Wiring.At(level - floor))
			}
			sum = sum.Plus(s.Wiring.At(max(level, floor)))
		}
		for r := range resources {
			// What only those who cannot pause overfill keeps nobody out.
			if places.of(r) > 0 && sum.of(r) > e.left[c].of(r) {
				return -1
			}
		}
	}
	return size
}

func TestTheReasonIsWhatStoppedASessionNotWhoTookTheRest(t *testing.T) {
	tree, err := NewTree([]CircuitSpec{{ID: "grid"}, {ID: "row", Parent: "grid"}})
	require.NoError(t, err)
	w := World{Permitted: []Load{NoLimit(), NoLimit()}, ArrivalReserve: make([]Load, 2)}
	w.Permitted[0].Power = 60_080 * 230 // three times a third of 20 A and twice 20.04 A
	w.Permitted[1].Amps[L1] = 20_000
	for key := range 5 {
		s := Session{Key: key, Wiring: Wiring{Phases: On(L1), Volts: 230}, Min: 6000, Max: 32_000, CanPause: true}
		if key >= 2 {
			s.Circuit = 1
		}
		w.Sessions = append(w.Sessions, s)
	}
	var plan Plan
	NewEngine(tree, equal{}, turnOptions).Decide(noon, &w, &plan)
	require.Equal(t, Milliamps(20_100), plan.Allocations[0].Level)
	require.Equal(t, "grid is full in total power; shared equally among 2", plan.Allocations[0].Reason.Text(tree, "equally"))
	// A tenth of an ampere more would fit the row, but the grid has no more.
	require.Equal(t, Milliamps(6600), plan.Allocations[2].Level)
	require.Equal(t, "row is full on L1; shared equally among 3", plan.Allocations[2].Reason.Text(tree, "equally"))
}

package policy

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// How much energy rule deadline delivers where phases bind, beside smoothed least
// laxity as published and the best allocation for the moment, a linear program.
// docs/performance.md has the figures:
//
//	go test ./policy -run TestDeadlineFillsThePhases -v

// visit is a car's stay at a connector. Steps are slots of the replay.
type visit struct {
	session Session
	from    int // first step
	to      int // one past the last
	need    MilliwattHours
	got     MilliwattHours
}

// site of 54 connectors in two rows, like the garage that most published
// results are about.
var qualityTree = func() *Tree {
	tree, err := NewTree([]CircuitSpec{{ID: "grid"}, {ID: "row-a", Parent: "grid"}, {ID: "row-b", Parent: "grid"}})
	if err != nil {
		panic(err)
	}
	return tree
}()

func qualityLimits(amps Milliamps) []Load {
	row := Load{Amps: Symmetric(amps*6/10, 0).Amps, Power: Unlimited}
	return []Load{{Amps: Symmetric(amps, 0).Amps, Power: Unlimited}, row, row}
}

const stepsPerDay = int(24 * time.Hour / slot)

// workdays are visits of people who come in the morning and leave in the
// evening, and of some who come and go in between.
func workdays(n int, wiring func(connector int) Wiring) []visit {
	r := rand.New(rand.NewPCG(11, 12))
	around := func(mean, spread float64) int { // hours, in steps
		return int((mean + spread*max(-2, min(2, r.NormFloat64()))) * float64(time.Hour/slot))
	}
	var out []visit
	for day := range n {
		for k := range 54 {
			from, stay := around(8.5, 1.2), around(8, 2)
			if r.IntN(4) == 0 {
				from, stay = around(12, 2), around(2.5, 1)
			}
			if r.IntN(5) == 0 {
				continue
			}
			from += day * stepsPerDay
			w := wiring(k)
			s := Session{
				Key: k, Circuit: 1 + k%2, Wiring: w, CanPause: true, Max: Milliamps(32_000 / max(1, w.Phases.Count()-1)),
				Leaves: noon.Add(time.Duration(from+stay) * slot),
			}
			most := int64(w.Power(s.Max)) * int64(stay) / int64(time.Hour/slot)
			need := MilliwattHours(min(most, int64(2+20*r.Float64()*r.Float64())*int64(KWh)))
			out = append(out, visit{session: s, from: from, to: from + stay, need: need})
		}
	}
	return out
}

// delivered plays the visits and returns the part of the energy that was asked
// for and delivered. Cars take all they are given.
func delivered(visits []visit, limits []Load, decide func(time.Time, *World, *Plan)) float64 {
	visits = slices.Clone(visits)
	last := 0
	var want, got MilliwattHours
	for i := range visits {
		last, want = max(last, visits[i].to), want+visits[i].need
	}
	var plan Plan
	for step := range last {
		w := World{Permitted: limits, ArrivalReserve: make([]Load, len(limits))}
		var here []*visit
		for i := range visits {
			v := &visits[i]
			if v.from > step || step >= v.to || v.got == v.need {
				continue
			}
			s := v.session
			s.Need = v.need - v.got
			enough := s.Wiring.LevelAbove(Milliwatts(int64(s.Need) * int64(time.Hour/slot)))
			s.Max = min(s.Max, Milliamps(roundUp(int32(min(enough, s.Max)), int32(AC.step()))))
			w.Sessions, here = append(w.Sessions, s), append(here, v)
		}
		decide(noon.Add(time.Duration(step)*slot), &w, &plan)
		for i, v := range here {
			v.got = min(v.need, v.got+MilliwattHours(int64(plan.Allocations[i].Power)/int64(time.Hour/slot)))
		}
	}
	for i := range visits {
		got += visits[i].got
	}
	return float64(got) / float64(want)
}

// published is smoothed least laxity as its authors describe it.
type published struct{ equal }

func (published) Shares(now time.Time, sessions []*Session, out []Share) {
	deadline{}.Shares(now, sessions, out)
	for i, s := range sessions {
		out[i].Balance = 0
		if l := laxity(now, s); l < 0 { // it knows no least laxity
			out[i].Offset -= Milliamps(int64(s.Max) * int64(l/time.Second) / int64(slot/time.Second))
		}
	}
}

// momentary gives what is best for the moment: the most power, weighted by the
// urgency of those who get it. It is a linear program and knows all phases at
// once; published replays have it within 2 % of what is possible with hindsight.
func momentary(now time.Time, w *World, plan *Plan) {
	n := len(w.Sessions)
	worth, most := make([]float64, n), make([]float64, n)
	for i := range w.Sessions {
		s := &w.Sessions[i]
		urgency := max(0, min(1, 1-laxity(now, s).Hours()/4))
		worth[i], most[i] = (0.2+urgency)*float64(s.Wiring.perMilliamp()), float64(s.Max)
	}
	var rows [][]float64
	var limits []float64
	for c := range w.Permitted {
		for p := L1; p <= L3; p++ {
			row := make([]float64, n)
			for i := range w.Sessions {
				if s := &w.Sessions[i]; qualityTree.Within(s.Circuit, c) && s.Wiring.Phases.Has(p) {
					row[i] = 1
				}
			}
			rows, limits = append(rows, row), append(limits, float64(w.Permitted[c].Amps[p]))
		}
	}
	for i := range most {
		row := make([]float64, n)
		row[i] = 1
		rows, limits = append(rows, row), append(limits, most[i])
	}
	plan.Allocations = zeroed(plan.Allocations, n)
	for i, level := range simplex(worth, rows, limits) {
		plan.Allocations[i].Power = w.Sessions[i].Wiring.Power(Milliamps(level))
	}
}

// simplex returns the x of at least 0 that make worth·x largest while every row
// times x is within its limit. Limits are not negative.
func simplex(worth []float64, rows [][]float64, limits []float64) []float64 {
	n, m := len(worth), len(rows)
	table := make([][]float64, m+1) // the last line is the gain of each column
	basis := make([]int, m)
	for k := range table {
		table[k] = make([]float64, n+m+1)
	}
	for k, row := range rows {
		copy(table[k], row)
		table[k][n+k], table[k][n+m], basis[k] = 1, limits[k], n+k
	}
	for i, v := range worth {
		table[m][i] = -v
	}
	for {
		enter := -1
		for i := range n + m {
			if g := table[m][i]; g < -1e-9 && (enter < 0 || g < table[m][enter]) {
				enter = i
			}
		}
		leave := -1
		for k := range m {
			if enter >= 0 && table[k][enter] > 1e-9 &&
				(leave < 0 || table[k][n+m]/table[k][enter] < table[leave][n+m]/table[leave][enter]) {
				leave = k
			}
		}
		if leave < 0 {
			break // nothing gains any more
		}
		pivot := table[leave][enter]
		for i := range table[leave] {
			table[leave][i] /= pivot
		}
		for k := range table {
			if f := table[k][enter]; k != leave && f != 0 {
				for i := range table[k] {
					table[k][i] -= f * table[leave][i]
				}
			}
		}
		basis[leave] = enter
	}
	x := make([]float64, n)
	for k, i := range basis {
		if i < n {
			x[i] = table[k][n+m]
		}
	}
	return x
}

func TestDeadlineFillsThePhases(t *testing.T) {
	for _, c := range []struct {
		name   string
		amps   Milliamps
		wiring func(connector int) Wiring
		gain   float64 // over smoothed least laxity
		short  float64 // of the linear program
	}{
		{"mixed, rotated over the phases", 36_000, func(k int) Wiring {
			return Wiring{Phases: []Phases{AllPhases, On(Phase(k % 3)), On(Phase(k%3), Phase((k+1)%3))}[k/6%3], Volts: 230}
		}, 0.01, 0},
		{"mixed, all on L1 first", 60_000, func(k int) Wiring {
			return Wiring{Phases: []Phases{AllPhases, On(L1), On(L1, L2)}[k/6%3], Volts: 230}
		}, 0.005, 0},
		{"single-phase, rotated", 34_000, func(k int) Wiring { return Wiring{Phases: On(Phase(k / 2 % 3)), Volts: 230} }, 0, 0},
		{"line to line", 66_000, func(k int) Wiring { return Wiring{Phases: On(Phase(k/2%3), Phase((k/2+1)%3)), Volts: 120} }, 0.005, 0.06}, // the scarce pair of phases changes from one moment to the next
	} {
		t.Run(c.name, func(t *testing.T) {
			visits, limits := workdays(3, c.wiring), qualityLimits(c.amps)
			by := func(rule Rule) float64 {
				return delivered(visits, limits, NewEngine(qualityTree, rule, Options{}).Decide)
			}
			equally, smoothed, ours := by(equal{}), by(published{}), by(deadline{})
			best := delivered(visits, limits, momentary)
			t.Logf("of the energy asked for: equal %.1f %%, smoothed least laxity %.1f %%, linear program %.1f %%, deadline %.1f %%",
				100*equally, 100*smoothed, 100*best, 100*ours)
			require.GreaterOrEqual(t, ours, smoothed+c.gain)
			require.GreaterOrEqual(t, ours, best-c.short)
		})
	}
}

package optimum

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
)

const hour = 3_600_000 // ms

func kw(v int64) int64 { return v * 1_000_000 }

func limit(power int64, amps ...int64) Limit {
	l := Limit{Amps: [3]int64{Unlimited, Unlimited, Unlimited}, Power: power}
	for p, a := range amps {
		l.Amps[p] = a * 1000
	}
	return l
}

var (
	allPhases = [3]bool{true, true, true}
	none      = func(int, int) {}
)

func TestByHand(t *testing.T) {
	grid := func(l Limit) *Site {
		return &Site{Parents: []int{-1}, Volts: 200, Periods: []Period{{0, []Limit{l}}}}
	}
	car := func(from, to, kwh, most int64, phases [3]bool) Demand {
		return Demand{From: from * hour, To: to * hour, Need: kw(kwh), Most: kw(most), Phases: phases}
	}
	l1, l2 := [3]bool{true}, [3]bool{false, true}
	for _, c := range []struct {
		name    string
		site    *Site
		demands []Demand
		want    int64
	}{
		{"nobody", grid(limit(kw(10))), nil, 0},
		{"one has all", grid(limit(kw(10))), []Demand{car(0, 2, 30, 8, l1)}, 16},
		{"no more than it wants", grid(limit(kw(10))), []Demand{car(0, 5, 30, 8, l1)}, 30},
		{"the one that leaves first goes first", grid(limit(kw(10))), []Demand{car(0, 2, 10, 10, l1), car(0, 1, 10, 10, l2)}, 20},
		{"a phase of 20 A is 4 kW", grid(limit(Unlimited, 20, 40)), []Demand{car(0, 1, 10, 10, l1), car(0, 1, 10, 10, l2)}, 12},
		{"three phases of 20 A are 12 kW", grid(limit(kw(40), 20, 20, 20)), []Demand{car(0, 1, 50, 40, allPhases)}, 12},
		{"a limit below nothing", grid(limit(-1)), []Demand{car(0, 1, 50, 40, allPhases)}, 0},
		{"time in between when nobody is there", grid(limit(kw(10))), []Demand{car(0, 1, 50, 40, l1), car(3, 4, 50, 40, l1)}, 20},
		{
			"a limit that falls", &Site{Parents: []int{-1}, Volts: 200, Periods: []Period{{0, []Limit{limit(kw(10))}}, {hour, []Limit{limit(kw(3))}}}},
			[]Demand{car(0, 2, 50, 40, l1)},
			13,
		},
		{
			"a row below the grid", &Site{Parents: []int{-1, 0}, Volts: 200, Periods: []Period{{0, []Limit{limit(kw(10)), limit(Unlimited, 20)}}}},
			[]Demand{{To: hour, Need: kw(9), Most: kw(9), Circuit: 1, Phases: l1}, {To: hour, Need: kw(9), Most: kw(9), Phases: l1}},
			10,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, Result{kw(c.want), true}, Most(c.site, c.demands, none))
		})
	}
}

// chance draws a site of up to four circuits and a day of up to five cars.
func chance(r *rand.Rand) (*Site, []Demand) {
	site := &Site{Parents: []int{-1}, Volts: 230}
	for i := range r.IntN(4) {
		site.Parents = append(site.Parents, r.IntN(i+1))
	}
	mixed := r.IntN(3) > 0
	for p := range 1 + r.IntN(2) {
		period := Period{From: int64(p * 4 * hour)}
		for range site.Parents {
			l := limit(Unlimited)
			if r.IntN(3) > 0 {
				l.Power = kw(int64(r.IntN(30)))
			}
			if mixed && r.IntN(2) == 0 {
				l = limit(l.Power, int64(r.IntN(60)), int64(r.IntN(60)), int64(r.IntN(60)))
			}
			period.Limits = append(period.Limits, l)
		}
		site.Periods = append(site.Periods, period)
	}
	var demands []Demand
	for range 1 + r.IntN(5) {
		from := int64(r.IntN(6 * hour))
		d := Demand{From: from, To: from + 1 + int64(r.IntN(4*hour)), Need: kw(int64(r.IntN(40))), Most: kw(int64(1 + r.IntN(22))), Circuit: r.IntN(len(site.Parents))}
		d.Phases = [...][3]bool{{true}, {false, true}, {false, false, true}, allPhases, {true, false, true}}[r.IntN(5)]
		demands = append(demands, d)
	}
	return site, demands
}

// program is the same problem as a linear program, solved by gonum: how much
// energy goes to each car in each interval, evenly on its phases. In kWh.
func program(t *testing.T, site *Site, demands []Demand) float64 {
	cuts := (&problem{site: site, demands: demands}).cuts()
	type amount struct{ car, interval int }
	var amounts []amount
	for i := range len(cuts) - 1 {
		for k, d := range demands {
			if d.From <= cuts[i] && cuts[i+1] <= d.To {
				amounts = append(amounts, amount{k, i})
			}
		}
	}
	var rows [][]float64 // Σ row × amounts ≤ most
	var most []float64
	bound := func(v float64, of func(a amount) float64) {
		row := make([]float64, len(amounts))
		for i, a := range amounts {
			row[i] = of(a)
		}
		rows, most = append(rows, row), append(most, v)
	}
	kwh := func(mw, ms int64) float64 { return float64(mw) / 1e6 * float64(ms) / hour }
	for k, d := range demands {
		bound(float64(d.Need)/1e6, func(a amount) float64 { return indicator(a.car == k) })
	}
	for i := range len(cuts) - 1 {
		ms := cuts[i+1] - cuts[i]
		for k, d := range demands {
			bound(kwh(d.Most, ms), func(a amount) float64 { return indicator(a == amount{k, i}) })
		}
		p := site.Periods[len(site.Periods)-1]
		for _, q := range slices.Backward(site.Periods) {
			if p = q; q.From <= cuts[i] {
				break
			}
		}
		for c, l := range p.Limits {
			in := func(a amount) bool {
				at := demands[a.car].Circuit
				for at >= 0 && at != c {
					at = site.Parents[at]
				}
				return a.interval == i && at == c
			}
			if l.Power < Unlimited {
				bound(kwh(max(0, l.Power), ms), func(a amount) float64 { return indicator(in(a)) })
			}
			for ph, amps := range l.Amps {
				if amps < Unlimited {
					bound(kwh(max(0, amps)*site.Volts, ms), func(a amount) float64 {
						d := &demands[a.car]
						return indicator(in(a) && d.Phases[ph]) / float64(count(d.Phases))
					})
				}
			}
		}
	}
	// In standard form: a slack for each row, which are the first basis.
	n, m := len(amounts), len(rows)
	a := mat.NewDense(m, n+m, nil)
	cost, basis := make([]float64, n+m), make([]int, m)
	for i := range n {
		cost[i] = -1
	}
	for i, row := range rows {
		for k, v := range row {
			a.Set(i, k, v)
		}
		a.Set(i, n+i, 1)
		basis[i] = n + i
	}
	value, _, err := lp.Simplex(cost, a, most, 1e-10, basis)
	require.NoError(t, err)
	return -value
}

func indicator(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// It is the optimum of the linear program wherever it says so, and never below.
func TestAgainstALinearProgram(t *testing.T) {
	exact, loose := 0, 0
	for seed := range 300 {
		site, demands := chance(rand.New(rand.NewPCG(1, uint64(seed))))
		got := Most(site, demands, none)
		want := program(t, site, demands)
		what := fmt.Sprintf("seed %d: %+v %+v", seed, site, demands)
		require.GreaterOrEqual(t, float64(got.Delivered)/1e6, want-1e-5, what)
		if got.Exact {
			exact++
			require.InDelta(t, want, float64(got.Delivered)/1e6, 1e-5, what)
		} else {
			loose++
		}
	}
	require.Greater(t, exact, 100)
	require.Greater(t, loose, 50)
}

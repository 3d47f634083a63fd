package optimum

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// Unlimited marks a limit that does not exist; every value from it on does.
const Unlimited = math.MaxInt64 / 4

// Limit is what a circuit may carry for cars: on each phase in mA and in all in
// mW. Negative is as zero.
type Limit struct {
	Amps  [3]int64
	Power int64
}

// Period is a time from which limits hold, in ms, and the limits of all
// circuits.
type Period struct {
	From   int64
	Limits []Limit
}

// Demand is a car: there from one time to another in ms, in want of some energy
// in mWh, able to draw so much in mW, evenly on its phases.
type Demand struct {
	From, To int64
	Need     int64
	Most     int64
	Circuit  int
	Phases   [3]bool
}

// Site is what the cars have to share.
type Site struct {
	Parents []int // of each circuit, -1 for a root; a parent's index is smaller
	Volts   int64 // between phase and neutral
	Periods []Period
}

// Result is the most that can be delivered.
type Result struct {
	Delivered int64 // mWh, rounded up
	Exact     bool  // it can be reached; else it is an upper bound
}

// microjoules in a mWh.
const microjoules = 3_600_000

// Most is the most energy that the site can deliver. progress is told how many
// of the demands are done.
func Most(site *Site, demands []Demand, progress func(done, total int)) Result {
	sorted := slices.Clone(demands)
	slices.SortStableFunc(sorted, func(a, b Demand) int { return cmp.Compare(a.From, b.From) })
	out := Result{Exact: true}
	for from := 0; from < len(sorted); {
		to, until := from, sorted[from].To
		for to < len(sorted) && sorted[to].From < until {
			until = max(until, sorted[to].To)
			to++
		}
		p := &problem{site: site, demands: sorted[from:max(to, from+1)], exact: true}
		out.Delivered += p.solve()
		out.Exact = out.Exact && p.exact
		from = max(to, from+1)
		progress(from, len(sorted))
	}
	return out
}

// problem is a time in which somebody is always there.
type problem struct {
	site    *Site
	demands []Demand
	net     *network
	exact   bool
}

// solve builds the network and returns what flows, in mWh.
func (p *problem) solve() int64 {
	p.net = newNetwork()
	cars := make([]int32, len(p.demands))
	wants := make([]int32, len(p.demands)) // edges from the source
	for i, d := range p.demands {
		cars[i] = p.net.node()
		wants[i] = p.net.edge(source, cars[i], d.Need*microjoules)
	}
	cuts := p.cuts()
	for i := 0; i+1 < len(cuts); i++ {
		var there []int
		for k := range p.demands {
			if d := &p.demands[k]; d.From <= cuts[i] && cuts[i+1] <= d.To && d.Need > 0 {
				there = append(there, k)
			}
		}
		if len(there) > 0 {
			p.interval(there, cars, p.limitsAt(cuts[i]), cuts[i+1]-cuts[i])
		}
	}
	p.net.solve()
	var sum int64
	for i, d := range p.demands {
		sum += d.Need*microjoules - p.net.room[wants[i]]
	}
	return (sum + microjoules - 1) / microjoules
}

// cuts are the times at which anything changes, in order.
func (p *problem) cuts() []int64 {
	var cuts []int64
	for _, d := range p.demands {
		cuts = append(cuts, d.From, d.To)
	}
	first, last := slices.Min(cuts), slices.Max(cuts)
	for _, period := range p.site.Periods {
		if period.From > first && period.From < last {
			cuts = append(cuts, period.From)
		}
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// limitsAt is the limits that hold from a time on.
func (p *problem) limitsAt(t int64) []Limit {
	periods := p.site.Periods
	i := sort.Search(len(periods), func(i int) bool { return periods[i].From > t })
	return periods[max(0, i-1)].Limits
}

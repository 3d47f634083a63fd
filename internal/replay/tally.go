package replay

import (
	"math"
	"slices"

	"github.com/headroom-ev/headroom/internal/replay/picture"
	"github.com/headroom-ev/headroom/policy"
)

// Run is what one rule made of a recording. Times are in seconds, energies in
// kilowatt hours.
type Run struct {
	Config       string  `json:"config"`
	Site         string  `json:"site"`
	Share        string  `json:"share"`
	Car          string  `json:"car"`
	Sessions     int     `json:"sessions"`
	Queued       int     `json:"queued"`      // found their connector taken and had to stand in line
	TurnedAway   int     `json:"turned_away"` // and left before their turn came
	RequestedKWh float64 `json:"requested_kwh"`
	DeliveredKWh float64 `json:"delivered_kwh"`
	Delivered    float64 `json:"delivered_ratio"`
	FullyServed  float64 `json:"fully_served_ratio"` // of the sessions: less than 0.1 kWh short
	PeakKW       float64 `json:"peak_kw"`            // highest power of all grid connections together, base load included
	OverLimit    float64 `json:"over_limit_seconds"` // in which any circuit's true load passed its limit on a phase or in power
	WaitP95      float64 `json:"wait_p95_seconds"`   // of all sessions: time without power while wanting it
	LongestWait  float64 `json:"longest_wait_seconds"`
	Jain         float64 `json:"jain_index"`              // of delivered / requested
	Orders       int     `json:"orders"`                  // changes of a session's limit by 0.5 A or more, or to or from 0
	OrdersPer    float64 `json:"orders_per_session_hour"` // for each hour that a session was plugged in
}

// served is by how much a session may be short and count as served.
const served = 100 * 1000 // mWh

// anOrder is the change of a limit that counts as an order.
const anOrder = policy.Ampere / 2

// waiting is how long a session was without power while it wanted some, in ms.
type waiting struct {
	total   int64
	stretch int64 // that lasts now
	longest int64
}

func (w *waiting) add(ms int64, waits bool) {
	if !waits {
		w.stretch = 0
		return
	}
	w.total += ms
	w.stretch += ms
	w.longest = max(w.longest, w.stretch)
}

// tally counts while a run goes on.
type tally struct {
	site *Site
	line *picture.Timeline // nil: nobody wants a picture

	loads  []policy.Load // scratch
	peak   policy.Milliwatts
	overMS int64
	orders int

	plugged   int64 // ms of all sessions
	requested policy.MilliwattHours
	delivered policy.MilliwattHours
	full      int
	waits     []int64 // ms
	longest   int64
	ratios    []float64
	queued    int
	away      int
}

// order counts what the daemon would send to reach a level.
func (t *tally) order(p *present, level policy.Milliamps) {
	moved := max(level-p.ordered, p.ordered-level)
	if moved >= anOrder || moved > 0 && (level == 0 || p.ordered == 0) {
		t.orders++
		p.ordered = level
	}
}

// pass counts the time up to until, in which nothing changes.
func (t *tally) pass(r *run, until int64) {
	t.loads = append(t.loads[:0], make([]policy.Load, len(t.site.circuits))...)
	waits := 0
	for _, p := range r.there {
		c := t.site.connectors[p.connector].circuit
		t.loads[c] = t.loads[c].Plus(p.wiring.At(p.draw))
		p.waits.add(until-r.now, p.draw == 0)
		if p.draw == 0 {
			waits++
		}
	}
	t.site.tree.AddUp(t.loads)
	over := false
	var power policy.Milliwatts
	limit := 0.0
	for k := range t.loads {
		load := t.loads[k].Plus(t.site.circuits[k].base)
		over = over || !load.Fits(r.limits[k].limit)
		if t.site.tree.Parent(k) < 0 {
			power += load.Power
			limit += t.site.inPower(r.limits[k].limit)
		}
	}
	t.peak = max(t.peak, power)
	if over {
		t.overMS += until - r.now
	}
	if t.line != nil {
		t.line.Add(r.at(r.now), r.at(until), float64(power)/float64(policy.Kilowatt), limit, waits)
	}
}

// end counts a session that is served or has to go.
func (t *tally) end(p *present) {
	t.count(p.stay, p.delivered(), p.left == 0, p.waits)
}

// absent counts a session that never wanted or never got a connector.
func (t *tally) absent(st *stay) {
	var w waiting
	if st.need > 0 {
		w.add(st.departure-st.arrival, true)
	}
	t.count(st, 0, st.need == 0, w)
}

func (t *tally) count(st *stay, got policy.MilliwattHours, all bool, w waiting) {
	if all { // to the last part of a milliwatt hour
		got = st.Energy
	}
	t.requested += st.Energy
	t.delivered += got
	t.plugged += st.departure - st.plugged
	t.waits = append(t.waits, w.total)
	t.longest = max(t.longest, w.longest)
	if st.Energy-got < served {
		t.full++
	}
	if st.Energy > 0 {
		t.ratios = append(t.ratios, float64(got)/float64(st.Energy))
	}
	switch {
	case st.turnedAway():
		t.away++
	case st.plugged > st.arrival:
		t.queued++
	}
}

// result sums up.
func (t *tally) result() Run {
	n := len(t.waits)
	slices.Sort(t.waits)
	slices.Sort(t.ratios) // sums in one order, whoever left first
	out := Run{
		Sessions: n, Queued: t.queued, TurnedAway: t.away,
		RequestedKWh: kwh(t.requested), DeliveredKWh: kwh(t.delivered), Delivered: ratio(float64(t.delivered), float64(t.requested)),
		FullyServed: ratio(float64(t.full), float64(n)), PeakKW: float64(t.peak) / float64(policy.Kilowatt),
		OverLimit: seconds(t.overMS), WaitP95: seconds(percentile(t.waits, 95)), LongestWait: seconds(t.longest),
		Jain: jain(t.ratios), Orders: t.orders,
	}
	if hours := float64(t.plugged) / 3.6e6; hours > 0 {
		out.OrdersPer = float64(t.orders) / hours
	}
	return out
}

func kwh(e policy.MilliwattHours) float64 { return float64(e) / float64(policy.KWh) }

func seconds(ms int64) float64 { return float64(ms) / 1000 }

// ratio is part/whole; all of nothing is 1.
func ratio(part, whole float64) float64 {
	if whole == 0 {
		return 1
	}
	return part / whole
}

// percentile is the smallest value that p per cent of the sorted values do not
// pass.
func percentile(sorted []int64, p int) int64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// jain is Jain's index of fairness: (Σx)² / (n Σx²), 1 where all have the same
// and 1/n where one has all.
//
// Source: R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness and
// discrimination for resource allocation in shared computer systems" (1984).
func jain(x []float64) float64 {
	var sum, squares float64
	for _, v := range x {
		sum += v
		squares += v * v
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(x)) * squares)
}

// inPower is a limit as a total power in kW; +Inf where there is none.
func (s *Site) inPower(limit policy.Load) float64 {
	kw := math.Inf(1)
	if limit.Power < policy.Unlimited {
		kw = float64(limit.Power) / float64(policy.Kilowatt)
	}
	if sum := limit.Amps[0] + limit.Amps[1] + limit.Amps[2]; sum < policy.Unlimited {
		kw = min(kw, float64(sum)*float64(s.volts)/1e6)
	}
	return kw
}

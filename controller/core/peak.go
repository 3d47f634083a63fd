package core

import (
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Grid operators bill the highest mean power of all windows of a month, most
// often of a quarter of an hour, aligned with the clock. What a window's energy
// leaves may be drawn in the rest of it, so the limit that follows from a peak
// moves with what was drawn so far. A peak costs money and is no danger: it never
// asks for less than the fallbacks of the chargers.

// demand is the energy that a circuit takes in the window that runs, and the
// highest mean of the month.
type demand struct {
	set     Peak
	target  policy.Milliwatts // less the margin
	zone    *time.Location
	start   time.Time // of the window
	until   time.Time // up to which the energy is counted
	energy  int64     // since the start, in mW·ms
	partial bool      // some of it is assumed
	paced   policy.Milliwatts

	month   string // as 2006-01, in the site's zone
	peak    policy.Milliwatts
	peakAt  time.Time // start of its window
	changed bool      // and it is to be kept
	savedAt time.Time
}

// newDemand begins in the middle of a window: what flowed before is assumed.
func newDemand(set Peak, now time.Time, zone *time.Location) demand {
	if set.Window == 0 {
		return demand{}
	}
	d := demand{set: set, zone: zone, paced: policy.Unlimited}
	d.start = d.startOf(now)
	d.until, d.partial = d.start, true
	return d
}

// startOf is when the window of the time t began, by the clock of the site.
func (d *demand) startOf(t time.Time) time.Time {
	local := t.In(d.zone)
	into := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	return t.Add(-(into % d.set.Window))
}

// monthOf is the month of a window.
func (d *demand) monthOf(start time.Time) string { return start.In(d.zone).Format("2006-01") }

// The longest time between two passes for which it is known what flowed, and
// how often the energy of a running window is kept.
const (
	knownFor   = 30 * time.Second
	keepDemand = time.Minute
)

// add counts what flowed since the last time. It returns the mean of a window
// that ended, if one did and all of it is known.
func (d *demand) add(now time.Time, flow policy.Milliwatts) (mean policy.Milliwatts, ended bool) {
	gap := now.Sub(d.until)
	if gap < 0 || gap > 24*time.Hour { // the clock was set, or the machine slept for long
		d.start = d.startOf(now)
		d.until, d.energy, d.partial = d.start, 0, true
		gap = now.Sub(d.until)
	}
	if gap > knownFor { // nobody knows: neither a reserve nor a debt
		flow, d.partial = d.target, true
	}
	for {
		end := d.start.Add(d.set.Window)
		to := now
		if end.Before(now) {
			to = end
		}
		took := to.Sub(d.until).Milliseconds()
		d.energy += int64(flow) * took
		d.until = d.until.Add(time.Duration(took) * time.Millisecond)
		if now.Before(end) {
			return mean, ended
		}
		if !d.partial {
			mean, ended = policy.Milliwatts(d.energy/d.set.Window.Milliseconds()), true
			d.remember(mean)
		}
		d.start, d.until, d.energy, d.partial = end, end, 0, gap > knownFor
		d.changed = true
	}
}

// remember takes the mean of a window into the month.
func (d *demand) remember(mean policy.Milliwatts) {
	if month := d.monthOf(d.start); month != d.month {
		d.month, d.peak, d.peakAt = month, 0, time.Time{}
	}
	if mean > d.peak || d.peakAt.IsZero() {
		d.peak, d.peakAt = mean, d.start
	}
}

// mean is the mean power of the window so far.
func (d *demand) mean() policy.Milliwatts {
	took := d.until.Sub(d.start).Milliseconds()
	if took == 0 {
		return 0
	}
	return policy.Milliwatts(d.energy / took)
}

// pace is the power that keeps the mean within the target: when it flows from
// now on, since a raise may act at once, and when it flows from the time on at
// which cuts have acted, given what may flow until then. Near its end, a window
// can not be helped any more, and the next one can.
func (d *demand) pace(now time.Time, may policy.Milliwatts, reaction time.Duration) policy.Milliwatts {
	window := d.set.Window
	lag := min(reaction, window/2)
	rest := d.start.Add(window).Sub(now)
	budget := func(energy int64, rest, lag time.Duration) policy.Milliwatts {
		left := int64(d.target)*window.Milliseconds() - energy - int64(may)*lag.Milliseconds()
		return policy.Milliwatts(left / max(1, (rest-lag).Milliseconds()))
	}
	from := budget(d.energy, rest, 0)
	if rest > lag {
		return min(from, budget(d.energy, rest, lag))
	}
	return min(from, d.target, budget(0, window, lag-rest))
}

// updateDemand counts what flowed since the last pass, on the circuits that
// have a peak.
func (s *Site) updateDemand() {
	for k := range s.circuits {
		c := &s.circuits[k]
		d := &c.demand
		if d.set.Window == 0 {
			continue
		}
		if mean, ended := d.add(s.now, c.flow); ended && mean > d.set.Power {
			s.note(NoteLimit, Note{Alarm: true, Circuit: c.set.ID}, "%s drew %s on average in the window that ended at %s: its peak is to stay below %s",
				c.set.ID, mean, d.start.In(s.set.Zone).Format("15:04"), d.set.Power)
		}
		if s.now.Sub(d.savedAt) >= keepDemand {
			d.changed = true
		}
	}
}

// paceDemand lowers what the circuits permit to what their peaks leave.
func (s *Site) paceDemand() {
	var fallbacks []policy.Load
	for k := range s.circuits {
		c := &s.circuits[k]
		if c.demand.set.Window == 0 {
			continue
		}
		if fallbacks == nil {
			fallbacks = s.fallbacks()
		}
		may := min(s.ledger.Booked()[k].Power+c.baseBelow.Power, max(c.limit.Power, c.flow))
		c.demand.paced = max(c.demand.pace(s.now, may, s.reaction()), fallbacks[k].Power+c.baseBelow.Power)
		c.permitted.Power = min(c.permitted.Power, c.demand.paced-c.baseBelow.Power)
	}
}

// fallbacks is, for each circuit, the sum of the fallbacks below it.
func (s *Site) fallbacks() []policy.Load {
	sum := make([]policy.Load, len(s.circuits))
	for i := range s.connectors {
		c := &s.connectors[i]
		sum[c.circuit] = sum[c.circuit].Plus(c.set.Wiring.At(s.plannedFallback(i)))
	}
	s.tree.AddUp(sum)
	return sum
}

// PeakRecord is what must be known of a peak after a restart.
type PeakRecord struct {
	Circuit string            `json:"circuit"`
	Window  time.Duration     `json:"window_ns"`
	Start   time.Time         `json:"start"`
	Until   time.Time         `json:"until"`
	Energy  int64             `json:"energy_mwms"` // from Start to Until
	Partial bool              `json:"partial,omitempty"`
	Month   string            `json:"month,omitempty"`
	Peak    policy.Milliwatts `json:"peak_mw"`
	PeakAt  time.Time         `json:"peak_at,omitzero"`
}

// peakRecords are the records of the peaks, where one of them is to be kept.
func (s *Site) peakRecords() []PeakRecord {
	var records []PeakRecord
	wanted := false
	for k := range s.circuits {
		d := &s.circuits[k].demand
		if d.set.Window == 0 {
			continue
		}
		wanted = wanted || d.changed
		records = append(records, d.record(s.tree.ID(k)))
	}
	if !wanted {
		return nil
	}
	for k := range s.circuits {
		d := &s.circuits[k].demand
		d.changed, d.savedAt = false, s.now
	}
	return records
}

func (d *demand) record(circuit string) PeakRecord {
	return PeakRecord{
		Circuit: circuit, Window: d.set.Window, Start: d.start, Until: d.until, Energy: d.energy, Partial: d.partial,
		Month: d.month, Peak: d.peak, PeakAt: d.peakAt,
	}
}

// restorePeak takes over a record. The energy of a window that ended meanwhile
// is not known.
func (s *Site) restorePeak(r PeakRecord) {
	k, ok := s.tree.Index(r.Circuit)
	if !ok {
		return
	}
	s.circuits[k].demand.resume(r)
}

// resume continues a window, if it still runs, and the month.
func (d *demand) resume(r PeakRecord) {
	if d.set.Window == 0 {
		return
	}
	d.month, d.peak, d.peakAt = r.Month, r.Peak, r.PeakAt
	if r.Window == d.set.Window && r.Start.Equal(d.start) && r.Until.After(r.Start) {
		d.until, d.energy, d.partial = r.Until, r.Energy, r.Partial
	}
}

func (d *demand) view() *PeakView {
	if d.set.Window == 0 {
		return nil
	}
	v := &PeakView{
		TargetW: thousandth(d.set.Power), Window: d.set.Window.Seconds(), Since: d.start, MeanW: thousandth(d.mean()),
		PacedW: limitPart(int64(d.paced)),
	}
	if !d.peakAt.IsZero() {
		v.MonthW, v.MonthAt = new(thousandth(d.peak)), new(d.peakAt)
	}
	return v
}

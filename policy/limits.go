package policy

import "time"

// Margin is what is kept free on a circuit. Its parts add up.
type Margin struct {
	PerMille int64 // of each part of the limit, 0 … 1000
	Load     Load  // absolute
}

// Under is the limit less the margin.
func (m Margin) Under(limit Load) Load {
	part := func(v int64) int64 {
		if v >= Unlimited {
			return v
		}
		return v - (v*m.PerMille+999)/1000
	}
	for p := range limit.Amps {
		limit.Amps[p] = Milliamps(part(int64(limit.Amps[p])))
	}
	limit.Power = Milliwatts(part(int64(limit.Power)))
	return limit.Minus(m.Load)
}

// Window is a limit that holds at certain hours of certain days, by the wall
// clock of the site. A window whose To is not after its From ends on the next
// day and belongs to the day on which it begins. Hours that the clocks skip or
// repeat in spring and autumn are in the window when the wall clock says so.
type Window struct {
	Days     [7]bool // by time.Weekday
	From, To int     // minutes after midnight, 0 … 1440
	Limit    Load
}

// holds reports whether the window is open at the local time t.
func (w *Window) holds(t time.Time) bool {
	minute := t.Hour()*60 + t.Minute()
	today, yesterday := w.Days[t.Weekday()], w.Days[(t.Weekday()+6)%7]
	if w.From < w.To {
		return today && minute >= w.From && minute < w.To
	}
	return today && minute >= w.From || yesterday && minute < w.To
}

// External is a limit from outside, such as a grid operator's. It can only
// lower. It holds from From until Until; after that Fallback holds until the
// limit is ended or renewed.
type External struct {
	Name        string
	From, Until time.Time // a zero From is now
	Limit       Load
	Fallback    Load // NoLimit where there is none
}

// at is what the limit says at the time t.
func (x *External) at(t time.Time) Load {
	switch {
	case !x.From.IsZero() && t.Before(x.From):
		return NoLimit()
	case t.Before(x.Until):
		return x.Limit
	}
	return x.Fallback
}

// Limits is all that limits one circuit.
type Limits struct {
	Configured Load
	Margin     Margin
	Windows    []Window
	External   []External // sorted by name
}

// Source says what set a limit: "config", "schedule", or "external:" and a
// name.
type Source string

// Sources of a limit that have no name of their own.
const (
	FromConfig   Source = "config"
	FromSchedule Source = "schedule"
)

// At is the limit in force at the time t, the tightest of all, in every part.
// Its source is the last one that made it tighter. The margin is not taken off.
func (l *Limits) At(t time.Time, zone *time.Location) (Load, Source) {
	limit, source := l.Configured, FromConfig
	tighten := func(by Load, from Source) {
		if tighter := limit.Tightest(by); tighter != limit {
			limit, source = tighter, from
		}
	}
	if len(l.Windows) > 0 {
		local := t.In(zone)
		for i := range l.Windows {
			if w := &l.Windows[i]; w.holds(local) {
				tighten(w.Limit, FromSchedule)
			}
		}
	}
	for i := range l.External {
		x := &l.External[i]
		tighten(x.at(t), "external:"+Source(x.Name))
	}
	return limit, source
}

// horizon is how far ahead NextChange looks: past every day of the week and a
// change of the clocks.
const horizon = 8 * 24 * time.Hour

// NextChange is the first time after t at which At gives another limit, and
// whether there is one within a week.
func (l *Limits) NextChange(t time.Time, zone *time.Location) (time.Time, bool) {
	now, _ := l.At(t, zone)
	for edge := t; ; {
		next, ok := l.nextEdge(edge, zone)
		if !ok || next.Sub(t) > horizon {
			return time.Time{}, false
		}
		if limit, _ := l.At(next, zone); limit != now {
			return next, true
		}
		edge = next
	}
}

// nextEdge is the first time after t at which anything begins or ends.
func (l *Limits) nextEdge(t time.Time, zone *time.Location) (time.Time, bool) {
	var best time.Time
	consider := func(at time.Time) {
		if at.After(t) && (best.IsZero() || at.Before(best)) {
			best = at
		}
	}
	for i := range l.External {
		consider(l.External[i].From)
		consider(l.External[i].Until)
	}
	if len(l.Windows) > 0 {
		local := t.In(zone)
		if _, end := local.ZoneBounds(); !end.IsZero() {
			consider(end) // the clocks change
		}
		year, month, day := local.Date()
		for i := range l.Windows {
			for ahead := range 9 {
				for _, minute := range [...]int{l.Windows[i].From, l.Windows[i].To} {
					eachInstant(time.Date(year, month, day+ahead, minute/60, minute%60, 0, 0, zone), consider)
				}
			}
		}
	}
	return best, !best.IsZero()
}

// eachInstant calls f with every instant at which the wall clock shows what it
// shows at t: two where the clocks are set back over it.
func eachInstant(t time.Time, f func(time.Time)) {
	f(t)
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	if !end.IsZero() {
		_, next := end.Zone()
		if again := t.Add(time.Duration(offset-next) * time.Second); !again.Before(end) {
			f(again)
		}
	}
	if !start.IsZero() {
		_, before := start.Add(-1).Zone()
		if earlier := t.Add(time.Duration(offset-before) * time.Second); earlier.Before(start) {
			f(earlier)
		}
	}
}

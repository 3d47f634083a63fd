package picture

import (
	"strconv"
	"time"
)

// tick is a mark on an axis.
type tick[T any] struct {
	at    T
	label string
}

// mostTicks is how many labels fit side by side.
const mostTicks = 14

// pace is a distance between ticks: hours within a day, or days, or months.
type pace struct{ hours, days, months int }

var paces = []pace{
	{hours: 1}, {hours: 2}, {hours: 3}, {hours: 6}, {hours: 12}, {days: 1}, {days: 2}, {days: 7}, {days: 14}, {months: 1}, {months: 3}, {months: 12},
}

// timeTicks puts ticks on whole hours, days, weeks or months of a zone's clock,
// that of from.
func timeTicks(from, to time.Time) []tick[time.Time] {
	var ticks []tick[time.Time]
	for _, p := range paces {
		ticks = ticks[:0]
		for at := p.start(from); !at.After(to) && len(ticks) <= mostTicks; at = p.next(at) {
			if !at.Before(from) {
				ticks = append(ticks, tick[time.Time]{at, p.label(at)})
			}
		}
		if len(ticks) <= mostTicks {
			break
		}
	}
	return ticks
}

// start is the last tick at or before t, more or less.
func (p pace) start(t time.Time) time.Time {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
	switch {
	case p.months > 0:
		return time.Date(t.Year(), t.Month()-(t.Month()-1)%time.Month(p.months), 1, 0, 0, 0, 0, t.Location())
	case p.days >= 7: // Mondays
		return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	}
	return day
}

func (p pace) next(t time.Time) time.Time {
	if p.hours > 0 {
		next := time.Date(t.Year(), t.Month(), t.Day(), t.Hour()+p.hours, 0, 0, 0, t.Location())
		if !next.After(t) { // into the hour that the clocks skip
			next = t.Add(time.Duration(p.hours) * time.Hour)
		}
		return next
	}
	return t.AddDate(0, p.months, p.days)
}

func (p pace) label(t time.Time) string {
	switch {
	case p.hours > 0 && t.Hour() > 0:
		return t.Format("15:04")
	case p.months > 0:
		return t.Format("Jan 2006")
	}
	return t.Format("2 Jan")
}

// wholeTicks puts ticks on whole numbers from 0.
func wholeTicks(most float64) []tick[int] {
	const enough = 6
	step := 1
	for i := 0; int(most)/step > enough; i++ {
		step = step * [...]int{2, 5, 2}[i%3] / [...]int{1, 2, 1}[i%3] // 1, 2, 5, 10, 20 …
	}
	var ticks []tick[int]
	for v := 0; v <= int(most); v += step {
		ticks = append(ticks, tick[int]{v, strconv.Itoa(v)})
	}
	return ticks
}

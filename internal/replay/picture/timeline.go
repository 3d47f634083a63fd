package picture

import (
	"math"
	"time"
)

// Point is what happened from one time to the next.
type Point struct {
	From, To       time.Time
	Mean, Most     float64 // kW of the site
	Limit          float64 // kW, the lowest in force; +Inf: none
	Waiting        float64 // mean number of cars without power that want some
	MostWaiting    int
	energy, waited float64 // × seconds
	seconds        float64
}

// Timeline gathers a run into points of a width that can be drawn: days of the
// site's clock for more than ten days, else quarters of an hour, or minutes for
// less than a day.
type Timeline struct {
	points []Point
	at     int
}

// NewTimeline is a timeline from one time to another, in the zone of from.
func NewTimeline(from, to time.Time) *Timeline {
	t := &Timeline{}
	var next func(time.Time) time.Time
	switch span := to.Sub(from); {
	case span > 10*24*time.Hour:
		from = time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, from.Location())
		next = func(d time.Time) time.Time { return d.AddDate(0, 0, 1) }
	case span > 24*time.Hour:
		from = from.Truncate(15 * time.Minute)
		next = func(d time.Time) time.Time { return d.Add(15 * time.Minute) }
	default:
		from = from.Truncate(time.Minute)
		next = func(d time.Time) time.Time { return d.Add(time.Minute) }
	}
	for at := from; at.Before(to); at = next(at) {
		t.points = append(t.points, Point{From: at, To: next(at), Limit: math.Inf(1)})
	}
	return t
}

// Add tells what held from one time to another. Calls come in the order of time.
func (t *Timeline) Add(from, to time.Time, kw, limit float64, waiting int) {
	for from.Before(to) && t.at < len(t.points) {
		p := &t.points[t.at]
		if !from.Before(p.To) {
			t.at++
			continue
		}
		until := to
		if p.To.Before(until) {
			until = p.To
		}
		s := until.Sub(from).Seconds()
		p.energy += kw * s
		p.waited += float64(waiting) * s
		p.seconds += s
		p.Most, p.Limit, p.MostWaiting = max(p.Most, kw), min(p.Limit, limit), max(p.MostWaiting, waiting)
		from = until
	}
}

// Points is all that was told, without times of which nothing was.
func (t *Timeline) Points() []Point {
	out := make([]Point, 0, len(t.points))
	for _, p := range t.points {
		if p.seconds > 0 {
			width := p.To.Sub(p.From).Seconds()
			p.Mean, p.Waiting = p.energy/width, p.waited/width
			out = append(out, p)
		}
	}
	return out
}

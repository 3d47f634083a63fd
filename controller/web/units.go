package web

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// unknown is what is shown where a value is not known. It is never 0.
const unknown = "unknown"

// kilowatts writes a power given in watts: "74.2 kW".
func kilowatts(w float64) string { return quantity(w/1000, "kW") }

// amperes writes a current: "13.7 A".
func amperes(a float64) string { return quantity(a, "A") }

// quantity writes a value with its unit, or that it is not known.
func quantity(v float64, unit string) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return unknown
	}
	return decimal(v) + " " + unit
}

// decimal writes a number with one decimal, and never a negative zero.
func decimal(v float64) string {
	if v = math.Round(v*10) / 10; v == 0 {
		v = 0
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// energy writes an energy given in watt hours, or that it is not known.
func energy(wh *float64) string {
	if wh == nil {
		return unknown
	}
	return quantity(*wh/1000, "kWh")
}

// levels are the levels of a connector in the unit in which it takes orders.
type levels struct {
	target, confirmed, inFlight *float64
	committed, fallback         float64
	write                       func(float64) string
}

func levelsOf(c *core.ConnectorView) levels {
	switch {
	case c.InAmperes != nil:
		l := c.InAmperes
		return levels{l.Target, l.Confirmed, l.InFlight, l.Committed, l.Fallback, amperes}
	case c.InWatts != nil:
		l := c.InWatts
		return levels{l.Target, l.Confirmed, l.InFlight, l.Committed, l.Fallback, kilowatts}
	}
	return levels{committed: math.NaN(), fallback: math.NaN(), write: amperes}
}

// text writes a level, or that it is not known.
func (l *levels) text(v *float64) string {
	if v == nil {
		return unknown
	}
	return l.write(*v)
}

// count writes a number of things: "1 session", "3 sessions".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// when is a time for the page. The script turns it into an age or a countdown;
// without the script it stays a time of the clock.
type when struct {
	At time.Time
	As string // clock, age, left or since
}

// Machine is the time as the script reads it.
func (w when) Machine() string { return w.At.UTC().Format("2006-01-02T15:04:05.000Z") }

// Text is the time as it is read without the script.
func (w when) Text() string { return w.At.Format("15:04:05") }

// Title is the time in full.
func (w when) Title() string { return w.At.Format("Mon 2 Jan 2006 15:04:05 MST") }

// at is a time for the page, or nil where it is not known.
func at(t time.Time, as string) *when {
	if t.IsZero() {
		return nil
	}
	return &when{t, as}
}

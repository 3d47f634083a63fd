package web

import (
	"strconv"

	"github.com/headroom-ev/headroom/controller/core"
)

// tolerance, in watts or amperes, is how far a load may lie over a limit before the page says so:
// limits and loads are sums of rounded numbers.
const tolerance = 0.05

// bar is what flows and may flow on a circuit, in total or on one
// phase, against what it may carry.
type bar struct {
	Label string // "Power", "L1"
	Limit *float64
	Base  float64 // other load
	Drawn float64 // by the chargers
	May   float64 // what the chargers may draw
	write func(float64) string
}

// Flow is all that flows.
func (b *bar) Flow() float64 { return b.Base + b.Drawn }

// Most is all that may flow.
func (b *bar) Most() float64 { return b.Base + max(b.May, b.Drawn) }

// Over reports whether more flows than the limit.
func (b *bar) Over() bool { return b.Limit != nil && b.Flow() > *b.Limit+tolerance }

// MayPass reports whether more may flow than the limit.
func (b *bar) MayPass() bool { return b.Limit != nil && b.Most() > *b.Limit+tolerance }

// Load is what may flow as a part of the limit; 0 where there is none.
func (b *bar) Load() float64 {
	switch {
	case b.Limit == nil:
		return 0
	case *b.Limit <= 0:
		return b.Most()
	}
	return b.Most() / *b.Limit
}

// FlowText, MostText, LimitText, BaseText and FreeText write the values with
// their units.
func (b *bar) FlowText() string { return b.write(b.Flow()) }

// MostText is what may flow.
func (b *bar) MostText() string { return b.write(b.Most()) }

// BaseText is the other load.
func (b *bar) BaseText() string { return b.write(b.Base) }

// LimitText is the limit.
func (b *bar) LimitText() string {
	if b.Limit == nil {
		return "no limit"
	}
	return b.write(*b.Limit)
}

// FreeText is what nobody may draw yet.
func (b *bar) FreeText() string {
	if b.Limit == nil {
		return "no limit"
	}
	return b.write(max(0, *b.Limit-b.Most()))
}

// Sentence says in words what the bar shows.
func (b *bar) Sentence() string {
	s := b.Label + ": " + b.FlowText() + " flow, of which " + b.BaseText() + " are other load; with what the chargers may draw " +
		b.MostText()
	if b.Limit == nil {
		return s + "; no limit"
	}
	return s + "; limit " + b.LimitText()
}

// The parts of the bar, in percent of its width.
func (b *bar) full() float64 {
	full := b.Most()
	if b.Limit != nil {
		full = max(full, *b.Limit)
	}
	return full
}

func (b *bar) percent(v float64) string {
	full := b.full()
	if full <= 0 {
		return "0%"
	}
	return strconv.FormatFloat(100*min(1, max(0, v/full)), 'f', 2, 64) + "%"
}

// BaseEnd is where the other load ends.
func (b *bar) BaseEnd() string { return b.percent(b.Base) }

// DrawnWidth is how wide the draw of the chargers is.
func (b *bar) DrawnWidth() string { return b.percent(b.Drawn) }

// FlowEnd is where it ends.
func (b *bar) FlowEnd() string { return b.percent(b.Flow()) }

// RestWidth is how wide what they may draw beyond it is.
func (b *bar) RestWidth() string { return b.percent(b.Most() - b.Flow()) }

// LimitAt is where the limit is.
func (b *bar) LimitAt() string {
	if b.Limit == nil {
		return ""
	}
	return b.percent(*b.Limit)
}

// PastWidth is how wide what passes the limit is.
func (b *bar) PastWidth() string {
	if !b.MayPass() {
		return ""
	}
	return b.percent(b.Most() - *b.Limit)
}

// barsOf are the bars of a circuit: power, then the phases.
func barsOf(c *core.CircuitView) []bar {
	bars := []bar{{Label: "Power", Limit: c.LimitW, Base: c.BaseLoadW, Drawn: c.MeasuredW, May: c.CommittedW, write: kilowatts}}
	for _, p := range c.Phases {
		bars = append(bars, bar{Label: p.Phase, Limit: p.LimitA, Base: p.BaseLoadA, Drawn: p.MeasuredA, May: p.CommittedA, write: amperes})
	}
	return bars
}

// tightest is the bar of a circuit of which the greatest part is spoken for.
func tightest(c *core.CircuitView) bar {
	bars := barsOf(c)
	best := bars[0]
	for _, b := range bars[1:] {
		if b.Load() > best.Load() {
			best = b
		}
	}
	return best
}

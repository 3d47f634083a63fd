package commission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// Step is one order and what came of it. Times are in seconds after the order.
type Step struct {
	Name     string   `json:"name"`
	Order    string   `json:"order"`
	Verdict  string   `json:"verdict"` // accepted, rejected or none
	Text     string   `json:"text,omitempty"`
	TookS    float64  `json:"verdict_seconds"`
	Changed  *Between `json:"changed_seconds,omitempty"` // none: no change was to be seen, or none was seen
	Followed bool     `json:"followed"`                  // the draw is what the limit allows
	DrawW    float64  `json:"draw_w"`                    // at the end of the step

	cut  bool          // the draw was to fall
	late time.Duration // how long after its verdict the old draw was still seen
	by   time.Duration // and the new one first
}

// Between is a time that lies between two reports, in seconds.
type Between struct {
	After float64 `json:"after"`
	By    float64 `json:"by"`
}

// patience is how long a change may take to show in reports.
func (c *charger) patience() time.Duration { return 2 * c.timing.ReportStale }

// step orders a level, once more if it is rejected, and waits until the reports
// show what it does.
func (c *charger) step(ctx context.Context, r *Report, name string, level policy.Milliamps) (*Step, error) {
	var s *Step
	for range 2 {
		before := c.last().power
		_, limit := c.limit(level)
		c.say("%s: ordering %s", name, limit)
		a, err := c.order(ctx, level)
		s = &Step{Name: name, Order: limit.String(), Verdict: "none", DrawW: watts(before)}
		if !a.sent.IsZero() {
			r.Steps = append(r.Steps, s)
		}
		if a.answered {
			s.Verdict, s.TookS, s.Text = "rejected", a.at.Sub(a.sent).Seconds(), a.text
		}
		if a.accepted {
			s.Verdict, s.Text = "accepted", ""
		}
		if err != nil {
			return s, err
		}
		if s.Verdict != "rejected" {
			return s, c.observe(ctx, s, &a, level, before)
		}
	}
	return s, nil
}

// observe waits until the draw is steady after an order, or until patience ends.
func (c *charger) observe(ctx context.Context, s *Step, a *answer, level policy.Milliamps, before policy.Milliwatts) error {
	c.say("%s: waiting for reports", s.Name)
	cut, from := !c.within(before, level), a.sent
	if a.answered {
		from = a.at
	}
	moved := func(r reading) bool {
		if cut {
			return c.within(r.power, level)
		}
		return r.power > before+before/10+nothing
	}
	_, err := c.wait(ctx, c.patience(), func() bool {
		seen := c.since(from)
		if len(seen) < 2 {
			return false
		}
		last, other := seen[len(seen)-1], seen[len(seen)-2]
		switch {
		case !near(last.power, other.power):
			return false
		case moved(last):
			return moved(other)
		case cut, level > 0 && before <= nothing: // it is to follow, or to resume
			return false
		}
		return len(seen) >= 3 // it takes no more
	})
	last := c.last()
	s.DrawW = watts(last.power)
	s.Followed = len(c.since(from)) > 0 && c.within(last.power, level)
	s.cut = cut
	c.date(s, a, moved)
	return err
}

// date says between which reports the change came.
func (c *charger) date(s *Step, a *answer, moved func(reading) bool) {
	between := Between{}
	for _, r := range c.since(a.sent) {
		after := r.at.Sub(a.sent)
		if a.answered {
			after = r.at.Sub(a.at)
		}
		if !r.taken.IsZero() && !a.stamp.IsZero() { // by eDRV's clock and the charger's, which it sets
			after = r.taken.Sub(a.stamp)
		}
		if moved(r) {
			between.By = r.at.Sub(a.sent).Seconds()
			s.Changed, s.by = &between, after
			return
		}
		between.After = r.at.Sub(a.sent).Seconds()
		s.late = after
	}
}

// near reports whether two draws are the same but for 5 % and 100 W.
func near(a, b policy.Milliwatts) bool {
	return max(a-b, b-a) <= max(a, b)/20+nothing
}

func watts(p policy.Milliwatts) float64 { return float64(p) / 1000 }

// countPhases concludes from the draw under the minimum, which every car takes
// in full, how many phases it uses. Phase values in the reports say so better.
func (c *charger) countPhases(level policy.Milliamps) {
	if c.set.Kind == policy.DC || c.phases > 0 || level == 0 {
		return
	}
	one := policy.Milliwatts(int64(level) * c.set.Wiring.Volts)
	n := (c.last().power + one/2) / one
	if n >= 1 && int(n) <= c.set.Wiring.Phases.Count() && max(c.last().power-n*one, n*one-c.last().power) <= n*one*15/100 {
		c.phases = int(n)
	}
}

// firstStep orders the minimum, in the charger's usual unit and, where it
// rejects that, in the other.
func (c *charger) firstStep(ctx context.Context, r *Report) error {
	s, err := c.step(ctx, r, "minimum", c.set.Min)
	if err == nil && s.Verdict == "rejected" && c.set.Kind == policy.AC {
		r.Rejects = append(r.Rejects, c.unit())
		c.watts = !c.watts
		s, err = c.step(ctx, r, "minimum, in the other unit", c.set.Min)
	}
	if err != nil {
		return err
	}
	if s.Verdict == "rejected" {
		return fmt.Errorf("the charger rejects %s: %s; it cannot be steered", s.Order, s.Text)
	}
	r.Unit = c.unit()
	if s.Followed {
		c.countPhases(c.set.Min)
	} else {
		r.Finding("the draw stays at %.1f kW under a limit of %s: the charger or the car does not follow", s.DrawW/1000, s.Order)
	}
	r.Phases = c.phases
	return nil
}

// unit is eDRV's word for the unit of orders.
func (c *charger) unit() string {
	if c.set.Kind == policy.DC || c.watts {
		return edrvapi.UnitPower.String()
	}
	return edrvapi.UnitCurrent.String()
}

// higher orders a level above the fallback, and finds out what the fallback
// means beside it.
func (c *charger) higher(ctx context.Context, r *Report, name string, level policy.Milliamps, fallback bool) error {
	s, err := c.step(ctx, r, name, level)
	if err != nil || s.Verdict == "rejected" || !fallback || c.set.Fallback >= level || r.DefaultLimit == Floor {
		return err
	}
	if p := c.last().power; !c.within(p, c.set.Fallback) {
		r.DefaultLimit = Floor
		return nil
	}
	c.say("%s: asking the charger what it allows", name)
	limit, known, err := c.allows(ctx, c.set.ID)
	if err != nil || !known {
		return err
	}
	r.Schedule = limit.String()
	switch stated := levelOf(c.set, limit, c.phases); {
	case stated > c.set.Fallback+policy.Ampere/2:
		r.DefaultLimit = Floor
	default:
		r.DefaultLimit = Ceiling
	}
	return nil
}

// pause orders 0 and then the minimum.
func (c *charger) pause(ctx context.Context, r *Report) error {
	s, err := c.step(ctx, r, "pause", 0)
	switch {
	case errors.Is(err, errEnded):
		r.cannotPause("the session ends when it is paused")
		return err
	case err != nil:
		return err
	case s.Verdict == "rejected":
		r.cannotPause("the charger rejects a limit of 0")
		return nil
	case !s.Followed:
		r.cannotPause("the charger goes on under a limit of 0")
		return nil
	}
	s, err = c.step(ctx, r, "resume", c.set.Min)
	switch {
	case errors.Is(err, errEnded):
		r.cannotPause("the session ends when it is to resume")
	case err == nil && s.Changed != nil:
		r.CanPause, r.ResumeS = new(true), s.Changed.By
	case err == nil:
		r.cannotPause(fmt.Sprintf("nothing flows %s after the end of a pause", c.patience().Round(time.Second)))
	}
	return err
}

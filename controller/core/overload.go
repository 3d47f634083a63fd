package core

import (
	"fmt"
	"math"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// A breaker, fuse or transformer stands an overload for a time, the shorter the
// higher it is. The overload budget of a circuit is what is left of that time, as
// protection relays integrate it: 1 after a long rest, 0 when it may trip. As it
// drains the site steps down earlier than the times of an excursion would have it.

// overload is the overload budget of one circuit.
type overload struct {
	left    float64       // 0 … 1
	load    float64       // at the last pass, in parts of the rating
	action  overloadStep  // what it asks for, until enough is restored
	shed    policy.Load   // the most by which the rating was passed since it sheds
	saved   overloadState // what was kept last
	savedAt time.Time
}

// overloadState is what of it outlives the program.
type overloadState struct {
	left   float64
	action overloadStep
}

// overloadStep is what a drained budget asks for.
type overloadStep uint8

const (
	overloadNone  overloadStep = iota
	overloadHold               // no raises below the circuit
	overloadShed               // what passed the rating is taken off what it permits
	overloadFloor              // the site to the fallbacks
	overloadAlarm              // and somebody has to come
)

var overloadNames = [...]string{"", "hold", "shed", "floor", "alarm"}

// OverloadActions lists what is done about a drained overload budget.
func OverloadActions() []string { return overloadNames[overloadHold:] }

// String is the step as the API writes it.
func (o overloadStep) String() string { return overloadNames[o] }

const (
	// unknownBudget is what counts as left when nothing is known.
	unknownBudget = 0.5
	// restoredBudget is above what a step ends.
	restoredBudget = 0.9
	// worthKeeping is the change of a budget that is kept at once.
	worthKeeping = 0.01
)

// asks is the step that a budget asks for while it drains.
func asks(left float64) overloadStep {
	switch {
	case left < 0.25:
		return overloadAlarm
	case left < 0.5:
		return overloadFloor
	case left < 0.75:
		return overloadShed
	case left < 1:
		return overloadHold
	}
	return overloadNone
}

// pass takes how much flows now, in parts of the rating, and how long ago the
// last pass was. In between the higher of both flowed.
func (o *overload) pass(c *curve, load float64, took time.Duration) {
	worst := max(o.load, load)
	o.load = load
	drains := worst > c.pickup
	if drains {
		o.left = max(0, o.left-share(took.Seconds(), safety*c.stands(worst)))
	} else {
		o.left = min(1, o.left+took.Seconds()/c.rest)
	}
	switch {
	case drains:
		o.action = max(o.action, asks(o.left))
	case o.left <= restoredBudget:
		o.action = max(o.action, overloadHold)
	default:
		o.action, o.shed = overloadNone, policy.Load{}
	}
}

// share is the part that some seconds are of those granted, which may be none.
func share(seconds, granted float64) float64 {
	if seconds <= 0 {
		return 0
	}
	if granted <= 0 {
		return 1
	}
	return seconds / granted
}

// unseen lets a time pass in which nobody knows what flowed: it may have used as
// much as an equal rest restores, down to what counts when nothing is known.
func (o *overload) unseen(c *curve, gap time.Duration) {
	if gap < 0 { // the clock was set: it may have been any time
		gap = math.MaxInt64
	}
	o.left = min(o.left, max(unknownBudget, o.left-gap.Seconds()/c.rest))
}

// updateOverload takes what flows on circuit k, the unknown at its bound, and how
// long ago the last pass was.
func (s *Site) updateOverload(k int, flow policy.Load, took time.Duration) {
	c := &s.circuits[k]
	if c.set.Protection.Device == NoDevice {
		return
	}
	o, curve := &c.overload, &curves[c.set.Protection.Device]
	if s.missed(took) {
		o.unseen(curve, took)
		took = 0
	}
	before := o.action
	o.pass(curve, c.set.Protection.loaded(flow), took)
	if rating := c.set.Protection.Rating; o.action >= overloadShed {
		o.shed = atLeast(o.shed, flow.Excess(rating))
		c.permitted = c.permitted.Tightest(c.limits.Margin.Under(rating).Minus(c.baseBelow)).Minus(o.shed)
	}
	switch n := (Note{Circuit: c.set.ID, Alarm: o.action > overloadHold}); {
	case o.action > before:
		s.note(NoteLimit, n, "%s", c.overloadText())
	case o.action < before:
		s.note(NoteLimit, n, "the overload budget of %s is restored to %.0f %%", c.set.ID, 100*o.left)
	}
}

// overloadText says what is left of the budget and what follows; empty: nothing.
func (c *circuit) overloadText() string {
	if c.overload.action == overloadNone {
		return ""
	}
	return fmt.Sprintf("the overload budget of %s is down to %.0f %%: %s", c.set.ID, math.Floor(100*c.overload.left),
		[...]string{
			overloadHold: "nobody is raised", overloadShed: "what passed its rating is taken off what its chargers may draw",
			overloadFloor: "everybody to the fallback", overloadAlarm: "what protects it may trip",
		}[c.overload.action])
}

// overloaded is the state of the site that the overload budgets ask for.
func (s *Site) overloaded() (State, string) {
	worst, why := overloadNone, ""
	for k := range s.circuits {
		if c := &s.circuits[k]; c.overload.action > worst {
			worst, why = c.overload.action, fmt.Sprintf("the overload budget of %s is drained", c.set.ID)
		}
	}
	switch worst {
	case overloadAlarm:
		return Alarm, why
	case overloadFloor:
		return Floor, why
	}
	return Normal, ""
}

// held tells for each circuit whether its overload budget forbids raises below
// it.
func (s *Site) held() []bool {
	held := make([]bool, len(s.circuits))
	for k := range s.circuits {
		held[k] = s.circuits[k].overload.action >= overloadHold
	}
	return held
}

// BudgetRecord is what must be known of an overload budget after a restart.
type BudgetRecord struct {
	Circuit string    `json:"circuit"`
	At      time.Time `json:"at"`
	Left    float64   `json:"left"` // 0 … 1
	Action  string    `json:"action,omitempty"`
}

// budgetRecords are the records of the overload budgets, where one of them is
// to be kept.
func (s *Site) budgetRecords() []BudgetRecord {
	var records []BudgetRecord
	wanted := false
	for k := range s.circuits {
		c := &s.circuits[k]
		if c.set.Protection.Device == NoDevice {
			continue
		}
		o := &c.overload
		wanted = wanted || o.action != o.saved.action || math.Abs(o.left-o.saved.left) >= worthKeeping || s.now.Sub(o.savedAt) >= keepDemand
		records = append(records, BudgetRecord{Circuit: c.set.ID, At: s.lastAt, Left: o.left, Action: o.action.String()})
	}
	if !wanted {
		return nil
	}
	for k := range s.circuits {
		o := &s.circuits[k].overload
		o.saved, o.savedAt = overloadState{o.left, o.action}, s.now
	}
	return records
}

// restoreBudget takes over a record. What flowed since is not known.
func (s *Site) restoreBudget(r BudgetRecord) {
	k, ok := s.tree.Index(r.Circuit)
	if !ok || s.circuits[k].set.Protection.Device == NoDevice || r.Left < 0 || r.Left > 1 {
		return
	}
	o := &s.circuits[k].overload
	o.left = r.Left
	o.unseen(&curves[s.circuits[k].set.Protection.Device], s.now.Sub(r.At))
	for step, name := range overloadNames {
		if name == r.Action {
			o.action = overloadStep(step)
		}
	}
}

package commission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/journal"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// Why a run ends early.
var (
	errEnded   = errors.New("the session ended")
	errForeign = errors.New("somebody else sets limits at this charger: stop that first")
	errCrowded = errors.New("a car arrived elsewhere, and the circuits may not carry both")
	errOffline = errors.New("the station went offline")
)

// nothing is the power up to which a car counts as drawing nothing: what its
// electronics and the charger's meter make of a pause.
const nothing = 100 * policy.Watt

// reading is one report of the session under test.
type reading struct {
	at    time.Time // when it was received
	taken time.Time // by the charger's clock, zero if unknown
	power policy.Milliwatts
}

// verdict is the charger's answer to an action.
type verdict struct {
	at       time.Time // when it was received
	stamp    time.Time // by eDRV's clock, zero if unknown
	accepted bool
	text     string
	schedule edrvapi.Maybe[edrvapi.Schedule]
}

// charger is the connector under test, as far as eDRV tells. One goroutine has it.
type charger struct {
	client  *edrvapi.Client
	hooks   *hooks
	kept    *journal.Journal
	timing  core.Timing
	set     *core.Connector
	session string
	room    *room
	say     func(format string, args ...any)

	heard    bool // a webhook came
	readings []reading
	phases   int // that the car uses; 0: not known
	verdicts map[string]verdict
	ours     map[string]bool
	others   map[string]time.Time // actions that are not ours, or not yet
	stopped  error                // why the run must end
	leaving  bool                 // the limit of before is being put back: only the session's end stops that

	watts bool // orders go out in watts
}

// wait takes in what happens until done says so. It is false when that took
// too long.
func (c *charger) wait(ctx context.Context, atMost time.Duration, done func() bool) (bool, error) {
	over := time.NewTimer(atMost)
	defer over.Stop()
	poll := time.NewTicker(2 * c.timing.Tick)
	defer poll.Stop()
	for {
		if c.stopped != nil {
			return false, c.stopped
		}
		if done() {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-over.C:
			return false, nil
		case r := <-c.hooks.events:
			c.heard = true
			c.take(r)
		case <-poll.C:
			c.checkOthers(time.Now())
			s, err := c.client.Session(ctx, c.session)
			if err == nil { // if not, the webhooks tell, or the next one
				c.sawSession(&s, time.Now())
			}
		}
	}
}

// take takes in one event.
func (c *charger) take(r received) {
	e := &r.event
	switch {
	case e.Session != nil && e.Session.ID == c.session:
		c.sawSession(e.Session, r.at)
	case e.Session != nil:
		if c.room.arrived(e.Session, r.at) {
			c.stop(errCrowded)
		}
	case e.Kind == edrvapi.EventStationOffline && e.Station.ID == c.set.Station:
		c.stop(errOffline)
	case e.Kind == edrvapi.EventActionAccepted, e.Kind == edrvapi.EventActionRejected:
		a := e.Action
		c.verdicts[a.ID] = verdict{
			at: r.at, stamp: a.UpdatedAt, accepted: e.Kind == edrvapi.EventActionAccepted, text: a.ResponseText, schedule: a.Schedule,
		}
		if a.Kind == edrvapi.ActionSetLimit && (a.Session == c.session || a.Session == "" && a.Connector == c.set.ID) {
			c.others[a.ID] = r.at
		}
	}
}

// stop ends the run.
func (c *charger) stop(why error) {
	if !c.leaving || errors.Is(why, errEnded) {
		c.stopped = why
	}
}

// strayGrace is how long a verdict may come before the answer to its order.
const strayGrace = 10 * time.Second

// checkOthers stops the run when somebody else sets limits.
func (c *charger) checkOthers(now time.Time) {
	for id, at := range c.others {
		if c.ours[id] {
			delete(c.others, id)
		} else if now.Sub(at) > strayGrace {
			c.stop(errForeign)
		}
	}
}

// sawSession takes in a snapshot of the session under test.
func (c *charger) sawSession(s *edrvapi.Session, at time.Time) {
	if s.Status == edrvapi.SessionEnded || s.Status == edrvapi.SessionCancelled {
		c.stop(errEnded)
		return
	}
	power := policy.Milliwatts(s.Report.Power.Value)
	if !s.Report.Power.Known || power > c.set.Wiring.Power(c.set.Max)*12/10 {
		return
	}
	r := reading{at: at, taken: s.Report.At, power: power}
	if r.taken.IsZero() {
		r.taken = s.UpdatedAt
	}
	if r.taken.IsZero() || !r.taken.After(c.last().taken) {
		return // a webhook and a poll tell the same
	}
	c.readings = append(c.readings, r)
	uses := 0
	for _, p := range s.Report.Phases {
		if p.Current.Known && policy.Milliamps(p.Current.Value) > policy.Ampere {
			uses++
		}
	}
	if uses > 0 {
		c.phases = uses
	}
}

// last is the newest reading.
func (c *charger) last() reading {
	if len(c.readings) == 0 {
		return reading{}
	}
	return c.readings[len(c.readings)-1]
}

// since are the readings that came after a time.
func (c *charger) since(t time.Time) []reading {
	for i, r := range c.readings {
		if r.at.After(t) {
			return c.readings[i:]
		}
	}
	return nil
}

// power is what the car draws at most under a limit: on the phases that it is
// known to use, or on all that are wired.
func (c *charger) power(level policy.Milliamps) policy.Milliwatts {
	if c.set.Kind == policy.AC && c.phases > 0 {
		return policy.Milliwatts(int64(level) * c.set.Wiring.Volts * int64(c.phases))
	}
	return c.set.Wiring.Power(level)
}

// within reports whether a draw obeys a limit: up to 10 % and 0.5 A above it, as
// the daemon judges.
func (c *charger) within(p policy.Milliwatts, level policy.Milliamps) bool {
	if level == 0 {
		return p <= nothing
	}
	return p <= c.power(level+level/10+policy.Ampere/2)
}

// answer is what became of an order.
type answer struct {
	limit    edrvapi.Limit
	sent     time.Time
	answered bool
	verdict
}

// order sets the limit of the session and waits for the verdict.
func (c *charger) order(ctx context.Context, level policy.Milliamps) (answer, error) {
	booked, limit := c.limit(level)
	if ok, circuit, err := c.permitted(ctx, booked); !ok {
		return answer{}, errors.Join(err, fmt.Errorf("%s is more than circuit %s permits now", limit, circuit))
	}
	class := edrvapi.Cut
	if knows := c.room.ledger.Knows(c.room.tested); knows.Known && booked > knows.Least {
		class = edrvapi.Raise
	}
	id := c.room.send(booked)
	a := answer{limit: limit, sent: time.Now()}
	action, err := c.client.SetSessionLimit(ctx, edrvapi.Order{Session: c.session, Connector: c.set.ID, Limit: limit, Class: class})
	if err != nil {
		if edrvapi.OutcomeOf(err) != edrvapi.OutcomeUnknown {
			c.room.ledger.NotSent(c.room.tested, id)
		}
		return a, err
	}
	if err := c.await(ctx, action, &a); err != nil {
		return a, err
	}
	switch {
	case a.accepted:
		c.room.ledger.Accepted(c.room.tested, id, booked, a.at)
	case a.answered:
		c.room.ledger.Rejected(c.room.tested, id)
	}
	return a, nil
}

// permitted reports whether a level may be ordered, and which circuit is in the
// way. It waits until what the last cut frees is free.
func (c *charger) permitted(ctx context.Context, booked policy.Milliamps) (ok bool, circuit string, err error) {
	ask := func() bool {
		now, at := c.room.permits(booked, time.Now())
		ok, circuit = now, c.room.name(at.Circuit)
		return ok
	}
	if !ask() {
		_, err = c.wait(ctx, cmp.Or(c.set.Settle, c.timing.Settle), ask)
		ask()
	}
	return ok, circuit, err
}

// install sets the connector's default limit and waits for the verdict.
func (c *charger) install(ctx context.Context, limit edrvapi.Limit) (answer, error) {
	a := answer{limit: limit, sent: time.Now()}
	action, err := c.client.SetConnectorDefault(ctx, edrvapi.Order{Connector: c.set.ID, Limit: limit, Class: edrvapi.Cut})
	if err != nil {
		return a, err
	}
	return a, c.await(ctx, action, &a)
}

// await waits for the verdict on an action of ours.
func (c *charger) await(ctx context.Context, action edrvapi.Action, a *answer) error {
	c.ours[action.ID] = true
	answered, err := c.wait(ctx, c.timing.VerdictTimeout, func() bool { _, ok := c.verdicts[action.ID]; return ok })
	if a.answered = answered; answered {
		a.verdict = c.verdicts[action.ID]
	}
	return err
}

// limit is a level as an order, and the level that it is booked at. An AC
// charger that takes watts divides them by phases that nobody states: of those
// that the car uses, or by three. While the car's are not known, the watts are
// for all that are wired, and booked as if one had to carry them.
func (c *charger) limit(level policy.Milliamps) (booked policy.Milliamps, l edrvapi.Limit) {
	switch {
	case c.set.Kind == policy.DC:
		return level, edrvapi.InWatts(edrvapi.Milliwatts(c.set.Wiring.Power(level) / policy.Watt * policy.Watt)).Rounded()
	case !c.watts:
		return level, edrvapi.InAmperes(edrvapi.Milliamps(level)).Rounded()
	}
	watts := edrvapi.InWatts(edrvapi.Milliwatts(c.power(level))).Rounded()
	if c.phases > 0 {
		return level, watts
	}
	return min(c.set.Max, level*policy.Milliamps(c.set.Wiring.Phases.Count())), watts
}

// allows asks the charger what it allows at a connector at present.
func (c *charger) allows(ctx context.Context, connector string) (limit edrvapi.Limit, known bool, err error) {
	action, err := c.client.CompositeSchedule(ctx, connector)
	if err != nil {
		if edrvapi.OutcomeOf(err) == edrvapi.OutcomeRefused { // eDRV or this charger cannot say
			return limit, false, nil
		}
		return limit, false, err
	}
	var a answer
	if err := c.await(ctx, action, &a); err != nil {
		return limit, false, err
	}
	limit, known = inForce(a.schedule)
	return limit, known && a.accepted, nil
}

// inForce is the first limit of a schedule: the one that holds when it is asked
// for (OCPP 1.6, GetCompositeSchedule).
func inForce(s edrvapi.Maybe[edrvapi.Schedule]) (edrvapi.Limit, bool) {
	if !s.Known || !s.Value.Accepted || len(s.Value.Periods) == 0 || s.Value.Periods[0].Offset != 0 {
		return edrvapi.Limit{}, false
	}
	return s.Value.Periods[0].Limit, true
}

// levelOf is a limit as a level of a connector: the highest that it can mean.
func levelOf(set *core.Connector, l edrvapi.Limit, phases int) policy.Milliamps {
	w := set.Wiring
	switch {
	case l.Unit == edrvapi.UnitCurrent:
		return policy.Milliamps(l.Milli)
	case set.Kind == policy.AC:
		return policy.Milliamps(l.Milli / (w.Volts * int64(max(1, phases))))
	}
	return w.LevelAbove(policy.Milliwatts(l.Milli))
}

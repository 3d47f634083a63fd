package edrvsim

import (
	"cmp"
	"math"
	"time"
)

// tailSteps is in how many equal parts of energy a car's tail falls from its
// full draw to a tenth of it. Steps keep every draw constant between events.
const tailSteps = 8

// car is a car at a connector, its levels in the connector's unit.
type car struct {
	spec    CarSpec
	phases  int
	most    level
	least   level
	arrived time.Duration
	need    float64 // Wh until full; +Inf is never
	tail    float64 // Wh
	taken   float64 // Wh so far
	asleep  bool
	quirks  quirks
}

func newCar(c *connector, s CarSpec, now time.Duration) *car {
	v := &car{
		spec: s, arrived: now,
		phases: min(cmp.Or(s.Phases, 3), len(c.wires)),
		most:   level(milli(cmp.Or(s.MaxAmps, 32))),
		least:  level(milli(cmp.Or(s.MinAmps, 6))),
		need:   s.NeedKWh * 1e3,
		tail:   s.TailKWh * 1e3,
		quirks: quirksOf(s.Quirks),
	}
	if s.NeedKWh <= 0 {
		v.need, v.tail = math.Inf(1), 0
	}
	if c.spec.Kind == DC {
		v.phases = len(c.wires)
		v.most, v.least = level(milli(cmp.Or(s.MaxKW, 100)*1e3)), 1
	}
	return v
}

// remaining is the energy until the car is full, in Wh.
func (v *car) remaining() float64 { return v.need - v.taken }

// part is in which part of the tail the car is: tailSteps+1 before it, then
// down to 1, and 0 when it is full.
func (v *car) part() int {
	r := v.remaining()
	switch {
	case r <= 0:
		return 0
	case r >= v.tail:
		return tailSteps + 1
	default:
		return int(math.Ceil(r / v.tail * tailSteps))
	}
}

// accepts is what the car draws when it is offered that much.
func (w *World) accepts(c *connector, offer level) level {
	v := c.car
	c.accrue(w.now)
	part := v.part()
	if v.asleep || part == 0 || offer < v.least {
		return 0
	}
	want := v.most
	if part <= tailSteps {
		share := 0.1 + 0.9*float64(part-1)/tailSteps
		want = max(1, level(float64(v.most)*share))
	}
	if offer < want && offer < c.rating && w.shows(v.quirks, CarOverdraws, c.id) {
		w.struck[CarOverdraws]++
		offer = min(offer*11/10, c.rating)
	}
	return min(offer, want, c.rating)
}

// steer makes the car move to a new draw: at once, or after its lag, by its ramp.
func (w *World) steer(c *connector, goal level) {
	if goal == c.goal {
		return
	}
	c.goal = goal
	if c.lagging {
		return // it will find the newest goal when it wakes up
	}
	if w.shows(c.car.quirks, CarIgnoresPilot, c.id) {
		w.struck[CarIgnoresPilot]++
		c.lagging = true
		w.arm(&c.ramp, w.now+w.spec.Behaviour.PilotLag)
		return
	}
	w.startRamp(c)
}

func (w *World) startRamp(c *connector) {
	c.lagging = false
	ramp := c.car.spec.Ramp
	if ramp <= 0 {
		w.disarm(&c.ramp)
		w.draw(c, c.goal)
		return
	}
	c.steps = rampSteps(ramp)
	w.arm(&c.ramp, w.now+ramp/time.Duration(c.steps))
}

// rampSteps is in how many equal steps, of at most a second, a car ramps.
func rampSteps(ramp time.Duration) int { return int((ramp + time.Second - 1) / time.Second) }

func (w *World) rampStep(c *connector) {
	if c.lagging {
		w.startRamp(c)
		return
	}
	w.draw(c, c.level+(c.goal-c.level)/level(c.steps))
	c.steps--
	if c.steps > 0 {
		ramp := c.car.spec.Ramp
		w.arm(&c.ramp, w.now+ramp/time.Duration(rampSteps(ramp)))
	}
}

// farHours is how far ahead a threshold is looked for at most. A car that draws
// milliwatts would get there in more hours than a duration holds; it is looked
// at again then.
const farHours = 1000

// armThreshold sets the alarm for the moment in which the car, at its present
// draw, enters the next part of its tail or is full.
func (w *World) armThreshold(c *connector) {
	v := c.car
	if v == nil || c.load.mw == 0 || math.IsInf(v.need, 1) || v.part() == 0 {
		w.disarm(&c.threshold)
		return
	}
	edge := v.tail * float64(v.part()-1) / tailSteps // of what remains
	hours := (v.remaining() - edge) / (float64(c.load.mw) / 1e3)
	wait := time.Duration(min(hours, farHours)*float64(time.Hour)) + time.Millisecond
	w.arm(&c.threshold, w.now+wait)
}

func (w *World) thresholdReached(c *connector) {
	c.accrue(w.now)
	w.settle(c)
	w.armThreshold(c)
}

package replay

import (
	"strings"

	"github.com/headroom-ev/headroom/policy"
)

// Car is how cars draw what they are given.
type Car uint8

const (
	// Real cars draw their maximum until 85 % of their energy is in, then fall
	// in ten steps to a tenth of it; and an AC car draws nothing below 6 A on
	// each phase (IEC 61851-1), a DC car nothing below its connector's minimum.
	Real Car = iota
	// Ideal cars take all that they are given, be it ever so little, until they
	// are served: the connectors' minimums do not count for them.
	Ideal
)

var carNames = [...]string{Real: "real", Ideal: "ideal"}

// String is the car as the command line names it.
func (c Car) String() string { return carNames[c] }

// CarNamed is the car with that name.
func CarNamed(name string) (Car, error) {
	for c, n := range carNames {
		if n == name {
			return Car(c), nil
		}
	}
	return 0, usage("no car %q: want %s", clip(name), strings.Join(carNames[:], " or "))
}

// The tail: the last 15 % of the energy is drawn in steps of a tenth.
const (
	tailSteps   = 10
	tailPerMill = 150
)

// leastAC is the least that an AC car draws anything at, by IEC 61851-1.
const leastAC = 6 * policy.Ampere

// present is a car at its connector that still wants energy.
type present struct {
	*stay
	min   policy.Milliamps // what it is given at least, when anything
	least policy.Milliamps // below it the car draws nothing

	left  int64            // µJ that it still wants
	level policy.Milliamps // given
	draw  policy.Milliamps
	power int64 // mW drawn

	turn    policy.Turn
	lent    bool             // it draws clearly less than it was given
	ordered policy.Milliamps // at the last order that counted
	waits   waiting
}

// arrive is the car of a stay that has just been plugged in.
func arrive(st *stay, c *connector, car Car) *present {
	p := &present{stay: st, left: st.need}
	switch {
	case car == Ideal:
	case c.Kind == policy.AC:
		p.min, p.least = c.Min, leastAC
	default:
		p.min, p.least = c.Min, c.Min
	}
	return p
}

// stepOfTail is 10 before the tail, then falls to 1 as energy comes in.
func (p *present) stepOfTail(car Car) int64 {
	if car == Ideal {
		return tailSteps
	}
	slice := p.need * tailPerMill / (1000 * tailSteps)
	if slice == 0 {
		return tailSteps
	}
	return min(tailSteps, (p.left+slice-1)/slice)
}

// wants is the most that the car would draw now.
func (p *present) wants(car Car) policy.Milliamps {
	return p.most * policy.Milliamps(p.stepOfTail(car)) / tailSteps
}

// take sets what the car draws of the level that it is given.
func (p *present) take(level policy.Milliamps, car Car) {
	p.level = level
	p.draw = min(level, p.wants(car))
	if level < p.least {
		p.draw = 0
	}
	p.power = int64(p.wiring.Power(p.draw))
	p.lent = p.usesLess()
}

// When a car's draw counts as clearly below its limit, and what it is then
// booked at: as in the daemon (controller/core), except that the draw is known at
// once.
const (
	clearly         = 2 * policy.Ampere
	clearlyPerMille = 150
	spare           = policy.Ampere
	sparePerMille   = 100
)

// uses is what the car draws, with a margin.
func (p *present) uses() policy.Milliamps {
	return p.draw + max(spare, p.draw*sparePerMille/1000)
}

// usesLess reports whether the car draws clearly less than it is given. Once it
// does, that holds until it has risen into its margin.
func (p *present) usesLess() bool {
	switch {
	case p.level == 0 || p.draw == 0:
		return false
	case p.lent:
		return p.draw < p.level-(p.uses()-p.draw)/2
	}
	return p.draw <= p.level-max(clearly, p.level*clearlyPerMille/1000)
}

// change is in how many milliseconds the car's draw changes by itself: it is
// served, or its tail falls; never is far away.
func (p *present) change(car Car) int64 {
	if p.power == 0 {
		return never
	}
	upTo := int64(0)
	if step := p.stepOfTail(car); step > 1 && car == Real {
		upTo = (step - 1) * (p.need * tailPerMill / (1000 * tailSteps))
	}
	return max(1, (p.left-upTo+p.power-1)/p.power)
}

// deliver lets the car draw for the given milliseconds.
func (p *present) deliver(ms int64) {
	p.left -= min(p.left, p.power*ms)
}

// delivered is the energy that it got.
func (p *present) delivered() policy.MilliwattHours {
	return policy.MilliwattHours((p.need - p.left) / microjoules)
}

package edrvapi

import (
	"errors"
	"fmt"
	"strconv"
)

// Unit is the quantity that a limit is given in.
type Unit uint8

// The units of a limit. On the wire a current is in amperes, per phase for AC, and a
// power in watts over all phases (eDRV docs, "Manage Session Power"; the groups and
// ratings of eDRV are in kW).
const (
	UnitUnknown Unit = iota
	UnitCurrent
	UnitPower
)

var unitNames = []string{"unknown", "current", "power"}

// String is eDRV's word: "current" or "power".
func (u Unit) String() string { return nameOf(unitNames, u) }

// The largest limits that are sent. No charger has more; a larger one is a slip of
// units.
const (
	maxLimitCurrent = 1_000_000     // mA: 1 kA.
	maxLimitPower   = 2_000_000_000 // mW: 2 MW.
)

// ErrLimitRange is the cause of an order that is refused here, and never sent, because
// its limit is negative, has no unit, or is above 1000 A or 2 MW.
var ErrLimitRange = errors.New("limit out of range")

// Limit is how much a charger may deliver. Milli is in mA or mW, by Unit. The zero
// Limit is not a limit of zero; it has no unit, and is refused.
type Limit struct {
	Unit  Unit
	Milli int64
}

// InAmperes is a limit of the current in every phase.
func InAmperes(a Milliamps) Limit { return Limit{Unit: UnitCurrent, Milli: int64(a)} }

// InWatts is a limit of the power over all phases.
func InWatts(w Milliwatts) Limit { return Limit{Unit: UnitPower, Milli: int64(w)} }

// Rounded is the limit as it is sent: down to 0.1 A (the step of OCPP 1.6) or 1 W. What
// is booked for an order is the rounded limit.
func (l Limit) Rounded() Limit {
	step := int64(1000)
	if l.Unit == UnitCurrent {
		step = 100
	}
	if l.Milli > 0 {
		l.Milli -= l.Milli % step
	}
	return l
}

// String is the limit for people: "13.7 A" or "11000 W".
func (l Limit) String() string {
	text := strconv.FormatFloat(float64(l.Milli)/1000, 'f', -1, 64)
	switch l.Unit {
	case UnitCurrent:
		return text + " A"
	case UnitPower:
		return text + " W"
	default:
		return text + " of unknown unit"
	}
}

// check refuses what must never be sent. The charger's own minimum is the caller's
// business.
func (l Limit) check() error {
	largest := int64(maxLimitPower)
	switch l.Unit {
	case UnitCurrent:
		largest = maxLimitCurrent
	case UnitPower:
	default:
		return fmt.Errorf("%w: %s", ErrLimitRange, l)
	}
	if l.Milli < 0 || l.Milli > largest {
		return fmt.Errorf("%w: %s", ErrLimitRange, l)
	}
	return nil
}

// body is the request body of the limit, rounded down, with the number written digit by
// digit: no float ever rounds it up.
func (l Limit) body() []byte {
	l = l.Rounded()
	b := append([]byte(nil), `{"unit":"`...)
	b = append(b, l.Unit.String()...)
	b = append(b, `","limit":`...)
	b = strconv.AppendInt(b, l.Milli/1000, 10)
	if tenths := l.Milli % 1000 / 100; tenths != 0 {
		b = append(b, '.', byte('0'+tenths))
	}
	return append(b, '}')
}

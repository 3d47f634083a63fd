package edrvsim

import (
	"fmt"
	"math"
	"time"
)

// Unit says what the number in a [Limit] counts.
type Unit string

// The two units of eDRV's limit calls ("Manage Session Power").
const (
	// Current is amperes per phase.
	Current Unit = "current"
	// Power is watts in total over all phases.
	Power Unit = "power"
)

// Limit is one power limit as eDRV's calls carry it. The zero Limit is no
// limit at all, which is not the same as a limit of 0.
type Limit struct {
	Unit  Unit
	Value float64 // amperes per phase or watts, never negative
}

// Amps is a limit in amperes per phase.
func Amps(a float64) Limit { return Limit{Unit: Current, Value: a} }

// Watts is a limit in watts over all phases.
func Watts(w float64) Limit { return Limit{Unit: Power, Value: w} }

// IsSet reports whether there is a limit.
func (l Limit) IsSet() bool { return l.Unit != "" }

// String is the limit with its unit, or "none".
func (l Limit) String() string {
	switch l.Unit {
	case Current:
		return fmt.Sprintf("%g A", l.Value)
	case Power:
		return fmt.Sprintf("%g W", l.Value)
	default:
		return "none"
	}
}

// Range is a span of time from which a duration is drawn evenly.
type Range struct{ Min, Max time.Duration }

// Between is the range from lo to hi.
func Between(lo, hi time.Duration) Range { return Range{Min: lo, Max: hi} }

// Exactly is the range that holds only d.
func Exactly(d time.Duration) Range { return Range{Min: d, Max: d} }

// level is how much one connector offers or draws in the unit that it is built
// for: mA per phase on AC, mW in total on DC. Integers keep sums exact.
type level int64

// load is what a connector or a circuit carries: mA per phase, mW in total.
type load struct {
	ma [3]int64
	mw int64
}

func (a load) minus(b load) load {
	for i := range a.ma {
		a.ma[i] -= b.ma[i]
	}
	a.mw -= b.mw
	return a
}

func (a load) plus(b load) load {
	for i := range a.ma {
		a.ma[i] += b.ma[i]
	}
	a.mw += b.mw
	return a
}

// amps is the current per phase in amperes.
func (a load) amps() [3]float64 {
	return [3]float64{float64(a.ma[0]) / 1e3, float64(a.ma[1]) / 1e3, float64(a.ma[2]) / 1e3}
}

// evenly is a load of mw spread over three phases at mv phase to neutral.
func evenly(mw, mv int64) load {
	ma := mw * 1000 / (3 * mv)
	return load{ma: [3]int64{ma, ma, ma}, mw: mw}
}

// milli is v in thousandths, to the nearest.
func milli(v float64) int64 { return int64(math.Round(v * 1e3)) }

// parseWiring reads phases in the order in which the post's terminals are
// connected, "L2L3L1": the first one named is the one a single-phase car loads.
func parseWiring(s string) ([]int, error) {
	var wires []int
	var seen [3]bool
	for rest := s; rest != ""; rest = rest[2:] {
		if len(rest) < 2 || rest[0] != 'L' || rest[1] < '1' || rest[1] > '3' {
			return nil, fmt.Errorf("phases %q: want L1, L2L3, L1L2L3 and the like", s)
		}
		p := int(rest[1] - '1')
		if seen[p] {
			return nil, fmt.Errorf("phases %q: L%d is named twice", s, p+1)
		}
		seen[p] = true
		wires = append(wires, p)
	}
	return wires, nil
}

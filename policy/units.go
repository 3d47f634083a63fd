package policy

import (
	"strconv"
	"strings"
)

// Milliamps is a current in thousandths of an ampere, RMS. A limit "in
// amperes" is always per phase.
type Milliamps int64

// Milliwatts is a power in thousandths of a watt.
type Milliwatts int64

// MilliwattHours is an energy in thousandths of a watt hour.
type MilliwattHours int64

// Useful multiples of the base units.
const (
	Ampere   Milliamps      = 1000
	Watt     Milliwatts     = 1000
	Kilowatt Milliwatts     = 1000 * Watt
	KWh      MilliwattHours = 1000 * 1000
)

// String is the current in amperes, cut to one decimal: "13.7 A".
func (a Milliamps) String() string { return oneDecimal(int64(a)) + " A" }

// String is the power in kilowatts, cut to one decimal: "94.5 kW".
func (w Milliwatts) String() string { return oneDecimal(int64(w)/1000) + " kW" }

// oneDecimal writes v/1000 cut to one decimal, none where it is 0.
func oneDecimal(v int64) string {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	s := sign + strconv.FormatInt(v/1000, 10)
	if tenth := v / 100 % 10; tenth != 0 {
		s += "." + strconv.FormatInt(tenth, 10)
	}
	return s
}

// Phase is one conductor of a three-phase supply.
type Phase uint8

// The three phases, as indices into a [3] array.
const (
	L1 Phase = iota
	L2
	L3
)

// String is "L1", "L2" or "L3".
func (p Phase) String() string { return "L" + strconv.Itoa(int(p)+1) }

// Phases is the set of phases that a connector is wired to.
type Phases uint8

// AllPhases is a symmetric three-phase connection.
const AllPhases = Phases(1<<L1 | 1<<L2 | 1<<L3)

// On is the set that holds the given phases.
func On(phases ...Phase) Phases {
	var set Phases
	for _, p := range phases {
		set |= 1 << p
	}
	return set
}

// Has reports whether the set holds p.
func (s Phases) Has(p Phase) bool { return s&(1<<p) != 0 }

// Count is the number of phases in the set, 0 to 3.
func (s Phases) Count() int { return int(s&1 + s>>1&1 + s>>2&1) }

// String names the phases in order: "L1", "L2L3", "L1L2L3".
func (s Phases) String() string {
	var b strings.Builder
	for p := L1; p <= L3; p++ {
		if s.Has(p) {
			b.WriteString(p.String())
		}
	}
	return b.String()
}

package edrvapi

import (
	"math"
	"strconv"
	"strings"
)

// unit is a unit that eDRV names beside a number.
type unit uint8

const (
	unitNone  unit = iota // missing, null or empty: the field's default holds.
	unitOther             // Something else: the number is no reading.
	unitW
	unitKW
	unitWh
	unitKWh
	unitA
	unitPercent
)

// parseUnit reads a unit, in any letter case.
func parseUnit(word []byte) unit {
	switch {
	case len(word) == 0:
		return unitNone
	case strings.EqualFold(string(word), "W"):
		return unitW
	case strings.EqualFold(string(word), "kW"):
		return unitKW
	case strings.EqualFold(string(word), "Wh"):
		return unitWh
	case strings.EqualFold(string(word), "kWh"):
		return unitKWh
	case strings.EqualFold(string(word), "A"):
		return unitA
	case strings.EqualFold(string(word), "Percent"), string(word) == "%":
		return unitPercent
	default:
		return unitOther
	}
}

// reading is a number with its unit, not yet judged. Its methods are the one gate
// through which a number of eDRV becomes a quantity: they know the default unit of the
// field (eDRV docs, by sample), convert once, and refuse what can not be. A reading
// that is refused is unknown.
type reading struct {
	number float64
	ok     bool
	unit   unit
	phase  int8 // 1 to 3, of a raw report; 0 where none is named.
}

// power is the reading as power; unit W or kW, def where none is named.
func (n reading) power(def unit) Maybe[Milliwatts] {
	milli, ok := n.milli(def, minPower, maxPower, unitW, unitKW)
	return Maybe[Milliwatts]{Value: Milliwatts(max(milli, 0)), Known: ok}
}

// current is the reading as current; unit A, which is also the default.
func (n reading) current() Maybe[Milliamps] {
	milli, ok := n.milli(unitA, 0, maxCurrent, unitA, unitA)
	return Maybe[Milliamps]{Value: Milliamps(milli), Known: ok}
}

// energy is the reading as energy; unit Wh or kWh, def where none is named.
func (n reading) energy(def unit) Maybe[MilliwattHours] {
	milli, ok := n.milli(def, 0, maxEnergy, unitWh, unitKWh)
	return Maybe[MilliwattHours]{Value: MilliwattHours(milli), Known: ok}
}

// stateOfCharge is the reading as a share of the battery, in per cent. Without a unit a
// number up to 1 is ambiguous, since OCPP 2.0.1 chargers were seen to give 0.52 for 52
// %, and is no reading.
func (n reading) stateOfCharge() Maybe[Permille] {
	if n.unit == unitNone && n.number > 0 && n.number <= 1 {
		return Maybe[Permille]{}
	}
	milli, ok := n.milli(unitPercent, 0, 100_000, unitPercent, unitPercent)
	return Maybe[Permille]{Value: Permille(milli / 100), Known: ok}
}

// milli is the reading in thousandths of the base unit, if it has the unit base or
// thousand and lies from low to high.
func (n reading) milli(def unit, low, high int64, base, thousand unit) (int64, bool) {
	u := n.unit
	if u == unitNone {
		u = def
	}
	scale := 1e3
	switch u {
	case base:
	case thousand:
		scale = 1e6
	default:
		return 0, false
	}
	v := math.Round(n.number * scale)
	if !n.ok || v < float64(low) || v > float64(high) {
		return 0, false
	}
	return int64(v), true
}

// reading is the next value as a number with its unit: {"value": 7.018, "unit": "kW"},
// or the bare number.
func (r *reader) reading() (n reading) {
	if r.kind() != '{' {
		n.number, n.ok = r.number()
		return n
	}
	for name := range r.object() {
		switch string(name) {
		case "value":
			n.number, n.ok = r.number()
		case "unit":
			n.unit = r.unit()
		case "phase":
			n.phase = parsePhase(r.word())
		default:
			r.skip()
		}
	}
	return n
}

// unit is the next value as a unit. Null is none; a value that is not text is an
// unknown one.
func (r *reader) unit() unit {
	switch r.kind() {
	case '"':
		return parseUnit(r.word())
	case 'n':
		r.skip()
		return unitNone
	default:
		r.skip()
		return unitOther
	}
}

// number is the next value if it is a plain decimal, as a number or as text.
func (r *reader) number() (float64, bool) {
	switch r.kind() {
	case '0':
		return parseDecimal(r.value())
	case '"':
		return parseDecimal(r.word())
	default:
		r.skip()
		return 0, false
	}
}

// parsePhase reads the phases of OCPP that name one conductor: "L1", "L1-N". Others are
// 0.
func parsePhase(word []byte) int8 {
	if len(word) < 2 || word[0]|0x20 != 'l' || word[1] < '1' || word[1] > '3' {
		return 0
	}
	if rest := string(word[2:]); rest != "" && !strings.EqualFold(rest, "-N") {
		return 0
	}
	return int8(word[1] - '0')
}

// parseDecimal reads a plain decimal number of at most 32 characters: an optional
// minus, digits, an optional fraction and exponent. strconv alone would also take
// "NaN", "Inf", "0x1p10", "1_000" and "+1".
func parseDecimal(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) > 32 || !isDecimal(b) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil { // Out of range; ParseFloat gives an infinity.
		return 0, false
	}
	return f, true
}

// isDecimal reports whether b is -?digits(.digits)?([eE][+-]?digits)?.
func isDecimal(b []byte) bool {
	if b[0] == '-' {
		b = b[1:]
	}
	whole := digits(b)
	b = b[whole:]
	if whole == 0 {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		fraction := digits(b[1:])
		b = b[1+fraction:]
		if fraction == 0 {
			return false
		}
	}
	if len(b) > 0 && b[0]|0x20 == 'e' {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		exponent := digits(b)
		b = b[exponent:]
		if exponent == 0 {
			return false
		}
	}
	return len(b) == 0
}

// digits is the number of decimal digits that b begins with.
func digits(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}

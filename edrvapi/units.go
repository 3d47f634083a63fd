package edrvapi

// Milliwatts is a power in thousandths of a watt.
type Milliwatts int64

// Milliamps is a current in thousandths of an ampere, RMS.
type Milliamps int64

// MilliwattHours is an energy in thousandths of a watt hour.
type MilliwattHours int64

// Permille is a share in thousandths; a state of charge of 52 % is 520.
type Permille int64

// Maybe is a value that may be unknown. Unknown is not zero: where Known is false,
// Value has no meaning and the worst case holds.
type Maybe[T any] struct {
	Value T
	Known bool
}

// Some is a known value.
func Some[T any](v T) Maybe[T] { return Maybe[T]{Value: v, Known: true} }

// Plausible ranges of a reading. What lies outside is no reading.
const (
	maxPower   = 10_000_000_000           // mW: 10 MW.
	maxCurrent = 10_000_000               // mA: 10 kA.
	maxEnergy  = 10_000_000_000_000       // mWh: 10 GWh, more than a charger's register ever shows.
	minPower   = -100_000                 // mW: down to -100 W is the noise of a meter at rest, and counts as 0.
	maxMinutes = 366 * 24 * 60            // A target of more than a year is none.
	maxSeconds = float64(maxMinutes) * 60 // The same, for periods that eDRV gives in seconds.
	maxCharge  = 1000                     // Permille.
)

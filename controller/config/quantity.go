package config

import "github.com/headroom-ev/headroom/policy"

// Volts is a voltage between phase and neutral. It is whole, so that a current in
// mA times a voltage is a whole number of mW.
type Volts int64

// Permille is a share in thousandths; files write it as a percentage: 5% is 50.
type Permille int64

// Ratio is the share as a number: 5% is 0.05. For display.
func (p Permille) Ratio() float64 { return float64(p) / 1000 }

// String is the share as a file would write it: "5%".
func (p Permille) String() string { return decimalText(int64(p), 1) + "%" }

// Rate is a number per second, in thousandths.
type Rate int64

// PerSecond is the rate as a number, for a limiter.
func (r Rate) PerSecond() float64 { return float64(r) / 1000 }

// Weight is a factor in the shares, in thousandths: 1 is 1000.
type Weight int64

// Limit is what a circuit may carry: in all, on each phase, or both. What is not
// given is [policy.Unlimited].
type Limit struct {
	// Power in kW, all phases together.
	Power policy.Milliwatts `yaml:"kw" max:"100000"`
	// Current in A on each phase.
	Current policy.Milliamps `yaml:"amps" max:"100000"`
}

func (l *Limit) setDefaults() { *l = Limit{Power: policy.Unlimited, Current: policy.Unlimited} }

// HasPower reports whether there is a limit in kW.
func (l Limit) HasPower() bool { return l.Power < policy.Unlimited }

// HasCurrent reports whether there is a limit in A per phase.
func (l Limit) HasCurrent() bool { return l.Current < policy.Unlimited }

// Load is the limit for the engine.
func (l Limit) Load() policy.Load { return policy.Symmetric(l.Current, l.Power) }

// Level is one quantity: a current per phase where something is ordered in A,
// a power where it is ordered in W. The other field is zero.
type Level struct {
	// Current in A on each phase.
	Current policy.Milliamps `yaml:"amps" max:"100000"`
	// Power in kW, all phases together.
	Power policy.Milliwatts `yaml:"kw" max:"100000"`
}

// of is the level's number in the unit of a kind, in thousandths.
func (l Level) of(kind Kind) int64 {
	if kind == DC {
		return int64(l.Power)
	}
	return int64(l.Current)
}

// Load is what the level takes where only one unit is given: the other is that of
// a symmetric three-phase load, rounded up. Where both are given, both hold.
func (l Level) Load(v Volts) policy.Load {
	w := wiring(policy.AllPhases, v)
	if l.Power == 0 {
		l.Power = w.Power(l.Current)
	}
	if l.Current == 0 {
		l.Current = w.LevelAbove(l.Power)
	}
	return policy.Symmetric(l.Current, l.Power)
}

// Margin is what is kept free on every circuit: a share of each limit, or a power
// that is spread over three phases where the limit is in A, or a current on each
// phase that is taken three times where the limit is in kW.
type Margin struct {
	// Share of each limit; in files the text form, such as 5%.
	Share Permille `yaml:"-"`
	// Power in kW, all phases together.
	Power policy.Milliwatts `yaml:"kw" max:"100000"`
	// Current in A on each phase.
	Current policy.Milliamps `yaml:"amps" max:"100000"`
}

// String is the margin as a file would write it.
func (m Margin) String() string {
	switch {
	case m.Power > 0:
		return decimalText(int64(m.Power), 6) + " kW"
	case m.Current > 0:
		return decimalText(int64(m.Current), 3) + " A"
	default:
		return m.Share.String()
	}
}

// At is the margin for the engine, at the site's voltage.
func (m Margin) At(v Volts) policy.Margin {
	return policy.Margin{PerMille: int64(m.Share), Load: Level{Current: m.Current, Power: m.Power}.Load(v)}
}

// Wiring is how the connector loads its circuits, for the engine.
func (c Connector) Wiring(v Volts) policy.Wiring { return wiring(c.Phases.Set(), v) }

// Load is what the connector takes from its circuits at a level of its kind,
// rounded up.
func (c Connector) Load(l Level, v Volts) policy.Load {
	w := c.Wiring(v)
	switch {
	case c.Phases.Count() == 0:
		return policy.Load{}
	case c.Kind == DC:
		load := w.At(w.LevelAbove(l.Power))
		load.Power = l.Power
		return load
	default:
		return w.At(l.Current)
	}
}

// Worst is the most that the base load can draw by configuration: what is stated,
// or the Max of a metered load.
func (b BaseLoad) Worst(v Volts) policy.Load {
	if b.Meter != "" {
		return b.Max.Load(v)
	}
	return Level{Current: b.Current, Power: b.Power}.Load(v)
}

func wiring(phases policy.Phases, v Volts) policy.Wiring {
	return policy.Wiring{Phases: phases, Volts: int64(v)}
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

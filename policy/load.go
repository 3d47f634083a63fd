package policy

import "math"

// Load is a current on each phase and a total power. It is used for what
// flows, what is booked, and what is permitted.
type Load struct {
	Amps  [3]Milliamps
	Power Milliwatts
}

// Unlimited marks a part of a limit that does not exist. It is a number so
// large that no sum of a site reaches it, and never the zero value: zero means
// that nothing may flow.
const Unlimited = math.MaxInt64 / 4

// NoLimit is a Load in which nothing is limited.
func NoLimit() Load {
	return Load{Amps: [3]Milliamps{Unlimited, Unlimited, Unlimited}, Power: Unlimited}
}

// Symmetric is a load of the same current on every phase, with no statement
// about power.
func Symmetric(perPhase Milliamps, power Milliwatts) Load {
	return Load{Amps: [3]Milliamps{perPhase, perPhase, perPhase}, Power: power}
}

// Plus is the sum of two loads.
func (l Load) Plus(o Load) Load {
	for p := range l.Amps {
		l.Amps[p] += o.Amps[p]
	}
	l.Power += o.Power
	return l
}

// Minus is the difference of two loads. An unlimited part stays unlimited.
func (l Load) Minus(o Load) Load {
	for p := range l.Amps {
		if l.Amps[p] < Unlimited {
			l.Amps[p] -= o.Amps[p]
		}
	}
	if l.Power < Unlimited {
		l.Power -= o.Power
	}
	return l
}

// Tightest is the smaller of two limits, part by part.
func (l Load) Tightest(o Load) Load {
	for p := range l.Amps {
		l.Amps[p] = min(l.Amps[p], o.Amps[p])
	}
	l.Power = min(l.Power, o.Power)
	return l
}

// Fits reports whether the load is within the limit in every part.
func (l Load) Fits(limit Load) bool {
	return l.Power <= limit.Power && l.Amps[L1] <= limit.Amps[L1] &&
		l.Amps[L2] <= limit.Amps[L2] && l.Amps[L3] <= limit.Amps[L3]
}

// Excess is how far the load is above the limit, part by part; 0 where it is
// not.
func (l Load) Excess(limit Load) Load {
	var over Load
	for p := range l.Amps {
		over.Amps[p] = max(0, l.Amps[p]-limit.Amps[p])
	}
	over.Power = max(0, l.Power-limit.Power)
	return over
}

// Wiring says how a connector loads the circuits above it: the phases it is
// on, and the voltage between phase and neutral.
type Wiring struct {
	Phases Phases
	Volts  int64
}

// At is the load of a connector that carries the given current on each of its
// phases. It is exact: a milliampere at a whole number of volts is a whole
// number of milliwatts.
func (w Wiring) At(level Milliamps) Load {
	var l Load
	for p := range l.Amps {
		if w.Phases.Has(Phase(p)) {
			l.Amps[p] = level
		}
	}
	l.Power = w.Power(level)
	return l
}

// Power is the power at the given current per phase.
func (w Wiring) Power(level Milliamps) Milliwatts {
	return Milliwatts(int64(level) * w.perMilliamp())
}

// Level is the greatest current per phase at which the power does not pass p.
// It is how a limit in watts becomes a level.
func (w Wiring) Level(p Milliwatts) Milliamps {
	return Milliamps(int64(p) / w.perMilliamp())
}

// LevelAbove is the smallest current per phase at which the power reaches p.
// It is how a draw in watts is booked.
func (w Wiring) LevelAbove(p Milliwatts) Milliamps {
	per := w.perMilliamp()
	return Milliamps((int64(p) + per - 1) / per)
}

// perMilliamp is the power, in milliwatts, of one milliampere on each phase.
func (w Wiring) perMilliamp() int64 { return int64(w.Phases.Count()) * w.Volts }

// costs is what one milliampere of level takes of each resource of a circuit.
func (w Wiring) costs() [resources]int32 {
	return [resources]int32{
		int32(w.Phases & 1), int32(w.Phases >> 1 & 1), int32(w.Phases >> 2 & 1), int32(w.perMilliamp()),
	}
}

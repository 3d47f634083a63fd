package policy

import "time"

// Kind is how a charger takes its orders.
type Kind uint8

const (
	AC Kind = iota // in amperes per phase, in steps of 0.1 A
	DC             // in watts, in steps of 1 W
)

// String is "ac" or "dc".
func (k Kind) String() string {
	if k == DC {
		return "dc"
	}
	return "ac"
}

// step is the resolution of a level. A watt at a whole number of volts on one
// to three phases is never less than a milliampere, so DC levels need no
// coarser step than that.
func (k Kind) step() Milliamps {
	if k == DC {
		return 1
	}
	return Ampere / 10
}

// Session is one that wants power, as the engine sees it. Levels are currents
// per phase; a DC charger's watts are levels by way of its Wiring.
type Session struct {
	Key     int    // unique and stable, such as the connector's place in the configuration; ties go to the lowest
	ID      string // for people
	Circuit int    // index into the Tree
	Wiring  Wiring
	Kind    Kind
	// Min and Max bound what it is given when it is given anything. Where Max
	// is below Min the session can only wait.
	Min, Max Milliamps
	// Floor is what its charger does when nobody steers it. It is booked
	// whatever the session is given, wherever all floors fit.
	Floor    Milliamps
	CanPause bool // false: never made to wait
	// KeepsOn tells that its car woke badly from a pause: once it charges, it is
	// made to wait only where a limit leaves no choice.
	KeepsOn bool
	// Uses, where UsesLess is true, is what the car draws with a margin on top,
	// and clearly less than it was given: the rest is lent while others are
	// short.
	Uses     Milliamps
	UsesLess bool
	Tier     int       // rule priority: a higher tier is served first
	Weight   int       // in thousandths: twice the weight, twice the share; 0 stands for 1000
	Since    time.Time // when it began
	// Need is the energy it still wants and Leaves when it leaves, for rule
	// deadline. A zero Leaves is unknown.
	Need   MilliwattHours
	Leaves time.Time
	Turn   Turn
}

// idle reports whether the car draws next to nothing of what it may.
func (s *Session) idle() bool { return s.UsesLess && 2*s.Uses <= s.Min }

// Turn is where a session stands in the rotation when not everybody can have
// the minimum. The caller keeps it from one decision to the next with After.
type Turn struct {
	Running bool
	Since   time.Time      // when it last began to charge or to wait; zero: never decided on
	Starts  int            // how often it was started
	Served  MilliwattHours // what it was delivered, as far as is known
}

// After is the turn of a session that was given the level at the time now.
func (t Turn) After(now time.Time, level Milliamps) Turn {
	running := level > 0
	if t.Since.IsZero() || running != t.Running {
		t.Since = now
		if running {
			t.Starts++
		}
	}
	t.Running = running
	return t
}

// Booking is a load that nobody can change now: a connector that stands idle
// behind its fallback limit, or a session that cannot be steered.
type Booking struct {
	Circuit int
	Wiring  Wiring
	Level   Milliamps
}

// World is what the engine decides on. Slices per circuit are in the order of
// the Tree.
type World struct {
	// Permitted is what all connectors below a circuit may draw together: its
	// limit less margin and base load. It may be negative.
	Permitted []Load
	// ArrivalReserve is what is kept for sessions that may begin at idle
	// connectors where the fallbacks of all connectors do not fit. Where they
	// fit, idle connectors are booked at their fallbacks anyway.
	ArrivalReserve []Load
	Idle           []Booking
	Held           []Booking
	Sessions       []Session
}

// Allocation is what one session is given.
type Allocation struct {
	Key    int
	Level  Milliamps  // per phase; 0 or at least the session's Min
	Power  Milliwatts // the same as power; what a DC charger is ordered
	Reason Reason
	Queue  Queue // set where the session waits
}

// Queue is the place of a waiting session.
type Queue struct {
	Position int       // 1 is next; 0: does not wait
	Expected time.Time // when a place is expected; zero: unknown
}

// Plan is the engine's decision, a value that its owner may keep.
type Plan struct {
	Allocations []Allocation // in the order of World.Sessions
	// Covered tells for each circuit whether the fallbacks of all connectors
	// below it fit, so that losing every message would keep it within its limit.
	Covered []bool
	// Booked is, for each circuit, the allocations and all that is held or
	// reserved below it.
	Booked []Load
	// Review is when this plan may change by itself, because a turn ends; zero:
	// not at all.
	Review time.Time
}

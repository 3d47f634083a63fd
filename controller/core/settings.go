package core

import (
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Mode says whether orders are sent.
type Mode uint8

const (
	Enforce Mode = iota
	Observe      // decide and record, send nothing
)

// String is the mode as the configuration writes it.
func (m Mode) String() string {
	if m == Observe {
		return "observe"
	}
	return "enforce"
}

// Engage says what makes a site congested.
type Engage uint8

const (
	// EngagePotential: what every connector could draw, were nobody steered,
	// passes what a circuit permits.
	EngagePotential Engage = iota
	// EngageMeasured: what is drawn comes near to what a circuit permits. Until
	// then no session is cut.
	EngageMeasured
	// EngageAlways: at all times.
	EngageAlways
)

// Settings describe one site. They change by Configured alone, all at once.
type Settings struct {
	ID         string
	Location   string // eDRV location, may be empty
	Zone       *time.Location
	Rule       policy.Rule
	Engage     Engage
	Mode       Mode
	CutHedge   int64         // ‰ of a needed cut that is cut on top in the first round
	Stay       time.Duration // how long a car stays that says nothing
	StayEnergy policy.MilliwattHours
	MinOn      time.Duration // how long a session charges before a new one may take its place
	Timing     Timing
	Circuits   []Circuit
	Connectors []Connector
	Meters     []Meter
}

// Timing is the control section of the configuration.
type Timing struct {
	Tick           time.Duration // longest time between two passes
	Resync         time.Duration // between two REST lists
	ReportStale    time.Duration // age at which a reading counts as unknown
	VerdictTimeout time.Duration // how long an order waits for its verdict
	Settle         time.Duration // from a confirmed cut until it releases budget
	RaiseEvery     time.Duration // between two raises of one connector
	DisengageAfter time.Duration // how long a site must be calm to disengage
	Rotate         time.Duration // a turn, when not everybody can charge
	ResumeAfter    time.Duration // how long a paused session stays paused
	Reassert       time.Duration // between two confirmations of an unchanged limit
	RecoverAfter   time.Duration // clean time before hold or floor is left
}

// Circuit is one circuit of the site.
type Circuit struct {
	ID, Parent string
	Limit      policy.Load
	Margin     policy.Margin
	Windows    []policy.Window
	// Base is the load of everything on the circuit itself that is no connector,
	// or the worst of it where a meter tells it.
	Base  policy.Load
	Meter string // name of the meter, or empty
	Peak  Peak
	// Protection is what protects the circuit, for its overload budget.
	Protection Protection
	// ArrivalReserve is kept for sessions that may begin at idle connectors,
	// where the fallbacks do not fit. ReserveSet tells whether it is configured;
	// if not, it is the greatest fallback of an idle connector.
	ArrivalReserve policy.Load
	ReserveSet     bool
}

// Peak is what the mean power of a circuit, with everything on it, is to stay
// below in every window. Windows are aligned with the clock of the site.
type Peak struct {
	Window time.Duration     // a whole number of them makes an hour; 0: no peak
	Power  policy.Milliwatts // before the margin
}

// Meter is a site meter.
type Meter struct {
	Name string
	// Whole tells that it measures all that the circuit carries, chargers
	// included, and not the base load alone.
	Whole  bool
	Volts  int64             // between a phase and neutral
	Stale  time.Duration     // age at which a reading counts as none
	Frozen time.Duration     // for how long readings may be exactly alike; 0: for ever
	Export policy.Milliwatts // how far below zero a reading may be
	Max    policy.Milliwatts // the most that it can read
}

// Connector is one outlet of a station.
type Connector struct {
	ID, Name, Station string
	Circuit           string
	Kind              policy.Kind
	Wiring            policy.Wiring
	First             policy.Phase     // where a single-phase car draws
	Min, Max          policy.Milliamps // per phase
	Fallback          policy.Milliamps
	// Watts at Max, Min and Fallback of a DC charger, as configured: a level is
	// a whole number of milliamperes and may be a watt less.
	MinPower, MaxPower, FallbackPower policy.Milliwatts
	InstallFallback                   bool
	CanPause                          bool
	// Watts tells that an AC charger takes its limits in watts.
	Watts bool
	// Capped tells that the fallback, once it is in force, caps every session.
	Capped bool
	// Settle is Timing.Settle for this connector; 0 where it is the same.
	Settle time.Duration
	// Removed tells that the configuration has it no more: it is in the model
	// until its session ends, and not steered. The model alone sets it.
	Removed      bool
	Tier, Weight int
}

// label is the name for people.
func (c *Connector) label() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

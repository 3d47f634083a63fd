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

// Settings describe one site. They do not change while a Site lives; a reload
// builds a new Site from the old one.
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
	// ArrivalReserve is kept for sessions that may begin at idle connectors,
	// where the fallbacks do not fit. ReserveSet tells whether it is configured;
	// if not, it is the greatest fallback of an idle connector.
	ArrivalReserve policy.Load
	ReserveSet     bool
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
	Tier, Weight                      int
}

// label is the name for people.
func (c *Connector) label() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

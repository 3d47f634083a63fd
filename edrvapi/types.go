package edrvapi

import (
	"strings"
	"time"
)

// Session is a charging session as eDRV reports it (eDRV docs, "Sessions" and "Sessions
// 2.0.1"). Times that eDRV did not give, or gave in no readable form, are zero.
type Session struct {
	ID        string
	Connector string
	Station   string
	User      string
	Status    SessionStatus

	CreatedAt     time.Time
	UpdatedAt     time.Time // grows with every change; older snapshots are to be dropped
	ChargingStart time.Time
	ChargingStop  time.Time // may lie before ChargingStart: that of an earlier stop

	Report       Report
	Consumed     Maybe[MilliwattHours] // since the session began
	EnergyPeriod Maybe[time.Duration]  // time in which the car drew energy

	ChargingState string // OCPP 2.0.1 chargers only
	StopReason    string // OCPP 2.0.1 chargers only
	Target        Target

	// Meta is the scalar part of meta_data, numbers and booleans as text: at most 32
	// entries, names and values of at most 256 bytes each. The rest is left out.
	Meta map[string]string
}

// Report is the latest energy report of a session. The zero Report knows nothing.
type Report struct {
	// At is when the charger took the reading; zero where eDRV gave none or a malformed
	// one, in which case the time of receipt is the best there is.
	At time.Time

	// Power is what the session draws, over all phases. From -100 W to 0 is 0; less, or
	// more than 10 MW, is no reading.
	Power Maybe[Milliwatts]

	// Current is eDRV's single figure. How eDRV reduces three phases to it is not
	// documented, so it serves display; account for Power, or for Phases.
	Current Maybe[Milliamps]

	Meter         Maybe[MilliwattHours] // the charger's register, not the session's energy
	StateOfCharge Maybe[Permille]       // DC only

	// Phases holds the phase values of raw_energy_report, L1 first. eDRV sends it only
	// for sessions configured with include_raw_energy_report.
	Phases [3]PhaseReading
}

// PhaseReading is what one phase carries, as the charger reports it.
type PhaseReading struct {
	Power   Maybe[Milliwatts]
	Current Maybe[Milliamps]
}

// Target is what the driver asked for (eDRV docs, "Session Targets"). Zero and negative
// targets count as none.
type Target struct {
	Energy        Maybe[MilliwattHours]
	Duration      Maybe[time.Duration]
	StateOfCharge Maybe[Permille]
	EnergyStart   time.Time
	EnergyStop    time.Time
}

// Station is a charge station (eDRV: chargestation) with its connectors. eDRV knows no
// power rating of a station.
type Station struct {
	ID         string
	Name       string // for people; empty where eDRV gives none
	Location   string // empty where eDRV gives none
	Protocol   string // "ocpp1.6" or "ocpp2.0.1"
	Online     Maybe[bool]
	Active     Maybe[bool]
	Connectors []Connector // at most 128
	UpdatedAt  time.Time
	Meta       map[string]string // as Session.Meta
}

// Connector is one outlet of a station.
type Connector struct {
	ID        string
	Station   string
	Status    ConnectorStatus
	PowerType PowerType

	// Power is the rating that an operator typed in, in kW on the wire. It is often
	// wrong: a cap at best.
	Power     Maybe[Milliwatts]
	Active    Maybe[bool]
	UpdatedAt time.Time
}

// Location is a site in eDRV's terms. It carries no grid capacity.
type Location struct {
	ID       string
	Operator string
	Timezone string // IANA name
	Active   Maybe[bool]
	Meta     map[string]string // as Session.Meta
}

// Group is one of eDRV's own load-management groups. A connector or station in one is
// limited by eDRV too, and two limiters on one session work against each other.
type Group struct {
	ID         string
	Name       string
	Location   string
	Maximum    Maybe[Milliwatts] // maximum_capacity, kW on the wire
	Stations   []string          // ids, at most 1024
	Connectors []string          // ids, at most 1024
}

// Action is eDRV's record of one command to a charger (eDRV docs, "Actions"). The
// answer to an order and the events of its verdict carry the same ID.
type Action struct {
	ID        string
	Type      string // as eDRV writes it, such as "session.set_power_limit"
	Kind      ActionKind
	Status    ActionStatus
	Session   string
	Connector string
	Station   string
	Limit     Maybe[Limit]    // what was ordered, where eDRV repeats it
	Schedule  Maybe[Schedule] // the answer to a composite schedule request
	CreatedAt time.Time
	UpdatedAt time.Time

	// ResponseText is the charger's response_data as text, for people: at most 512
	// bytes, without control characters.
	ResponseText string
}

// OfSession reports whether the command is about one session and not about a
// default: it names the session, or its type does ("session.set_power_limit").
func (a *Action) OfSession() bool { return a.Session != "" || strings.HasPrefix(a.Type, "session.") }

// Schedule is a composite schedule: what the charger says it will allow (OCPP 1.6
// GetCompositeSchedule).
type Schedule struct {
	Accepted  bool
	Connector int // OCPP number of the connector, not an id
	Start     time.Time
	Duration  time.Duration
	Unit      Unit
	Periods   []SchedulePeriod // in order, at most 256
}

// SchedulePeriod is one step of a Schedule: from Offset after its start, Limit holds.
type SchedulePeriod struct {
	Offset time.Duration
	Limit  Limit
}

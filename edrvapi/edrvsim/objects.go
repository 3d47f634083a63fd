package edrvsim

import "time"

// Status is the state of a session in eDRV's own mixed case ("Sessions"). The
// documents of 2021 have it all in lower case, see [Shape2021].
type Status string

// The states of a session.
const (
	Created   Status = "created"
	Started   Status = "Started"
	Ended     Status = "Ended"
	Cancelled Status = "cancelled"
)

// Shape is the age of the document that an energy report is shaped like.
// eDRV's pages show four, and each may turn up.
type Shape uint8

// The shapes.
const (
	Shape2023 Shape = iota // numbers, register in Wh, state of charge as text
	Shape2021              // numbers, register in kWh, lower-case status
	Shape2022              // numbers as text, register in kWh
	Shape2025              // OCPP 2.0.1: chargingState, state of charge without a unit
)

// Session is eDRV's record of a session: what it knows, not what is true.
type Session struct {
	ID        string
	User      string
	Station   Ref
	Connector Ref
	Rate      string
	Status    Status
	Shape     Shape
	Raw       bool // with raw_energy_report

	CreatedAt, UpdatedAt time.Time
	StartedAt, EndedAt   time.Time // metrics.chargingStart and chargingStop
	StopReason           string
	ChargingState        string        // OCPP 2.0.1 only
	MeterStartWh         float64       // register at the start
	EnergyWh             float64       // metrics.energyConsumed
	EnergyPeriod         time.Duration // in which the car drew

	Report *Report // newest energy report, nil before the first; never changed

	Target Target
	Meta   map[string]string
}

// Ref is a reference to another object: its id, or the object itself.
type Ref struct {
	ID       string
	Expanded bool
}

// Report is an energy report as eDRV passes it on, faults and all.
type Report struct {
	At        time.Time
	AtForm    TimeForm
	Power     Quantity // kW
	Current   Quantity // A, one number for all phases
	Energy    Quantity // the register, Wh or kWh
	SoC       Quantity // DC only
	Volts     float64
	PhaseAmps [3]float64 // for raw_energy_report, in terminal order
	Phases    int
}

// Quantity is a number on its way to JSON.
type Quantity struct {
	Missing bool
	Value   float64 // as a reader would understand it; NaN if it cannot
	Unit    string  // "" is null
	Text    string  // what stands there instead of a number, for poisoned readings
	Quoted  bool    // written as a string
	Places  int8    // decimals; Value is rounded to them
}

// TimeForm is how a timestamp is written.
type TimeForm uint8

// The forms, the odd ones as in eDRV's own samples ("Raw Energy Report").
const (
	TimeISO         TimeForm = iota // 2023-08-16T13:30:00.000Z
	TimeDots                        // 2023-08-16T13:30.00.00Z
	TimeSevenDigits                 // 2023-08-16T13:30:00.0000000Z
)

// ActionStatus is the state of an action ("Actions").
type ActionStatus string

// The states of an action.
const (
	APIRequested ActionStatus = "APIRequested" // in the HTTP reply only
	Requested    ActionStatus = "requested"
	Completed    ActionStatus = "completed"
	Failed       ActionStatus = "failed"
)

// Action is eDRV's record of something that it asked a charger to do.
type Action struct {
	ID        string
	Type      string // "session.set_power_limit"
	Status    ActionStatus
	Station   Ref
	Connector Ref    // without an id if it is about a whole station
	Session   string // "" if it is not about a session
	Limit     Limit
	Response  map[string]any // response_data; never changed
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Station is eDRV's record of a chargestation.
type Station struct {
	ID          string
	Name        string
	Location    Ref
	Protocol    string
	Online      bool
	ConnectedAt time.Time
	LostAt      time.Time
	Connectors  []Connector
}

// Connector is eDRV's record of a connector. It has no amperes, voltage or
// phases: a controller must know those from elsewhere.
type Connector struct {
	ID        string
	Station   Ref
	Number    int
	Status    string
	Kind      Kind
	Phases    int
	PowerKW   float64
	UpdatedAt time.Time
}

// Location is eDRV's record of a location.
type Location struct {
	ID       string
	Operator string
	Timezone string
}

package edrvsim

import "time"

// Spec describes a world completely: the same Spec and the same calls give the
// same history, bit for bit. Start from [NewSpec]; ids left empty are made up.
type Spec struct {
	Seed  uint64
	Start time.Time // the world's first instant

	Locations []LocationSpec
	Circuits  []CircuitSpec // parents before children or after, as you like
	Stations  []StationSpec
	Groups    []Group // eDRV load-management groups; they are listed, but do not steer
	Arrivals  []ArrivalSpec

	Behaviour Behaviour
	Faults    Faults   // how often each fault strikes
	Windows   []Window // faults that strike for certain, at a set time
	Record    RecordSpec
}

// NewSpec is an empty world with eDRV's documented behaviour and no faults.
func NewSpec(seed uint64) Spec {
	return Spec{
		Seed:      seed,
		Start:     time.Date(2026, time.January, 5, 6, 0, 0, 0, time.UTC),
		Behaviour: DefaultBehaviour(),
	}
}

// LocationSpec is an eDRV location: the place a power cut hits as a whole.
type LocationSpec struct {
	ID       string
	Operator string // operatorName
	Timezone string // IANA; "" is UTC
}

// CircuitSpec is one protected line of the site: the judge's view, which eDRV
// does not know. Limits of zero are no limit.
type CircuitSpec struct {
	ID         string
	Parent     string // "" for a grid connection
	LimitWatts float64
	LimitAmps  float64 // per phase
	Voltage    float64 // phase to neutral, for the base load; 0 is 230
	BaseLoad   Profile
}

// Profile is a load in steps, evenly spread over the three phases.
type Profile struct {
	Steps  []LoadStep    // in order of After
	Repeat time.Duration // 0: the last step stays
}

// LoadStep is a load that holds from a time after the profile's beginning on.
type LoadStep struct {
	After time.Duration
	Watts float64
}

// Constant is a profile that never changes.
func Constant(watts float64) Profile {
	return Profile{Steps: []LoadStep{{Watts: watts}}}
}

// StationSpec is an eDRV chargestation.
type StationSpec struct {
	ID         string
	Name       string
	Location   string
	Protocol   string // "" is ocpp1.6
	Shape      Shape  // the age of the documents its reports follow
	Raw        bool   // reports carry raw_energy_report
	Default    Limit  // station-wide default limit installed at the start
	Connectors []ConnectorSpec
}

// Kind is how a connector feeds a car.
type Kind string

// The kinds of connector. An AC connector is built in amperes per phase, a DC
// connector in watts.
const (
	AC Kind = "ac"
	DC Kind = "dc"
)

// ConnectorSpec is a charge point and its place in the site's wiring.
type ConnectorSpec struct {
	ID      string
	Circuit string
	Kind    Kind // "" is AC
	// Phases are the supply's phases in the order of the post's terminals. In
	// "L2L3L1" a single-phase car loads L2. "" is L1L2L3.
	Phases  string
	Voltage float64 // phase to neutral; 0 is 230
	MaxAmps float64 // rating of an AC connector, per phase; 0 is 32
	MaxKW   float64 // rating of a DC connector; 0 is 50
	MinAmps float64 // AC: what is below is a pause (IEC 61851-1); 0 is 6

	Default Limit   // default limit installed at the start; none is unlimited
	Quirks  []Fault // Charger… faults that this connector always shows
}

// CarSpec is a car and what its driver wants. Zero values are a plain car:
// three phases, 32 A, 100 kW on DC, from 6 A on, never full, stays for ever.
type CarSpec struct {
	Stay    time.Duration // from plugging in to leaving; 0: until Unplug
	Phases  int           // of the on-board charger, 1 to 3; 0 is 3
	MaxAmps float64       // per phase, on AC; 0 is 32
	MaxKW   float64       // on DC; 0 is 100
	MinAmps float64       // the car does not charge below; 0 is 6, some need 8

	NeedKWh    float64 // until full; 0 is never full
	TailKWh    float64 // the last part of NeedKWh, over which the draw falls to a tenth
	BatteryKWh float64 // for the state of charge; 0 is NeedKWh

	Ramp time.Duration // to follow a new pilot signal, in steps of at most 1 s

	Remote bool // waits for POST /sessions instead of a local RFID card
	User   string
	Meta   map[string]string // meta_data of the session; do not change it later
	Target Target
	Quirks []Fault // Car… faults that this car shows
}

// Target is when eDRV stops a session by itself ("Session Targets").
type Target struct {
	EnergyKWh float64
	Minutes   float64
}

// Group is an eDRV load-management group ("Manage Groups").
type Group struct {
	ID         string
	Name       string
	Location   string
	MaxKW      float64
	MinKW      float64
	Buffer     float64
	Connectors []string
}

// ArrivalSpec brings cars to a set of connectors, a Poisson stream whose rate
// follows a table. A car that finds no free connector drives on.
type ArrivalSpec struct {
	Connectors []string      // ids; empty is all
	PerHour    []float64     // expected cars per hour in each slot; the table repeats
	Slot       time.Duration // 0 is one hour
	Cars       []CarMix
}

// CarMix is one sort of car in an arrival stream.
type CarMix struct {
	Weight  float64 // against the other sorts; 0 is 1
	Car     CarSpec // what all cars of this sort share
	Stay    Range
	NeedKWh [2]float64 // least and most
}

// RecordSpec bounds what the world remembers for plots and logs.
type RecordSpec struct {
	Every  time.Duration // width of a point of Recording; 0 records nothing
	Points int           // the newest are kept; 0 is 1,000
	Limits int           // entries of LimitLog that are kept; 0 is 1,000
}

package edrvsim

import "time"

// TrueState is what is true at one instant, whatever eDRV believes.
type TrueState struct {
	At         time.Time
	Connectors []TrueConnector // in the order of the Spec
	Circuits   []TrueCircuit
	Totals     Totals
	Hook       HookState
	Calls      Counts
	Faults     Counts
}

// TrueConnector is the truth about one connector.
type TrueConnector struct {
	ID      string
	Station string
	Circuit string
	Online  bool // the station's line to eDRV
	Powered bool // the station has power and has booted
	Status  string

	Car       bool
	CarPhases int    // phases that the car loads, 0 without a car
	Session   string // of the running transaction, known to eDRV or not
	Limit     Limit  // the session's own limit in the charger; none if there is none
	// Astray tells that another limit is in force than the charger last
	// confirmed to us: somebody else set it, or the charger did not do what it said.
	Astray   bool
	Foreign  string // the action of somebody else that set Limit, if the charger confirmed nothing since
	Offer    Limit  // what the charger would let a car draw now: rating, defaults and Limit
	Amps     [3]float64
	Watts    float64
	EnergyWh float64 // taken by the present car
}

// TrueCircuit is the truth about one circuit, with its base load.
type TrueCircuit struct {
	ID         string
	Parent     string
	LimitWatts float64 // 0 is none
	LimitAmps  float64 // 0 is none
	BaseWatts  float64 // its own
	Watts      float64
	Amps       [3]float64
	Trace      Trace
}

// Totals sums up the world so far.
type Totals struct {
	Arrived    int // cars
	TurnedAway int // cars that found no free connector
	Departed   int
	Sessions   int // that eDRV got to know

	// Of the cars that have left: what they took, and what they could have
	// taken at their own maximum in the time that they stayed, up to full.
	DeliveredWh float64
	ServableWh  float64
}

// TrueState is a snapshot of the truth; it shares nothing with the world.
func (w *World) TrueState() TrueState {
	s := TrueState{
		At: w.Now(), Totals: w.totals, Hook: w.Hook(), Calls: w.Calls(), Faults: w.FaultCounts(),
		Connectors: make([]TrueConnector, len(w.connectors)),
		Circuits:   make([]TrueCircuit, len(w.circuits)),
	}
	for i, c := range w.connectors {
		s.Connectors[i] = w.trueConnector(c)
	}
	for i, c := range w.circuits {
		s.Circuits[i] = w.trueCircuit(c)
	}
	return s
}

// Connector is the truth about one connector; false if there is none of that id.
func (w *World) Connector(id string) (TrueConnector, bool) {
	c, ok := w.connOf[id]
	if !ok {
		return TrueConnector{}, false
	}
	return w.trueConnector(c), true
}

// Shows reports whether a connector's charger, or the car at it, shows a fault:
// as a quirk of its own, or in an open window. A car that began to ignore the
// pilot does so until it reacts.
func (w *World) Shows(connector string, f Fault) bool {
	c, ok := w.connOf[connector]
	if !ok {
		return false
	}
	if f == CarIgnoresPilot && c.lagging {
		return true
	}
	q := c.quirks
	if c.car != nil {
		q |= c.car.quirks
	}
	return w.shows(q, f, connector)
}

// Circuit is the truth about one circuit; false if there is none of that id.
func (w *World) Circuit(id string) (TrueCircuit, bool) {
	c, ok := w.circuitOf[id]
	if !ok {
		return TrueCircuit{}, false
	}
	return w.trueCircuit(c), true
}

func (w *World) trueConnector(c *connector) TrueConnector {
	c.accrue(w.now)
	t := TrueConnector{
		ID: c.id, Station: c.station.id, Circuit: c.circuit.id,
		Online: c.station.online, Powered: c.station.dark == 0, Status: c.status,
		Amps: c.load.amps(), Watts: float64(c.load.mw) / 1e3, Astray: c.astray,
	}
	offer := float64(c.offer(&w.spec.Behaviour)) / 1e3
	if t.Offer = Amps(offer); c.spec.Kind == DC {
		t.Offer = Watts(offer)
	}
	if c.car != nil {
		t.Car, t.CarPhases, t.EnergyWh = true, c.car.phases, c.car.taken
	}
	if c.session != nil {
		t.Session, t.Limit, t.Foreign = c.session.rec.ID, c.session.limit, c.session.foreign
		t.Astray = t.Astray || c.session.astray
	}
	return t
}

func (w *World) trueCircuit(c *circuit) TrueCircuit {
	c.accrue(w)
	t := TrueCircuit{
		ID: c.id, LimitWatts: float64(c.limitW) / 1e3, LimitAmps: float64(c.limitA) / 1e3,
		BaseWatts: float64(c.base) / 1e3, Watts: float64(c.load.mw) / 1e3, Amps: c.load.amps(), Trace: c.trace,
	}
	if c.parent != nil {
		t.Parent = c.parent.id
	}
	return t
}

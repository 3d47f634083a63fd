package edrvapi

import "time"

// The bounds of what one document may make us keep.
const (
	maxText       = 128
	maxMeta       = 32
	maxMetaText   = 256
	maxReadings   = 64
	maxConnectors = 128
	maxMembers    = 1024
	maxPeriods    = 256
	maxResponse   = 512
)

// decodeSession decodes one session. A session without an id is unreadable.
func decodeSession(doc []byte) (Session, error) {
	var s Session
	r := newReader(doc)
	defer r.release()
	r.session(&s)
	return s, identified(r, s.ID, "session")
}

// identified is the error of the document, or that the object in it has no id.
func identified(r *reader, id, what string) error {
	if err := r.finish(); err != nil {
		return err
	}
	if id == "" {
		return unreadable("%s without _id", what)
	}
	return nil
}

func (r *reader) session(s *Session) {
	for name := range r.object() {
		switch string(name) {
		case "_id":
			s.ID = idOf(r.word())
		case "connector":
			s.Connector = r.ref()
		case "chargestation":
			s.Station = r.ref()
		case "user":
			s.User = r.ref()
		case "status":
			s.Status = parseSessionStatus(r.word())
		case "createdAt":
			s.CreatedAt = r.time()
		case "updatedAt":
			s.UpdatedAt = r.time()
		case "metrics":
			r.metrics(s)
		case "energy_report":
			r.report(&s.Report)
		case "raw_energy_report":
			r.rawReport(&s.Report)
		case "target":
			r.target(&s.Target)
		case "planned_cutoff_energy": // The names of 2021.
			s.Target.Energy = positive(r.reading().energy(unitKWh))
		case "planned_cutoff_time":
			s.Target.Duration = r.minutes()
		case "meta_data":
			s.Meta = r.meta()
		default:
			r.skip()
		}
	}
}

func (r *reader) metrics(s *Session) {
	for name := range r.object() {
		switch string(name) {
		case "chargingStart":
			s.ChargingStart = r.time()
		case "chargingStop":
			s.ChargingStop = r.time()
		case "energyConsumed":
			s.Consumed = r.reading().energy(unitWh)
		case "energyPeriod":
			s.EnergyPeriod = r.seconds()
		case "chargingState":
			s.ChargingState = r.text(maxText)
		case "chargingStopReason":
			s.StopReason = r.text(maxText)
		default:
			r.skip()
		}
	}
}

// report reads energy_report. The samples of eDRV give power in kW and current in A;
// the register is in kWh in 2021 and 2022 and in Wh since, so its unit decides, and
// without one it is Wh, the default of OCPP.
func (r *reader) report(rep *Report) {
	for name := range r.object() {
		switch string(name) {
		case "timestamp":
			rep.At = r.time()
		case "power":
			rep.Power = r.reading().power(unitKW)
		case "current":
			rep.Current = r.reading().current()
		case "energy_meter":
			rep.Meter = r.reading().energy(unitWh)
		case "state_of_charge":
			rep.StateOfCharge = r.reading().stateOfCharge()
		default:
			r.skip()
		}
	}
}

// rawReport reads the phase values of raw_energy_report, which are in W and A (eDRV
// docs, "Raw Energy Report Update"). The last value of a phase holds.
func (r *reader) rawReport(rep *Report) {
	for name := range r.object() {
		switch string(name) {
		case "power":
			r.phaseReadings(func(p *PhaseReading, n reading) { p.Power = n.power(unitW) }, rep)
		case "current":
			r.phaseReadings(func(p *PhaseReading, n reading) { p.Current = n.current() }, rep)
		default:
			r.skip()
		}
	}
}

// phaseReadings reads an array of values of which some name a phase.
func (r *reader) phaseReadings(set func(*PhaseReading, reading), rep *Report) {
	i := 0
	for range r.array() {
		i++
		if i > maxReadings {
			r.skip()
			continue
		}
		if n := r.reading(); n.phase > 0 {
			set(&rep.Phases[n.phase-1], n)
		}
	}
}

// target reads a session target: energy in kWh, time in minutes (eDRV docs, "Session
// Targets").
func (r *reader) target(t *Target) {
	for name := range r.object() {
		switch string(name) {
		case "energy":
			t.Energy = positive(r.reading().energy(unitKWh))
		case "time":
			t.Duration = r.minutes()
		case "state_of_charge", "soc":
			n := r.reading()
			if n.unit == unitNone {
				n.unit = unitPercent
			}
			t.StateOfCharge = positive(n.stateOfCharge())
		case "energy_start_time":
			t.EnergyStart = r.time()
		case "energy_stop_time":
			t.EnergyStop = r.time()
		default:
			r.skip()
		}
	}
}

// positive is m unless it is zero: a target of nothing is no target.
func positive[T ~int64](m Maybe[T]) Maybe[T] {
	if m.Value <= 0 {
		return Maybe[T]{}
	}
	return m
}

// minutes is the next value as a time in minutes, more than none and at most a year.
func (r *reader) minutes() Maybe[time.Duration] {
	n, ok := r.number()
	if !ok || n <= 0 || n > maxMinutes {
		return Maybe[time.Duration]{}
	}
	return Some(time.Duration(n * float64(time.Minute)))
}

// seconds is the next value as a time in seconds, from 0 to a year.
func (r *reader) seconds() Maybe[time.Duration] {
	n, ok := r.number()
	if !ok || n < 0 || n > maxSeconds {
		return Maybe[time.Duration]{}
	}
	return Some(time.Duration(n * float64(time.Second)))
}

// meta reads the scalars of meta_data.
func (r *reader) meta() map[string]string {
	var m map[string]string
	for name := range r.object() {
		key := string(name)
		value, ok := r.scalar()
		if !ok || len(m) >= maxMeta || len(key) > maxMetaText || len(value) > maxMetaText {
			continue
		}
		if m == nil {
			m = make(map[string]string)
		}
		m[key] = value
	}
	return m
}

// scalar is the next value as text, if it is text, a number or a boolean.
func (r *reader) scalar() (string, bool) {
	switch r.kind() {
	case '"':
		return string(r.word()), true
	case '0', 't', 'f':
		return string(r.value()), true
	default:
		r.skip()
		return "", false
	}
}

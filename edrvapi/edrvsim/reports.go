package edrvsim

import (
	"math"
	"time"
)

func (w *World) armReport(c *connector) {
	w.arm(&c.report, w.now+within(w.habits, w.spec.Behaviour.Report))
}

// reportDue is a charger's meter values passing through eDRV. Without a line
// they are lost.
func (w *World) reportDue(c *connector) {
	w.armReport(c)
	s := c.session
	if s == nil || !c.station.online {
		return
	}
	if w.shows(c.quirks, ChargerMute, c.id) {
		w.struck[ChargerMute]++
		return
	}
	c.accrue(w.now)
	if s.rec.Report != nil && w.shows(c.quirks, ChargerStuck, c.id) {
		w.struck[ChargerStuck]++
		stuck := *s.rec.Report
		stuck.At = w.at(w.now)
		s.rec.Report = &stuck
	} else {
		s.rec.EnergyWh = c.register - s.meterAt
		s.rec.EnergyPeriod = s.drawTime
		s.rec.Report = w.measure(c)
	}
	if s.rec.Shape == Shape2025 {
		s.rec.ChargingState = chargingState(c.status)
	}
	w.emitSession("session.updated", s)
	w.enforceTarget(s)
}

// chargingState is OCPP 2.0.1's word for a connector's state.
func chargingState(status string) string {
	switch status {
	case charging, suspendedEV, suspendedEVSE:
		return status
	default:
		return "EVConnected"
	}
}

// measure is a report of the true draw, in the station's shape, with whatever
// fault strikes it.
func (w *World) measure(c *connector) *Report {
	phases := len(c.wires)
	if c.spec.Kind == AC {
		phases = c.car.phases
	}
	r := &Report{At: w.at(w.now), Volts: float64(c.volts) / 1e3, Phases: phases}
	kw := float64(c.load.mw) / 1e6
	amps := 0.0
	for i, p := range c.wires[:phases] {
		r.PhaseAmps[i] = float64(c.load.ma[p]) / 1e3
		amps += r.PhaseAmps[i]
	}
	if w.spec.Behaviour.CurrentPerPhase {
		amps = r.PhaseAmps[0]
	}
	r.shape(c.station.spec.Shape, kw, amps, c.register)
	r.SoC.Missing = c.spec.Kind != DC
	if !r.SoC.Missing {
		r.SoC = soc(c.station.spec.Shape, c.car)
	}
	w.poison(r, c.id)
	return r
}

// shape writes the readings in the precision and units of a shape.
func (r *Report) shape(s Shape, kw, amps, registerWh float64) {
	switch s {
	case Shape2021:
		r.Power, r.Current = number(kw, 3, "kW"), number(amps, 2, "A")
		r.Energy = number(registerWh/1e3, 2, "kWh")
	case Shape2022:
		r.Power, r.Current = number(kw, 1, "kW").quoted(), number(amps, 1, "A").quoted()
		r.Energy = number(registerWh/1e3, 3, "kWh").quoted()
	case Shape2023, Shape2025:
		r.Power, r.Current = number(kw, 3, "kW"), number(amps, 2, "A")
		r.Energy = number(registerWh, 0, "Wh")
	}
}

func soc(s Shape, v *car) Quantity {
	battery := v.spec.BatteryKWh
	if battery <= 0 {
		battery = v.spec.NeedKWh
	}
	share := 0.5
	if battery > 0 {
		share = min(1, max(0, 1-v.remaining()/(battery*1e3)))
	}
	if s == Shape2025 {
		return number(share, 2, "")
	}
	return number(share*100, 0, "Percent").quoted()
}

func number(v float64, places int8, unit string) Quantity {
	scale := [...]float64{1, 10, 100, 1000}[places]
	return Quantity{Value: math.Round(v*scale) / scale, Unit: unit, Places: places}
}

func (q Quantity) quoted() Quantity {
	q.Quoted = true
	return q
}

// poison lets the reading faults strike a report.
func (w *World) poison(r *Report, id string) {
	p := &r.Power
	if w.hits(ReadingMissing, id) {
		*p = Quantity{Missing: true}
	}
	if w.hits(ReadingNaN, id) {
		p.Value, p.Text = math.NaN(), "NaN"
	}
	if w.hits(ReadingNegative, id) {
		p.Value = -p.Value - 1
	}
	if w.hits(ReadingText, id) {
		p.Value, p.Text = math.NaN(), "charging"
	}
	if w.hits(ReadingAbsurd, id) {
		p.Value = (p.Value + 1) * 1e6
	}
	if w.hits(ReadingUnit, id) {
		p.Value *= 1000
	}
	if w.hits(TimeMalformed, id) {
		r.AtForm = TimeDots + TimeForm(w.trouble.IntN(2))
	}
}

// enforceTarget lets eDRV stop a session that has reached its target, or its
// default of twelve hours of drawing ("Session Targets").
func (w *World) enforceTarget(s *session) {
	rec, t := &s.rec, s.rec.Target
	limit := w.spec.Behaviour.MaxEnergyPeriod
	if t.Minutes > 0 {
		limit = time.Duration(t.Minutes * float64(time.Minute))
	}
	if rec.EnergyPeriod >= limit || t.EnergyKWh > 0 && rec.EnergyWh >= t.EnergyKWh*1e3 {
		w.remoteStop(s)
	}
}

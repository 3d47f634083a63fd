package edrvsim

import "time"

// The states of a connector, in OCPP 1.6's words as eDRV shows them ("Connector").
const (
	available     = "Available"
	preparing     = "Preparing"
	charging      = "Charging"
	suspendedEV   = "SuspendedEV"
	suspendedEVSE = "SuspendedEVSE"
	finishing     = "Finishing"
)

// connector is the charger's side of one outlet: what it offers to the car and
// what the car takes. Levels are in the connector's own unit, see [level].
type connector struct {
	spec    ConnectorSpec
	id      string
	station *station
	circuit *circuit
	number  int
	wires   []int // phases in terminal order
	volts   int64 // mV, phase to neutral
	rating  level
	least   level // lowest level that is not a pause
	quirks  quirks
	orders  int  // answered so far, for the quirks that count
	astray  bool // its default limit is not the one that it said it would put in force

	def      Limit    // its own default limit
	session  *session // the running transaction
	awaiting *session // a remote start that waits for a car
	finished bool     // the car is still plugged in after its transaction
	stuck    bool     // paused, and will not resume before a replug

	car       *car
	level     level // what the car draws
	goal      level // what it is ramping to
	steps     int   // of the ramp, still to come
	lagging   bool  // the car has not noticed the new pilot yet
	load      load  // level as currents and power
	since     time.Duration
	register  float64 // Wh, for ever
	ramp      timer
	threshold timer // the car's acceptance changes
	report    timer
	status    string
	known     string // status as eDRV knows it
}

// native turns a limit into the connector's own unit, never more than asked
// for; no limit is the rating.
func (c *connector) native(l Limit, b *Behaviour) level {
	switch {
	case !l.IsSet():
		return c.rating
	case c.spec.Kind == DC && l.Unit == Power:
		return level(milli(l.Value))
	case c.spec.Kind == DC:
		return level(milli(l.Value) * 3 * c.volts / 1000)
	case l.Unit == Current:
		return level(milli(l.Value))
	}
	phases := int64(len(c.wires))
	if c.car != nil {
		phases = int64(c.car.phases)
	}
	if b.ThreePhasesAssumed {
		phases = 3
	}
	return level(milli(l.Value) * 1000 / (phases * c.volts))
}

// offer is the level that the charger would let a car draw now. Whether a
// session's limit replaces the defaults or only adds to them is a setting.
func (c *connector) offer(b *Behaviour) level {
	own := Limit{}
	if c.session != nil {
		own = c.session.limit
	}
	offer := min(c.rating, c.native(own, b))
	if !own.IsSet() || b.Default == Ceiling {
		offer = min(offer, c.native(c.station.def, b), c.native(c.def, b))
	}
	return offer
}

// loadAt is what the site carries when the car draws lv.
func (c *connector) loadAt(lv level) load {
	if c.spec.Kind == DC {
		l := load{mw: int64(lv)}
		ma := l.mw * 1000 / (int64(len(c.wires)) * c.volts)
		for _, p := range c.wires {
			l.ma[p] = ma
		}
		return l
	}
	var l load
	if c.car == nil {
		return l
	}
	for _, p := range c.wires[:c.car.phases] {
		l.ma[p] = int64(lv)
	}
	l.mw = int64(lv) * c.volts / 1000 * int64(c.car.phases)
	return l
}

// settle brings the draw and the status of a connector in line with all that
// acts on it. Whoever changes one of those calls it; calling it twice is harmless.
func (w *World) settle(c *connector) {
	goal, status := w.decide(c)
	if c.session == nil || c.car == nil || c.station.dark > 0 {
		w.cut(c)
	} else {
		w.steer(c, goal)
	}
	w.setStatus(c, status)
}

// decide is what the car would draw and the state that the connector is in.
func (w *World) decide(c *connector) (goal level, status string) {
	if c.car == nil {
		return 0, available
	}
	if c.session == nil {
		if c.finished {
			return 0, finishing
		}
		return 0, preparing
	}
	offer := c.offer(&w.spec.Behaviour)
	if offer < c.least {
		w.pause(c)
		return 0, suspendedEVSE
	}
	if c.stuck {
		return 0, suspendedEVSE
	}
	goal = w.accepts(c, offer)
	if goal == 0 {
		return 0, suspendedEV
	}
	return goal, charging
}

// pause remembers what a pause does to those that cannot stand one.
func (w *World) pause(c *connector) {
	if c.level == 0 {
		return
	}
	if !c.stuck && w.shows(c.quirks, ChargerNeedsReplug, c.id) {
		c.stuck = true
		w.struck[ChargerNeedsReplug]++
	}
	if s := c.session; w.shows(c.quirks, ChargerPauseEnds, c.id) {
		w.after(0, func() {
			if c.session == s {
				w.struck[ChargerPauseEnds]++
				w.endTransaction(c, "Other", false)
			}
		})
	}
	if !c.car.asleep && w.shows(c.car.quirks, CarNoResume, c.id) {
		c.car.asleep = true
		w.struck[CarNoResume]++
	}
}

// cut opens the contactor: whatever the car is doing, it draws nothing now.
func (w *World) cut(c *connector) {
	c.goal, c.steps, c.lagging = 0, 0, false
	w.disarm(&c.ramp)
	w.draw(c, 0)
}

// draw sets the true draw, from now on.
func (w *World) draw(c *connector, lv level) {
	next := c.loadAt(lv)
	if next == c.load {
		c.level = lv
		return
	}
	c.accrue(w.now)
	delta := next.minus(c.load)
	for circ := c.circuit; circ != nil; circ = circ.parent {
		circ.change(w, delta) // whoever watches still sees what was drawn until now
	}
	c.level, c.load = lv, next
	w.armThreshold(c)
}

// accrue counts the energy drawn up to now.
func (c *connector) accrue(now time.Duration) {
	dt := now - c.since
	c.since = now
	if dt <= 0 || c.load.mw == 0 {
		return
	}
	wh := float64(c.load.mw) / 1e3 * dt.Hours()
	c.register += wh
	if c.car != nil {
		c.car.taken += wh
	}
	if c.session != nil {
		c.session.drawTime += dt
	}
}

// setStatus notes a new state, and tells eDRV if the line is up.
func (w *World) setStatus(c *connector, status string) {
	c.status = status
	if c.status != c.known && c.station.online {
		w.publishStatus(c.station)
	}
}

package edrvsim

import (
	"fmt"
	"time"
)

// World is the model: one site or several, their chargers and cars, and an
// eDRV that knows of them what chargers have told it. It has no clock and no
// goroutine; everything happens inside a call, at [World.Now]. A World must not
// be used by two goroutines at once.
type World struct {
	spec  Spec
	now   time.Duration // since spec.Start
	epoch time.Time     // spec.Start

	schedule
	chance
	ids idSource

	circuits   []*circuit
	stations   []*station
	connectors []*connector
	circuitOf  map[string]*circuit
	stationOf  map[string]*station
	connOf     map[string]*connector
	locationOf map[string]*LocationSpec

	book    book // eDRV's sessions
	outbox  outbox
	groups  []Group
	calls   Counts
	totals  Totals
	limits  ring[LimitRecord]
	watcher func(Span)

	apiDown  int // outages that overlap
	hookDown int
}

// Now is the world's time.
func (w *World) Now() time.Time { return w.at(w.now) }

func (w *World) at(d time.Duration) time.Time { return w.epoch.Add(d) }

// Next is the time of the next thing that happens by itself; false if nothing
// ever does.
func (w *World) Next() (time.Time, bool) {
	if len(w.heap) == 0 {
		return time.Time{}, false
	}
	return w.at(w.heap[0].at), true
}

// Advance lets the world run up to and including the given time. A time that
// has passed changes nothing.
func (w *World) Advance(to time.Time) {
	end := to.Sub(w.epoch)
	for t := w.due(end); t != nil; t = w.due(end) {
		w.now = max(w.now, t.at)
		t.fire()
	}
	w.now = max(w.now, end)
}

// script makes do due at the given time, or now if that has passed.
func (w *World) script(at time.Time, do func()) {
	w.once(max(at.Sub(w.epoch), w.now), do)
}

// after makes do due when d has passed.
func (w *World) after(d time.Duration, do func()) { w.once(w.now+d, do) }

// Plug makes a car arrive at a connector. It drives on if the place is taken.
func (w *World) Plug(at time.Time, connector string, car CarSpec) error {
	c, err := lookup(w.connOf, "connector", connector)
	if err != nil {
		return err
	}
	w.script(at, func() { w.plug(c, car) })
	return nil
}

// Unplug makes the car at a connector leave, if there is one.
func (w *World) Unplug(at time.Time, connector string) error {
	c, err := lookup(w.connOf, "connector", connector)
	if err != nil {
		return err
	}
	w.script(at, func() { w.unplug(c) })
	return nil
}

// StationOffline cuts a station's line to eDRV until [World.StationOnline].
func (w *World) StationOffline(at time.Time, id string) error {
	return w.holdLine(at, id, true)
}

// StationOnline ends [World.StationOffline].
func (w *World) StationOnline(at time.Time, id string) error {
	return w.holdLine(at, id, false)
}

func (w *World) holdLine(at time.Time, id string, held bool) error {
	st, err := lookup(w.stationOf, "station", id)
	if err != nil {
		return err
	}
	w.script(at, func() {
		st.held = held
		w.checkLine(st)
	})
	return nil
}

// Reboot restarts a station: dark for a while of Behaviour.Reboot.
func (w *World) Reboot(at time.Time, id string) error {
	st, err := lookup(w.stationOf, "station", id)
	if err != nil {
		return err
	}
	w.script(at, func() { w.darken(st, within(w.habits, w.spec.Behaviour.Reboot)) })
	return nil
}

// Inject adds a fault window. A window in the past does nothing.
func (w *World) Inject(win Window) error {
	if win.Fault >= faultCount {
		return fmt.Errorf("inject: no fault %d", win.Fault)
	}
	if win.From+win.For < w.now {
		return nil
	}
	w.once(max(win.From, w.now), func() { w.openWindow(win) })
	return nil
}

// SetCircuitLimit changes what a circuit may carry; zero is no limit.
func (w *World) SetCircuitLimit(at time.Time, id string, watts, amps float64) error {
	c, err := lookup(w.circuitOf, "circuit", id)
	if err != nil {
		return err
	}
	w.script(at, func() { c.setLimit(w, milli(watts), milli(amps)) })
	return nil
}

// SetBaseLoad changes a circuit's base load, until the next step of its profile.
func (w *World) SetBaseLoad(at time.Time, id string, watts float64) error {
	c, err := lookup(w.circuitOf, "circuit", id)
	if err != nil {
		return err
	}
	w.script(at, func() { c.setBase(w, milli(watts)) })
	return nil
}

// Watch calls seen for every span of time in which a circuit's load did not
// change, when the span ends. It is a judge's window on the true load.
func (w *World) Watch(seen func(Span)) { w.watcher = seen }

// EndSpans ends the spans in which a circuit is over a limit, so that whoever
// watches sees what there was until now before something else changes.
func (w *World) EndSpans() {
	for _, c := range w.circuits {
		if c.overLimit() {
			c.accrue(w)
		}
	}
}

func lookup[T any](in map[string]T, what, id string) (T, error) {
	v, ok := in[id]
	if !ok {
		return v, fmt.Errorf("no %s %q", what, id)
	}
	return v, nil
}

package edrvsim

import "time"

// circuit is the judge's meter on one line: it sees every change of the true
// load and integrates exactly, for loads are constant between events.
type circuit struct {
	id     string
	parent *circuit
	volts  int64 // mV
	limitW int64 // mW; 0 is none
	limitA int64 // mA per phase; 0 is none

	base   int64 // mW of its own
	load   load  // with its base load and everything below it
	since  time.Duration
	trace  Trace
	over   time.Duration // length of the present excursion, 0 if there is none
	record *recorder
}

// Trace is what a circuit has carried so far, measured against its limits.
// A load counts only if it lasted: what comes and goes in one instant is none.
type Trace struct {
	EnergyWh  float64
	PeakWatts float64
	PeakAt    time.Time
	PeakAmps  [3]float64

	// Over counts time in which the power or any phase was over its limit.
	Over        time.Duration
	OverPower   time.Duration
	OverPhase   [3]time.Duration
	OverJoules  float64    // watt-seconds over the power limit
	OverCharge  [3]float64 // ampere-seconds over the phase limit
	Episodes    int        // excursions, each without a gap
	LongestOver time.Duration
}

// Span is a stretch of time in which a circuit's true load did not change.
type Span struct {
	Circuit   string
	From, To  time.Time
	Watts     float64    // with base load
	BaseWatts float64    // of this circuit's own
	Amps      [3]float64 // per phase
	Over      bool       // over a limit of the circuit
}

// change adds delta to the load from now on.
func (c *circuit) change(w *World, delta load) {
	c.accrue(w)
	c.load = c.load.plus(delta)
}

// setBase sets the circuit's own base load from now on, here and above.
func (c *circuit) setBase(w *World, mw int64) {
	delta := evenly(mw, c.volts).minus(evenly(c.base, c.volts))
	for up := c; up != nil; up = up.parent {
		up.change(w, delta)
	}
	c.base = mw
}

func (c *circuit) setLimit(w *World, mw, ma int64) {
	c.accrue(w)
	c.limitW, c.limitA = mw, ma
}

// overLimit reports whether the circuit carries more than its limits now.
func (c *circuit) overLimit() bool {
	return c.limitW > 0 && c.load.mw > c.limitW || c.limitA > 0 && max(c.load.ma[0], c.load.ma[1], c.load.ma[2]) > c.limitA
}

// accrue closes the span that ends now.
func (c *circuit) accrue(w *World) {
	dt := w.now - c.since
	if dt <= 0 {
		return
	}
	from := c.since
	c.since = w.now
	t := &c.trace
	watts, sec := float64(c.load.mw)/1e3, dt.Seconds()
	t.EnergyWh += watts * dt.Hours()
	if watts > t.PeakWatts {
		t.PeakWatts, t.PeakAt = watts, w.at(from)
	}
	over := false
	if c.limitW > 0 && c.load.mw > c.limitW {
		over = true
		t.OverPower += dt
		t.OverJoules += float64(c.load.mw-c.limitW) / 1e3 * sec
	}
	for p, ma := range c.load.ma {
		t.PeakAmps[p] = max(t.PeakAmps[p], float64(ma)/1e3)
		if c.limitA > 0 && ma > c.limitA {
			over = true
			t.OverPhase[p] += dt
			t.OverCharge[p] += float64(ma-c.limitA) / 1e3 * sec
		}
	}
	c.excursion(over, dt)
	if c.record != nil {
		c.record.add(w, from, w.now, watts, float64(c.limitW)/1e3)
	}
	if w.watcher != nil {
		w.watcher(Span{
			Circuit: c.id, From: w.at(from), To: w.at(w.now),
			Watts: watts, BaseWatts: float64(c.base) / 1e3, Amps: c.load.amps(), Over: over,
		})
	}
}

func (c *circuit) excursion(over bool, dt time.Duration) {
	if !over {
		c.over = 0
		return
	}
	if c.over == 0 {
		c.trace.Episodes++
	}
	c.over += dt
	c.trace.Over += dt
	c.trace.LongestOver = max(c.trace.LongestOver, c.over)
}

// Point is one point of a recording: a stretch of RecordSpec.Every.
type Point struct {
	At         time.Time // its beginning
	MeanWatts  float64
	PeakWatts  float64
	LimitWatts float64 // the lowest in the stretch; 0 is none
}

// recorder down-samples a circuit's power into points of equal width.
type recorder struct {
	every  time.Duration
	points ring[Point]
	bucket time.Duration // beginning of the point under way
	open   Point
	joules float64
}

func (r *recorder) add(w *World, from, to time.Duration, watts, limit float64) {
	for from < to {
		end := min(to, r.bucket+r.every)
		r.joules += watts * (end - from).Seconds()
		r.open.PeakWatts = max(r.open.PeakWatts, watts)
		if r.open.LimitWatts == 0 || limit > 0 && limit < r.open.LimitWatts {
			r.open.LimitWatts = limit
		}
		if end == r.bucket+r.every {
			r.open.At = w.at(r.bucket)
			r.open.MeanWatts = r.joules / r.every.Seconds()
			r.points.add(r.open)
			r.bucket, r.open, r.joules = end, Point{}, 0
		}
		from = end
	}
}

// Recording is the newest points of a root circuit's power, oldest first; nil
// if Spec.Record asks for none.
func (w *World) Recording(circuit string) []Point {
	c := w.circuitOf[circuit]
	if c == nil || c.record == nil {
		return nil
	}
	c.accrue(w)
	return c.record.points.all()
}

// ring keeps the newest values.
type ring[T any] struct {
	size int
	buf  []T
	next int
}

func (r *ring[T]) add(v T) {
	if len(r.buf) < r.size {
		r.buf = append(r.buf, v)
		return
	}
	r.buf[r.next] = v
	r.next = (r.next + 1) % r.size
}

// all is a copy, oldest first.
func (r *ring[T]) all() []T {
	return append(append([]T(nil), r.buf[r.next:]...), r.buf[:r.next]...)
}

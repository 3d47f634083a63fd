package webtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// Depot is a site that plays a script.
type Depot struct {
	Now     time.Time
	LimitKW float64       // of the grid connection
	Cars    int           // how many charge, of the connectors in their order
	Silent  bool          // eDRV's webhooks stay away: readings come with the list
	Down    bool          // eDRV's API does not answer
	Failing string        // what is wrong, in words: the site holds
	State   core.State    // Hold while it is Failing, unless it is worse
	Surge   float64       // more other load than anybody expected, kW
	Mode    core.Mode     // enforce or observe
	Lag     time.Duration // how long chargers take to answer

	id       string
	shown    core.State
	why      string
	since    time.Time // of it
	heard    time.Time // when the last webhook came
	listed   time.Time
	outlets  []outlet
	limits   []core.LimitView
	override map[string]bool
	notes    []core.Note
	over     float64
}

// outlet is a connector and the car at it.
type outlet struct {
	name, circuit, phases string
	watts                 float64 // most that it may draw
	dc                    bool
	car                   float64 // part of its maximum that the car takes
	began                 time.Time
	session               string
	target, confirmed     float64 // W
	ordered               time.Time
	queue                 int
	waits                 time.Time // since when; zero: it does not wait
	why                   string
	code, at              string
}

const volts = 230

func newDepot(id string, now time.Time) *Depot {
	d := &Depot{
		id: id, Now: now, LimitKW: 100, Cars: 4, Lag: 10 * time.Second,
		since: now, heard: now, override: map[string]bool{},
	}
	for i := range 6 {
		d.outlets = append(d.outlets, outlet{name: fmt.Sprintf("A%d", i+1), circuit: "row-a", phases: "L1L2L3", watts: 22080, car: 1 - 0.11*float64(i%3)})
	}
	for i := range 4 {
		phases := []string{"L1", "L2", "L3", "L1L2L3"}[i]
		o := outlet{name: fmt.Sprintf("B%d", i+1), circuit: "row-b", phases: phases, car: 1}
		o.watts = 32 * o.perAmp()
		d.outlets = append(d.outlets, o)
	}
	d.outlets = append(d.outlets, outlet{name: "Fast 1", circuit: "grid", phases: "L1L2L3", watts: 60000, dc: true, car: 0.8})
	d.Note(core.NoteResync, false, "first full list: %d sessions are running", d.Cars)
	d.step(0)
	d.step(time.Minute)
	return d
}

// Note records an event.
func (d *Depot) Note(kind core.NoteKind, alarm bool, format string, args ...any) {
	d.notes = append(d.notes, core.Note{At: d.Now, Kind: kind, Alarm: alarm, Text: fmt.Sprintf(format, args...)})
	if len(d.notes) > 200 {
		d.notes = d.notes[1:]
	}
}

// step lets time pass.
func (d *Depot) step(by time.Duration) {
	d.Now = d.Now.Add(by)
	if !d.Silent {
		d.heard = d.Now
	}
	if !d.Down {
		d.listed = d.Now.Truncate(time.Minute)
	}
	d.judge()
	d.plugIn()
	d.share()
	for i := range d.outlets {
		o := &d.outlets[i]
		if o.session == "" || o.confirmed == o.target {
			continue
		}
		if d.Now.Sub(o.ordered) >= d.Lag {
			o.confirmed = o.target
			d.Note(core.NoteOrder, false, "%s accepts %s", o.name, o.text(o.target))
		}
	}
	if d.flow() > d.limit() {
		d.over += by.Seconds()
	}
}

// judge finds the state that the site is in.
func (d *Depot) judge() {
	d.why = d.Failing
	switch {
	case d.why != "":
	case d.Now.Sub(d.listed) > 3*time.Minute:
		d.why = "eDRV's API does not answer: timeout"
	case d.Now.Sub(d.heard) > 90*time.Second:
		d.why = "no webhook for more than 1m30s although sessions are running: has eDRV disabled the endpoint?"
	}
	state := d.State
	if d.why != "" {
		state = max(state, core.Hold)
	}
	if state != d.shown {
		d.shown, d.since = state, d.Now
		d.Note(core.NoteState, state != core.Normal, "%s", strings.TrimSuffix(fmt.Sprintf("site %s is in state %s: %s", d.id, state, d.why), ": "))
	}
}

// plugIn makes as many cars charge as there are to be. The fast one comes last.
func (d *Depot) plugIn() {
	for i := range d.outlets {
		o := &d.outlets[i]
		switch wanted := i < d.Cars; {
		case wanted && o.session == "":
			o.began, o.session = d.Now, fmt.Sprintf("5f8a1c2e9b7d4a3f6e0db%03d", i+270)
			o.confirmed, o.target, o.ordered = o.floor(), o.floor(), time.Time{}
			d.Note(core.NoteSession, false, "session began at %s", o.name)
		case !wanted && o.session != "":
			d.Note(core.NoteSession, false, "session at %s: ended", o.name)
			o.session, o.confirmed, o.target, o.queue = "", 0, 0, 0
		}
	}
}

// share gives everybody the same until the grid connection is full.
func (d *Depot) share() {
	room := d.limit()*0.95 - d.base()
	var charging []*outlet
	for i := range d.outlets {
		o := &d.outlets[i]
		if o.queue = 0; o.session != "" {
			charging = append(charging, o)
		} else {
			room -= o.floor()
		}
	}
	waiting := 0
	for need := sum(charging, (*outlet).floor); need > room && waiting < len(charging); waiting++ {
		o := charging[len(charging)-1-waiting]
		need -= o.floor()
		o.queue = waiting + 1
	}
	for _, o := range charging {
		if o.queue == 0 {
			o.waits = time.Time{}
		} else if o.waits.IsZero() {
			o.waits = d.Now
		}
	}
	level := 0.0
	given := charging[:len(charging)-waiting]
	for level < 60000 && sum(given, func(o *outlet) float64 { return o.capped(level + 115) }) <= room {
		level += 115
	}
	for _, o := range charging {
		o.reason(level, len(given))
		if target := o.wanted(level); target < o.target {
			d.order(o, target)
		}
	}
	if slices.ContainsFunc(charging, func(o *outlet) bool { return o.confirmed > o.target }) || d.shown != core.Normal {
		return // nothing is raised while others are being cut, or on hold
	}
	for _, o := range charging {
		if target := o.wanted(level); target > o.target+300 {
			d.order(o, target)
		}
	}
}

// wanted is what an outlet is to have.
func (o *outlet) wanted(level float64) float64 {
	if o.queue > 0 {
		return 0
	}
	return o.capped(level)
}

// reason says why.
func (o *outlet) reason(level float64, sharers int) {
	switch {
	case o.queue > 0:
		o.code, o.at, o.why = "waiting", "grid", "grid is full in total power even at the minimum; waits for its turn"
	case o.capped(level) == o.watts:
		o.code, o.at, o.why = "maximum", "", "its own maximum"
	default:
		o.code, o.at, o.why = "circuit", "grid", fmt.Sprintf("grid is full in total power; shared equally among %d", sharers)
	}
}

func (d *Depot) order(o *outlet, target float64) {
	if d.Mode == core.Enforce {
		o.target, o.ordered = target, d.Now
		d.Note(core.NoteOrder, false, "%s: %s", o.name, o.text(target))
	}
}

func sum(all []*outlet, of func(*outlet) float64) (total float64) {
	for _, o := range all {
		total += of(o)
	}
	return total
}

// perAmp is the power of one ampere on each phase.
func (o *outlet) perAmp() float64 { return volts * float64(len(o.phases)/2) }

// floor is its fallback and its minimum.
func (o *outlet) floor() float64 {
	if o.dc {
		return 5000
	}
	return 6 * o.perAmp()
}

// capped is what it is given at a common level.
func (o *outlet) capped(level float64) float64 {
	v := max(o.floor(), min(o.watts, level))
	if o.dc {
		return math.Floor(v)
	}
	return math.Floor(v/o.perAmp()*10) / 10 * o.perAmp()
}

func (o *outlet) text(w float64) string {
	if o.dc {
		return fmt.Sprintf("%.1f kW", w/1000)
	}
	return fmt.Sprintf("%.1f A", w/o.perAmp())
}

// bound is the most that it may draw.
func (o *outlet) bound() float64 {
	if o.session == "" {
		return o.floor()
	}
	return max(o.confirmed, o.target)
}

// drawn is what it draws.
func (o *outlet) drawn() float64 {
	if o.session == "" {
		return 0
	}
	return min(o.confirmed, o.watts*o.car) * 0.985
}

// base is the other load in W: it breathes.
func (d *Depot) base() float64 {
	t := float64(d.Now.Unix())
	return 11000 + 2500*math.Sin(t/700) + 900*math.Sin(t/97)
}

func (d *Depot) flow() float64 {
	w := d.base() + 1000*d.Surge
	for i := range d.outlets {
		w += d.outlets[i].drawn()
	}
	return w
}

// limit is the limit of the grid connection in W.
func (d *Depot) limit() float64 {
	w := 1000 * d.LimitKW
	for _, l := range d.limits {
		if l.KW != nil && l.Circuit == "grid" && l.State == "active" {
			w = min(w, 1000**l.KW)
		}
	}
	return w
}

// below reports whether an outlet is fed by a circuit.
func (o *outlet) below(circuit string) bool { return circuit == "grid" || o.circuit == circuit }

// source says who set the limit of the grid connection.
func (d *Depot) source() string {
	i := slices.IndexFunc(d.limits, func(l core.LimitView) bool { return l.KW != nil && 1000**l.KW == d.limit() })
	if i >= 0 {
		return "external:" + d.limits[i].Name
	}
	return "config"
}

// on reports whether an outlet is wired to a phase.
func (o *outlet) on(phase string) bool { return strings.Contains(o.phases, phase) }

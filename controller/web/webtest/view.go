package webtest

import (
	"fmt"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// view is the state of the site.
func (d *Depot) view() *core.View {
	v := &core.View{
		ID: d.id, Time: d.Now, State: d.shown.String(), StateWhy: d.why, StateSince: d.since, Mode: d.Mode.String(), Share: "equal",
		FailSafe: true, Synced: true, Listed: d.listed, Heard: d.heard,
		Limits: append([]core.LimitView{}, d.limits...),
	}
	for _, id := range []string{"grid", "row-a", "row-b"} {
		v.Circuits = append(v.Circuits, d.circuit(id))
	}
	for i := range d.outlets {
		o := &d.outlets[i]
		v.Connectors = append(v.Connectors, d.connector(o))
		v.Engaged = v.Engaged || o.session != "" && o.code != "maximum"
		if o.session != "" && o.confirmed != o.target {
			v.Counters.Orders[core.Lower][0]++
		}
	}
	return v
}

func (d *Depot) circuit(id string) core.CircuitView {
	c := core.CircuitView{ID: id, LimitSource: "config", FailSafe: true}
	limit, base := new(145.0), d.base()+1000*d.Surge
	switch id {
	case "grid":
		c.LimitW, c.LimitSource, c.OverSeconds = new(d.limit()), d.source(), d.over
	case "row-a":
		c.Parent, limit, base = "grid", new(125.0), 800
	case "row-b":
		c.Parent, limit, base = "grid", nil, 0
	}
	c.BaseLoadW = base
	for i := range d.outlets {
		if o := &d.outlets[i]; o.below(id) {
			c.CommittedW += o.bound()
			c.MeasuredW += d.counted(o)
		}
	}
	for _, phase := range []string{"L1", "L2", "L3"} {
		p := core.PhaseView{Phase: phase, LimitA: limit, BaseLoadA: base / volts / 3}
		for i := range d.outlets {
			if o := &d.outlets[i]; o.below(id) && o.on(phase) {
				p.CommittedA += o.bound() / o.perAmp()
				p.MeasuredA += d.counted(o) / o.perAmp()
			}
		}
		c.Phases = append(c.Phases, p)
	}
	return c
}

// read is when readings last came.
func (d *Depot) read() time.Time {
	if d.listed.After(d.heard) {
		return d.listed
	}
	return d.heard
}

// stale reports whether readings are too old to count.
func (d *Depot) stale() bool { return d.Now.Sub(d.read()) > 90*time.Second }

// counted is the draw of an outlet, or what counts instead.
func (d *Depot) counted(o *outlet) float64 {
	if o.session != "" && d.stale() {
		return o.bound()
	}
	return o.drawn()
}

func (d *Depot) connector(o *outlet) core.ConnectorView {
	c := core.ConnectorView{
		ID: "5f72f55431a6770a131db" + o.name, Name: o.name, Station: "5f72f55431a6770a131dbs" + o.name[:1], Circuit: o.circuit,
		Kind: "ac", Phases: o.phases, Online: true, Session: o.session, Committed: o.bound(),
		Reason: core.ReasonView{Code: "idle", Text: "no session; booked at its fallback"},
	}
	if o.session == "" {
		c.MeasuredW = new(0.0)
	} else {
		c.Since, c.MeasuredAt = new(o.began), new(d.read().Add(-time.Duration(len(o.name))*4*time.Second))
		c.EnergyWh = new(d.Now.Sub(o.began).Hours() * o.drawn() * 0.8)
		c.Reason = core.ReasonView{Code: o.code, Circuit: o.at, Text: o.why}
		c.Override = d.override[o.session]
		if !d.stale() {
			c.MeasuredW = new(o.drawn())
		}
		if o.queue > 0 {
			c.Queue = &core.QueueView{Position: o.queue, Since: o.waits, Expected: new(d.Now.Add(time.Duration(o.queue) * 7 * time.Minute))}
		}
	}
	c.Chain = d.chain(o, c.Reason.Text)
	d.levels(&c, o)
	return c
}

// chain is why an outlet has what it has, in words like those of the engine.
func (d *Depot) chain(o *outlet, reason string) core.Chain {
	if o.session == "" || o.at == "" {
		return core.ChainOf(reason)
	}
	most := o.wanted(d.limit())
	return core.ChainOf(
		fmt.Sprintf("%s is given %s on %s, %.1f kW in all; its minimum is %s, its own maximum %s",
			o.name, o.text(o.target), o.phases, o.target/1000, o.text(o.floor()), o.text(o.watts)),
		fmt.Sprintf("rule equal: shared equally; tier 0, weight 1, began %s", o.began.Format("15:04")),
		fmt.Sprintf("grid: %.1f kW of %.1f kW, which holds it back (limit %.0f kW by %s, less margin %.1f kW, less base load %.1f kW)",
			d.bounds()/1000, (d.limit()*0.95-d.base())/1000, d.limit()/1000, d.source(), d.limit()*0.05/1000, d.base()/1000),
		fmt.Sprintf("if there were room at grid in total power, it could have up to %s more", o.text(max(0, most-o.target))),
		"if it had a higher weight, the rule would give it more of what is there",
	)
}

// bounds is the most that all outlets may draw.
func (d *Depot) bounds() (total float64) {
	for i := range d.outlets {
		total += d.outlets[i].bound()
	}
	return total
}

func (d *Depot) levels(c *core.ConnectorView, o *outlet) {
	per := o.perAmp()
	if o.dc {
		per = 1
	}
	var target, confirmed, inFlight *float64
	if o.session != "" {
		target, confirmed = new(o.target/per), new(o.confirmed/per)
		if o.target != o.confirmed {
			inFlight = new(o.target / per)
		}
	}
	if o.dc {
		c.Kind = "dc"
		c.InWatts = &core.InWatts{Target: target, Confirmed: confirmed, InFlight: inFlight, Committed: o.bound() / per, Fallback: o.floor() / per}
		return
	}
	c.InAmperes = &core.InAmperes{Target: target, Confirmed: confirmed, InFlight: inFlight, Committed: o.bound() / per, Fallback: o.floor() / per}
}

// SessionAt is the id of the session at the named connector.
func (s *Sites) SessionAt(site, name string) string {
	v, _ := s.View(site)
	for i := range v.Connectors {
		if v.Connectors[i].Name == name {
			return v.Connectors[i].Session
		}
	}
	panic(fmt.Sprintf("no connector %s", name))
}

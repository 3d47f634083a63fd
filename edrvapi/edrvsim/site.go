package edrvsim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// New builds the world that spec describes. The error names every mistake.
func New(spec Spec) (*World, error) {
	w := &World{
		spec:       spec,
		epoch:      spec.Start,
		chance:     newChance(spec.Seed, spec.Faults),
		ids:        newIDSource(spec.Seed),
		circuitOf:  map[string]*circuit{},
		stationOf:  map[string]*station{},
		connOf:     map[string]*connector{},
		locationOf: map[string]*LocationSpec{},
		book:       book{byID: map[string]*session{}},
		calls:      Counts{},
		limits:     ring[LimitRecord]{size: cmp.Or(spec.Record.Limits, 1000)},
	}
	var mistakes []error
	if spec.Behaviour.Report.Min <= 0 {
		mistakes = append(mistakes, errors.New("behaviour: a report interval of zero; start from DefaultBehaviour"))
	}
	mistakes = append(mistakes, w.buildLocations(), w.buildCircuits())
	for _, s := range spec.Stations {
		mistakes = append(mistakes, w.buildStation(s))
	}
	for _, a := range spec.Arrivals {
		mistakes = append(mistakes, w.startArrivals(a))
	}
	for _, g := range spec.Groups {
		mistakes = append(mistakes, w.addGroup(g))
	}
	for _, win := range spec.Windows {
		mistakes = append(mistakes, w.Inject(win))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("build the world: %w", err)
	}
	w.startTrouble()
	w.Advance(spec.Start) // what holds from the first instant on
	return w, nil
}

func (w *World) newID() string { return w.ids.next(w.at(w.now)) }

func (w *World) buildLocations() error {
	w.spec.Locations = slices.Clone(w.spec.Locations)
	for i := range w.spec.Locations {
		l := &w.spec.Locations[i]
		l.ID = cmp.Or(l.ID, w.newID())
		l.Timezone = cmp.Or(l.Timezone, "UTC")
		if w.locationOf[l.ID] != nil {
			return fmt.Errorf("location %s: twice", l.ID)
		}
		w.locationOf[l.ID] = l
	}
	return nil
}

func (w *World) buildCircuits() error {
	for _, s := range w.spec.Circuits {
		if s.ID == "" || w.circuitOf[s.ID] != nil {
			return fmt.Errorf("circuit %q: an id that is missing or there twice", s.ID)
		}
		c := &circuit{id: s.ID, volts: milli(cmp.Or(s.Voltage, 230))}
		c.limitW, c.limitA = milli(s.LimitWatts), milli(s.LimitAmps)
		w.circuits = append(w.circuits, c)
		w.circuitOf[s.ID] = c
	}
	for i, s := range w.spec.Circuits {
		if s.Parent == "" {
			continue
		}
		parent, err := lookup(w.circuitOf, "circuit", s.Parent)
		if err != nil {
			return fmt.Errorf("circuit %s: parent: %w", s.ID, err)
		}
		c := w.circuits[i]
		for up := parent; up != nil; up = up.parent {
			if up == c {
				return fmt.Errorf("circuit %s: is its own ancestor", s.ID)
			}
		}
		c.parent = parent
	}
	for i, s := range w.spec.Circuits {
		c := w.circuits[i]
		if c.parent == nil && w.spec.Record.Every > 0 {
			c.record = &recorder{every: w.spec.Record.Every, points: ring[Point]{size: cmp.Or(w.spec.Record.Points, 1000)}}
		}
		w.followProfile(c, s.BaseLoad, 0)
	}
	return nil
}

// followProfile applies the steps of a base load, round after round.
func (w *World) followProfile(c *circuit, p Profile, begin time.Duration) {
	for _, step := range p.Steps {
		w.once(begin+step.After, func() { c.setBase(w, milli(step.Watts)) })
	}
	if p.Repeat > 0 && len(p.Steps) > 1 {
		w.once(begin+p.Repeat, func() { w.followProfile(c, p, w.now) })
	}
}

func (w *World) buildStation(s StationSpec) error {
	s.ID = cmp.Or(s.ID, w.newID())
	s.Protocol = cmp.Or(s.Protocol, "ocpp1.6")
	st := &station{spec: s, id: s.ID, def: s.Default, online: true}
	st.lanes = w.newLanes()
	if w.stationOf[s.ID] != nil {
		return fmt.Errorf("station %s: twice", s.ID)
	}
	if s.Location != "" && w.locationOf[s.Location] == nil {
		return fmt.Errorf("station %s: no location %q", s.ID, s.Location)
	}
	w.stations = append(w.stations, st)
	w.stationOf[s.ID] = st
	var mistakes []error
	for _, cs := range s.Connectors {
		if err := w.buildConnector(st, cs); err != nil {
			mistakes = append(mistakes, fmt.Errorf("station %s: %w", s.ID, err))
		}
	}
	return errors.Join(mistakes...)
}

func (w *World) buildConnector(st *station, s ConnectorSpec) error {
	s.ID = cmp.Or(s.ID, w.newID())
	s.Kind = cmp.Or(s.Kind, AC)
	s.Phases = cmp.Or(s.Phases, "L1L2L3")
	s.Voltage = cmp.Or(s.Voltage, 230)
	s.MaxAmps = cmp.Or(s.MaxAmps, 32)
	s.MaxKW = cmp.Or(s.MaxKW, 50)
	s.MinAmps = cmp.Or(s.MinAmps, 6)
	wires, err := parseWiring(s.Phases)
	if err != nil {
		return fmt.Errorf("connector %s: %w", s.ID, err)
	}
	circ, err := lookup(w.circuitOf, "circuit", s.Circuit)
	if err != nil {
		return fmt.Errorf("connector %s: %w", s.ID, err)
	}
	if w.connOf[s.ID] != nil {
		return fmt.Errorf("connector %s: twice", s.ID)
	}
	c := &connector{
		spec: s, id: s.ID, station: st, circuit: circ, number: len(st.connectors) + 1,
		wires: wires, volts: milli(s.Voltage), def: s.Default,
		rating: level(milli(s.MaxAmps)), least: level(milli(s.MinAmps)),
		quirks: quirksOf(s.Quirks) | w.built(ChargerIgnores, ChargerMute),
		status: available, known: available,
	}
	if s.Kind == DC {
		c.rating, c.least = level(milli(s.MaxKW*1e3)), 1
	}
	c.ramp.fire = func() { w.rampStep(c) }
	c.threshold.fire = func() { w.thresholdReached(c) }
	c.report.fire = func() { w.reportDue(c) }
	st.connectors = append(st.connectors, c)
	w.connectors = append(w.connectors, c)
	w.connOf[s.ID] = c
	return nil
}

func (w *World) addGroup(g Group) error {
	g.ID = cmp.Or(g.ID, w.newID())
	for _, id := range g.Connectors {
		if _, err := lookup(w.connOf, "connector", id); err != nil {
			return fmt.Errorf("group %s: %w", g.ID, err)
		}
	}
	w.groups = append(w.groups, g)
	return nil
}

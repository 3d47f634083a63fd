package core

import "slices"

// At a reload the site is built anew from its new settings, and then takes over
// what is known: sessions, orders that wait, bounds, external limits, the state.
// A connector that is new starts as at the start of the program. One that is
// gone stays, without being steered, until its session ends: its charger keeps
// the limit that it was last told.

// configured takes new settings. They were tried before: settings from which no
// site can be built change nothing.
func (s *Site) configured(in Configured) {
	next, err := s.rebuilt(in.Settings)
	if err != nil {
		s.note(NoteConfig, Note{Alarm: true}, "the new settings are refused: %s", err)
		return
	}
	*s = *next
	s.note(NoteConfig, Note{}, "new settings are in force")
}

// letGo drops removed connectors whose sessions have ended.
func (s *Site) letGo() {
	over := func(c connector) bool { return c.set.Removed && c.session == nil }
	if !slices.ContainsFunc(s.connectors, over) {
		return
	}
	if next, err := s.rebuilt(s.set); err == nil { // they are the settings in force
		*s = *next
	}
}

// rebuilt is a site with other settings that knows what this one does. This one
// must not be used any more.
func (s *Site) rebuilt(set Settings) (*Site, error) {
	set.Connectors = slices.DeleteFunc(slices.Clone(set.Connectors), func(c Connector) bool { return c.Removed })
	set.Connectors = append(set.Connectors, s.leaving(set)...)
	next, err := New(set, Saved{}, s.now)
	if err != nil {
		return nil, err
	}
	next.takeOver(s)
	return next, nil
}

// leaving are the connectors that the settings lack and that have a session.
func (s *Site) leaving(set Settings) []Connector {
	var out []Connector
	for i := range s.connectors {
		c := *s.connectors[i].set
		if s.connectors[i].session == nil || slices.ContainsFunc(set.Connectors, func(o Connector) bool { return o.ID == c.ID }) {
			continue
		}
		c.Removed, c.InstallFallback, c.Circuit = true, true, s.feeder(s.connectors[i].circuit, set)
		out = append(out, c)
	}
	return out
}

// feeder is the nearest circuit above one of ours that the settings still have;
// where they have none of them, the first, which is a grid connection.
func (s *Site) feeder(circuit int, set Settings) string {
	for k := circuit; k >= 0; k = s.tree.Parent(k) {
		if id := s.tree.ID(k); slices.ContainsFunc(set.Circuits, func(c Circuit) bool { return c.ID == id }) {
			return id
		}
	}
	root := slices.IndexFunc(set.Circuits, func(c Circuit) bool { return c.Parent == "" })
	return set.Circuits[max(0, root)].ID
}

// takeOver continues what the site before knew.
func (s *Site) takeOver(old *Site) {
	if s.set.Mode == old.set.Mode {
		s.mode = old.mode // as an operator set it since
	}
	s.history = old.history
	s.dirty, s.limitsChanged, s.listing.wanted = true, true, true
	for i := range s.connectors {
		if from, ok := old.byConnector[s.connectors[i].set.ID]; ok {
			s.takeOverConnector(i, old, from)
		}
	}
	for k := range s.circuits {
		if from, ok := old.tree.Index(s.tree.ID(k)); ok {
			s.circuits[k].takeOver(&old.circuits[from])
		}
	}
	for i := range s.meters {
		for k := range old.meters {
			if old.meters[k].set.Name == s.meters[i].set.Name && old.meters[k].set.Whole == s.meters[i].set.Whole {
				set := s.meters[i].set
				s.meters[i] = old.meters[k]
				s.meters[i].set = set
			}
		}
	}
	s.tellLostLimits(old)
}

// takeOverConnector continues connector from of the site before at place i.
func (s *Site) takeOverConnector(i int, old *Site, from int) {
	set, circuit := s.connectors[i].set, s.connectors[i].circuit
	installed := s.connectors[i].install
	c := old.connectors[from]
	if o := c.install.order; o != nil {
		s.takeOverOrder(i, o) // its verdict must not pass for somebody else's
	}
	same := set.Kind == c.set.Kind && set.Fallback == c.set.Fallback && set.FallbackPower == c.set.FallbackPower &&
		(set.Removed || set.InstallFallback == c.set.InstallFallback)
	if !same {
		c.install = installed
	}
	c.set, c.circuit = set, circuit
	s.connectors[i] = c
	s.ledger.TakeOver(i, old.ledger, from, c.install.state == installInForce && c.believed() && c.listed)
	if c.session == nil {
		return
	}
	s.bySession[c.session.id] = i
	if old.connectors[from].set.Removed && !set.Removed {
		c.session.disobeys, c.session.strikes = false, 0
		s.ledger.Return(i)
	}
	for _, o := range slices.Concat(c.session.orders, c.session.late) {
		s.takeOverOrder(i, o)
	}
}

func (s *Site) takeOverOrder(i int, o *order) {
	o.connector = i
	s.orders[o.id] = o
	if o.action != "" {
		s.byAction[o.action] = o.id
	}
}

// takeOver continues what was known of a circuit.
func (c *circuit) takeOver(old *circuit) {
	c.limits.External = old.limits.External
	c.limit, c.source, c.over, c.flow = old.limit, old.source, old.over, old.flow
	if c.set.Meter == old.set.Meter {
		c.residue = old.residue
	}
	switch {
	case c.set.Protection == old.set.Protection:
		c.overload = old.overload
	case old.set.Protection.Device != NoDevice: // the other may have stood less
		c.overload.left = min(c.overload.left, old.overload.left)
	}
	if old.demand.set.Window != 0 {
		c.demand.resume(old.demand.record(old.set.ID))
	}
}

// tellLostLimits tells of external limits that end because their circuit is
// gone.
func (s *Site) tellLostLimits(old *Site) {
	for k := range old.circuits {
		if _, ok := s.tree.Index(old.tree.ID(k)); ok {
			continue
		}
		for _, x := range old.circuits[k].limits.External {
			s.note(NoteLimit, Note{Alarm: true}, "external limit %s ended: its circuit %s is not in the configuration any more", x.Name, old.tree.ID(k))
		}
	}
}

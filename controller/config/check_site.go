package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func (c *checker) sites() {
	if c.usable("sites") && len(c.cfg.Sites) == 0 {
		c.problem("sites", "is an empty list: describe at least one site")
	}
	sites, connectors := c.unique("site"), c.unique("connector")
	for i := range c.cfg.Sites {
		path, site := item("sites", i), &c.cfg.Sites[i]
		sites(path+".id", site.ID)
		for j := range site.Connectors {
			connectors(item(path+".connectors", j)+".id", site.Connectors[j].ID)
		}
		c.site(path, site)
	}
}

// unique refuses an id that was seen before.
func (c *checker) unique(what string) func(path, id string) {
	first := map[string]string{}
	return func(path, id string) {
		if !c.usable(path) {
			return
		}
		if where, again := first[id]; again {
			c.problem(path, "%s %q is there already: first in line %d; ids must differ", what, id, c.where(where).line)
			return
		}
		first[id] = path
	}
}

// maxUsualVoltage is above the highest voltage to neutral in use, 277 V.
const maxUsualVoltage Volts = 300

func (c *checker) site(path string, s *Site) {
	if s.Voltage > maxUsualVoltage && c.sound(path+".voltage") {
		c.warn(path+".voltage", "%d V is unusual between a phase and neutral: a 400 V grid has 230, a 480 V grid 277", s.Voltage)
	}
	margin := path + ".margin"
	if c.has(margin+".kw") && c.has(margin+".amps") {
		c.problem(margin, "want a percentage, kw or amps, not kw and amps")
	}
	if c.usable(path+".circuits") && len(s.Circuits) == 0 {
		c.problem(path+".circuits", "is an empty list: a site has at least its grid connection")
	}
	if len(s.Connectors) == 0 && c.sound(path+".connectors") {
		c.warn(path+".connectors", "site has no connectors: there is nothing to steer; list those that eDRV has, which headroom inventory writes")
	}
	metered := map[string]int{}
	ids := c.unique("circuit")
	for i := range s.Circuits {
		at, circuit := item(path+".circuits", i), &s.Circuits[i]
		ids(at+".id", circuit.ID)
		c.circuit(at, path, s, circuit)
		metered[circuit.BaseLoad.Meter]++
	}
	c.rings(path, s)
	for i := range s.Connectors {
		c.connector(item(path+".connectors", i), s, &s.Connectors[i])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Meters)) {
		at, meter := join(path+".meters", name), s.Meters[name]
		c.meter(at, &meter)
		c.meterRange(at, s, name, &meter)
		s.Meters[name] = meter
		switch {
		case metered[name] == 0:
			c.warn(at, "no base_load uses this meter")
		case metered[name] > 1 && meter.Measures == MeasuresCircuit:
			c.problem(at+".measures", "a meter measures one circuit, and %d circuits use this one", metered[name])
		}
	}
	c.failSafe(path, s)
}

func (c *checker) circuit(path, site string, s *Site, k *Circuit) {
	if parent := path + ".parent"; c.usable(parent) && s.circuit(k.Parent) < 0 {
		c.problem(parent, "site has no circuit %q: %s", k.Parent, known("circuits", circuitIDs(s)))
	}
	c.eitherUnit(path + ".limit")
	c.baseLoad(path+".base_load", s, k.BaseLoad)
	for i, w := range k.Schedule {
		c.window(item(path+".schedule", i), site, w, k.Limit)
	}
	if c.usable(path+".arrival_reserve") && k.ArrivalReserve == (Level{}) {
		c.problem(path+".arrival_reserve", "want {amps: …} or {kw: …} above zero, or remove the key")
	}
	c.breaker(path+".breaker", k)
	if peak := path + ".peak.window"; c.sound(peak) && k.Peak.Window > 0 && time.Hour%k.Peak.Window != 0 {
		c.problem(peak, "a whole number of windows must make an hour: want 15m, 30m or 60m, not %s", k.Peak.Window)
	}
}

func (c *checker) breaker(path string, k *Circuit) {
	if !c.usable(path) {
		return
	}
	rating := path + ".rating"
	amps, kw := c.has(rating+".amps"), c.has(rating+".kw")
	switch {
	case k.Breaker.Type == BreakerTransformer && (amps || !kw):
		c.problem(rating, "of a transformer is a power: want {kw: …}, its kVA")
	case k.Breaker.Type != BreakerTransformer && (kw || !amps):
		c.problem(rating, "of a breaker or fuse is a current: want {amps: …}")
	case k.Breaker.Rating == (Level{}):
		c.problem(rating, "must be above zero")
	case amps && k.Limit.HasCurrent() && k.Limit.Current > k.Breaker.Rating.Current,
		kw && k.Limit.HasPower() && k.Limit.Power > k.Breaker.Rating.Power:
		c.warn(rating, "is below the circuit's limit")
	}
}

// eitherUnit wants kw or amps or both.
func (c *checker) eitherUnit(path string) {
	if c.usable(path) && !c.has(path+".kw") && !c.has(path+".amps") {
		c.problem(path, "want {kw: …}, {amps: …} or both")
	}
}

func (c *checker) baseLoad(path string, s *Site, b BaseLoad) {
	meter, most := path+".meter", path+".max"
	stated := c.has(path+".kw") || c.has(path+".amps")
	switch metered := c.has(meter) || c.has(most); {
	case !c.usable(path):
	case stated == metered:
		c.problem(path, "want {kw: …} or {amps: …}, or {meter: NAME, max: {kw: …}}")
	case metered && !c.has(meter):
		c.problem(meter, "is missing: name the meter, or write the load as {kw: …} without max")
	case metered && !c.has(most):
		c.problem(most, "is missing: say {kw: …} or {amps: …}, the most that the load can draw; it counts when the meter is silent")
	}
	if _, ok := s.Meters[b.Meter]; !ok && c.usable(meter) {
		c.problem(meter, "site has no meter %q: %s", b.Meter, known("meters", slices.Sorted(maps.Keys(s.Meters))))
	}
	c.eitherUnit(most)
}

func (c *checker) window(path, site string, w Window, circuit Limit) {
	from, to := path+".from", path+".to"
	if c.usable(from) && w.From == EndOfDay {
		c.problem(from, "a window begins at 23:59 at the latest")
	} else if c.usable(from) && c.usable(to) && w.From == w.To {
		c.problem(to, "is the same as from: for the whole day write from: \"00:00\", to: \"24:00\"")
	}
	limit := path + ".limit"
	c.eitherUnit(limit)
	if !c.usable(limit) {
		return
	}
	if w.Limit.HasPower() && w.Limit.Power > circuit.Power || w.Limit.HasCurrent() && w.Limit.Current > circuit.Current {
		c.warn(limit, "is higher than the circuit's: a window cannot raise a limit, the lower one holds")
	}
	if !c.has(site + ".timezone") {
		c.warn(path, "is read in UTC: set the site's timezone, such as Europe/Berlin")
	}
}

// rings refuses circuits that feed each other.
func (c *checker) rings(path string, s *Site) {
	done := make([]bool, len(s.Circuits))
	for i := range s.Circuits {
		var chain []int
		at := i
		for at >= 0 && !done[at] {
			done[at] = true
			chain = append(chain, at)
			at = s.parent(at)
		}
		if start := slices.Index(chain, at); at >= 0 && start >= 0 {
			ring := []string{s.Circuits[at].ID}
			for _, j := range chain[start:] {
				ring = append(ring, s.Circuits[j].Parent)
			}
			c.problem(item(path+".circuits", at)+".parent", "circuits feed each other in a ring (%s): one of them must have no parent", strings.Join(ring, " ← "))
		}
	}
}

// circuit is the index of a circuit by its id, or -1.
func (s *Site) circuit(id string) int {
	return slices.IndexFunc(s.Circuits, func(k Circuit) bool { return k.ID == id })
}

// parent is the index of the circuit that feeds circuit i, or -1.
func (s *Site) parent(i int) int {
	if s.Circuits[i].Parent == "" {
		return -1
	}
	return s.circuit(s.Circuits[i].Parent)
}

func circuitIDs(s *Site) []string {
	var ids []string
	for _, k := range s.Circuits {
		if k.ID != "" {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

// known lists what a name could have been, up to a readable number.
func known(what string, ids []string) string {
	const most = 20
	if len(ids) == 0 {
		return "it has no " + what
	}
	more := ""
	if len(ids) > most {
		more, ids = ", …", ids[:most]
	}
	return fmt.Sprintf("its %s are %s%s", what, strings.Join(ids, ", "), more)
}

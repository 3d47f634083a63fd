package config

import (
	"github.com/headroom-ev/headroom/policy"
)

// What a connector can be: the least that a car takes by IEC 61851-1, what chargers
// are made for, and a minimum at which DC cars still charge.
const (
	minAmps      = 6 * policy.Ampere
	maxAmps      = 500 * policy.Ampere
	minDCMax     = 1 * policy.Kilowatt
	maxDCMax     = 1000 * policy.Kilowatt
	defaultDCMin = 5 * policy.Kilowatt
)

func (c *checker) connector(path string, s *Site, k *Connector) {
	if circuit := path + ".circuit"; c.usable(circuit) && s.circuit(k.Circuit) < 0 {
		c.problem(circuit, "site has no circuit %q: %s", k.Circuit, known("circuits", circuitIDs(s)))
	}
	if k.Name == "" {
		k.Name = k.ID
	}
	if c.usable(path + ".kind") {
		c.phases(path+".phases", k)
		c.levels(path, k)
		c.quirks(path, k)
	}
}

// quirks checks what commissioning finds, and fills in what is not given.
func (c *checker) quirks(path string, k *Connector) {
	if k.Kind == DC && k.Unit == OrderCurrent {
		c.problem(path+".unit", "is current, but a dc connector is ordered in kilowatts: remove the key")
	}
	if k.Unit == "" {
		k.Unit = OrderCurrent
		if k.Kind == DC {
			k.Unit = OrderPower
		}
	}
	if k.Settle == 0 && c.sound(path+".settle") {
		k.Settle = c.cfg.Control.Settle
	}
	if k.DefaultLimit != DefaultCeiling || !c.sound(path) {
		return
	}
	switch level, least := k.Fallback.of(k.Kind), k.Min.of(k.Kind); {
	case level < least:
		c.problem(path+".default_limit", "ceiling caps every session at the fallback of %s, below min %s: nothing could charge", levelText(k.Fallback, k.Kind), levelText(k.Min, k.Kind))
	case level < k.Max.of(k.Kind):
		c.warn(path+".default_limit", "ceiling caps every session at the fallback of %s: no more is ever drawn here", levelText(k.Fallback, k.Kind))
	}
}

func (c *checker) phases(path string, k *Connector) {
	if c.has(path) {
		return
	}
	if k.Kind == AC {
		c.problem(path, "is missing: want the phases as wired, such as L1, L2L3 or L1L2L3")
		return
	}
	k.Phases = WiredTo(policy.L1, policy.L2, policy.L3)
}

// levels checks max, min and fallback, and fills in what is not given.
func (c *checker) levels(path string, k *Connector) {
	most, least, fallback := path+".max", path+".min", path+".fallback"
	maxSound, minSound, fallbackSound := c.level(most, k.Kind), c.level(least, k.Kind), c.level(fallback, k.Kind)
	if maxSound {
		maxSound = c.rating(most, k)
	}
	if !c.has(least) {
		k.Min = Level{Current: minAmps}
		if k.Kind == DC {
			k.Min = Level{Power: min(defaultDCMin, k.Max.Power)}
		}
	}
	if minSound {
		c.least(least, k, maxSound)
	}
	switch {
	case c.has(fallback) && fallbackSound:
		c.fallback(fallback, k, maxSound, minSound)
	case c.has(fallback):
	case k.InstallFallback:
		k.Fallback = k.Min
	default:
		k.Fallback = k.Max
	}
}

func (c *checker) least(path string, k *Connector, maxSound bool) {
	switch {
	case k.Kind == AC && k.Min.Current < minAmps && k.Max.Current >= minAmps:
		c.warn(path, "is %s: no car charges with less than 6 A (IEC 61851-1)", levelText(k.Min, AC))
	case maxSound && k.Min.of(k.Kind) > k.Max.of(k.Kind):
		c.problem(path, "is %s, above max %s", levelText(k.Min, k.Kind), levelText(k.Max, k.Kind))
	}
}

func (c *checker) fallback(path string, k *Connector, maxSound, minSound bool) {
	switch level := k.Fallback.of(k.Kind); {
	case maxSound && level > k.Max.of(k.Kind):
		c.problem(path, "is %s, above max %s", levelText(k.Fallback, k.Kind), levelText(k.Max, k.Kind))
	case level == 0 && !k.CanPause:
		c.warn(path, "is 0, but can_pause is false: without headroom the charger stops its car")
	case minSound && level > 0 && level < k.Min.of(k.Kind):
		c.warn(path, "is %s, above 0 but below min %s: the charger may take it as 0, and no order is that low; want 0 or at least %[2]s, or a lower min", levelText(k.Fallback, k.Kind), levelText(k.Min, k.Kind))
	}
}

// rating refuses what no charger is rated for, most likely a wrong unit.
func (c *checker) rating(path string, k *Connector) bool {
	switch {
	case k.Kind == AC && k.Max.Current > maxAmps:
		c.problem(path+".amps", "must be at most 500 A per phase, not %s", levelText(k.Max, AC))
	case k.Kind == AC && k.Max.Current < minAmps:
		c.problem(path+".amps", "must be at least 6 A: no car charges with less (IEC 61851-1)")
	case k.Kind == DC && k.Max.Power > maxDCMax:
		c.problem(path+".kw", "must be at most 1000 kW, not %s: write kW, not W", levelText(k.Max, DC))
	case k.Kind == DC && k.Max.Power < minDCMax:
		c.problem(path+".kw", "must be at least 1 kW, not %s: write kW, not MW", levelText(k.Max, DC))
	}
	return c.sound(path)
}

// level checks that a level is given in the unit of the connector's kind, and
// reports whether it can be used. A level that is not given is fine.
func (c *checker) level(path string, kind Kind) bool {
	if !c.has(path) {
		return c.sound(path)
	}
	want, other := ".amps", ".kw"
	unit := "an ac connector is ordered in amperes per phase: want {amps: …}"
	if kind == DC {
		want, other = other, want
		unit = "a dc connector is ordered in kilowatts: want {kw: …}"
	}
	if c.has(path + other) {
		c.problem(path+other, "%s", unit)
	} else if !c.has(path+want) && c.sound(path) {
		c.problem(path, "%s", unit)
	}
	return c.sound(path)
}

// levelText is a level with its unit, exactly.
func levelText(l Level, kind Kind) string {
	if kind == DC {
		return decimalText(int64(l.Power), 6) + " kW"
	}
	return decimalText(int64(l.Current), 3) + " A"
}

package simulate

import (
	"math"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// pollEvery is how often the daemon reads the meters of the site.
const pollEvery = 15 * time.Second

// poll reads the meters, when it is time to.
func (r *Rig) poll(now time.Time) (read []core.Input) {
	if len(r.settings.Meters) == 0 || now.Before(r.pollAt) {
		return nil
	}
	r.pollAt = now.Add(pollEvery)
	for k := range r.settings.Circuits {
		c := &r.settings.Circuits[k]
		for m := range r.settings.Meters {
			if r.settings.Meters[m].Name == c.Meter {
				read = append(read, r.meter(now, &r.settings.Meters[m], c.ID))
			}
		}
	}
	return read
}

// meter reads the meter of a circuit.
func (r *Rig) meter(now time.Time, m *core.Meter, circuit string) core.Metered {
	if now.Before(r.daemon.meterUntil) {
		return core.Metered{Meter: m.Name, Failed: "i/o timeout"}
	}
	t, _ := r.World.Circuit(circuit)
	in := core.Metered{Meter: m.Name, Power: policy.Milliwatts(math.Round(t.BaseWatts * 1000))}
	if m.Whole {
		in.Power, in.Phases = policy.Milliwatts(math.Round(t.Watts*1000)), true
		for p, a := range t.Amps {
			in.PerPhase[p] = policy.Milliwatts(math.Round(a * float64(m.Volts) * 1000))
		}
	}
	if now.Before(r.daemon.garbleUntil) {
		in.Power = -in.Power - m.Export - policy.Kilowatt
	}
	return in
}

// The checker's side: a circuit with a meter permits what its base load leaves,
// and that may rise at any time.

// metered is what the checker knows of the base load of a circuit: the last
// reading, while it is fresh and until the next pass, or the most that is configured.
func (c *checker) metered(now time.Time, set *core.Circuit) policy.Load {
	for k := range c.scene.Settings.Meters {
		m := &c.scene.Settings.Meters[k]
		r, ok := c.knows.readings[m.Name]
		if m.Name == set.Meter && ok && now.Sub(r.at) <= m.Stale+c.scene.Settings.Timing.Tick {
			return policy.Symmetric(policy.Milliamps(int64(r.power)/(3*m.Volts)), r.power)
		}
	}
	return set.Base
}

// export is how far below zero the readings of a meter may be.
func (c *checker) export(meter string) policy.Milliwatts {
	for k := range c.scene.Settings.Meters {
		if m := &c.scene.Settings.Meters[k]; m.Name == meter {
			return m.Export
		}
	}
	return 0
}

// hasWhole reports whether somewhere below a circuit a meter measures all that
// flows: what its base load is hangs on reports then.
func (c *checker) hasWhole(circuit int) bool {
	for k := range c.scene.Settings.Circuits {
		for m := range c.scene.Settings.Meters {
			meter := &c.scene.Settings.Meters[m]
			if c.below(k, circuit) && meter.Whole && meter.Name == c.scene.Settings.Circuits[k].Meter {
				return true
			}
		}
	}
	return false
}

// rose reports whether, below a circuit, a base load that a meter tells rose so
// short before the end of a span that the cuts may still be on their way. While
// the daemon is away nobody sees it rise.
func (c *checker) rose(circuit int, span edrvsim.Span) bool {
	for k := range c.scene.Settings.Circuits {
		if c.scene.Settings.Circuits[k].Meter == "" || !c.below(k, circuit) {
			continue
		}
		if at, ok := lastRise(c.scene.World.Circuits[k].BaseLoad, span.From); ok && span.To.Sub(later(at, c.daemon.since(span.To))) <= complyWithin {
			return true
		}
	}
	return false
}

// lastRise is when a profile that repeats last went up.
func lastRise(p edrvsim.Profile, now time.Time) (time.Time, bool) {
	if len(p.Steps) < 2 || p.Repeat == 0 {
		return epoch, false
	}
	round := epoch.Add(now.Sub(epoch).Truncate(p.Repeat))
	for _, begin := range []time.Time{round, round.Add(-p.Repeat)} {
		for k := len(p.Steps) - 1; k >= 0; k-- {
			at, before := begin.Add(p.Steps[k].After), p.Steps[(k+len(p.Steps)-1)%len(p.Steps)]
			if !at.After(now) && p.Steps[k].Watts > before.Watts {
				return at, true
			}
		}
	}
	return epoch, false
}

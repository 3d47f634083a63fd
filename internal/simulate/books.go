package simulate

import (
	"slices"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// What every connector may draw, by the checker's own books.

// unsteered is what the connector may draw without a session's limit.
func (k *checked) unsteered() policy.Milliamps {
	if k.floor {
		return k.set.Fallback
	}
	return k.set.Max
}

// most is the most that its charger lets a session have.
func (k *checked) most() policy.Milliamps {
	if k.set.Capped && k.floor {
		return min(k.set.Max, k.set.Fallback)
	}
	return k.set.Max
}

// distrusted is unsteered, or more where the site knows better than to believe what
// the charger accepted.
func (c *checker) distrusted(i int) policy.Milliamps {
	return max(c.connectors[i].unsteered(), c.site.Fallback(i))
}

// justified is the least that the site can know of what connector i may draw.
func (c *checker) justified(i int, now time.Time) policy.Milliamps {
	k := &c.connectors[i]
	floor := k.unsteered()
	if k.session == "" {
		return floor
	}
	level := floor
	switch {
	case k.has:
		level = max(level, k.accepted)
	case !k.behind:
		return k.set.Max
	}
	for _, o := range k.orders {
		level = max(level, o.level)
	}
	for _, s := range k.until {
		if now.Before(s.until) {
			level = max(level, s.level)
		}
	}
	return level
}

// sum is what all connectors below a circuit may draw when the one at a place
// is given a level. Where not everybody could be at their fallback at the same
// time, fallbacks of sessions do not count, and of those without a session only
// the greatest does.
func (c *checker) sum(circuit int, now time.Time, at int, level policy.Milliamps) policy.Load {
	covered := c.covered(circuit, now)
	var sum, arrival policy.Load
	for i := range c.connectors {
		k := &c.connectors[i]
		switch {
		case !c.below(k.circuit, circuit):
		case i == at:
			sum = sum.Plus(k.set.Wiring.At(max(level, c.steered(i, now))))
		case covered:
			sum = sum.Plus(k.set.Wiring.At(c.justified(i, now)))
		case k.session != "":
			sum = sum.Plus(k.set.Wiring.At(c.steered(i, now)))
		default:
			arrival = greatest(arrival, k.set.Wiring.At(k.unsteered()))
		}
	}
	return sum.Plus(arrival)
}

func greatest(a, b policy.Load) policy.Load {
	for p := range a.Amps {
		a.Amps[p] = max(a.Amps[p], b.Amps[p])
	}
	a.Power = max(a.Power, b.Power)
	return a
}

// inForce is the highest limit that the charger may have of its session.
func (c *checker) inForce(k *checked) policy.Milliamps {
	if !k.has && !k.behind {
		return k.set.Max
	}
	level := k.accepted
	if !k.has {
		level = k.set.Fallback
	}
	for _, o := range k.orders {
		level = max(level, o.level)
	}
	return level
}

// steered is justified without the fallback.
func (c *checker) steered(i int, now time.Time) policy.Milliamps {
	k := &c.connectors[i]
	level := c.inForce(k)
	for _, s := range k.until {
		if now.Before(s.until) {
			level = max(level, s.level)
		}
	}
	return level
}

// covered reports whether everybody below a circuit could be at their fallback
// at the same time, and those whom no order reaches where they are.
func (c *checker) covered(circuit int, now time.Time) bool {
	var sum policy.Load
	for i := range c.connectors {
		k := &c.connectors[i]
		if !c.below(k.circuit, circuit) {
			continue
		}
		level := c.distrusted(i)
		if !c.reachable(i, now) {
			level = max(c.justified(i, now), c.site.Bound(i))
		}
		sum = sum.Plus(k.set.Wiring.At(level))
	}
	return sum.Fits(c.site.Permitted(c.scene.Settings.Circuits[circuit].ID))
}

// reachable reports whether, as far as the site can know, the session at
// connector i does what it is ordered to.
func (c *checker) reachable(i int, now time.Time) bool {
	k := &c.connectors[i]
	if k.session == "" {
		return true
	}
	rejects := k.rejects(now, c.scene.Settings.Timing.Reassert)
	contested := now.Sub(later(c.seen.foreign, c.knows.stranger)) < noticeWithin
	return !rejects && !c.wasMute(k, now) && !contested && !c.seen.offline[k.set.Station] && c.site.Bound(i) <= max(c.justified(i, now), k.set.Fallback)
}

// rejects reports whether a charger rejected its last order, and is not tried
// again before a time has passed.
func (k *checked) rejects(now time.Time, again time.Duration) bool {
	return !k.rejected.IsZero() && now.Sub(k.rejected) <= again
}

// mute reports whether a charger left an order without an answer for too long.
func (c *checker) mute(k *checked, now time.Time) bool {
	return !k.silent.IsZero() && now.Sub(k.silent) >= c.scene.Settings.Timing.VerdictTimeout
}

// wasMute reports whether it was so lately: the site may not know yet which of
// its orders was answered, and its cut takes time.
func (c *checker) wasMute(k *checked, now time.Time) bool {
	return c.mute(k, now) || now.Sub(k.answered) <= complyWithin
}

func (c *checker) below(circuit, top int) bool {
	for ; circuit >= 0; circuit = c.parent[circuit] {
		if circuit == top {
			return true
		}
	}
	return false
}

// believes checks that the site believes no less of anybody than its own orders, and
// those of others, can have come to.
func (c *checker) believes(now time.Time) {
	invariant := "I2"
	if c.newborn {
		invariant = "I10"
	}
	for i := range c.connectors {
		k := &c.connectors[i]
		least, bound := c.justified(i, now), c.site.Bound(i)
		for _, o := range k.orders {
			o.expired = o.expired || c.expired(k, o, now)
		}
		k.overtaken = slices.DeleteFunc(k.overtaken, func(o *sentOrder) bool {
			if o.expired = o.expired || c.expired(k, o, now); o.expired {
				delete(c.orders, o.id)
			}
			return o.expired
		})
		for _, o := range k.overtaken {
			least = max(least, o.level)
		}
		if !k.doubted.IsZero() && now.Sub(k.doubted) > foreignWithin {
			least = max(least, k.most())
		}
		if bound < least {
			c.broken(invariant, "%s may draw %s by what it was ordered, the site believes %s", k.set.ID, least, bound)
		}
	}
}

// expired reports whether nobody need wait for the verdict on an order any more. While
// a station is offline, and some time after it is back, orders may be queued for it.
func (c *checker) expired(k *checked, o *sentOrder, now time.Time) bool {
	timeout, line := c.scene.Settings.Timing.VerdictTimeout, c.knows.lines[k.set.Station]
	if o.resumed {
		line.gone, line.back = line.gone || line.told.IsZero(), later(line.back, line.told)
	}
	return !line.gone && now.Sub(o.sent) >= timeout && (line.back.IsZero() || now.Sub(line.back) >= 2*timeout)
}

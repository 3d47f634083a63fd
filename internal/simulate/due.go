package simulate

import (
	"strings"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/policy"
)

// due checks I4 after a step: where the bounds pass what is permitted, the
// orders on their way bring them below it, or nobody is left who could be cut.
func (c *checker) due(now time.Time) {
	for k := range c.scene.Settings.Circuits {
		id := c.scene.Settings.Circuits[k].ID
		permitted := c.site.Permitted(id)
		if c.site.Booked(id).Fits(permitted) || !c.cuttable(k, c.projected(k, now).Excess(permitted), now) {
			delete(c.cuts, id)
			continue
		}
		since, ok := c.cuts[id]
		if !ok {
			c.cuts[id] = now
		} else if now.Sub(since) > cutWithin {
			c.broken("I4", "circuit %s is booked at %s of %s, and somebody who can be cut has no order", id, limited(c.site.Booked(id), permitted), limited(permitted, permitted))
			delete(c.cuts, id)
		}
	}
}

// cutWithin is how long a cut may wait: a tick, and half a minute after a call
// that failed.
const cutWithin = 40 * time.Second

// projected is what is booked below a circuit once the orders on their way are
// carried out, fallbacks apart where they do not fit.
func (c *checker) projected(circuit int, now time.Time) policy.Load {
	covered := c.covered(circuit, now)
	var sum policy.Load
	for i := range c.connectors {
		k := &c.connectors[i]
		if !c.below(k.circuit, circuit) || !covered && k.session == "" {
			continue
		}
		level := c.site.Bound(i)
		if n := len(k.orders); k.session == "" && c.installing(k, now) {
			level = k.set.Fallback
		} else if n > 0 {
			level = min(level, k.orders[n-1].level)
		} else if c.passing(k, now) {
			level = min(level, k.accepted)
		}
		if covered {
			level = max(level, k.set.Fallback)
		} else if k.has && len(k.orders) == 0 {
			level = min(level, k.accepted)
		}
		sum = sum.Plus(k.set.Wiring.At(level))
	}
	return sum
}

// installing reports whether the fallback that this process sent first is still on
// its way: nobody is cut for what the verdict on it is about to settle.
func (c *checker) installing(k *checked, now time.Time) bool {
	return !k.floor && now.Sub(k.tried) < c.scene.Settings.Timing.RaiseEvery
}

// passing reports whether the site may still wait for the verdict on an order
// although a newer one is confirmed: eDRV may have queued it. Until then there is
// nothing to order.
func (c *checker) passing(k *checked, now time.Time) bool {
	return now.Sub(k.passed) <= c.scene.Settings.Timing.VerdictTimeout
}

// cuttable reports whether a session below the circuit that has a part in the
// excess is above what it can be cut to, its station can be reached, and no
// order is on its way.
func (c *checker) cuttable(circuit int, excess policy.Load, now time.Time) bool {
	if c.site.State() == core.Hold && !c.seen.listed {
		return false
	}
	for i := range c.connectors {
		k := &c.connectors[i]
		part := k.set.Wiring.At(policy.Ampere).Tightest(excess) != policy.Load{}
		if k.session == "" || !part || !c.below(k.circuit, circuit) || c.excused(i) {
			continue
		}
		t, _ := c.world.Connector(k.set.ID)
		waits := len(k.orders) > 0 || c.passing(k, now) || !c.reachable(i, now)
		if t.Online && !waits && c.site.Bound(i) > max(k.set.Fallback, k.set.Min)+policy.Ampere && now.Sub(c.seen.onlineSince(k.set.Station)) > 5*time.Minute {
			return true
		}
	}
	return false
}

// limited writes those parts of a load that a limit has.
func limited(l, limit policy.Load) string {
	var parts []string
	if limit.Power < policy.Unlimited {
		parts = append(parts, l.Power.String())
	}
	for p := policy.L1; p <= policy.L3; p++ {
		if limit.Amps[p] < policy.Unlimited {
			parts = append(parts, l.Amps[p].String()+" on "+p.String())
		}
	}
	return strings.Join(parts, ", ")
}

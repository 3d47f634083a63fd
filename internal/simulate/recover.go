package simulate

import (
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// recovered checks I11 at the end of a run, when there were no faults for a
// while: the site is in state normal, and every car that wants more is below a
// circuit most of which is committed. Sites with liars are not judged, nor
// those whose fallbacks do not fit just then.
func (c *checker) recovered(now time.Time) {
	for i := range c.connectors {
		if c.excused(i) {
			return
		}
	}
	for k := range c.scene.Settings.Circuits {
		if !c.covered(k, now) { // a limit from outside leaves less than the fallbacks take
			return
		}
	}
	for k := range c.scene.Settings.Circuits {
		if c.site.OverloadBudget(c.scene.Settings.Circuits[k].ID) <= restored { // a transformer cools for hours
			return
		}
	}
	if state := c.site.State(); state != core.Normal && !(state == core.Hold && c.onlyMute()) {
		c.broken("I11", "the site is still in state %s", state)
	}
	timing := &c.scene.Settings.Timing
	for i := range c.connectors {
		k := &c.connectors[i]
		refuses := k.rejects(now, timing.Reassert+timing.VerdictTimeout) && !k.verdict.After(k.rejected) // nobody can raise it
		if now.Sub(k.since) > startWithin && !refuses && c.wantsMore(k) && !c.fullAbove(k) {
			c.broken("I11", "%s has less than its car could draw, and no circuit above it is committed to 85 %%", k.set.ID)
		}
	}
}

// onlyMute reports whether no charger with a session sends reports, or the session is
// over and eDRV lists it still: eDRV's silence is taken for trouble then.
func (c *checker) onlyMute() bool {
	for i := range c.connectors {
		k := &c.connectors[i]
		t, _ := c.world.Connector(k.set.ID)
		if k.session != "" && k.session == t.Session && !c.world.Shows(k.set.ID, edrvsim.ChargerMute) {
			return false
		}
	}
	return true
}

// startWithin is how long a session may take to get its share: the others are
// cut first, and a verdict may be lost once.
const startWithin = complyWithin

// wantsMore reports whether a car draws all that it is offered, as far as its
// charger tells, and the charger could offer more.
func (c *checker) wantsMore(k *checked) bool {
	t, ok := c.world.Connector(k.set.ID)
	if !ok || !t.Car || t.Session == "" || !t.Offer.IsSet() || c.world.Shows(k.set.ID, edrvsim.ChargerStuck) {
		return false
	}
	if k.set.Kind == policy.AC && t.Limit.Unit == edrvsim.Power { // it may not be known on how many phases it draws
		return false
	}
	offer := c.offered(k, &t)
	return offer < k.most()-k.most()/100 && c.drawn(&t) >= offer-offer/50-100
}

func (c *checker) fullAbove(k *checked) bool {
	for at := k.circuit; at >= 0; at = c.parent[at] {
		id := c.scene.Settings.Circuits[at].ID
		if c.tight(c.site.Booked(id), c.site.Permitted(id)) {
			return true
		}
	}
	return false
}

// tight reports whether at least 85 % of some part of what is permitted is
// booked.
func (c *checker) tight(booked, permitted policy.Load) bool {
	if permitted.Power < policy.Unlimited && booked.Power*100 >= permitted.Power*85 {
		return true
	}
	for p := range booked.Amps {
		if permitted.Amps[p] < policy.Unlimited && booked.Amps[p]*100 >= permitted.Amps[p]*85 {
			return true
		}
	}
	return false
}

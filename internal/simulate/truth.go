package simulate

import (
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// liars are the faults by which a charger or a car takes more than it was told,
// or not what was ordered: no controller can prevent that, only notice it.
var liars = []edrvsim.Fault{
	edrvsim.ChargerIgnores, edrvsim.ChargerClamps, edrvsim.ChargerOvershoots, edrvsim.ChargerSilent,
	edrvsim.CarIgnoresPilot, edrvsim.CarOverdraws,
}

// The windows within which more than a limit may flow, each after its cause
// and for no other.
const (
	// noticeWithin is how long a charger that takes more than it was told may go
	// unnoticed: two reports, a verdict that may be lost once, a pass, and the
	// settling; doubled, because reports and verdicts get lost.
	noticeWithin = 10 * time.Minute
	// followWithin is how long a car may take to follow when a lie ended: the 5 s
	// of IEC 61851-1, and a tick until it is seen.
	followWithin = 10 * time.Second
	// complyWithin is how long the site may take to come below a limit that
	// falls, or when a charger can be reached again: a verdict that may be lost once,
	// and what follows.
	complyWithin = 6 * time.Minute
)

// truth checks I2, and follows who takes more than the site believes.
func (c *checker) truth(now time.Time) {
	for i := range c.connectors {
		k := &c.connectors[i]
		t, ok := c.world.Connector(k.set.ID)
		if !ok {
			continue
		}
		bound := c.site.Bound(i)
		c.follow(k, now, c.drawn(&t), bound, &t)
		if c.excused(i) {
			k.lied = now
			if !c.disturbed(&t, now) || c.liar(i) {
				continue
			}
		}
		if !t.Car || !t.Powered || !t.Offer.IsSet() {
			continue
		}
		if offer := c.offered(k, &t); offer > bound {
			c.broken("I2", "%s offers its car %s, the site believes %s", k.set.ID, offer, bound)
		} else if k.odd && now.Sub(k.strange) > blink && now.Sub(k.lied) > followWithin {
			c.broken("I2", "%s draws %s, the site believes %s", k.set.ID, c.drawn(&t), bound)
		}
	}
}

// blink is how long a car may take longer to follow than it settles: it takes its
// steps by the second.
const blink = time.Second

// follow notes since when a connector draws more than the site believes, as far
// as reports can show it.
func (c *checker) follow(k *checked, now time.Time, drawn, bound policy.Milliamps, t *edrvsim.TrueConnector) {
	odd := drawn > bound+bound/200+20
	if odd && (!k.odd || c.hidden(k, t, bound)) {
		k.strange = now
	}
	if k.odd = odd; odd {
		k.believed = bound
	}
}

// offered is the level that a charger offers its car.
func (c *checker) offered(k *checked, t *edrvsim.TrueConnector) policy.Milliamps {
	if t.Offer.Unit == edrvsim.Current {
		return policy.Milliamps(t.Offer.Value*1000 + 0.5)
	}
	if k.set.Kind == policy.DC {
		return k.set.Wiring.Level(policy.Milliwatts(t.Offer.Value*1000 + 0.5))
	}
	return policy.Milliamps(t.Offer.Value * 1000 / float64(k.set.Wiring.Volts) / float64(max(1, t.CarPhases)))
}

// drawn is the highest current on a phase.
func (c *checker) drawn(t *edrvsim.TrueConnector) policy.Milliamps {
	return policy.Milliamps(max(t.Amps[0], t.Amps[1], t.Amps[2])*1000 + 0.5)
}

// excused reports whether what a charger offers may differ from what the site
// believes: because it lies, or lied,
// or because somebody else set its limit.
func (c *checker) excused(i int) bool {
	t, _ := c.world.Connector(c.connectors[i].set.ID)
	return t.Astray || c.liar(i)
}

// liar reports whether a charger or its car takes what it was not told.
func (c *checker) liar(i int) bool {
	for _, f := range liars {
		if c.world.Shows(c.connectors[i].set.ID, f) {
			return true
		}
	}
	return false
}

// flowed checks I3 on a stretch of constant load.
func (c *checker) flowed(span edrvsim.Span) {
	if !span.Over {
		delete(c.over, span.Circuit)
		return
	}
	if _, ok := c.over[span.Circuit]; !ok {
		c.over[span.Circuit] = span.From
	}
	length := span.To.Sub(span.From)
	if cause := c.causeOf(c.circuits[span.Circuit], span); cause != "" {
		c.seen.Excused[cause] += length
		return
	}
	c.seen.Over += length
	if !c.seen.lastOver[span.Circuit].Equal(span.From) {
		c.seen.Episodes++
		c.broken("I3", "circuit %s carries %.1f kW, %.1f/%.1f/%.1f A", span.Circuit, span.Watts/1000, span.Amps[0], span.Amps[1], span.Amps[2])
	}
	c.seen.lastOver[span.Circuit] = span.To
}

// The causes that explain an overload of a circuit, each within its window.
const (
	CauseFell    = "the limit fell"                                 // cuts are on their way
	CauseFloors  = "the fallbacks and the base load pass the limit" // nothing is left to cut
	CauseRose    = "the base load that a meter tells rose"          // likewise
	CauseLiar    = "a charger takes more than it was told"          // and has not been noticed, or cannot be
	CauseNoOrder = "chargers that take no orders leave too little"  // for the fallbacks of the others
)

// Causes lists them.
var Causes = []string{CauseFell, CauseRose, CauseFloors, CauseLiar, CauseNoOrder}

// causeOf is the listed cause that explains the overload of a circuit, or
// nothing.
func (c *checker) causeOf(circuit int, span edrvsim.Span) string {
	if fell, ok := c.seen.fell[span.Circuit]; ok && !span.From.Before(fell) && span.To.Sub(fell) <= complyWithin {
		return CauseFell
	}
	if c.rose(circuit, span) {
		return CauseRose
	}
	permitted := c.site.Permitted(span.Circuit)
	excess := policy.Load{Power: policy.Milliwatts(span.Watts * 1000)}
	for p := range excess.Amps {
		excess.Amps[p] = policy.Milliamps(span.Amps[p] * 1000)
	}
	var floors, taken policy.Load
	waived, timing := false, &c.scene.Settings.Timing
	for i := range c.connectors {
		k := &c.connectors[i]
		if !c.below(k.circuit, circuit) {
			continue
		}
		t, _ := c.world.Connector(k.set.ID)
		drawn, bound := c.drawn(&t), c.site.Bound(i)
		c.follow(k, span.To, drawn, bound, &t)
		lies := c.excused(i) || span.From.Sub(k.lied) <= followWithin
		lately := span.To.Sub(k.strange) <= noticeWithin
		believed := bound
		if lately { // it was noticed, and the others are being cut
			believed = min(bound, k.believed)
		}
		// What passes for obedience is noticed by the sum alone.
		slight := drawn <= believed+believed/10+policy.Ampere/2 && span.To.Sub(c.over[span.Circuit]) <= noticeWithin
		if lies && drawn > believed && (!k.odd || lately || slight) {
			waived = true
			excess = excess.Minus(k.set.Wiring.At(drawn - believed + policy.Ampere/1000)) // what is drawn is rounded
		}
		floors = floors.Plus(k.set.Wiring.At(k.unsteered()))
		since := later(c.seen.onlineSince(k.set.Station), c.daemon.since(span.To))
		again := k.rejects(span.To, timing.Reassert+complyWithin)                            // it is tried again by then
		if lies || again || span.To.Sub(since) <= complyWithin || !c.reachable(i, span.To) { // what cannot be cut, or not yet
			taken = taken.Plus(k.set.Wiring.At(max(drawn, bound)))
		} else {
			taken = taken.Plus(k.set.Wiring.At(k.unsteered()))
		}
	}
	switch limit := c.limit(span.Circuit); {
	case waived && excess.Fits(limit):
		return CauseLiar
	case !floors.Fits(permitted):
		return CauseFloors
	case !taken.Fits(permitted):
		return CauseNoOrder
	}
	return ""
}

// limit is what a circuit is judged by, base load included.
func (c *checker) limit(circuit string) policy.Load {
	limit := policy.NoLimit()
	t, _ := c.world.Circuit(circuit)
	if t.LimitWatts > 0 {
		limit.Power = policy.Milliwatts(t.LimitWatts * 1000)
	}
	if t.LimitAmps > 0 {
		limit.Amps = policy.Symmetric(policy.Milliamps(t.LimitAmps*1000), 0).Amps
	}
	return limit
}

// hidden reports whether no report shows what a charger draws: there are none,
// or its power looks right although its current is not. On fewer phases than are
// wired the same power is more current, and a report without phases does not
// tell.
func (c *checker) hidden(k *checked, t *edrvsim.TrueConnector, bound policy.Milliamps) bool {
	if !t.Online || c.world.Shows(k.set.ID, edrvsim.ChargerMute) || c.world.Shows(k.set.ID, edrvsim.ChargerStuck) {
		return true
	}
	return policy.Milliwatts(t.Watts*1000) <= k.set.Wiring.Power(bound)*11/10
}

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
			c.broken("I4", "circuit %s is booked at %s of %s, and somebody who can be cut has no order", id, c.site.Booked(id), permitted)
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

// bounded checks I8.
func (c *checker) bounded() {
	n := len(c.connectors)
	if s := c.site.Sizes(); s.Sessions > n || s.Orders > 16*n || s.Actions > 16*n || s.Strays > 256 || s.Ended > 4096 || s.Settled > 4096 || s.Touched > 4096 {
		c.broken("I8", "the site remembers too much: %+v", s)
	}
	if len(c.calls.at) > 60+20*n {
		c.broken("I8", "%d calls in a minute", len(c.calls.at))
	}
}

// after is called when a step is done and its effects are under way.
func (c *checker) after(now time.Time) {
	c.seen.look(now, c.world, c.site.State())
	c.truth(now)
	c.knowing(now)
	c.due(now)
	c.bounded()
}

// rebooted forgets what went with the process: whose replies it waited for, and
// what the journal does not hold.
func (c *checker) rebooted(saved *core.Saved) {
	c.life++
	c.newborn = true
	c.calls = calls{}
	c.seen.listed, c.listed = false, false
	clear(c.begun)
	override := c.knows.override // the session finds it in its record
	c.knows = newKnows()
	c.knows.override = override
	for _, l := range saved.Limits {
		c.knows.external[l.Limit.Name] = core.LimitSet{Circuit: l.Circuit, Limit: l.Limit}
	}
	for i := range c.connectors {
		k := &c.connectors[i]
		k.raised, k.tried, k.doubted = nil, time.Time{}, time.Time{}
		k.resume(saved)
	}
}

// resume lets the orders in the journal wait for their verdicts anew: their station may
// have been away.
func (k *checked) resume(saved *core.Saved) {
	kept := map[policy.Milliamps]bool{}
	for _, r := range saved.Records {
		if r.Connector == k.set.ID {
			for _, o := range r.Book.Orders {
				kept[o.Level] = true
			}
		}
	}
	for _, o := range slices.Concat(k.orders, k.overtaken) {
		if kept[o.level] {
			o.resumed = true
		}
	}
}

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

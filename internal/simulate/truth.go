package simulate

import (
	"time"

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

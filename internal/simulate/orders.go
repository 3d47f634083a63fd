package simulate

import (
	"cmp"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// sentOrder is an order that the site sent.
type sentOrder struct {
	id        orderID
	connector int
	session   string
	install   bool
	level     policy.Milliamps
	sent      time.Time
	named     bool // the site knows which action it became
	expired   bool // its verdict did not come in time
	resumed   bool // a process that started again found it in the journal
}

// orderID names an order over all lives of the daemon.
type orderID struct{ life, id uint64 }

func (o orderID) before(other orderID) bool {
	return o.life < other.life || o.life == other.life && o.id < other.id
}

// calls counts requests of the last minute.
type calls struct{ at []time.Time }

func (c *calls) add(now time.Time) {
	c.at = append(c.at, now)
	for now.Sub(c.at[0]) > time.Minute {
		c.at = c.at[1:]
	}
}

// orderOf is the order that an action is, or that the site must take it for: one of
// which it does not know what it became, while somebody else orders the same.
func (c *checker) orderOf(a *edrvapi.Action) *sentOrder {
	if id, ours := c.actions[a.ID]; ours {
		return c.orders[id]
	}
	for i := range c.connectors {
		k := &c.connectors[i]
		if k.session == "" || k.session != a.Session || !a.Limit.Known {
			continue
		}
		for _, o := range slices.Backward(k.orders) {
			if !o.named && o.level == c.levelOf(k, a.Session, a.Limit.Value) {
				return o
			}
		}
	}
	return nil
}

// verdict notes the charger's answer to an order.
func (c *checker) verdict(now time.Time, o *sentOrder, v core.Verdict) {
	k := &c.connectors[o.connector]
	if v != core.Requested {
		k.verdict = now
		if c.mute(k, now) {
			k.answered = now
		}
		k.silent = time.Time{}
	}
	switch {
	case v == core.Requested:
		return
	case v == core.Rejected:
		k.rejected = now
		c.vain(o)
		return
	case o.install && v == core.Accepted:
		k.floor = true
	case v == core.Accepted && slices.Contains(k.overtaken, o): // it may have come after the newer one
		k.accepted = max(k.accepted, o.level)
	case v == core.Accepted && k.session == o.session:
		before := c.steered(o.connector, now)
		followed := now.Add(c.settle(k) * time.Duration(1+k.following(o, now, c.scene.Settings.Timing.VerdictTimeout)))
		for n := range k.until { // what was still to come then may have come by now
			k.until[n].until = earlier(k.until[n].until, followed)
		}
		if before > o.level {
			k.until = append(k.until, settling{level: before, until: followed})
		}
		if o.sent.After(k.doubted) {
			k.doubted = time.Time{}
		}
		k.accepted, k.has = o.level, true
		c.overtake(k, o)
	}
	c.drop(o)
}

// overtake notes that an order was confirmed before older ones. The station carries
// orders out as they come, so those are over, but eDRV may bring them yet.
func (c *checker) overtake(k *checked, o *sentOrder) {
	k.orders = slices.DeleteFunc(k.orders, func(older *sentOrder) bool {
		if !older.id.before(o.id) {
			return false
		}
		k.passed = later(k.passed, older.sent)
		k.overtaken = append(k.overtaken, older)
		return true
	})
}

// vain drops an order of which nothing came.
func (c *checker) vain(o *sentOrder) {
	if k := &c.connectors[o.connector]; k.raised == o {
		k.raised = nil
	}
	c.drop(o)
}

func (c *checker) drop(o *sentOrder) {
	delete(c.orders, o.id)
	k := &c.connectors[o.connector]
	isIt := func(other *sentOrder) bool { return other == o }
	k.orders, k.overtaken = slices.DeleteFunc(k.orders, isIt), slices.DeleteFunc(k.overtaken, isIt)
}

// ordered checks an order that is sent now, and notes it.
func (c *checker) ordered(now, decided time.Time, e core.Effect) {
	switch e := e.(type) {
	case core.InstallFallback:
		i := c.index(e.Connector)
		c.note(&sentOrder{id: c.idOf(e.ID), connector: i, install: true})
		if k := &c.connectors[i]; k.tried.IsZero() {
			k.tried = now
		}
		c.calls.add(now)
	case core.SendOrder:
		c.calls.add(now)
		i := c.index(e.Connector)
		k := &c.connectors[i]
		level := c.levelOf(k, e.Session, e.Limit)
		c.inRange(k, level, k.set.Kind == policy.AC && e.Limit.Unit == edrvapi.UnitPower)
		if state := c.site.State(); state != core.Normal && e.Raise {
			c.broken("I6", "%s is raised to %s in state %s", k.set.ID, level, state)
		} else if !c.knows.gap.IsZero() && e.Raise {
			c.broken("I6", "%s is raised to %s although the site missed what happened, and has no list since", k.set.ID, level)
		} else if state >= core.Floor && level > max(k.set.Fallback, k.set.Min) {
			c.broken("I9", "%s is ordered to %s in state %s", k.set.ID, level, state)
		}
		c.knows.session(e.Session).strikes = 0
		o := &sentOrder{id: c.idOf(e.ID), connector: i, session: e.Session, level: level, sent: decided}
		if e.Raise {
			c.raise(now, o)
		}
		c.note(o)
		for n := range k.until {
			if u := &k.until[n].until; decided.Before(*u) { // the car may be set off anew
				*u = u.Add(c.settle(k))
			}
		}
		k.orders = append(k.orders, o)
		k.ordered[e.Limit] = true
		if k.silent.IsZero() {
			k.silent = now
		}
	case core.List, core.Fetch:
		c.calls.add(now)
	}
}

// settle is how long a car has to follow a change.
func (c *checker) settle(k *checked) time.Duration {
	return cmp.Or(k.set.Settle, c.scene.Settings.Timing.Settle)
}

// following counts the orders that were sent after one, and may still be carried out.
func (k *checked) following(o *sentOrder, now time.Time, within time.Duration) (n int) {
	for _, newer := range k.orders {
		if o.id.before(newer.id) && now.Sub(newer.sent) < within {
			n++
		}
	}
	return n
}

func (c *checker) idOf(id uint64) orderID { return orderID{c.life, id} }

func (c *checker) note(o *sentOrder) { c.orders[o.id] = o }

// levelOf is the highest current per phase that a limit of a session allows at
// a connector.
func (c *checker) levelOf(k *checked, session string, l edrvapi.Limit) policy.Milliamps {
	if l.Unit == edrvapi.UnitCurrent {
		return policy.Milliamps(l.Milli)
	}
	wiring := k.set.Wiring
	if k.set.Kind == policy.AC {
		if t, ok := c.world.Connector(k.set.ID); ok && t.CarPhases > 0 && t.Session == session {
			return policy.Milliamps(l.Milli / (wiring.Volts * int64(min(t.CarPhases, wiring.Phases.Count()))))
		}
	}
	return wiring.LevelAbove(policy.Milliwatts(l.Milli))
}

func (c *checker) inRange(k *checked, level policy.Milliamps, watts bool) {
	switch {
	case level > k.set.Max:
		c.broken("I5", "%s is ordered to %s, above its maximum %s", k.set.ID, level, k.set.Max)
	case level == 0 && !k.set.CanPause:
		c.broken("I5", "%s is ordered to pause, but cannot", k.set.ID)
	case level > 0 && level < k.set.Min && !watts:
		c.broken("I5", "%s is ordered to %s, below its minimum %s", k.set.ID, level, k.set.Min)
	}
}

// raise checks I1 and I12 at the instant a raise is sent.
func (c *checker) raise(now time.Time, o *sentOrder) {
	at, level := o.connector, o.level
	k := &c.connectors[at]
	if level > c.inForce(k) { // else it is a cut that may turn out to be a raise
		if k.raised != nil && o.sent.Sub(k.raised.sent) < c.scene.Settings.Timing.RaiseEvery {
			c.broken("I12", "%s is raised again after %s", k.set.ID, o.sent.Sub(k.raised.sent))
		}
		k.raised = o
	}
	for circuit := k.circuit; circuit >= 0; circuit = c.parent[circuit] {
		id := c.scene.Settings.Circuits[circuit].ID
		permitted := c.site.Permitted(id)
		with := c.sum(circuit, now, at, level)
		if left := c.site.OverloadBudget(id); left < restored && level > c.inForce(k) && o.sent.Equal(now) {
			c.broken("I6", "%s is raised to %s although %.0f %% are left of the overload budget of circuit %s", k.set.ID, level, 100*left, id)
		}
		for p := policy.L1; p <= policy.L3; p++ {
			if k.set.Wiring.Phases.Has(p) && with.Amps[p] > permitted.Amps[p] {
				c.broken("I1", "raising %s to %s leaves %s on %s of circuit %s, permitted are %s", k.set.ID, level, with.Amps[p], p,
					id, permitted.Amps[p])
			}
		}
		if with.Power > permitted.Power {
			c.broken("I1", "raising %s to %s leaves %s on circuit %s, permitted are %s", k.set.ID, level, with.Power, id, permitted.Power)
		}
	}
}

// restored is the part of an overload budget above which raises go on.
const restored = 0.9

package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// The checker holds a run against the invariants. It keeps books of its own,
// from what the site was told and what it ordered, and shares no code with the
// ledger.
//
//	I1  at the instant a raise is sent, what every connector may draw fits
//	    every circuit and phase
//	I2  no charger offers its car more than the site believes, nor can it by the
//	    orders that the site knows of
//	I3  no circuit carries more than its limit, but for the causes listed below
//	I4  when a limit falls, cuts are sent within a tick; a site that could pass one is
//	    engaged
//	I5  every order is 0 or between the minimum and the maximum of its connector
//	I6  no raise in any state but normal, nor after a gap before a full list, nor
//	    below a circuit whose overload budget is drained
//	I7  a reading is what a fresh report said, and what ended stays ended
//	I8  what the site remembers, and what it asks of eDRV, is bounded
//	I9  in floor and alarm no order is above the fallback
//	I10 after a crash the site believes no less than is true
//	I11 when the faults are over for a while, the site is in state normal and
//	    its power is used
//	I12 a connector is raised at most once in raise_every
//	I13 nothing forged is let in, and nothing is read that was not written
//	I14 who is seen to draw more than ordered is booked at what it draws
//	I15 no circuit permits more than its limits leave
//
// That doubled and reordered messages change nothing at all is a property test of
// the core as well.
type checker struct {
	scene      *Scene
	world      *edrvsim.World
	site       *core.Site
	daemon     *daemon
	connectors []checked
	circuits   map[string]int
	parent     []int
	life       uint64 // of the daemon: ids begin anew with each
	orders     map[orderID]*sentOrder
	actions    map[string]orderID // eDRV's id of an action → the effect that caused it
	calls      calls
	cuts       map[string]time.Time // per circuit, since when a cut is due
	over       map[string]time.Time // per circuit, since when it carries more than its limit

	violations []Violation
	listed     bool            // the site had a full list before this step
	newborn    bool            // it has done no step yet since a restart
	begun      map[string]bool // sessions that it heard of after a full list
	seen       *Seen
	knows      knows
}

// Violation is one broken invariant.
type Violation struct {
	At        time.Duration // since the beginning of the run
	Invariant string
	Text      string
}

// checked is what the checker knows of a connector.
type checked struct {
	set       *core.Connector
	circuit   int
	memory                      // of the session that the site knows of
	earlier   map[string]memory // of those before
	floor     bool              // the fallback was accepted
	tried     time.Time         // when this process first sent it
	until     []settling
	raised    *sentOrder // the last order that raised it, unless nothing came of it
	orders    []*sentOrder
	overtaken []*sentOrder           // without a verdict when a newer one was confirmed: they may come yet
	ordered   map[edrvapi.Limit]bool // all that was ordered of the session
	doubted   time.Time              // when somebody else's order was heard to be confirmed, and none since
	passed    time.Time              // when the last order was sent that a newer one was confirmed before
	rejected  time.Time              // when its charger last rejected an order, or eDRV refused one
	verdict   time.Time              // when it last answered one
	silent    time.Time              // since when its charger answers no order; zero: it does
	answered  time.Time              // when it last did so after it had been mute
	strange   time.Time              // when it last began to do what nobody ordered, as far as reports can show it
	lied      time.Time              // when it was last seen to be one that lies
	odd       bool
	believed  policy.Milliamps // what the site believed of it then
}

// memory is what the checker knows of a session. It is kept, in case the site finds
// the session again in its records.
type memory struct {
	session  string
	since    time.Time // when the site first knew of it
	behind   bool      // it began behind a fallback that was in force
	accepted policy.Milliamps
	has      bool // accepted means something
}

type settling struct {
	level policy.Milliamps
	until time.Time
}

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

func newChecker(scene *Scene, world *edrvsim.World, daemon *daemon, seen *Seen) *checker {
	c := &checker{
		scene: scene, world: world, daemon: daemon, seen: seen, circuits: map[string]int{}, orders: map[orderID]*sentOrder{},
		actions: map[string]orderID{}, cuts: map[string]time.Time{}, over: map[string]time.Time{}, begun: map[string]bool{},
		knows: newKnows(),
	}
	for k, circuit := range scene.Settings.Circuits {
		c.circuits[circuit.ID] = k
		c.parent = append(c.parent, -1)
	}
	for k, circuit := range scene.Settings.Circuits {
		if circuit.Parent != "" {
			c.parent[k] = c.circuits[circuit.Parent]
		}
	}
	for i := range scene.Settings.Connectors {
		set := &scene.Settings.Connectors[i]
		c.connectors = append(c.connectors, checked{set: set, circuit: c.circuits[set.Circuit], earlier: map[string]memory{}, floor: !set.InstallFallback})
	}
	return c
}

func (c *checker) broken(invariant, format string, args ...any) {
	if len(c.violations) < 100 {
		c.violations = append(c.violations, Violation{
			At: c.world.Now().Sub(epoch), Invariant: invariant, Text: fmt.Sprintf(format, args...),
		})
	}
}

// told notes what the site is about to hear.
func (c *checker) told(now time.Time, in core.Input) {
	c.hears(now, in)
	switch in := in.(type) {
	case core.ActionSeen:
		if o := c.orderOf(&in.Action); o != nil {
			c.verdict(now, o, in.Verdict)
		}
	case core.SessionSeen:
		if c.seen.listed {
			c.begun[in.Session.ID] = true
		}
	case core.Reply:
		if o := c.orders[c.idOf(in.ID)]; o != nil && in.Outcome == core.Queued {
			o.named = true
		} else if o != nil && (in.Outcome == core.NotSent || in.Outcome == core.Refused || in.Outcome == core.NotSaved) {
			c.vain(o)
			if in.Outcome == core.Refused { // no order for it goes through
				c.connectors[o.connector].rejected = now
			}
		}
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

// stepped notes which sessions the site knows after a step.
func (c *checker) stepped(now time.Time) {
	for i := range c.connectors {
		k := &c.connectors[i]
		k.until = slices.DeleteFunc(k.until, func(s settling) bool { return !now.Before(s.until) })
		if session := c.site.Session(i); session != k.session {
			for _, o := range slices.Concat(k.orders, k.overtaken) {
				c.drop(o)
			}
			k.until, k.raised, k.silent, k.answered, k.passed = nil, nil, time.Time{}, time.Time{}, time.Time{}
			k.ordered, k.doubted = map[edrvapi.Limit]bool{}, time.Time{}
			if k.session != "" {
				k.earlier[k.session] = k.memory
			}
			var known bool
			if k.memory, known = k.earlier[session]; !known {
				// After a full list nothing is new but what just began.
				k.memory = memory{session: session, since: now, behind: session != "" && k.floor && (c.listed || c.begun[session])}
			}
		}
	}
	c.believes(now)
	c.listed, c.newborn = c.seen.listed, false
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

func (c *checker) index(connector string) int {
	for i := range c.connectors {
		if c.connectors[i].set.ID == connector {
			return i
		}
	}
	return -1
}

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

func (c *calls) add(now time.Time) {
	c.at = append(c.at, now)
	for now.Sub(c.at[0]) > time.Minute {
		c.at = c.at[1:]
	}
}

package ledger

import (
	"cmp"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Connector is what the ledger knows of a connector from the configuration.
type Connector struct {
	Circuit  int // index into the tree
	Wiring   policy.Wiring
	Min, Max policy.Milliamps // per phase
	Fallback policy.Milliamps // what its charger does when nobody steers it, once that is in force
	Settle   time.Duration    // Timing.Settle for this connector; 0: the same
}

// Timing are the ledger's durations.
type Timing struct {
	// Settle is how long after a confirmed cut the car may still draw what it
	// drew before. IEC 61851-1 gives it 5 s from each change.
	Settle time.Duration
	// Verdict is how long an order that reached eDRV waits for its verdict.
	Verdict time.Duration
}

// Frame is what holds during one pass of the controller.
type Frame struct {
	Now time.Time
	// Permitted is, for each circuit, what all connectors below it may draw.
	Permitted []policy.Load
	// Covered tells for each circuit whether the fallbacks of all connectors
	// below it fit. Where they do not, they are not counted for sessions.
	// Reserve is what is planned for idle connectors there instead, and Keep
	// what a raise must leave for them: no limit keeps all their bounds.
	Covered       []bool
	Reserve, Keep []policy.Load
	Hold          bool   // forbids every raise
	Held          []bool // the circuits below which no raise is sent; nil: none
}

// Ledger holds the bounds of all connectors of a site and their sums.
type Ledger struct {
	tree       *policy.Tree
	timing     Timing
	connectors []Connector
	entries    []entry
	frame      Frame
	changed    []int // connectors, in the order of their changes

	booked []policy.Load // per circuit: Σ bounds
	active []policy.Load // per circuit: Σ bounds of sessions, fallbacks left out
	idle   []policy.Load // per circuit: Σ bounds of connectors without a session
}

// New returns a ledger in which no connector has a session and no fallback is
// in force yet: every connector is booked at its maximum.
func New(tree *policy.Tree, connectors []Connector, timing Timing) *Ledger {
	l := &Ledger{
		tree: tree, timing: timing, connectors: connectors,
		entries: make([]entry, len(connectors)),
		booked:  make([]policy.Load, tree.Len()),
		active:  make([]policy.Load, tree.Len()),
		idle:    make([]policy.Load, tree.Len()),
	}
	for i := range l.entries {
		l.entries[i].fallback = connectors[i].Max
		l.add(i, +1)
	}
	return l
}

// Begin records that a session began at connector i behind its fallback. Where
// no fallback is known to be in force, nothing is known of the session either.
func (l *Ledger) Begin(i int) {
	l.change(i, func(e *entry) {
		e.startSession()
		if e.inForce {
			e.confirm(e.fallback)
		}
	})
}

// Adopt records that connector i has a session of which nothing is known.
func (l *Ledger) Adopt(i int) {
	l.change(i, func(e *entry) { e.startSession() })
}

// End records that connector i has no session any more. Its limit and its
// orders ended with it.
func (l *Ledger) End(i int) {
	l.change(i, func(e *entry) {
		*e = entry{fallback: e.fallback, inForce: e.inForce, offline: e.offline, back: e.back}
	})
}

// FallbackInForce records that the charger of connector i does what the
// configuration says when nobody steers it, or that this is not known.
func (l *Ledger) FallbackInForce(i int, yes bool) {
	l.change(i, func(e *entry) {
		e.inForce, e.fallback = yes, l.connectors[i].Max
		if yes {
			e.fallback = l.connectors[i].Fallback
		}
	})
}

// Disobeys books connector i at what it was seen to draw, at least; 0 ends it.
func (l *Ledger) Disobeys(i int, drawn policy.Milliamps) {
	l.change(i, func(e *entry) { e.drawn = drawn })
}

// Doubt forgets what is known of the limit of the session at connector i. Only
// the verdict on an order that is sent from now on ends it.
func (l *Ledger) Doubt(i int) {
	l.change(i, func(e *entry) { e.known, e.doubted = false, e.newest })
}

// Reachable records whether the station of connector i is online. An order to
// a station that is offline may be delivered when it returns, so it keeps
// counting until well after that.
func (l *Ledger) Reachable(i int, online bool, now time.Time) {
	e := &l.entries[i]
	if e.offline && online {
		e.back = now
		e.least = min(e.least, l.connectors[i].Fallback) // it may have restarted and lost its limit
	}
	e.offline = !online
}

// Lapse ends what time ends: it forgets cuts that the cars have followed, and
// stops waiting for verdicts that do not come. It returns the orders that it
// stopped waiting for.
func (l *Ledger) Lapse(now time.Time) []Lapsed {
	var lapsed []Lapsed
	for i := range l.entries {
		if e := &l.entries[i]; e.due(now, l.timing.Verdict) {
			l.change(i, func(e *entry) {
				for _, id := range e.lapse(now, l.timing.Verdict) {
					lapsed = append(lapsed, Lapsed{Connector: i, Order: id})
				}
			})
		}
	}
	return lapsed
}

// Lapsed is an order that got no verdict in time.
type Lapsed struct {
	Connector int
	Order     uint64
}

// Open begins a pass with what holds during it.
func (l *Ledger) Open(f Frame) { l.frame = f }

// Send records that an order for level is about to be sent to the session at
// connector i. Call it before sending. Ids must grow.
func (l *Ledger) Send(i int, id uint64, level policy.Milliamps) {
	l.change(i, func(e *entry) {
		e.newest = id
		e.goesOn(l.settle(i))
		e.orders = append(e.orders, order{id: id, level: level, sent: l.frame.Now})
	})
}

// Reached records that eDRV has an order, or may have: its verdict may come.
// It, or NotSent, must be called for every order.
func (l *Ledger) Reached(i int, id uint64, now time.Time) {
	for k := range l.entries[i].orders {
		if o := &l.entries[i].orders[k]; o.id == id {
			o.reached = now
		}
	}
}

// NotSent records that an order certainly did not reach eDRV, or that eDRV
// refused it.
func (l *Ledger) NotSent(i int, id uint64) {
	l.change(i, func(e *entry) { e.drop(id) })
}

// Rejected records that the charger rejected an order: what held before holds.
func (l *Ledger) Rejected(i int, id uint64) {
	l.change(i, func(e *entry) { e.drop(id) })
}

// Accepted records that the charger confirmed an order.
func (l *Ledger) Accepted(i int, id uint64, level policy.Milliamps, now time.Time) {
	l.change(i, func(e *entry) {
		e.settled(now)
		before := e.steered(l.connectors[i].Max)
		e.accept(id, level, l.connectors[i].Fallback)
		if before > level { // until the car has followed this order, and those that may come meanwhile
			e.settling = append(e.settling, release{level: before, until: now.Add(l.settle(i) * time.Duration(1+len(e.orders)))})
		}
	})
}

// settle is how long a cut of connector i may take to be followed.
func (l *Ledger) settle(i int) time.Duration { return cmp.Or(l.connectors[i].Settle, l.timing.Settle) }

// Bound is the highest current per phase that connector i may draw.
func (l *Ledger) Bound(i int) policy.Milliamps { return l.entries[i].bound(l.connectors[i].Max) }

// Booked is, for each circuit, the sum of the bounds below it. It must not be
// changed.
func (l *Ledger) Booked() []policy.Load { return l.booked }

// Knowledge is what is known of the session at a connector.
type Knowledge struct {
	Session   bool
	Known     bool             // a limit was confirmed, or it began behind its fallback
	Confirmed policy.Milliamps // the highest limit that may be in force apart from waiting orders
	Least     policy.Milliamps // the lowest limit that may be in force
	Waiting   int              // orders without a verdict
	Newest    policy.Milliamps // what the newest of them asks for
	Highest   policy.Milliamps // the highest limit that may be in force
	Fallback  policy.Milliamps // what is booked for it without a session
	InForce   bool             // whether the configured fallback is in force
}

// Unsure reports whether different limits may be in force.
func (k Knowledge) Unsure() bool { return k.Session && (!k.Known || k.Least != k.Confirmed) }

// Knows is what is known of connector i.
func (l *Ledger) Knows(i int) Knowledge {
	e := &l.entries[i]
	k := Knowledge{
		Session: e.session, Known: e.known, Confirmed: e.confirmed, Least: e.lowest(), Waiting: len(e.orders),
		Fallback: e.fallback, InForce: e.inForce,
	}
	if !e.known {
		k.Confirmed = l.connectors[i].Max
	}
	if k.Waiting > 0 {
		k.Newest = e.orders[k.Waiting-1].level
	}
	k.Highest = k.Confirmed
	for _, o := range e.orders {
		k.Highest = max(k.Highest, o.level)
	}
	return k
}

// change alters an entry and keeps the sums in step.
func (l *Ledger) change(i int, f func(*entry)) {
	l.add(i, -1)
	f(&l.entries[i])
	l.add(i, +1)
	if n := len(l.changed); n == 0 || l.changed[n-1] != i {
		l.changed = append(l.changed, i)
	}
}

func (l *Ledger) add(i int, sign policy.Milliamps) {
	c, e := &l.connectors[i], &l.entries[i]
	bound := c.Wiring.At(sign * e.bound(c.Max))
	others, other := l.idle, bound
	if e.session {
		others, other = l.active, c.Wiring.At(sign*e.steered(c.Max))
	}
	for at := c.Circuit; at >= 0; at = l.tree.Parent(at) {
		l.booked[at] = l.booked[at].Plus(bound)
		others[at] = others[at].Plus(other)
	}
}

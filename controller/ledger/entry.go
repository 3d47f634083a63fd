package ledger

import (
	"slices"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// entry is what is known of one connector.
type entry struct {
	session   bool
	known     bool             // confirmed and least mean something
	confirmed policy.Milliamps // the highest limit that may be in force, waiting orders apart
	least     policy.Milliamps // the lowest limit that may be in force, waiting orders apart
	accepted  uint64           // the newest order that was confirmed
	lapsed    uint64           // the newest order that got no verdict in time
	newest    uint64           // the newest order
	doubted   uint64           // the newest order before the last doubt: its verdict does not end that
	orders    []order          // sent and without a verdict, oldest first
	settling  []release
	drawn     policy.Milliamps // what it was seen to draw against its limit
	kept      policy.Milliamps // its bound under other settings, until the charger confirms a limit

	fallback policy.Milliamps // what it does without a session limit: the maximum while not known
	inForce  bool

	offline bool      // its station is, or may be since a restart
	back    time.Time // when its station last came back online
}

// order is one that waits for its verdict.
type order struct {
	id    uint64
	level policy.Milliamps
	sent  time.Time
	// reached is when eDRV had it, or may have; zero: it is still on its way
	// there. The wait for the verdict begins then.
	reached time.Time
}

// release is a level that counts until the car has followed a cut.
type release struct {
	level policy.Milliamps
	until time.Time
}

// bound is the highest current that the connector may draw.
func (e *entry) bound(top policy.Milliamps) policy.Milliamps {
	if !e.session {
		return max(e.fallback, e.drawn)
	}
	return max(e.fallback, e.steered(top))
}

// steered is the bound of a session when its charger does not restart, and so
// does not fall back.
func (e *entry) steered(top policy.Milliamps) policy.Milliamps {
	b := max(e.drawn, e.kept)
	if e.known {
		b = max(b, e.confirmed)
	} else {
		b = max(b, top)
	}
	for _, o := range e.orders {
		b = max(b, o.level)
	}
	for _, r := range e.settling {
		b = max(b, r.level)
	}
	return b
}

// lowest is the lowest limit that may be in force.
func (e *entry) lowest() policy.Milliamps {
	if !e.known {
		return 0
	}
	low := e.least
	for _, o := range e.orders {
		low = min(low, o.level)
	}
	return low
}

func (e *entry) startSession() {
	*e = entry{session: true, fallback: e.fallback, inForce: e.inForce, offline: e.offline, back: e.back}
}

// confirm sets the one limit that is in force.
func (e *entry) confirm(level policy.Milliamps) {
	e.known, e.confirmed, e.least, e.kept = true, level, level, 0
}

func (e *entry) drop(id uint64) {
	e.orders = slices.DeleteFunc(e.orders, func(o order) bool { return o.id == id })
}

// accept takes a verdict. It settles what is in force, unless a newer order
// was confirmed before it or lapsed: then either may be in force. One on an order
// from before a doubt does not end that. Nor does any settle that nothing lower
// is in force, when the station may have restarted since.
func (e *entry) accept(id uint64, level, fallback policy.Milliamps) {
	k := slices.IndexFunc(e.orders, func(o order) bool { return o.id == id })
	restarted := k < 0 || !e.orders[k].sent.After(e.back)
	e.drop(id)
	switch {
	case id > e.accepted && id >= e.lapsed && id > e.doubted:
		e.accepted = id
		e.confirm(level)
	case e.known:
		e.confirmed = max(e.confirmed, level)
		e.least = min(e.least, level)
	}
	if restarted && !e.back.IsZero() {
		e.least = min(e.least, fallback)
	}
}

// goesOn records that an order is sent while the car still follows earlier ones: if
// it is carried out before that is done, the car has as long again.
func (e *entry) goesOn(settle time.Duration) {
	for k := range e.settling {
		e.settling[k].until = e.settling[k].until.Add(settle)
	}
}

// settled forgets the cuts that the car has followed by now.
func (e *entry) settled(now time.Time) {
	e.settling = slices.DeleteFunc(e.settling, func(r release) bool { return !now.Before(r.until) })
}

// due reports whether lapse would change anything.
func (e *entry) due(now time.Time, verdict time.Duration) bool {
	for _, r := range e.settling {
		if !now.Before(r.until) {
			return true
		}
	}
	return slices.ContainsFunc(e.orders, func(o order) bool { return e.expired(o, now, verdict) })
}

// lapse ends what time ends: settled cuts, and the wait for verdicts. An order
// whose verdict does not come may have happened. It returns those orders.
func (e *entry) lapse(now time.Time, verdict time.Duration) (ids []uint64) {
	e.settled(now)
	e.orders = slices.DeleteFunc(e.orders, func(o order) bool {
		if !e.expired(o, now, verdict) {
			return false
		}
		e.confirmed = max(e.confirmed, o.level)
		e.least = min(e.least, o.level)
		e.lapsed = max(e.lapsed, o.id)
		ids = append(ids, o.id)
		return true
	})
	return ids
}

// expired reports whether an order has waited long enough. While its station
// is offline it has not, nor within twice the time after its return: eDRV may
// deliver what was queued.
func (e *entry) expired(o order, now time.Time, verdict time.Duration) bool {
	if e.offline || o.reached.IsZero() || now.Sub(o.reached) < verdict {
		return false
	}
	return e.back.IsZero() || now.Sub(e.back) >= 2*verdict
}

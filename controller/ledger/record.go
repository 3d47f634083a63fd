package ledger

import (
	"slices"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Record is what must be known of a connector after a restart.
type Record struct {
	Session   bool             `json:"session"`
	Known     bool             `json:"known"`
	Confirmed policy.Milliamps `json:"confirmed_ma"`
	Least     policy.Milliamps `json:"least_ma"`
	Drawn     policy.Milliamps `json:"drawn_ma,omitempty"` // against its limit
	Orders    []RecordedOrder  `json:"orders,omitempty"`   // without a verdict, oldest first
	InForce   bool             `json:"fallback_in_force"`
	Fallback  policy.Milliamps `json:"fallback_ma"`
}

// RecordedOrder is an order that had no verdict.
type RecordedOrder struct {
	ID    uint64           `json:"id"`
	Level policy.Milliamps `json:"level_ma"`
	Stale bool             `json:"stale,omitempty"` // its verdict does not end the doubt
}

// Record is what is to be kept of connector i. What is settling counts as
// confirmed: the time is lost in a restart.
func (l *Ledger) Record(i int) Record {
	e := &l.entries[i]
	r := Record{
		Session: e.session, Known: e.known, Confirmed: e.confirmed, Least: e.least, Drawn: e.drawn,
		InForce: e.inForce, Fallback: l.connectors[i].Fallback,
	}
	r.Confirmed = max(r.Confirmed, e.kept)
	for _, s := range e.settling {
		r.Confirmed = max(r.Confirmed, s.level)
	}
	for _, o := range e.orders {
		r.Orders = append(r.Orders, RecordedOrder{ID: o.id, Level: o.level, Stale: o.id <= e.doubted})
	}
	return r
}

// RestoreFallback takes over from a record whether the fallback is in force,
// where it is still the same.
func (l *Ledger) RestoreFallback(i int, r Record) {
	if r.InForce && r.Fallback == l.connectors[i].Fallback {
		l.FallbackInForce(i, true)
	}
}

// Restore takes over the session of connector i from a record. Its orders wait
// for their verdicts anew, under the ids given for them in order, and until its
// station is heard to be online: it may have been away, and its charger may have
// restarted meanwhile.
func (l *Ledger) Restore(i int, r Record, ids []uint64, now time.Time) {
	l.change(i, func(e *entry) {
		e.startSession()
		e.known, e.drawn = r.Known, r.Drawn
		e.confirmed, e.least = r.Confirmed, min(r.Least, l.connectors[i].Fallback)
		for k, o := range r.Orders {
			e.orders = append(e.orders, order{id: ids[k], level: o.Level, sent: now, reached: now})
			if e.newest = ids[k]; o.Stale {
				e.doubted = ids[k]
			}
		}
		e.offline = len(r.Orders) > 0
	})
}

// Touch makes Changed list connector i: what is kept of it beside its Record
// changed.
func (l *Ledger) Touch(i int) { l.changed = append(l.changed, i) }

// Changed lists the connectors whose records changed since it was last asked,
// in order.
func (l *Ledger) Changed() []int {
	changed := l.changed
	l.changed = nil
	slices.Sort(changed)
	return slices.Compact(changed)
}

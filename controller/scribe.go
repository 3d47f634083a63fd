package controller

import (
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/journal"
)

// scribe writes what a site does into its book, and holds its raises back until
// they are recorded. The owner of the site uses it; it never waits for the disk.
type scribe struct {
	site    string
	book    book
	all     bool                   // whether cuts wait for the record too
	wake    func()                 // makes the owner come round
	targets map[string]planned     // of each connector, as last recorded
	held    []*heldOrders          // oldest first
	told    string                 // what the model was last told of the journal
	reply   func(reply core.Reply) // to the model, later
}

// book keeps what must outlive the process: the journal or, in a fleet, what the
// next owner of the site reads.
type book interface {
	Save(journal.Batch)
	Stats() journal.Stats
}

// heldOrders are the orders of one step that wait for the record.
type heldOrders struct {
	orders []core.SendOrder
	until  time.Time
	answer chan error // capacity 1
}

// recordWithin is how long an order waits to be recorded. The disk may answer
// later; the order is decided on anew then.
const recordWithin = 5 * time.Second

// news is what the model must be told of the journal, if anything.
func (k *scribe) news() []core.Input {
	failed := k.book.Stats().Failed
	if failed == k.told {
		return nil
	}
	k.told = failed
	return []core.Input{core.Journaled{Failed: failed}}
}

// take records what one step took in and asked for, and returns what may be
// done at once: everything but the orders that wait for the record.
func (k *scribe) take(now time.Time, inputs []core.Input, effects []core.Effect, view func() *core.View) (atOnce []core.Effect) {
	b := journal.Batch{}
	held := &heldOrders{until: now.Add(recordWithin), answer: make(chan error, 1)}
	for _, in := range inputs {
		if r, ok := in.(core.Reply); ok {
			b.Entries = append(b.Entries, k.replied(now, r))
		}
	}
	ordered := false
	for _, e := range effects {
		if entry, ok := k.entryOf(now, e); ok {
			b.Entries = append(b.Entries, entry)
		}
		if save, ok := e.(core.Save); ok {
			b.Values = valuesOf(k.site, save)
			continue
		}
		if back, ok := e.(core.TakeBack); ok && k.drop(func(o core.SendOrder) bool { return o.ID == back.ID }, "taken back") {
			continue
		}
		order, isOrder := e.(core.SendOrder)
		ordered = ordered || isOrder
		if isOrder && !order.Raise {
			k.drop(func(o core.SendOrder) bool { return o.Connector == order.Connector }, "a newer order overtook it")
		}
		if isOrder && order.Waits(k.all) {
			held.orders = append(held.orders, order)
			continue
		}
		atOnce = append(atOnce, e)
	}
	if ordered {
		b.Entries = append(b.Entries, k.planned(now, view())...)
	}
	if len(held.orders) > 0 {
		k.held = append(k.held, held)
		b.Done = func(err error) { held.answer <- err; k.wake() }
	}
	if len(b.Values)+len(b.Entries) > 0 {
		k.book.Save(b)
	}
	return atOnce
}

// drop gives up orders that wait, as those are that the model takes back, or that
// a newer order to the same connector overtook: sent after it they would undo it.
func (k *scribe) drop(which func(core.SendOrder) bool, why string) (found bool) {
	for _, h := range k.held {
		h.orders = slices.DeleteFunc(h.orders, func(o core.SendOrder) bool {
			if !which(o) {
				return false
			}
			found = true
			k.refuse([]core.SendOrder{o}, core.Dropped, why)
			return true
		})
	}
	return found
}

// recorded returns the orders that may be sent now, and refuses those that could
// not be recorded.
func (k *scribe) recorded(now time.Time) (orders []core.SendOrder) {
	k.held = slices.DeleteFunc(k.held, func(h *heldOrders) bool {
		select {
		case err := <-h.answer:
			if err == nil {
				orders = append(orders, h.orders...)
			} else {
				k.refuse(h.orders, core.NotSaved, err.Error())
			}
			return true
		default:
		}
		if now.Before(h.until) {
			return false
		}
		k.refuse(h.orders, core.NotSaved, "the disk does not answer")
		return true
	})
	return orders
}

func (k *scribe) refuse(orders []core.SendOrder, outcome core.Outcome, why string) {
	for _, o := range orders {
		k.reply(core.Reply{ID: o.ID, Outcome: outcome, Message: why})
	}
}

// The kinds of entries beside those of notes and of the journal itself.
const (
	kindIntent    = "intent"    // an order is about to be sent
	kindReply     = "reply"     // what became of the call
	kindVerdict   = "verdict"   // what the charger says
	kindPlan      = "plan"      // what changed in it
	kindExcursion = "excursion" // more flowed than the limit

	kindCommission = "commission" // a charger is ordered by somebody else, and forgotten
)

// entryOf is how an effect is recorded.
func (k *scribe) entryOf(now time.Time, e core.Effect) (entry journal.Entry, ok bool) {
	entry = journal.Entry{At: now, Site: k.site}
	switch e := e.(type) {
	case core.Note:
		entry.At, entry.Kind, entry.Alarm, entry.Circuit = e.At, string(e.Kind), e.Alarm, e.Circuit
		entry.Connector, entry.Session, entry.By, entry.Text = e.Connector, e.Session, e.By, e.Text
	case core.SendOrder:
		entry.Kind, entry.Connector, entry.Session, entry.Text = kindIntent, e.Connector, e.Session, e.Limit.String()
		entry.Data = text(orderData{Order: e.ID, Raise: e.Raise})
	case core.InstallFallback:
		entry.Kind, entry.Connector, entry.Text = kindIntent, e.Connector, e.Limit.String()
		entry.Data = text(orderData{Order: e.ID, Fallback: true})
	case core.Answered:
		entry.Kind, entry.Connector, entry.Session, entry.Text = kindVerdict, e.Connector, e.Session, "rejected "+e.Limit.String()
		if e.Accepted {
			entry.Text = "accepted " + e.Limit.String()
		}
		entry.Data = text(orderData{Order: e.ID, Accepted: &e.Accepted, Seconds: e.Took.Seconds()})
	case core.Excursion:
		entry.Kind, entry.Circuit, entry.Alarm, entry.Text = kindExcursion, e.Circuit, len(e.Classes) > 0, e.String()
		entry.Data = text(excursionData{From: e.From, Seconds: e.Took.Seconds(), Worst: float64(e.Worst) / 1000, Classes: e.Classes})
	default:
		return entry, false
	}
	return entry, true
}

// orderData is what is recorded of an order. Numbers of orders begin anew when
// the program starts.
type orderData struct {
	Order    uint64  `json:"order"`
	Raise    bool    `json:"raise,omitempty"`
	Fallback bool    `json:"fallback,omitempty"` // the default limit of the charger
	Outcome  string  `json:"outcome,omitempty"`
	Action   string  `json:"action,omitempty"` // eDRV's id
	Accepted *bool   `json:"accepted,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"` // from order to verdict
}

type excursionData struct {
	From    time.Time `json:"from"`
	Seconds float64   `json:"seconds"`
	Worst   float64   `json:"worst"` // the most that flowed, as a part of the limit
	Classes []string  `json:"classes"`
}

func (k *scribe) replied(now time.Time, r core.Reply) journal.Entry {
	return journal.Entry{
		At: now, Site: k.site, Kind: kindReply, Text: r.Message,
		Data: text(orderData{Order: r.ID, Outcome: r.Outcome.String(), Action: r.Action}),
	}
}

// planned is what the plan says of a connector.
type planned struct {
	Connector string   `json:"connector"`
	Session   string   `json:"session"`
	TargetA   *float64 `json:"target_a,omitempty"`
	TargetW   *float64 `json:"target_w,omitempty"`
	Code      string   `json:"code"`
	Circuit   string   `json:"circuit,omitempty"`
	Reason    string   `json:"reason"`
}

// planned records the targets that changed since they were last recorded.
func (k *scribe) planned(now time.Time, v *core.View) []journal.Entry {
	var changed []planned
	for i := range v.Connectors {
		c := &v.Connectors[i]
		p := planned{Connector: c.ID, Session: c.Session, Code: c.Reason.Code, Circuit: c.Reason.Circuit, Reason: c.Reason.Text}
		if c.InAmperes != nil {
			p.TargetA = c.InAmperes.Target
		} else {
			p.TargetW = c.InWatts.Target
		}
		if old, ok := k.targets[c.ID]; !ok && c.Session == "" || ok && old.same(&p) {
			continue
		}
		k.targets[c.ID] = p
		changed = append(changed, p)
	}
	if len(changed) == 0 {
		return nil
	}
	return []journal.Entry{{At: now, Site: k.site, Kind: kindPlan, Data: text(map[string]any{"connectors": changed})}}
}

func (p *planned) same(other *planned) bool {
	return p.Session == other.Session && p.Code == other.Code && p.Circuit == other.Circuit &&
		equal(p.TargetA, other.TargetA) && equal(p.TargetW, other.TargetW)
}

func equal(a, b *float64) bool { return a == b || a != nil && b != nil && *a == *b }

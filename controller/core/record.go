package core

import (
	"time"

	"github.com/headroom-ev/headroom/controller/ledger"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// Record is what must be known of a connector after a restart.
type Record struct {
	Connector string          `json:"connector"`
	Session   string          `json:"session,omitempty"`
	Began     time.Time       `json:"began,omitzero"`
	Book      ledger.Record   `json:"book"`
	Orders    []RecordedOrder `json:"orders,omitempty"` // of Book.Orders, in order
	Turn      policy.Turn     `json:"turn"`
	Ignored   int             `json:"fallback_ignored,omitempty"` // how often its charger did not keep its fallback
	Override  *Override       `json:"override,omitempty"`
}

// RecordedOrder is what else is known of an order without a verdict.
type RecordedOrder struct {
	Action string        `json:"action,omitempty"` // eDRV's id of it, where the reply came
	Limit  edrvapi.Limit `json:"limit"`
	Lower  bool          `json:"lower"`
	Made   time.Time     `json:"made"` // when it was sent
}

// LimitRecord is an external limit in force or to come.
type LimitRecord struct {
	Circuit string          `json:"circuit"`
	Limit   policy.External `json:"limit"`
}

// Saved is what an earlier life of the program kept.
type Saved struct {
	At      time.Time // when it was last written
	Records []Record
	Limits  []LimitRecord
	Peaks   []PeakRecord
	Budgets []BudgetRecord
}

// keepFor is how old a record may be: what happened since is not known.
const keepFor = 24 * time.Hour

// restore takes over what the records say. Sessions are in the model from the
// start: what their chargers may draw counts although nobody has seen them yet.
// The first list tells which of them are over.
func (s *Site) restore(saved Saved) {
	for _, l := range saved.Limits {
		s.putLimit(l.Circuit, l.Limit)
	}
	for _, p := range saved.Peaks {
		s.restorePeak(p)
	}
	for _, b := range saved.Budgets {
		s.restoreBudget(b)
	}
	if s.now.Sub(saved.At) > keepFor || saved.At.After(s.now.Add(time.Minute)) {
		return
	}
	for _, r := range saved.Records {
		if i, ok := s.byConnector[r.Connector]; ok {
			s.ledger.RestoreFallback(i, r.Book)
			s.restoreIgnored(i, r.Ignored)
			if r.Book.Session && r.Session != "" {
				s.restoreSession(i, r)
			}
		}
	}
}

// restoreSession puts a recorded session into the model. Its orders wait for
// their verdicts anew.
func (s *Site) restoreSession(i int, r Record) {
	c := &s.connectors[i]
	c.session = &session{id: r.Session, began: r.Began, turn: r.Turn, reassertAt: s.now.Add(s.set.Timing.Reassert)}
	s.bySession[r.Session] = i
	if r.Override != nil {
		c.session.override = *r.Override
	}
	if r.Book.Drawn > 0 {
		c.session.disobeys, c.session.strikes = true, strikesOut
	}
	ids := make([]uint64, len(r.Book.Orders))
	for k, kept := range r.Book.Orders {
		o := &order{id: s.id(), connector: i, session: r.Session, level: kept.Level, sent: s.now, reached: s.now}
		if k < len(r.Orders) {
			o.action, o.limit, o.lower, o.made = r.Orders[k].Action, r.Orders[k].Limit, r.Orders[k].Lower, r.Orders[k].Made
		}
		ids[k] = o.id
		s.orders[o.id] = o
		if o.action != "" {
			s.byAction[o.action] = o.id
		}
		c.session.orders = append(c.session.orders, o)
	}
	s.ledger.Restore(i, r.Book, ids, s.now)
	s.note(NoteSession, s.about(i), "session at %s, as recorded", c.set.label())
}

// save emits the records that changed.
func (s *Site) save() {
	changed, peaks, budgets := s.ledger.Changed(), s.peakRecords(), s.budgetRecords()
	if len(changed) == 0 && len(peaks) == 0 && len(budgets) == 0 && !s.limitsChanged {
		return
	}
	save := Save{Records: make([]Record, 0, len(changed)), LimitsChanged: s.limitsChanged, Peaks: peaks, Budgets: budgets}
	if s.limitsChanged {
		s.limitsChanged = false
		for k := range s.circuits {
			for _, x := range s.circuits[k].limits.External {
				save.Limits = append(save.Limits, LimitRecord{Circuit: s.tree.ID(k), Limit: x})
			}
		}
	}
	for _, i := range changed {
		save.Records = append(save.Records, s.record(i))
	}
	s.effects = append(s.effects, save)
}

func (s *Site) record(i int) Record {
	c := &s.connectors[i]
	r := Record{Connector: c.set.ID, Book: s.ledger.Record(i), Ignored: c.install.ignored}
	if ses := c.session; ses != nil {
		r.Session, r.Began, r.Turn = ses.id, ses.began, ses.turn
		if ses.override != (Override{}) {
			r.Override = &ses.override
		}
		for _, o := range r.Book.Orders {
			var kept RecordedOrder
			if known := s.orders[o.ID]; known != nil {
				kept = RecordedOrder{Action: known.action, Limit: known.limit, Lower: known.lower, Made: known.made}
			}
			r.Orders = append(r.Orders, kept)
		}
	}
	return r
}

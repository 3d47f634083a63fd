package core

import (
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// View is the state of a site as the API shows it. It is a value: nothing in
// it changes once it is made. The page, the metrics and the API all read it.
type View struct {
	ID         string          `json:"id"`
	Time       time.Time       `json:"time"`
	State      string          `json:"state"`
	StateWhy   string          `json:"state_why"`
	StateSince time.Time       `json:"state_since"`
	Engaged    bool            `json:"engaged"`
	Mode       string          `json:"mode"`
	Share      string          `json:"share"`
	FailSafe   bool            `json:"failsafe"`
	Synced     bool            `json:"synced"`       // there was a full list
	Listed     time.Time       `json:"last_list"`    // when the last good one was asked for
	ListFailed string          `json:"list_failed"`  // why the last one could not be had; empty: it could
	Heard      time.Time       `json:"last_webhook"` // when eDRV last sent one, or the start
	Circuits   []CircuitView   `json:"circuits"`
	Connectors []ConnectorView `json:"connectors"`
	Limits     []LimitView     `json:"external_limits"`
	Meters     []MeterView     `json:"meters"`
	Counters   Counters        `json:"-"`
}

// LimitView is one external limit.
type LimitView struct {
	Name      string     `json:"name"`
	Circuit   string     `json:"circuit"`
	KW        *float64   `json:"kw"`   // null: no limit in power
	Amps      *float64   `json:"amps"` // null: no limit in current
	From      *time.Time `json:"from"` // null: since it was set
	Until     time.Time  `json:"until"`
	FallbackW *float64   `json:"fallback_w"` // null: none
	State     string     `json:"state"`      // one of LimitStates
}

const (
	limitPending  = "pending"  // not yet in force
	limitActive   = "active"   // in force
	limitFallback = "fallback" // expired; its fallback is in force
)

// LimitStates lists the states of an external limit.
func LimitStates() []string { return []string{limitPending, limitActive, limitFallback} }

// MeterView is one site meter. Powers are in watts.
type MeterView struct {
	Name      string     `json:"name"`
	Measures  string     `json:"measures"` // base_load, or circuit: all that it carries
	Known     bool       `json:"known"`    // the last reading counts
	Why       string     `json:"why"`      // why it does not; empty: it does
	MeasuredW *float64   `json:"measured_w"`
	At        *time.Time `json:"measured_at"` // null: no reading yet
	// ResidualW is what it sees beside what the chargers report, and Suspect why
	// that can not be. Of a meter of base load they are null and empty.
	ResidualW *float64 `json:"residual_w"`
	Suspect   string   `json:"suspect"`
}

// PeakView is the mean power over the window that a peak is billed by.
type PeakView struct {
	TargetW float64    `json:"target_w"`
	Window  float64    `json:"window_seconds"`
	Since   time.Time  `json:"window_start"`
	MeanW   float64    `json:"mean_w"`       // of the window so far
	PacedW  *float64   `json:"paced_w"`      // what the rest of the window leaves; null: not decided yet
	MonthW  *float64   `json:"month_peak_w"` // null: no whole window in this month yet
	MonthAt *time.Time `json:"month_peak_at"`
}

// CircuitView is one circuit. Powers are in watts, currents in amperes.
type CircuitView struct {
	ID          string      `json:"id"`
	Parent      string      `json:"parent"`
	LimitW      *float64    `json:"limit_w"` // null: no limit in power
	LimitSource string      `json:"limit_source"`
	BaseLoadW   float64     `json:"base_load_w"`
	CommittedW  float64     `json:"committed_w"`
	MeasuredW   float64     `json:"measured_w"`
	FailSafe    bool        `json:"failsafe"` // all fallbacks below it fit
	OverSeconds float64     `json:"over_limit_seconds"`
	Phases      []PhaseView `json:"phases"`
	Peak        *PeakView   `json:"peak"` // null: none
	// Overload is what is left of the overload budget, 0 … 1, and OverloadAction
	// what is done about it: nothing, hold, shed, floor or alarm. Without a
	// breaker it is null, and nothing.
	Overload       *float64 `json:"overload_budget"`
	OverloadAction string   `json:"overload_action"`

	// Excursions by class, since the start.
	Excursions [len(excursionClasses)]uint64 `json:"-"`
}

// PhaseView is one phase of a circuit.
type PhaseView struct {
	Phase      string   `json:"phase"`
	LimitA     *float64 `json:"limit_a"` // null: no limit in current
	BaseLoadA  float64  `json:"base_load_a"`
	CommittedA float64  `json:"committed_a"`
	MeasuredA  float64  `json:"measured_a"`
}

// ConnectorView is one connector. Of the two embedded parts an AC connector
// has the one in amperes per phase and a DC connector the one in watts.
type ConnectorView struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Station    string     `json:"station"`
	Circuit    string     `json:"circuit"`
	Kind       string     `json:"kind"`
	Phases     string     `json:"phases"`
	Online     bool       `json:"online"`
	Session    string     `json:"session"` // empty: none
	Since      *time.Time `json:"since"`
	MeasuredW  *float64   `json:"measured_w"` // null: not known
	MeasuredAt *time.Time `json:"measured_at"`
	EnergyWh   *float64   `json:"energy_wh"` // delivered in this session; null: not known
	Queue      *QueueView `json:"queue"`     // null: does not wait
	Override   bool       `json:"override"`  // an operator changed what this session may have
	*InAmperes
	*InWatts
	Reason ReasonView `json:"reason"`
	Chain  Chain      `json:"chain"` // of reasons

	// Committed is the bound in watts, for the metrics.
	Committed float64 `json:"-"`
}

// InAmperes are the levels of an AC connector, per phase; null where there is
// none.
type InAmperes struct {
	Target    *float64 `json:"target_a"`
	Confirmed *float64 `json:"confirmed_a"`
	InFlight  *float64 `json:"in_flight_a"`
	Committed float64  `json:"committed_a"`
	Fallback  float64  `json:"fallback_a"`
}

// InWatts are the levels of a DC connector; null where there is none.
type InWatts struct {
	Target    *float64 `json:"target_w"`
	Confirmed *float64 `json:"confirmed_w"`
	InFlight  *float64 `json:"in_flight_w"`
	Committed float64  `json:"committed_w"`
	Fallback  float64  `json:"fallback_w"`
}

// QueueView is the place of a session that waits because not everybody can
// have the minimum.
type QueueView struct {
	Position int        `json:"position"` // 1 is next
	Since    time.Time  `json:"since"`
	Expected *time.Time `json:"expected"` // null: not known
}

// ReasonView is why a connector has what it has.
type ReasonView struct {
	Code    string `json:"code"`
	Circuit string `json:"circuit"`
	Text    string `json:"text"`
}

// View is the state of the site as it was at the last pass.
func (s *Site) View() *View {
	v := &View{
		ID: s.set.ID, Time: s.now, State: s.ladder.state.String(), StateWhy: s.ladder.why, StateSince: s.ladder.since,
		Engaged: s.engaged, Mode: s.mode.String(), Share: s.set.Rule.Name(), FailSafe: s.failSafe(),
		Synced: s.listing.complete, Listed: s.listing.doneAt, ListFailed: s.listing.why, Heard: s.ladder.heardAt,
		Circuits: make([]CircuitView, len(s.circuits)), Connectors: make([]ConnectorView, len(s.connectors)),
		Limits: []LimitView{}, Meters: make([]MeterView, len(s.meters)), Counters: s.count,
	}
	for k := range s.circuits {
		v.Circuits[k] = s.viewCircuit(k)
		for n := range s.circuits[k].limits.External {
			v.Limits = append(v.Limits, s.viewLimit(k, &s.circuits[k].limits.External[n]))
		}
	}
	for k := range s.meters {
		v.Meters[k] = s.meters[k].view()
	}
	basis := s.basis()
	next := 0 // allocations are in the order of the connectors
	for i := range s.connectors {
		at := -1
		if next < len(s.plan.Allocations) && s.plan.Allocations[next].Key == i {
			at, next = next, next+1
		}
		v.Connectors[i] = s.viewConnector(i, at, basis)
	}
	return v
}

// failSafe reports whether losing every message would keep the site within its
// limits: the fallbacks fit everywhere, and are in force.
func (s *Site) failSafe() bool {
	for _, covered := range s.plan.Covered {
		if !covered {
			return false
		}
	}
	for i := range s.connectors {
		if !s.ledger.Knows(i).InForce {
			return false
		}
	}
	return true
}

func (s *Site) viewCircuit(k int) CircuitView {
	c := &s.circuits[k]
	booked := s.ledger.Booked()[k]
	v := CircuitView{
		ID: c.set.ID, Parent: c.set.Parent, LimitW: limitPart(int64(c.limit.Power)), LimitSource: string(c.source),
		BaseLoadW: thousandth(c.baseBelow.Power), CommittedW: thousandth(booked.Power), MeasuredW: thousandth(c.measured.Power),
		FailSafe: k < len(s.plan.Covered) && s.plan.Covered[k], OverSeconds: c.over.total.Seconds(), Excursions: c.over.counts, Peak: c.demand.view(),
		OverloadAction: c.overload.action.String(),
	}
	if c.set.Protection.Device != NoDevice {
		v.Overload = new(c.overload.left)
	}
	for p := policy.L1; p <= policy.L3; p++ {
		v.Phases = append(v.Phases, PhaseView{
			Phase: p.String(), LimitA: limitPart(int64(c.limit.Amps[p])), BaseLoadA: thousandth(c.baseBelow.Amps[p]),
			CommittedA: thousandth(booked.Amps[p]), MeasuredA: thousandth(c.measured.Amps[p]),
		})
	}
	return v
}

func (s *Site) viewLimit(k int, x *policy.External) LimitView {
	v := LimitView{
		Name: x.Name, Circuit: s.tree.ID(k), Until: x.Until, State: limitActive,
		Amps: limitPart(int64(x.Limit.Amps[0])), FallbackW: limitPart(int64(x.Fallback.Power)),
	}
	if x.Limit.Power < policy.Unlimited {
		v.KW = new(float64(x.Limit.Power) / float64(policy.Kilowatt))
	}
	if !x.From.IsZero() {
		v.From = new(x.From)
		if s.now.Before(x.From) {
			v.State = limitPending
		}
	}
	if !s.now.Before(x.Until) {
		v.State = limitFallback
	}
	return v
}

// viewConnector is connector i. at is its place in the plan, or -1.
func (s *Site) viewConnector(i, at int, basis *policy.Basis) ConnectorView {
	c := &s.connectors[i]
	var a *policy.Allocation
	if at >= 0 {
		a = &s.plan.Allocations[at]
	}
	knows := s.ledger.Knows(i)
	v := ConnectorView{
		ID: c.set.ID, Name: c.set.Name, Station: c.set.Station, Circuit: c.set.Circuit, Kind: c.set.Kind.String(),
		Phases: c.set.Wiring.Phases.String(), Online: c.online, Reason: s.reason(i, a),
		Committed: thousandth(c.set.Wiring.Power(s.ledger.Bound(i))),
	}
	v.Chain = s.chain(i, at, basis, v.Reason)
	if ses := c.session; ses != nil {
		v.Session, v.Since = ses.id, new(ses.began)
		v.Override = ses.override != Override{}
		if ses.turn.Served > 0 {
			v.EnergyWh = new(thousandth(ses.turn.Served))
		}
		if a != nil && a.Queue.Position > 0 {
			v.Queue = &QueueView{Position: a.Queue.Position, Since: ses.turn.Since}
			if !a.Queue.Expected.IsZero() {
				v.Queue.Expected = new(a.Queue.Expected)
			}
		}
		if ses.reading.fresh(s.now, s.set.Timing.ReportStale) {
			v.MeasuredW = new(thousandth(ses.reading.power))
		}
		if ses.reading.known {
			v.MeasuredAt = new(ses.reading.at)
		}
	} else {
		v.MeasuredW = new(0.0)
	}
	shown := func(level policy.Milliamps) float64 { return thousandth(level) }
	if c.set.Kind == policy.DC {
		shown = func(level policy.Milliamps) float64 { return thousandth(powerOf(c.set, level)) }
	}
	var target, confirmed, inFlight *float64
	if a != nil {
		target = new(shown(a.Level))
	}
	if knows.Session && knows.Known {
		confirmed = new(shown(knows.Confirmed))
	}
	if knows.Waiting > 0 {
		inFlight = new(shown(knows.Newest))
	}
	committed, fallback := shown(s.ledger.Bound(i)), shown(knows.Fallback)
	if c.set.Kind == policy.DC {
		v.InWatts = &InWatts{target, confirmed, inFlight, max(committed, v.Committed), fallback}
	} else {
		v.InAmperes = &InAmperes{target, confirmed, inFlight, committed, fallback}
	}
	return v
}

// reason says why a connector has what it has: first what keeps it from being
// steered, then what the engine says.
func (s *Site) reason(i int, a *policy.Allocation) ReasonView {
	c := &s.connectors[i]
	switch {
	case c.session == nil && !c.listed:
		booked := map[bool]string{true: "fallback", false: "maximum"}[s.ledger.Knows(i).InForce]
		return ReasonView{Code: "idle", Text: "eDRV has not listed its sessions yet; booked at its " + booked}
	case c.session == nil && !s.ledger.Knows(i).InForce:
		why := map[bool]string{true: "it does not keep its fallback", false: "its fallback is not confirmed"}[c.install.ignored > 0]
		return ReasonView{Code: "idle", Text: "no session; booked at its maximum, because " + why}
	case c.session == nil:
		return ReasonView{Code: "idle", Text: "no session; booked at its fallback"}
	case !c.online:
		return ReasonView{Code: "offline", Text: "its station is offline and keeps its last limit"}
	case c.set.Removed:
		return ReasonView{Code: "removed", Text: "not in the configuration any more: booked at what it may draw until its session ends"}
	case !c.grouped:
		return ReasonView{Code: "new", Text: "it is not known yet whether eDRV's own load management steers it"}
	case c.group != "":
		return ReasonView{Code: "group", Text: "belongs to eDRV's load-management group " + c.group + "; not steered"}
	case c.session.stubborn(s.now):
		return ReasonView{Code: "uncontrollable", Text: "orders for it are refused" + because(c.session.message)}
	case c.session.disobeys:
		return ReasonView{Code: "disobeys", Text: "it draws more than its limit; booked at what it can draw, and the others make room"}
	case c.session.mute():
		return ReasonView{Code: "mute", Text: "its charger does not answer orders; booked at what it may draw"}
	case s.contested(c.session):
		return ReasonView{Code: "foreign", Text: "somebody else sets its limit; left alone"}
	case a == nil:
		return ReasonView{Code: "new", Text: "not decided on yet"}
	}
	knows := s.ledger.Knows(i)
	if !knows.Known && s.engaged {
		return ReasonView{Code: "doubt", Text: "its limit is not known: the fallback is ordered first"}
	}
	r := ReasonView{Code: a.Reason.Code.String(), Text: a.Reason.Text(s.tree, s.set.Rule.How())}
	if a.Reason.Circuit >= 0 {
		r.Circuit = s.tree.ID(a.Reason.Circuit)
	}
	return r
}

// thousandth turns milliwatts into watts and milliamperes into amperes.
func thousandth[T ~int64](v T) float64 { return float64(v) / 1000 }

// limitPart is a part of a limit, or nil where there is none.
func limitPart(v int64) *float64 {
	if v >= policy.Unlimited {
		return nil
	}
	return new(float64(v) / 1000)
}

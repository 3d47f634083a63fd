package edrvsim

import "time"

// orderKind is what an action asks of a charger.
type orderKind uint8

const (
	sessionLimit orderKind = iota
	sessionClear
	connectorLimit
	connectorClear
	stationLimit
	stationClear
	setProfile
	clearProfile
	compositeSchedule
)

// actionTypes are the prefixes of the webhook types ("List of Webhook Events").
var actionTypes = [...]string{
	sessionLimit: "session.set_power_limit", sessionClear: "session.clear_power_limit",
	connectorLimit: "connector.set_power_limit", connectorClear: "connector.clear_power_limit",
	stationLimit: "chargestation.set_power_limit", stationClear: "chargestation.clear_power_limit",
	setProfile: "chargestation.set_charging_profile", clearProfile: "chargestation.clear_charging_profile",
	compositeSchedule: "chargestation.get_composite_schedule",
}

func (k orderKind) carriesLimit() bool {
	return k == sessionLimit || k == connectorLimit || k == stationLimit
}

// order is one action on its way to a charger.
type order struct {
	kind    orderKind
	station *station
	conn    *connector // nil for the whole station
	session *session   // nil unless about a session
	limit   Limit
	foreign bool // somebody else's

	action   Action
	reaction time.Duration // until the charger answers, if it is reachable
	late     time.Duration // by how much its verdict is told late
}

// targets are the connectors that an order acts on.
func (o *order) targets() []*connector {
	if o.conn != nil {
		return []*connector{o.conn}
	}
	return o.station.connectors
}

// issue makes the order's action, announces it and sends it on its way.
func (w *World) issue(o *order) Action {
	now := w.at(w.now)
	o.reaction = within(w.habits, w.spec.Behaviour.Reaction)
	o.action = Action{
		ID: w.newID(), Type: actionTypes[o.kind], Status: APIRequested,
		Station: Ref{ID: o.station.id}, Limit: o.limit, CreatedAt: now, UpdatedAt: now,
	}
	if o.conn != nil {
		o.action.Connector = Ref{ID: o.conn.id}
	}
	if o.session != nil {
		o.action.Session = o.session.rec.ID
	}
	reply := o.action
	w.progress(o, Requested, "requested", nil)
	w.dispatch(o)
	return reply
}

// progress moves an action on and announces it.
func (w *World) progress(o *order, status ActionStatus, suffix string, response map[string]any) {
	o.action.Status, o.action.Response, o.action.UpdatedAt = status, response, w.at(w.now)
	w.emitAction(o.action.Type+"."+suffix, o)
}

// dispatch sends an order to its charger, where it arrives after the charger's
// reaction time and never before an older one.
func (w *World) dispatch(o *order) {
	st := o.station
	if !st.online {
		w.divert(o)
		return
	}
	st.answered = max(st.answered, w.now+o.reaction)
	w.once(st.answered, func() {
		if st.online {
			w.execute(o)
			return
		}
		w.divert(o)
	})
}

// divert is what becomes of an order to a station without a line.
func (w *World) divert(o *order) {
	if w.hits(OfflineLost, o.station.id) {
		return
	}
	w.struck[OfflineQueued]++
	o.station.orders = append(o.station.orders, o)
}

// answer is a charger's answer to an order.
type answer uint8

const (
	yes answer = iota
	no
	silence
)

// execute is the order reaching the charger, taking effect, and its verdict.
func (w *World) execute(o *order) {
	verdict := w.judge(o)
	obeyed := verdict == yes
	if verdict == silence && o.targets()[0].orders%2 == 0 {
		obeyed = true
	}
	if obeyed {
		w.obey(o)
	}
	w.logLimit(o, verdict, obeyed)
	if verdict == silence || w.hits(VerdictLost, o.station.id) {
		return
	}
	if w.hits(VerdictLate, o.station.id) {
		o.late = within(w.trouble, w.spec.Behaviour.Late)
	}
	if verdict == no {
		w.progress(o, Failed, "rejected", map[string]any{"status": "Rejected"})
		return
	}
	response := map[string]any{"status": "Accepted"}
	if o.kind == compositeSchedule {
		response = w.schedulePlan(o.conn)
	}
	w.progress(o, Completed, "accepted", response)
}

// judge is the charger's answer: one connector that rejects is enough.
func (w *World) judge(o *order) answer {
	if o.session != nil && o.conn.session != o.session {
		return no // no such transaction any more
	}
	if w.hits(VerdictRejected, o.station.id) {
		return no
	}
	verdict := yes
	for _, c := range o.targets() {
		c.orders++
		verdict = max(verdict, w.judgeAt(c, o))
	}
	return verdict
}

func (w *World) judgeAt(c *connector, o *order) answer {
	count := func(f Fault, is bool) bool {
		if is = is && w.shows(c.quirks, f, c.id); is {
			w.struck[f]++
		}
		return is
	}
	limit := o.limit
	switch {
	case count(ChargerSilent, true):
		return silence
	case count(ChargerRejectsNth, c.orders%3 == 0),
		count(ChargerAmpsOnly, limit.Unit == Power),
		count(ChargerWattsOnly, limit.Unit == Current),
		count(ChargerNoPause, limit.IsSet() && c.native(limit, &w.spec.Behaviour) < c.least):
		return no
	}
	return yes
}

// obey gives an order its effect, as far as the charger's quirks let it.
func (w *World) obey(o *order) {
	for _, c := range o.targets() {
		if w.shows(c.quirks, ChargerIgnores, c.id) {
			w.struck[ChargerIgnores]++
			c.strays(o, true)
			continue
		}
		limit, clamps := o.limit, false
		b := &w.spec.Behaviour
		if limit.IsSet() && c.native(limit, b) < c.least && w.shows(c.quirks, ChargerClamps, c.id) {
			w.struck[ChargerClamps]++
			limit, clamps = c.minimum(), true
		}
		put := func() {
			w.install(c, o, limit)
			if clamps {
				c.strays(o, true)
			}
		}
		if limit.IsSet() && c.native(limit, b) < c.level && w.shows(c.quirks, ChargerOvershoots, c.id) {
			w.struck[ChargerOvershoots]++
			nth := c.orders
			c.strays(o, true)
			w.after(b.Report.Max, func() {
				if c.orders == nth {
					put()
				}
			})
			continue
		}
		put()
	}
}

// minimum is the lowest limit that is not a pause.
func (c *connector) minimum() Limit {
	if c.spec.Kind == DC {
		return Watts(float64(c.least) / 1e3)
	}
	return Amps(float64(c.least) / 1e3)
}

// strays notes whether what is in force is another limit than the charger said
// it would put in force, because of an order of this kind.
func (c *connector) strays(o *order, does bool) {
	switch o.kind {
	case sessionLimit, sessionClear:
		if c.session != nil && c.session == o.session {
			c.session.astray, c.session.foreign = does, ""
		}
	case connectorLimit, connectorClear, stationLimit, stationClear:
		c.astray = does
	case setProfile, clearProfile, compositeSchedule:
	}
}

// install puts a limit in force at a connector.
func (w *World) install(c *connector, o *order, limit Limit) {
	c.strays(o, false)
	switch o.kind {
	case sessionLimit, sessionClear:
		if c.session != o.session {
			return
		}
		c.session.limit, c.session.astray, c.session.foreign = limit, o.foreign, ""
		if o.foreign {
			c.session.foreign = o.action.ID
		}
	case connectorLimit, connectorClear:
		c.def = limit
	case stationLimit, stationClear:
		c.station.def = limit
		for _, other := range c.station.connectors {
			w.settle(other)
		}
	case setProfile, clearProfile, compositeSchedule:
		return
	}
	w.settle(c)
}

// schedulePlan is the answer to a composite schedule request ("Composite
// Schedules"): a day of what the connector would offer now.
func (w *World) schedulePlan(c *connector) map[string]any {
	unit, limit := "A", float64(c.offer(&w.spec.Behaviour))/1e3
	if c.spec.Kind == DC {
		unit = "W"
	}
	return map[string]any{
		"status": "Accepted", "connectorId": c.number, "scheduleStart": w.at(w.now),
		"chargingSchedule": map[string]any{
			"duration": 86400, "chargingRateUnit": unit,
			"chargingSchedulePeriod": []any{map[string]any{"startPeriod": 0, "limit": limit}},
		},
	}
}

// LimitRecord is one order about a limit reaching a charger.
type LimitRecord struct {
	At        time.Time
	Action    string
	Type      string
	Station   string
	Connector string // "" for a whole station
	Session   string
	Limit     Limit // none for a clearing
	Accepted  bool
	Applied   bool // what the charger did; not always what it said
	Foreign   bool
}

func (w *World) logLimit(o *order, verdict answer, obeyed bool) {
	if o.kind >= setProfile {
		return
	}
	ignored := o.conn != nil && w.shows(o.conn.quirks, ChargerIgnores, o.conn.id)
	w.limits.add(LimitRecord{
		At: w.at(w.now), Action: o.action.ID, Type: o.action.Type, Station: o.station.id,
		Connector: o.action.Connector.ID, Session: o.action.Session, Limit: o.limit,
		Accepted: verdict == yes, Applied: obeyed && !ignored, Foreign: o.foreign,
	})
}

// LimitLog is the newest entries of the log of limits, oldest first.
func (w *World) LimitLog() []LimitRecord { return w.limits.all() }

package simulate

import (
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// knows is what the checker remembers of what the site was told since the daemon
// began, to hold against what the site makes of it.
type knows struct {
	sessions map[string]*toldSession
	foreign  map[string]time.Time     // when the site heard that a charger accepted somebody else's action
	stray    time.Time                // when it last heard of an order that it may take for somebody else's
	stranger time.Time                // when it last heard of an order of somebody else, at whichever session
	external map[string]core.LimitSet // limits from outside, by their names
	readings map[string]toldReport    // of the meters
	loose    time.Time                // since when it is not engaged although it should be
	override time.Time                // when an operator last lowered somebody's maximum
	step     time.Time                // when the site last looked
	lines    map[string]line          // of the stations
	gap      time.Time                // when it found that it had not looked for too long; zero: it has a list from after it
}

// toldSession is what the site was told of one session.
type toldSession struct {
	ended   bool
	newest  time.Time // of the reports
	reports []toldReport
	strikes int // reports in a row of more than may be drawn
	least   policy.Milliamps
}

// line is what the site was told of a station's connection.
type line struct {
	gone  bool
	back  time.Time // when it was last told to be back
	told  time.Time // when it was told of it first; zero: not since it started
	heard time.Time // when it was told last
}

// toldReport is one that is fresh: told again it says no more.
type toldReport struct {
	power policy.Milliwatts
	at    time.Time // when the site first heard it
}

func newKnows() knows {
	return knows{sessions: map[string]*toldSession{}, foreign: map[string]time.Time{}, external: map[string]core.LimitSet{}, readings: map[string]toldReport{}, lines: map[string]line{}}
}

func (k *knows) session(id string) *toldSession {
	s := k.sessions[id]
	if s == nil {
		s = &toldSession{}
		k.sessions[id] = s
	}
	return s
}

// hears notes what the site is about to hear.
func (c *checker) hears(now time.Time, in core.Input) {
	switch in := in.(type) {
	case core.SessionSeen:
		c.hearsSession(now, &in.Session)
	case core.Fetched:
		if in.Failed == "" && !in.Gone {
			c.hearsSession(now, &in.Found)
		}
	case core.Listed:
		if in.Failed != "" {
			return
		}
		for k := range in.Sessions {
			c.hearsSession(now, &in.Sessions[k])
		}
		for _, st := range in.Stations {
			if c.knows.lines[st.ID].heard.Before(in.Began) { // else it knows better
				c.hearsLine(now, st.ID, st.Online.Value, false)
			}
		}
		if in.Began.After(c.knows.gap) {
			c.knows.gap = time.Time{}
		}
	case core.ActionSeen:
		id, ours := c.actions[in.Action.ID]
		if !ours || c.orders[id] == nil {
			c.knows.stray = now
		}
		if !ours {
			c.knows.stranger = now
			if in.Verdict == core.Accepted {
				c.hearsForeign(now, &in.Action)
			}
		}
	case core.StationSeen:
		c.hearsLine(now, in.Station, in.Online, true)
	case core.Metered:
		if in.Failed == "" && in.Power >= -c.export(in.Meter) {
			c.knows.readings[in.Meter] = toldReport{power: max(0, in.Power), at: now}
		}
	case core.OverrideSet:
		c.knows.override = now
	case core.LimitSet:
		c.knows.external[in.Limit.Name] = in
	}
}

// hearsLine notes what the site is told of a station's connection; that it came back
// is news even where it was not known to be gone.
func (c *checker) hearsLine(now time.Time, station string, online, event bool) {
	l := c.knows.lines[station]
	if online && (l.gone || event) {
		l.back = now
	}
	if l.gone, l.heard = !online, now; l.told.IsZero() {
		l.told = now
	}
	c.knows.lines[station] = l
}

// hearsForeign notes that a charger confirmed somebody else's order. The site may take
// it for one of its own that ordered the same.
func (c *checker) hearsForeign(now time.Time, a *edrvapi.Action) {
	for i := range c.connectors {
		k := &c.connectors[i]
		if k.session != "" && k.session == a.Session && c.knows.foreign[a.ID].IsZero() && !k.ordered[a.Limit.Value] {
			k.doubted = now
		}
	}
	c.knows.foreign[a.ID] = now
}

func (c *checker) hearsSession(now time.Time, seen *edrvapi.Session) {
	s := c.knows.session(seen.ID)
	if seen.Status == edrvapi.SessionEnded || seen.Status == edrvapi.SessionCancelled {
		s.ended = true
	}
	if !seen.Report.Power.Known {
		return
	}
	taken := seen.Report.At
	if taken.IsZero() {
		taken = seen.UpdatedAt
	}
	if !taken.IsZero() && !taken.After(s.newest) {
		return
	}
	s.newest = taken
	fresh := s.reports[:0]
	for _, r := range s.reports {
		if now.Sub(r.at) <= c.scene.Settings.Timing.ReportStale {
			fresh = append(fresh, r)
		}
	}
	r := toldReport{power: policy.Milliwatts(seen.Report.Power.Value), at: now}
	s.reports = append(fresh, r)
	if taken.IsZero() {
		taken = now
	}
	c.strike(taken, s, seen, r.power)
}

// strike counts the reports in a row that show more than a session may draw
// although its last order was answered, and its car had the time to follow until
// the report was taken.
func (c *checker) strike(taken time.Time, s *toldSession, seen *edrvapi.Session, power policy.Milliwatts) {
	for i := range c.connectors {
		k := &c.connectors[i]
		if k.session != seen.ID {
			continue
		}
		wiring, bound := k.set.Wiring, c.site.Bound(i)
		level := wiring.Level(power - roundedBy) // on all phases: the least that it can be
		settled := len(k.orders) == 0 && taken.Sub(k.verdict) > c.scene.Settings.Timing.Settle+2*c.scene.Settings.Timing.Tick
		switch {
		case power > wiring.Power(k.set.Max)*12/10: // it cannot be: the site takes no notice
		case settled && level > bound+bound/10+policy.Ampere:
			if s.strikes++; s.strikes == 1 || level < s.least {
				s.least = level
			}
		default:
			s.strikes = 0
		}
	}
}

// roundedBy is how much less may be drawn than a report tells: eDRV's example reports
// tell tenths of a kW.
const roundedBy = 50 * policy.Watt

// strikesOut is after how many reports of too much a charger must be booked at
// what it draws: one more than it takes the site.
const strikesOut = 3

// knowing checks I7, I13, I14 and I4's second half after a step.
func (c *checker) knowing(now time.Time) {
	for i := range c.connectors {
		k := &c.connectors[i]
		if k.session == "" {
			continue
		}
		s := c.knows.session(k.session)
		if s.ended {
			c.broken("I7", "%s has a session that has ended", k.set.ID)
		}
		if power, fresh := c.site.Reading(i); fresh && !s.said(now, power, c.scene.Settings.Timing.ReportStale) {
			c.broken("I7", "%s is taken to draw %s, and no report says so", k.set.ID, power)
		}
		if s.strikes >= strikesOut && c.site.Bound(i) < s.least {
			c.broken("I14", "%s was seen to draw at least %s in %d reports, and is booked at %s", k.set.ID, s.least, s.strikes, c.site.Bound(i))
			s.strikes = 0
		}
	}
	for k := range c.scene.Settings.Circuits {
		c.permits(now, k)
	}
	c.engages(now)
}

// engages checks that a site is engaged that could pass a limit: sessions that
// take orders at their maximum, the others at what they may draw.
func (c *checker) engages(now time.Time) {
	if c.site.Engaged() || c.scene.Settings.Engage != core.EngagePotential || now.Sub(c.knows.override) < 2*overrideFor || now.Sub(c.knows.stray) < noticeWithin {
		c.knows.loose = time.Time{}
		return
	}
	tight := false
	for k := range c.scene.Settings.Circuits {
		id := c.scene.Settings.Circuits[k].ID
		sum, permitted := c.potential(k, now), c.site.Permitted(id)
		if sum.Fits(permitted) {
			continue
		}
		tight = true
		if !c.knows.loose.IsZero() && now.Sub(c.knows.loose) > c.scene.Settings.Timing.Resync+cutWithin { // who is online may be known with the next list only
			c.broken("I4", "circuit %s could carry %s of %s, and the site is not engaged", id, limited(sum, permitted), limited(permitted, permitted))
		}
	}
	switch {
	case !tight:
		c.knows.loose = time.Time{}
	case c.knows.loose.IsZero():
		c.knows.loose = now
	}
}

// potential is what everybody below a circuit draws at least when nobody is
// steered and all cars take what they get.
func (c *checker) potential(circuit int, now time.Time) policy.Load {
	var sum policy.Load
	for i := range c.connectors {
		k := &c.connectors[i]
		level := k.set.Fallback
		switch {
		case !c.below(k.circuit, circuit):
			continue
		case k.session != "" && c.reachable(i, now):
			level = k.most()
		case k.session != "":
			level = min(k.set.Max, c.site.Bound(i))
		}
		sum = sum.Plus(k.set.Wiring.At(level))
	}
	return sum
}

// said reports whether a fresh report told a power.
func (s *toldSession) said(now time.Time, power policy.Milliwatts, stale time.Duration) bool {
	for _, r := range s.reports {
		if r.power == power && now.Sub(r.at) <= stale {
			return true
		}
	}
	return false
}

// permits checks that a circuit permits no more than the limits that the site
// was told of, less its margin and the base load of all below it.
func (c *checker) permits(now time.Time, circuit int) {
	set := &c.scene.Settings.Circuits[circuit]
	if c.hasWhole(circuit) {
		return
	}
	limit := configured(set, now, c.scene.Settings.Zone)
	for _, x := range c.knows.external {
		if x.Circuit == set.ID && now.Before(x.Limit.Until) {
			limit = limit.Tightest(x.Limit.Limit)
		}
	}
	var base policy.Load
	for k := range c.scene.Settings.Circuits {
		if c.below(k, circuit) {
			base = base.Plus(c.metered(now, &c.scene.Settings.Circuits[k]))
		}
	}
	less := func(limit, margin, base int64) int64 {
		return limit - limit*set.Margin.PerMille/1000 - margin - base
	}
	permitted := c.site.Permitted(set.ID)
	most := policy.Load{Power: policy.Milliwatts(less(int64(limit.Power), int64(set.Margin.Load.Power), int64(base.Power)))}
	for p := range most.Amps {
		most.Amps[p] = policy.Milliamps(less(int64(limit.Amps[p]), int64(set.Margin.Load.Amps[p]), int64(base.Amps[p])))
		if limit.Amps[p] < policy.Unlimited && permitted.Amps[p] > max(0, most.Amps[p]) {
			c.broken("I15", "circuit %s permits %s on %s, its limits leave %s", set.ID, permitted.Amps[p], policy.Phase(p), most.Amps[p])
		}
	}
	if limit.Power < policy.Unlimited && permitted.Power > max(0, most.Power) {
		c.broken("I15", "circuit %s permits %s, its limits leave %s", set.ID, permitted.Power, most.Power)
	}
}

// read checks that a message was read as it was written: what is no reading must
// not become one.
func (c *checker) read(m *edrvsim.Message, in core.Input) {
	seen, ok := in.(core.SessionSeen)
	if !ok || m.Session == nil {
		return
	}
	power, r := seen.Session.Report.Power, m.Session.Report
	switch {
	case !power.Known:
	case r == nil || !sound(r):
		c.broken("I13", "%s tells no power, and it is read as %s", m.Type, policy.Milliwatts(power.Value))
	case power != sessionOf(m.Session).Report.Power:
		c.broken("I13", "%s tells %g kW, and it is read as %s", m.Type, r.Power.Value, policy.Milliwatts(power.Value))
	}
}

// disturbed reports whether the charger has a limit in force of which the site
// heard that somebody else set it, long enough ago to have taken it for that.
func (c *checker) disturbed(t *edrvsim.TrueConnector, now time.Time) bool {
	heard, ok := c.knows.foreign[t.Foreign]
	return t.Foreign != "" && ok && now.Sub(heard) > foreignWithin
}

// foreignWithin is how long the site may take for an action that could still
// turn out to be its own.
const foreignWithin = 40 * time.Second

// looks notes that the site looks, and whether it could not for too long.
func (c *checker) looks(now time.Time) {
	timing := &c.scene.Settings.Timing
	if !c.knows.step.IsZero() && now.Sub(c.knows.step) > 2*timing.Tick+5*time.Second {
		c.knows.gap = now
	}
	c.knows.step = now
}

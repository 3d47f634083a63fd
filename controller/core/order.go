package core

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/controller/ledger"
	"github.com/headroom-ev/headroom/policy"
)

// Orders follow the plan as fast as the ledger lets them. Cuts go out at once;
// raises only as far as the bounds of everybody fit, and not too often.

// maxWaiting is how many orders of a session may wait for a verdict. A second
// one goes out only as a cut that overtakes a higher order.
const maxWaiting = 3

// The smallest change worth an order when nothing is at stake: half an ampere
// or 3 % of the target, whichever is more. Smaller raises wait until nothing
// else was ordered for patience times as long as between two raises.
const (
	deadband         = policy.Ampere / 2
	deadbandPerMille = 30
	patience         = 4
)

// partial is the smallest part of a raise that is worth an order of its own.
const partial = policy.Ampere

// move is an order that the plan asks for.
type move struct {
	connector int
	level     policy.Milliamps
	knows     ledger.Knowledge
}

// order sends what brings the chargers nearer to the plan. Without a full list
// it is silent, unless the site carries too much: then whoever is known is cut.
func (s *Site) order() {
	if !s.grouped || s.mode == Observe || !s.listing.complete && s.ladder.state < Floor {
		return
	}
	s.takeBack()
	s.callAside()
	targets := s.hedged()
	var raises, unchanged []move
	for k := range s.plan.Allocations {
		i := s.plan.Allocations[k].Key
		ses := s.connectors[i].session
		if s.now.Before(ses.holdOff) || ses.takingBack() {
			continue
		}
		m := move{connector: i, level: orderable(s.connectors[i].set, targets[k]), knows: s.ledger.Knows(i)}
		switch now := &m.knows; {
		case !now.Known:
			s.settleDoubt(m)
		case m.level < now.Confirmed, now.Waiting > 0 && m.level < now.Newest:
			s.cut(m)
		case s.plan.Allocations[k].Level > now.Confirmed || now.Unsure():
			m.level = s.plan.Allocations[k].Level
			raises = append(raises, m)
		case s.engaged && now.Waiting == 0 && !s.now.Before(ses.reassertAt):
			unchanged = append(unchanged, m)
		}
	}
	s.reassert(unchanged)
	slices.SortStableFunc(raises, func(a, b move) int { return cmp.Compare(a.knows.Confirmed, b.knows.Confirmed) })
	for _, m := range raises {
		s.raise(m)
	}
}

// hedged is the level that every session is to be cut to at most. While the
// bounds of a circuit pass what it permits, more is cut than needed, because
// the site is safe as soon as enough of the cuts are confirmed, and need not
// wait for the slowest charger. The rest is handed back when all is well.
func (s *Site) hedged() []policy.Milliamps {
	targets := make([]policy.Milliamps, len(s.plan.Allocations))
	for k := range targets {
		a := &s.plan.Allocations[k]
		if targets[k] = a.Level; s.ladder.state >= Floor {
			targets[k] = min(a.Level, s.connectors[a.Key].set.Fallback)
		}
	}
	tight := s.world
	tight.Permitted = slices.Clone(tight.Permitted)
	over := false
	for k := range tight.Permitted {
		excess := s.ledger.Excess(k)
		over = over || excess != policy.Load{}
		for p := range excess.Amps {
			excess.Amps[p] = excess.Amps[p] * policy.Milliamps(s.set.CutHedge) / 1000
		}
		excess.Power = excess.Power * policy.Milliwatts(s.set.CutHedge) / 1000
		tight.Permitted[k] = tight.Permitted[k].Minus(excess)
	}
	if !over || s.set.CutHedge == 0 {
		return targets
	}
	tight.Sessions = s.spareTheSlow(tight.Sessions)
	var plan policy.Plan
	s.engine.Decide(s.now, &tight, &plan)
	for k := range targets {
		if deeper := plan.Allocations[k].Level; deeper > 0 { // nobody is paused for a hedge
			targets[k] = min(targets[k], deeper)
		}
	}
	return targets
}

// spareTheSlow returns the sessions with those kept at what they are planned
// whose chargers take twice as long to answer as usual: cutting them deeper
// would bring nothing in time.
func (s *Site) spareTheSlow(sessions []policy.Session) []policy.Session {
	usual := s.verdicts.mean()
	out := slices.Clone(sessions)
	for k := range out {
		if c := &s.connectors[out[k].Key]; usual > 0 && c.verdicts.mean() > 2*usual {
			out[k].Min = max(out[k].Min, s.plan.Allocations[k].Level)
		}
	}
	return out
}

// callAside orders chargers that are left out of the plan, one order at a time:
// one that does not answer to the least that it may be told, and one that draws
// more than it may, in case it lost its limit, to that once more, or where
// there is no room for what it draws to the least.
func (s *Site) callAside() {
	for i := range s.connectors {
		c := &s.connectors[i]
		ses := c.session
		if ses == nil || !ses.mute() && !ses.disobeys || !c.online || !c.grouped || c.group != "" || c.set.Removed || s.contested(ses) || s.now.Before(ses.holdOff) {
			continue
		}
		m := move{connector: i, level: s.ledger.InDoubt(i), knows: s.ledger.Knows(i)}
		why := "it does not answer: "
		if !ses.mute() {
			if s.now.Before(ses.reassertAt) {
				continue
			}
			why = "it draws more: "
			if m.knows.Known && !s.ledger.Over(i) && s.ladder.state < Floor {
				m.level = m.knows.Least
			}
		}
		m.level = orderable(c.set, m.level)
		if m.knows.Waiting == 0 && s.permits(&m) {
			s.send(m, why)
		}
	}
}

// settleDoubt orders a session of which nothing is known to its fallback, or,
// where its charger rejects that and there is room, to what is planned for it.
// When nothing is congested it is left alone, unless it is seen to be held at
// its fallback.
func (s *Site) settleDoubt(m move) {
	c := &s.connectors[m.connector]
	switch {
	case s.engaged:
		if ok, _ := s.ledger.Permits(m.connector, m.level); !ok || c.session.refusals < 2 {
			m.level = orderable(c.set, min(m.level, s.ledger.InDoubt(m.connector)))
		}
	case !s.atFallback(m.connector):
		return
	}
	waits := m.knows.Waiting > 0 && !s.overtakes(m)
	if ok, _ := s.ledger.Permits(m.connector, m.level); ok && !waits {
		s.send(m, "its limit is not known: ")
	}
}

// overtakes reports whether a lower order is sent although one waits for its
// verdict: where a circuit needs it.
func (s *Site) overtakes(m move) bool {
	return m.level < m.knows.Newest && m.knows.Waiting < maxWaiting && s.ledger.Over(m.connector)
}

// atFallback reports whether a session is seen to draw what its fallback
// allows, as one does that is held back by it: on all its phases, or on one.
func (s *Site) atFallback(i int) bool {
	c := &s.connectors[i]
	r := &c.session.reading
	f := c.set.Fallback
	near := func(level policy.Milliamps) bool { return level > f*8/10 && level <= f+f/10+deadband }
	return f < c.set.Max && r.fresh(s.now, s.set.Timing.ReportStale) && (near(r.level) || near(c.set.Wiring.LevelAbove(r.power)))
}

// orderable is the nearest level at or below the given one that a charger may
// be told: 0 where it can pause, or from its minimum on.
func orderable(c *Connector, level policy.Milliamps) policy.Milliamps {
	if level < c.Min {
		if c.CanPause {
			return 0
		}
		return c.Min
	}
	return min(level, c.Max)
}

// cut lowers a session at once. Small cuts wait unless a circuit needs them, and
// for the verdict on the order before them for as long as two raises are apart.
func (s *Site) cut(m move) {
	over := s.ledger.Over(m.connector)
	if !over && s.set.Engage == EngageMeasured && !s.engaged {
		return
	}
	old := m.knows.Confirmed
	if m.knows.Waiting > 0 {
		if old = m.knows.Newest; !s.overtakes(m) {
			return // one order at a time
		}
	}
	ses := s.connectors[m.connector].session
	small := m.level > 0 && old-m.level < slack(m.level)
	switch {
	case small && !over && s.now.Before(ses.reassertAt):
		return
	case small && m.knows.Waiting > 0 && s.now.Sub(ses.ordered) < s.set.Timing.RaiseEvery:
		return
	}
	if m.level < old && s.permits(&m) {
		s.send(m, "")
	}
}

// permits asks the ledger. A cut may raise, where the limit in force may be lower
// than it: without room for that, or a moment after a raise, it is lowered until
// it cannot, or waits if no circuit needs it.
func (s *Site) permits(m *move) bool {
	ok, _ := s.ledger.Permits(m.connector, m.level)
	soon := m.knows.Known && s.now.Sub(s.connectors[m.connector].session.raisedAt) < s.set.Timing.RaiseEvery
	if ok && !soon || m.level <= m.knows.Least {
		return ok
	}
	if ok && !s.ledger.Over(m.connector) {
		return false
	}
	m.level = orderable(s.connectors[m.connector].set, m.knows.Least)
	ok, _ = s.ledger.Permits(m.connector, m.level)
	return ok
}

// raise gives a session more, as far as the ledger has room.
func (s *Site) raise(m move) {
	c := &s.connectors[m.connector]
	ses := c.session
	if m.knows.Waiting > 0 || s.ladder.state != Normal || s.now.Sub(ses.raisedAt) < s.set.Timing.RaiseEvery {
		return
	}
	target := m.level
	if room, _ := s.ledger.Room(m.connector); room < target {
		step := policy.Ampere / 10
		if m.level = room / step * step; m.level < max(c.set.Min, m.knows.Confirmed+partial) {
			return
		}
	}
	small := m.level-m.knows.Confirmed < slack(target) && m.level < c.set.Max
	if small && !m.knows.Unsure() && s.now.Sub(laterOf(ses.ordered, ses.seenAt)) < patience*s.set.Timing.RaiseEvery {
		return
	}
	if ok, _ := s.ledger.Permits(m.connector, m.level); ok {
		s.send(m, "")
	}
}

// reassert sends limits that did not change once more, in case a charger lost
// one: so many in each pass that all have their turn in time, longest ago first.
func (s *Site) reassert(unchanged []move) {
	due := func(m move) time.Time { return s.connectors[m.connector].session.reassertAt }
	slices.SortStableFunc(unchanged, func(a, b move) int { return due(a).Compare(due(b)) })
	each := 1 + int(int64(len(s.connectors))*int64(s.set.Timing.Tick)/int64(s.set.Timing.Reassert))
	for _, m := range unchanged[:min(each, len(unchanged))] {
		s.send(m, "still ")
	}
}

// slack is the change of a level that is not worth an order.
func slack(level policy.Milliamps) policy.Milliamps {
	return max(deadband, level*deadbandPerMille/1000)
}

// send emits an order and books it.
func (s *Site) send(m move, why string) {
	c := &s.connectors[m.connector]
	ses := c.session
	o := &order{
		id: s.id(), connector: m.connector, session: ses.id, level: m.level, sent: s.now, made: s.now,
		limit: limitOf(c.set, m.level, c.watts(), max(1, ses.uses)), lower: !m.knows.Known || m.level <= m.knows.Confirmed,
	}
	mayRaise := m.level > m.knows.Least && (m.knows.Known || m.level > s.ledger.InDoubt(m.connector))
	o.raise = mayRaise
	s.ledger.Send(m.connector, o.id, o.level)
	s.orders[o.id] = o
	ses.orders = append(ses.orders, o)
	ses.ordered, ses.reassertAt = s.now, s.now.Add(s.set.Timing.Reassert)
	effect := SendOrder{ID: o.id, Session: ses.id, Connector: c.set.ID, Limit: o.limit, Raise: mayRaise}
	if mayRaise {
		s.raises = append(s.raises, effect)
	} else {
		s.lowers = append(s.lowers, effect)
	}
	if mayRaise {
		ses.raisedAt = s.now
	}
	s.note(NoteOrder, s.about(m.connector), "%s: %s%s", c.set.label(), why, o.limit)
}

// setMode switches between enforcing and observing.
func (s *Site) setMode(in ModeSet) {
	if in.Mode != s.mode {
		s.mode = in.Mode
		s.dirty = true
		s.note(NoteState, Note{By: in.By}, "site %s is in mode %s", s.set.ID, in.Mode)
	}
}

// setOverride changes what one session may have.
func (s *Site) setOverride(in OverrideSet) {
	if i, ok := s.bySession[in.Session]; ok {
		n := s.about(i)
		n.By = in.By
		s.override(i, in.Override)
		s.note(NoteOverride, n, "override at %s: %s", s.connectors[i].set.label(), in.Override)
	}
}

func (s *Site) endOverride(in OverrideEnded) {
	if i, ok := s.bySession[in.Session]; ok {
		n := s.about(i)
		n.By = in.By
		s.override(i, Override{})
		s.note(NoteOverride, n, "the override at %s ended", s.connectors[i].set.label())
	}
}

func (s *Site) override(i int, o Override) {
	s.connectors[i].session.override = o
	s.ledger.Touch(i)
	s.dirty = true
}

// expireOverrides ends the overrides whose time is over.
func (s *Site) expireOverrides() {
	for i := range s.connectors {
		ses := s.connectors[i].session
		if ses == nil || ses.override.Until.IsZero() || s.now.Before(ses.override.Until) {
			continue
		}
		s.override(i, Override{})
		s.note(NoteOverride, s.about(i), "the override at %s expired", s.connectors[i].set.label())
	}
}

// String says what is set.
func (o Override) String() string {
	var parts []string
	if o.Tier != nil {
		parts = append(parts, fmt.Sprintf("tier %d", *o.Tier))
	}
	if o.Weight != nil {
		parts = append(parts, fmt.Sprintf("weight %g", float64(*o.Weight)/1000))
	}
	if o.Max != nil {
		parts = append(parts, "at most "+o.Max.String())
	}
	if !o.Until.IsZero() {
		parts = append(parts, "until "+o.Until.Format(time.RFC3339))
	}
	return strings.Join(parts, ", ")
}

package core

import (
	"slices"
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// order is one that was sent and still matters.
type order struct {
	id        uint64
	connector int
	install   bool   // a fallback, not a session's limit
	session   string // empty for a fallback
	action    string // eDRV's id of it, once known
	level     policy.Milliamps
	limit     edrvapi.Limit
	lower     bool
	sent      time.Time // in this life of the program
	made      time.Time // when it was sent first
	raise     bool      // it may raise what the charger permits
	takenBack bool
	reached   time.Time // when eDRV had it, or may have; zero: it is still on its way there
}

// stray is an action that belongs to no order that is known, or not yet.
type stray struct {
	in ActionSeen
	at time.Time
}

const (
	maxStrays  = 256
	retryAfter = 5 * time.Second // after a call that did not get through
	strayGrace = 15 * time.Second
)

// forget drops an order: its verdict does not matter any more.
func (s *Site) forget(o *order) {
	delete(s.orders, o.id)
	if o.action != "" {
		delete(s.byAction, o.action)
		s.settled.add(o.action)
	}
	if ses := s.connectors[o.connector].session; ses != nil {
		isIt := func(other *order) bool { return other == o }
		ses.orders = slices.DeleteFunc(ses.orders, isIt)
		ses.late = slices.DeleteFunc(ses.late, isIt)
	}
}

// giveUp forgets an order whose verdict never came, but not that it was ours.
func (s *Site) giveUp(o *order) {
	s.forget(o)
	if c := &s.connectors[o.connector]; o.action == "" {
		c.unnamed = append(c.unnamed, o)
		c.unnamed = c.unnamed[max(0, len(c.unnamed)-maxLate):]
	}
}

// gotReply takes the outcome of a call.
func (s *Site) gotReply(in Reply) {
	o, ok := s.orders[in.ID]
	if !ok {
		if in.Action != "" { // its session ended meanwhile
			s.settled.add(in.Action)
		}
		return
	}
	switch in.Outcome {
	case Queued:
		s.reached(o)
		if o.action == "" && in.Action != "" {
			o.action = in.Action
			s.byAction[o.action] = o.id
		}
		s.adoptStrays()
	case Unclear: // it may have happened: it waits for a verdict like any other
		s.reached(o)
	case Dropped, NotSaved: // eDRV has not failed, so nothing is held off
		if in.Outcome == NotSaved {
			s.breaks(unsaved + in.Message)
		}
		s.count.order(o, resultFailed)
		s.ledger.NotSent(o.connector, o.id)
		s.forget(o)
		s.dirty = true
	case NotSent, Refused:
		s.count.order(o, resultFailed)
		s.dirty = true
		if o.install {
			s.installFell(o, in)
		} else {
			s.orderFell(o, in)
		}
	}
}

// reached begins the wait for the verdict on an order.
func (s *Site) reached(o *order) {
	s.count.order(o, resultSent)
	o.reached = s.now
	s.dirty = s.dirty || o.takenBack // it left all the same
	if !o.install {
		s.ledger.Reached(o.connector, o.id, s.now)
	}
}

// orderFell takes an order that did not go out. The next pass sends what is
// right then.
func (s *Site) orderFell(o *order, in Reply) {
	s.ledger.NotSent(o.connector, o.id)
	s.forget(o)
	ses := s.connectors[o.connector].session
	if ses == nil || ses.id != o.session {
		return
	}
	ses.failures++
	ses.message = in.Message
	ses.holdOff = s.now.Add(min(30*time.Second, retryAfter<<min(ses.failures-1, 3)))
	if in.Outcome != Refused {
		ses.denied = 0
		return
	}
	n := s.about(o.connector)
	if ses.denied++; ses.denied >= deniedAfter { // what is planned for it would only lie idle
		ses.refusals = max(ses.refusals, 2)
		ses.holdOff = s.now.Add(s.set.Timing.Reassert)
		n.Alarm = true
	}
	s.note(NoteOrder, n, "eDRV refuses %s for %s: %s", o.limit, s.connectors[o.connector].set.label(), in.Message)
	s.fetch(ses.id) // it may be over
}

// sawAction takes what became of an action.
func (s *Site) sawAction(in ActionSeen) {
	if in.Action.Kind != edrvapi.ActionSetLimit || s.settled.has(in.Action.ID) || s.ended.has(in.Action.Session) {
		return
	}
	if o := s.orderOf(&in.Action); o != nil {
		s.verdict(o, in)
		return
	}
	if i, ok := s.locateAction(&in.Action); ok && !s.gaveUp(i, &in.Action) && len(s.strays) < maxStrays {
		s.strays = append(s.strays, stray{in: in, at: s.now})
	}
}

// orderOf is the order that an action belongs to. The verdict can be faster
// than the reply that brings the action's id, or there is none: then the
// session or connector, the limit and the time tell.
func (s *Site) orderOf(a *edrvapi.Action) *order {
	if id, ok := s.byAction[a.ID]; ok {
		o := s.orders[id]
		s.learnClock(o, a)
		return o
	}
	i, ok := s.locateAction(a)
	if !ok || !a.Limit.Known {
		return nil
	}
	c := &s.connectors[i]
	if !a.OfSession() {
		if o := c.install.order; o != nil && s.couldBe(o, a) {
			return s.name(o, a.ID)
		}
		return nil // it may be a fallback from before a restart
	}
	if c.session == nil || a.Session != "" && a.Session != c.session.id {
		return nil
	}
	for _, sent := range [][]*order{c.session.orders, c.session.late} {
		for _, o := range slices.Backward(sent) {
			if s.couldBe(o, a) {
				return s.name(o, a.ID)
			}
		}
	}
	return nil
}

// gaveUp reports whether an action is what became of an order that was given up.
func (s *Site) gaveUp(i int, a *edrvapi.Action) bool {
	return slices.ContainsFunc(s.connectors[i].unnamed, func(o *order) bool {
		return s.couldBe(o, a) && a.CreatedAt.Sub(o.made) < s.clock+lostAfter
	})
}

// couldBe reports whether an action can be what became of an order without a
// known id. An action that eDRV created before the order was sent belongs to an
// older one for the same limit, which may be from before a restart.
func (s *Site) couldBe(o *order, a *edrvapi.Action) bool {
	return o.action == "" && o.limit == a.Limit.Value && !a.CreatedAt.Before(o.made.Add(s.clock-time.Second))
}

// learnClock keeps how far eDRV's clock is ahead of ours: no more than the
// least time from sending an order to its action's creation.
func (s *Site) learnClock(o *order, a *edrvapi.Action) {
	if o == nil || a.CreatedAt.IsZero() {
		return
	}
	if ahead := a.CreatedAt.Sub(o.made); !s.clockKnown || ahead < s.clock {
		s.clock, s.clockKnown = ahead, true
	}
}

// name gives an order the id of its action.
func (s *Site) name(o *order, action string) *order {
	o.action = action
	s.byAction[action] = o.id
	return o
}

// locateAction is the connector that an action is about.
func (s *Site) locateAction(a *edrvapi.Action) (int, bool) {
	if i, ok := s.bySession[a.Session]; ok {
		return i, true
	}
	return s.locate(a.Connector, a.Station)
}

// adoptStrays gives the verdicts that came before their reply to their orders.
func (s *Site) adoptStrays() {
	rest := s.strays[:0]
	for _, st := range s.strays {
		if id, ok := s.byAction[st.in.Action.ID]; ok && s.orders[id] != nil {
			s.verdict(s.orders[id], st.in)
		} else {
			rest = append(rest, st)
		}
	}
	s.strays = rest
}

// verdict takes the charger's answer to an order.
func (s *Site) verdict(o *order, in ActionSeen) {
	if in.Verdict == Requested {
		return
	}
	if o.install {
		s.installed(o, in.Verdict == Accepted, in.Action.ResponseText)
		return
	}
	c := &s.connectors[o.connector]
	s.forget(o)
	if c.session == nil || c.session.id != o.session {
		return
	}
	s.dirty = true
	took := s.now.Sub(o.sent)
	c.verdicts.add(took)
	s.verdicts.add(took)
	s.effects = append(s.effects, Answered{
		ID: o.id, Connector: c.set.ID, Session: o.session, Limit: o.limit, Accepted: in.Verdict == Accepted, Took: took,
	})
	c.session.unanswered = 0
	if in.Verdict == Accepted {
		c.session.accepted = max(c.session.accepted, o.id)
		s.count.order(o, resultAccepted)
		s.ledger.Accepted(o.connector, o.id, o.level, s.now)
		if c.group != "" { // eDRV may set another limit at any time
			s.ledger.Doubt(o.connector)
		}
		c.session.failures, c.session.refusals, c.session.denied, c.session.message = 0, 0, 0, ""
		c.session.confirmedAt, c.session.holdOff, c.session.behind = s.now, time.Time{}, false
		c.session.nap.told(o.level, &c.session.reading, s.now)
		switch ses := c.session; {
		case o.limit.Unit == edrvapi.UnitCurrent:
			ses.noAmps = 0
		case ses.noAmps == 1 && ses.uses == 0 && c.poor(o.limit): // that it rejected amperes may have been a whim
			ses.reassertAt = s.now.Add(s.set.Timing.RaiseEvery)
		}
		return
	}
	s.count.order(o, resultRejected)
	s.ledger.Rejected(o.connector, o.id)
	if o.id > c.session.accepted { // else it takes orders, whatever it said to an older one
		s.refused(o, in.Action.ResponseText)
	}
}

// deniedAfter is after how many refusals by eDRV in a row a session counts as
// one that takes no orders, for a while.
const deniedAfter = 3

// refused takes a charger's no. The other unit is tried once; after that the
// charger counts as one that takes no orders, for a while.
func (s *Site) refused(o *order, why string) {
	c := &s.connectors[o.connector]
	ses := c.session
	ses.refusals++
	ses.message = why
	if o.limit.Unit == edrvapi.UnitCurrent {
		ses.noAmps++
	}
	n := s.about(o.connector)
	if ses.refusals == 1 && c.set.Kind == policy.AC {
		ses.reassertAt = s.now // also where nothing is to change
		s.note(NoteOrder, n, "%s rejects %s%s; trying it in %s", c.set.label(), o.limit, because(why),
			map[bool]string{true: "watts", false: "amperes"}[o.limit.Unit == edrvapi.UnitCurrent])
		return
	}
	ses.refusals = max(ses.refusals, 2)
	ses.holdOff = s.now.Add(s.set.Timing.Reassert)
	n.Alarm = true
	s.note(NoteOrder, n, "%s rejects %s%s; it takes no orders and is booked at what it may draw", c.set.label(), o.limit, because(why))
}

// because puts a charger's words behind ours, where there are any.
func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// maxLate is how many orders of a session that got no verdict in time are
// remembered, in case it still comes.
const maxLate = 8

// lapse stops waiting for verdicts that do not come.
func (s *Site) lapse() {
	for _, l := range s.ledger.Lapse(s.now) {
		o := s.orders[l.Order]
		s.count.order(o, resultUnanswered)
		s.note(NoteOrder, s.about(l.Connector), "no verdict on %s for %s: it may have happened", o.limit, s.connectors[l.Connector].set.label())
		ses := s.connectors[l.Connector].session
		ses.orders = slices.DeleteFunc(ses.orders, func(other *order) bool { return other == o })
		if ses.unanswered++; ses.unanswered == muteAfter {
			n := s.about(l.Connector)
			n.Alarm = true
			s.note(NoteOrder, n, "%s does not answer orders: it is booked at what it may draw", s.connectors[l.Connector].set.label())
		}
		if ses.late = append(ses.late, o); len(ses.late) > maxLate {
			s.giveUp(ses.late[0])
		}
	}
	s.dropStrays()
}

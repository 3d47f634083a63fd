package core

import (
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
)

// listing is where the site stands with its REST lists. They repair what
// webhooks missed.
type listing struct {
	complete bool // there was a full list
	partial  bool // the last one had items that could not be read
	wanted   bool // one is wanted before the next is due
	asked    bool // one is on its way
	askedAt  time.Time
	doneAt   time.Time // when the last good one had been asked for
	failures int       // in a row
	why      string    // why the last one failed
}

// lostAfter is when an answer that does not come is given up.
const lostAfter = time.Minute

// askForList asks for a list when one is due.
func (s *Site) askForList() {
	l := &s.listing
	if l.asked && s.now.Sub(l.askedAt) < lostAfter {
		return
	}
	every := s.set.Timing.Resync
	if l.failures > 0 {
		every = min(every, retryAfter<<min(l.failures-1, 3))
	}
	if l.wanted && l.failures == 0 {
		every = min(every, s.set.Timing.Tick) // however often it is wanted
	}
	if !l.askedAt.IsZero() && s.now.Sub(l.askedAt) < every {
		return
	}
	l.asked, l.askedAt, l.wanted = true, s.now, false
	s.effects = append(s.effects, List{})
}

// gotList takes the answer: sessions that are running are taken over, and
// those in the model that it lacks are asked for one by one.
func (s *Site) gotList(in Listed) {
	l := &s.listing
	l.asked = false
	s.dirty = true
	if in.Failed != "" {
		l.failures++
		if l.why = in.Failed; l.failures == 1 {
			s.note(NoteResync, Note{}, "eDRV's list of sessions cannot be had: %s", in.Failed)
		}
		return
	}
	l.failures, l.why, l.doneAt, l.partial = 0, "", in.Began, in.Partial
	running := make(map[string]int, len(in.Sessions)) // session → where it is, -1 where that is none of ours
	for k := range in.Sessions {
		if ses := &in.Sessions[k]; ses.Status == edrvapi.SessionStarted {
			at, ok := s.locate(ses.Connector, ses.Station)
			if !ok {
				at = -1
			}
			running[ses.ID] = at
			s.sawSession(ses, true)
		}
	}
	for k := range in.Stations {
		st := &in.Stations[k]
		if at := s.byStation[st.ID]; st.Online.Known && len(at) > 0 && s.connectors[at[0]].seenAt.Before(in.Began) {
			s.sawStation(st.ID, st.Online.Value)
		}
	}
	if !l.complete {
		l.complete = true
		s.note(NoteResync, Note{}, "first full list: %d sessions are running", len(s.bySession))
		s.presumeOnline()
	}
	s.listedSince(in.Began)
	if in.Partial {
		return // what is missing may be among what could not be read
	}
	for i := range s.connectors {
		ses := s.connectors[i].session
		if ses == nil || !ses.seenAt.Before(in.Began) {
			continue
		}
		if at, ok := running[ses.id]; !ok {
			s.fetch(ses.id)
		} else if at >= 0 && at != i {
			s.endSession(i, "eDRV lists it at "+s.connectors[at].set.label())
		}
	}
}

// presumeOnline takes the stations of whose connection eDRV does not tell for online.
func (s *Site) presumeOnline() {
	for i := range s.connectors {
		if s.connectors[i].seenAt.IsZero() {
			s.ledger.Reachable(i, true, s.now)
		}
	}
}

func (s *Site) fetch(session string) { s.effects = append(s.effects, Fetch{Session: session}) }

// gotFetched takes what eDRV says of one session.
func (s *Site) gotFetched(in Fetched) {
	switch {
	case in.Failed != "":
	case in.Gone:
		if i, ok := s.bySession[in.Session]; ok {
			s.ended.add(in.Session)
			s.endSession(i, "eDRV does not know it any more")
		}
	default:
		s.sawSession(&in.Found, true)
	}
}

// gotGroups marks connectors that eDRV's own load management steers too. They
// are left alone, and booked at their maximum.
func (s *Site) gotGroups(in Grouped) {
	s.dirty = s.dirty || !s.grouped
	s.grouped = true
	for i := range s.connectors {
		c := &s.connectors[i]
		s.dirty = s.dirty || !c.grouped
		c.grouped = true // without an answer, as good as it gets
	}
	if in.Failed != "" {
		return
	}
	for i := range s.connectors {
		c := &s.connectors[i]
		group := in.Connectors[c.set.ID]
		if group == "" {
			group = in.Stations[c.set.Station]
		}
		if group == c.group {
			continue
		}
		c.group = group
		s.dirty = true
		s.ledger.Doubt(i)
		n := s.about(i)
		if n.Alarm = group != ""; n.Alarm {
			s.note(NoteForeign, n, "%s belongs to eDRV's load-management group %q: two limiters would work against each other, "+
				"so it is not steered; take it out of the group", c.set.label(), group)
		} else {
			s.note(NoteForeign, n, "%s belongs to no load-management group of eDRV any more", c.set.label())
		}
	}
}

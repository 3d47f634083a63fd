package core

import (
	"fmt"
	"time"
)

// State is how far the site has stepped down.
type State uint8

const (
	Normal State = iota
	Hold         // no raises
	Floor        // everybody at the fallback
	Alarm        // as Floor, and a human is needed
)

var stateNames = [...]string{"normal", "hold", "floor", "alarm"}

// String is the state as the API writes it.
func (s State) String() string { return stateNames[s] }

// StateNames lists the states.
func StateNames() []string { return stateNames[:] }

// ladder is the state of the site and why.
type ladder struct {
	state   State
	why     string
	since   time.Time
	trouble time.Time // when something was last as bad as the state, or worse
	heardAt time.Time // when eDRV last sent a webhook
	broke   string    // why no raise may be sent before a full list: a gap in time, or an order that was not recorded
	brokeAt time.Time
	unsaved string // why the journal cannot be written; empty: it can
}

const starting = "starting: no full list from eDRV yet"

func newLadder(now time.Time) ladder {
	return ladder{state: Hold, why: starting, since: now, heardAt: now}
}

// heard records that eDRV's webhooks arrive.
func (s *Site) heard() { s.ladder.heardAt = s.now }

// updateLadder steps down at once when something is wrong, and up one step
// after a clean time with a full list in it.
func (s *Site) updateLadder() {
	l := &s.ladder
	state, why := s.trouble()
	switch {
	case state >= l.state && state != Normal:
		l.trouble = s.now
		if state != l.state || why != l.why {
			s.setState(state, why)
		}
	case l.why == starting:
		s.setState(Normal, "")
	case l.state == Normal:
	case s.now.Sub(l.trouble) >= s.set.Timing.RecoverAfter && s.listing.doneAt.After(l.trouble):
		l.trouble = s.now
		if up := l.state - 1; up > state {
			s.setState(up, "recovering: "+l.why)
		} else {
			s.setState(state, why)
		}
	}
}

// trouble is the state that what is wrong now asks for, and what it is.
func (s *Site) trouble() (State, string) {
	l := &s.listing
	state, drained := s.overloaded()
	switch why, over := s.overTooLong(); {
	case over > 2*tooLong:
		return Alarm, why
	case state == Alarm:
		return state, drained
	case over > tooLong:
		return Floor, why
	case state == Floor:
		return state, drained
	}
	switch why := s.stoodDown(); {
	case !l.complete || !s.grouped:
		return Hold, starting
	case why != "":
		return Hold, why
	case s.ladder.unsaved != "":
		return Hold, unsaved + s.ladder.unsaved
	case s.ladder.broke != "" && !l.doneAt.After(s.ladder.brokeAt):
		return Hold, s.ladder.broke
	case l.failures >= 3:
		return Hold, "eDRV's API does not answer: " + l.why
	case s.silent():
		return Hold, fmt.Sprintf("no webhook for more than %s although sessions are running: has eDRV disabled the endpoint?",
			s.set.Timing.ReportStale)
	}
	return Normal, ""
}

// overTooLong is the longest time for which a circuit carries more than its
// limit.
func (s *Site) overTooLong() (why string, longest time.Duration) {
	for k := range s.circuits {
		if c := &s.circuits[k]; !c.over.since.IsZero() && s.now.Sub(c.over.since) > longest {
			longest = s.now.Sub(c.over.since)
			why = fmt.Sprintf("%s carries more than its limit", c.set.ID)
		}
	}
	return why, longest
}

const unsaved = "the journal cannot be written: "

// silent reports whether webhooks ought to have come and did not.
func (s *Site) silent() bool {
	since := s.now.Add(-s.set.Timing.ReportStale)
	if s.ladder.heardAt.After(since) {
		return false
	}
	for i := range s.connectors {
		if c := &s.connectors[i]; c.online && c.session != nil && c.session.seenAt.Before(since) {
			return true
		}
	}
	return false
}

// breaks forbids raises until the next full list, because the model may have
// missed something or cannot be recorded.
func (s *Site) breaks(why string) {
	s.ladder.broke, s.ladder.brokeAt = why, s.now
	s.listing.wanted = true
	s.dirty = true
}

func (s *Site) setState(to State, why string) {
	l := &s.ladder
	if to != l.state {
		l.since = s.now
	}
	l.state, l.why = to, why
	if why == starting {
		return
	}
	if to == Normal {
		s.note(NoteState, Note{}, "site %s is in state normal", s.set.ID)
		return
	}
	s.note(NoteState, Note{Alarm: true}, "site %s is in state %s: %s", s.set.ID, to, why)
}

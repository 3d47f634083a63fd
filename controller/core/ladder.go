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
	Alarm        // a human is needed
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
	trouble time.Time // when something was last wrong
	heardAt time.Time // when eDRV last sent a webhook
}

const starting = "starting: no full list from eDRV yet"

func newLadder(now time.Time) ladder {
	return ladder{state: Hold, why: starting, since: now, heardAt: now}
}

// heard records that eDRV's webhooks arrive.
func (s *Site) heard() { s.ladder.heardAt = s.now }

// updateLadder steps down at once when something is wrong, and up after a
// clean time and a full list.
func (s *Site) updateLadder() {
	l := &s.ladder
	why := s.trouble()
	switch {
	case why != "":
		l.trouble = s.now
		if l.state == Normal || why != l.why {
			s.setState(max(l.state, Hold), why)
		}
	case l.why == starting:
		s.setState(Normal, "")
	case l.state != Normal && s.now.Sub(l.trouble) >= s.set.Timing.RecoverAfter && s.listing.doneAt.After(l.trouble):
		s.setState(Normal, "")
	}
}

// trouble is what is wrong, in words, or empty.
func (s *Site) trouble() string {
	switch l := &s.listing; {
	case !l.complete || !s.grouped:
		return starting
	case l.failures >= 3:
		return "eDRV's API does not answer: " + l.why
	case s.silent():
		return fmt.Sprintf("no webhook for more than %s although sessions are running: has eDRV disabled the endpoint?",
			s.set.Timing.ReportStale)
	}
	return ""
}

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

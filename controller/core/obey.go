package core

import (
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// "Accepted" is not "obeyed". A charger whose car is seen to draw more than
// its limit by more than this, in two reports in a row, is booked at what it
// can draw, and the others make room for it. EVerest lets a car draw as much
// more, for a while: IEC 61851-1 gives it 5 s to follow.
const (
	toleranceAmps     = policy.Ampere / 2
	tolerancePerMille = 100
	strikesOut        = 2
)

// obey judges the last reading of connector i against the highest limit that
// may be in force.
func (s *Site) obey(i int) {
	c := &s.connectors[i]
	ses := c.session
	knows := s.ledger.Knows(i)
	if !knows.Known || !s.followed(i) {
		return
	}
	limit := max(knows.Highest, s.restartedTo(i))
	if knows.Waiting == 0 && exceeds(ses.reading.level, knows.Highest) && s.now.Sub(ses.ordered) >= s.set.Timing.RaiseEvery {
		ses.reassertAt = s.now // it may have lost its limit
	}
	if !exceeds(ses.reading.level, limit) {
		if knows.Waiting > 0 && exceeds(ses.reading.level, knows.Least) { // which limit it obeys will be known with the verdict
			return
		}
		if ses.strikes = max(0, ses.strikes-1); ses.strikes == 0 && ses.disobeys {
			ses.disobeys = false
			s.ledger.Disobeys(i, 0)
			s.dirty = true
			s.note(NoteOrder, s.about(i), "%s draws what it may again", c.set.label())
		}
		return
	}
	if c.set.Removed { // somebody else steers it now
		s.ledger.Doubt(i)
		return
	}
	if ses.strikes = min(strikesOut, ses.strikes+1); ses.strikes < strikesOut {
		return
	}
	s.ledger.Disobeys(i, max(c.set.Max, ses.reading.level))
	if !ses.disobeys {
		ses.disobeys = true
		s.dirty = true
		n := s.about(i)
		n.Alarm = true
		s.note(NoteOrder, n, "%s draws %s although its limit is %s: it is booked at what it can draw", c.set.label(), ses.reading.level, limit)
		if ses.behind && c.install.state == installInForce {
			s.fallbackIgnored(i)
		}
	}
}

// followed reports whether the car of connector i had the time to follow the last
// order that its charger confirmed.
func (s *Site) followed(i int) bool {
	c := &s.connectors[i]
	at := c.session.confirmedAt
	return at.IsZero() || s.now.Sub(at) >= s.settle(c)+s.set.Timing.Tick
}

// exceeds reports whether a level is above a limit by more than is tolerated.
func exceeds(level, limit policy.Milliamps) bool {
	return level > limit+limit*tolerancePerMille/1000+toleranceAmps
}

// restartedTo is the limit that a charger may have after a restart that nobody
// told of. That one which did not keep its fallback may draw anything is no excuse.
func (s *Site) restartedTo(i int) policy.Milliamps {
	if c := &s.connectors[i]; c.install.ignored > 0 {
		return c.set.Fallback
	}
	return s.ledger.Knows(i).Fallback
}

// mute reports whether a charger left the last orders without an answer. It is
// left out of the plan, at what it may draw, until it answers.
func (ses *session) mute() bool { return ses.unanswered >= muteAfter }

// muteAfter is how many orders in a row get no answer from one that is mute.
const muteAfter = 2

// tooLong is how long more may be drawn than a limit before everybody is
// ordered to the fallback: what UK G100 allows an import limiter at most. After
// twice that somebody has to come.
const tooLong = time.Minute

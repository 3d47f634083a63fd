package core

import (
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Some cars fall asleep in a pause, and do not charge when they are offered
// power again. Such a car holds no place while it sleeps, as one that is full:
// it is offered what others leave, which wakes some of them. Once it charges
// again it is not paused any more, unless a limit leaves no choice.

// drawsNothing is the power up to which a car counts as drawing nothing: what
// its electronics and the charger's meter make of a pause. asleepAfter is how
// long it may take to resume: cars do within a minute or two.
const (
	drawsNothing = 100 * policy.Watt
	asleepAfter  = 2 * time.Minute
)

// nap is what became of the pauses of a session.
type nap struct {
	paused  bool      // it was paused while it drew, and did not draw since
	resumed time.Time // when it was offered power after that; zero: not yet
	asleep  bool      // it does not take what it is offered
	slept   bool      // it was asleep once
}

// told takes a confirmed limit.
func (n *nap) told(level policy.Milliamps, last *reading, now time.Time) {
	switch {
	case level == 0:
		n.paused = n.paused || last.known && last.power > drawsNothing
		n.resumed = time.Time{}
	case n.paused && n.resumed.IsZero():
		n.resumed = now
	}
}

// read takes a reading, and reports whether it shows that the car fell asleep.
func (n *nap) read(r *reading) bool {
	switch {
	case n.paused && n.resumed.IsZero(): // of the pause, or from before it
	case r.power > drawsNothing:
		*n = nap{slept: n.slept}
	case n.paused && !n.asleep && r.at.Sub(n.resumed) >= asleepAfter:
		n.asleep, n.slept = true, true
		return true
	}
	return false
}

// wakes judges by its last reading whether the car at connector i resumed.
func (s *Site) wakes(i int) {
	ses := s.connectors[i].session
	if was := ses.nap.asleep; ses.nap.read(&ses.reading) {
		s.note(NoteSession, s.about(i), "the car at %s did not resume after its pause: it gets what others leave", s.connectors[i].set.label())
		s.dirty = true
	} else if was && !ses.nap.asleep {
		s.note(NoteSession, s.about(i), "the car at %s woke up: it is not paused any more", s.connectors[i].set.label())
		s.dirty = true
	}
}

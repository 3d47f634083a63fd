package controller

import (
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
)

// mailbox is where inputs wait for the goroutine that owns a site. Snapshots of
// one session replace each other, and so do the readings of one meter, so however
// many come, no more than one of each waits; everything else waits in order, up to
// a limit. New settings are always taken.
// When that is reached nothing more is taken until the owner has emptied it.
type mailbox struct {
	wake chan struct{} // capacity 1: the owner has something to do

	mu     sync.Mutex
	inputs []core.Input
	since  time.Time      // when the first of them came
	latest map[string]int // place in inputs of what is replaced by newer ones
	limit  int
}

func newMailbox(connectors int) *mailbox {
	return &mailbox{
		wake:   make(chan struct{}, 1),
		latest: make(map[string]int),
		limit:  1024 + 16*connectors,
	}
}

// put adds an input. It reports whether there was room.
func (m *mailbox) put(in core.Input) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, waiting := m.latest[subject(in)]; waiting {
		if newer(in, m.inputs[at]) {
			m.inputs[at] = in
		}
		return true
	}
	if _, settings := in.(core.Configured); len(m.inputs) >= m.limit && !settings {
		return false
	}
	if len(m.inputs) == 0 {
		m.since = time.Now()
	}
	if about := subject(in); about != "" {
		m.latest[about] = len(m.inputs)
	}
	m.inputs = append(m.inputs, in)
	m.poke()
	return true
}

// poke makes the owner come round.
func (m *mailbox) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take empties the mailbox. It tells what waited, and since when.
func (m *mailbox) take() (inputs []core.Input, since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	inputs, since = m.inputs, m.since
	m.inputs = nil
	clear(m.latest)
	return inputs, since
}

// depth is how many inputs wait.
func (m *mailbox) depth() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.inputs)
}

// subject names what an input is about, where a newer one replaces it.
func subject(in core.Input) string {
	switch in := in.(type) {
	case core.SessionSeen:
		return "session " + in.Session.ID
	case core.Metered:
		return "meter " + in.Meter
	}
	return ""
}

// newer reports whether an input says more than one about the same that waits.
func newer(in, waiting core.Input) bool {
	seen, ok := in.(core.SessionSeen)
	if !ok {
		return true
	}
	old := waiting.(core.SessionSeen)
	return supersedes(&seen.Session, &old.Session)
}

// supersedes reports whether a snapshot says more than one that waits: an end
// is final, and an older snapshot says nothing new.
func supersedes(seen, waiting *edrvapi.Session) bool {
	over := func(s *edrvapi.Session) bool {
		return s.Status == edrvapi.SessionEnded || s.Status == edrvapi.SessionCancelled
	}
	if over(waiting) || over(seen) {
		return !over(waiting)
	}
	return waiting.UpdatedAt.IsZero() || seen.UpdatedAt.IsZero() || !seen.UpdatedAt.Before(waiting.UpdatedAt)
}

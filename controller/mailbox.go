package controller

import (
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
)

// mailbox is where inputs wait for the goroutine that owns a site. Snapshots of
// one session replace each other, so however many webhooks come, no more than
// one for each session waits; everything else waits in order, up to a limit.
// When that is reached nothing more is taken until the owner has emptied it.
type mailbox struct {
	wake chan struct{} // capacity 1: the owner has something to do

	mu       sync.Mutex
	inputs   []core.Input
	since    time.Time      // when the first of them came
	sessions map[string]int // place of a session's snapshot in inputs
	limit    int
}

func newMailbox(connectors int) *mailbox {
	return &mailbox{
		wake:     make(chan struct{}, 1),
		sessions: make(map[string]int),
		limit:    1024 + 16*connectors,
	}
}

// put adds an input. It reports whether there was room.
func (m *mailbox) put(in core.Input) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if seen, ok := in.(core.SessionSeen); ok {
		if at, waiting := m.sessions[seen.Session.ID]; waiting {
			if old := m.inputs[at].(core.SessionSeen); supersedes(&seen.Session, &old.Session) {
				m.inputs[at] = seen
			}
			return true
		}
		m.sessions[seen.Session.ID] = len(m.inputs)
	}
	if len(m.inputs) >= m.limit {
		delete(m.sessions, idOf(in))
		return false
	}
	if len(m.inputs) == 0 {
		m.since = time.Now()
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
	clear(m.sessions)
	return inputs, since
}

// depth is how many inputs wait.
func (m *mailbox) depth() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.inputs)
}

func idOf(in core.Input) string {
	if seen, ok := in.(core.SessionSeen); ok {
		return seen.Session.ID
	}
	return ""
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

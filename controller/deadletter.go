package controller

import (
	"bytes"
	"sync"
	"time"
)

// deadLetter is an authentic webhook that could not be read.
type deadLetter struct {
	At     time.Time
	Reason string
	Body   []byte
}

// maxDeadLetters bounds how many are kept, and maxDeadBytes how much of each.
const (
	maxDeadLetters = 1000
	maxDeadBytes   = 2 << 10
)

// deadLetters keeps the newest of them.
type deadLetters struct {
	mu   sync.Mutex
	ring []deadLetter
	next int
}

// add keeps a letter, and a copy of its body.
func (d *deadLetters) add(l deadLetter) {
	l.Body = bytes.Clone(l.Body[:min(len(l.Body), maxDeadBytes)])
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ring) < maxDeadLetters {
		d.ring = append(d.ring, l)
		return
	}
	d.ring[d.next] = l
	d.next = (d.next + 1) % maxDeadLetters
}

// sampled lets one of many like log lines through each second.
type sampled struct {
	mu   sync.Mutex
	last time.Time
}

func (s *sampled) now(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last) < time.Second {
		return false
	}
	s.last = now
	return true
}

package controller

import "sync"

// seen remembers the ids of the last seenIDs webhooks that were taken, so that
// one that is delivered again has no effect.
type seen struct {
	mu   sync.Mutex
	at   map[string]struct{}
	ring []string // oldest at next, once full
	next int
}

// seenIDs is a day's worth of webhooks of some 70 connectors that report every
// 30 s. Older doubles are harmless too: the model drops what is not news.
const seenIDs = 200_000

// add remembers an id. It reports whether it is new.
func (s *seen) add(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.at[id]; ok {
		return false
	}
	if s.at == nil {
		s.at = make(map[string]struct{})
	}
	if len(s.ring) < seenIDs {
		s.ring = append(s.ring, id)
	} else {
		delete(s.at, s.ring[s.next])
		s.ring[s.next] = id
		s.next = (s.next + 1) % seenIDs
	}
	s.at[id] = struct{}{}
	return true
}

// forget lets an id be taken again, because what it brought was not.
func (s *seen) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.at, id) // its place in the ring ages out
}

package edrvsim

import "time"

// timer is one thing that is due at one time. Its owner keeps it and may arm
// it again and again, so that a report every 30 s costs no allocation.
type timer struct {
	at   time.Duration // since Spec.Start
	seq  uint64        // among equal times, the one armed first fires first
	slot int           // position in the heap plus one; 0 while not armed
	fire func()
}

func (t *timer) armed() bool { return t.slot != 0 }

func (t *timer) before(o *timer) bool {
	return t.at < o.at || t.at == o.at && t.seq < o.seq
}

// schedule is a binary heap of armed timers.
type schedule struct {
	heap []*timer
	seq  uint64
}

// arm makes t due at the given time, whether it was armed before or not.
func (s *schedule) arm(t *timer, at time.Duration) {
	s.seq++
	t.at, t.seq = at, s.seq
	if !t.armed() {
		s.heap = append(s.heap, t)
		t.slot = len(s.heap)
	}
	s.down(s.up(t.slot - 1))
}

// once makes fire due at the given time, once.
func (s *schedule) once(at time.Duration, fire func()) {
	s.arm(&timer{fire: fire}, at)
}

func (s *schedule) disarm(t *timer) {
	if !t.armed() {
		return
	}
	i, last := t.slot-1, len(s.heap)-1
	s.swap(i, last)
	s.heap[last] = nil
	s.heap = s.heap[:last]
	t.slot = 0
	if i < last {
		s.down(s.up(i))
	}
}

// due removes and returns the earliest timer if it is due by the given time.
func (s *schedule) due(by time.Duration) *timer {
	if len(s.heap) == 0 || s.heap[0].at > by {
		return nil
	}
	t := s.heap[0]
	s.disarm(t)
	return t
}

func (s *schedule) swap(i, j int) {
	s.heap[i], s.heap[j] = s.heap[j], s.heap[i]
	s.heap[i].slot, s.heap[j].slot = i+1, j+1
}

func (s *schedule) up(i int) int {
	for i > 0 {
		parent := (i - 1) / 2
		if !s.heap[i].before(s.heap[parent]) {
			break
		}
		s.swap(i, parent)
		i = parent
	}
	return i
}

func (s *schedule) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(s.heap) {
			return
		}
		if right := child + 1; right < len(s.heap) && s.heap[right].before(s.heap[child]) {
			child = right
		}
		if !s.heap[child].before(s.heap[i]) {
			return
		}
		s.swap(i, child)
		i = child
	}
}

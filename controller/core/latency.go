package core

import (
	"cmp"
	"time"
)

// latency remembers how long the last answers took.
type latency struct {
	last [16]time.Duration
	n    int
}

func (l *latency) add(d time.Duration) {
	l.last[l.n%len(l.last)] = d
	l.n++
}

// mean is the mean of the last answers; 0 where there are none.
func (l *latency) mean() time.Duration {
	n := min(l.n, len(l.last))
	if n == 0 {
		return 0
	}
	var sum time.Duration
	for _, d := range l.last[:n] {
		sum += d
	}
	return sum / time.Duration(n)
}

// slowest is the longest of the last answers; 0 where there are none.
func (l *latency) slowest() time.Duration {
	var most time.Duration
	for _, d := range l.last[:min(l.n, len(l.last))] {
		most = max(most, d)
	}
	return most
}

// usualVerdict is how long a charger takes to answer while nothing is known:
// eDRV's documentation speaks of up to 30 s.
const usualVerdict = 30 * time.Second

// settle is how long after a confirmed cut the car of a connector may still draw
// what it drew before.
func (s *Site) settle(c *connector) time.Duration { return cmp.Or(c.set.Settle, s.set.Timing.Settle) }

// reaction is how long it takes from a decision until cars have followed it: a
// pass, the slowest of the last answers, and the slowest settling.
func (s *Site) reaction() time.Duration {
	answer := s.verdicts.slowest()
	if answer == 0 {
		answer = min(usualVerdict, s.set.Timing.VerdictTimeout)
	}
	settle := s.set.Timing.Settle
	for i := range s.connectors {
		settle = max(settle, s.connectors[i].set.Settle)
	}
	return s.set.Timing.Tick + answer + settle
}

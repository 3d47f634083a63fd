package edrvsim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"time"
)

// chance draws everything random. Cars, behaviour and faults have a stream
// each, so that switching a fault on leaves the cars as they were.
type chance struct {
	cars, habits, trouble *rand.Rand

	rate   [faultCount]float64
	forced [faultCount][]string // targets of the open windows
	struck [faultCount]uint64
}

func newChance(seed uint64, rates Faults) chance {
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }
	c := chance{cars: stream(1), habits: stream(2), trouble: stream(3)}
	for f := range faultCount {
		c.rate[f] = rates[f]
	}
	return c
}

// hits decides whether f strikes target now, and counts it if it does.
func (c *chance) hits(f Fault, target string) bool {
	hit := c.isForced(f, target)
	if !hit && c.rate[f] > 0 {
		hit = c.trouble.Float64() < c.rate[f]
	}
	if hit {
		c.struck[f]++
	}
	return hit
}

// shows decides whether a quirk of q, or a window, makes f strike target now.
// It does not count: the caller does where the quirk changes something.
func (c *chance) shows(q quirks, f Fault, target string) bool {
	return q.has(f) || c.isForced(f, target)
}

func (c *chance) isForced(f Fault, target string) bool {
	targets := c.forced[f]
	return targets != nil && (slices.Contains(targets, "") || slices.Contains(targets, target))
}

func (c *chance) open(win Window) {
	c.forced[win.Fault] = append(c.forced[win.Fault], win.Target)
}

func (c *chance) shut(win Window) {
	list := c.forced[win.Fault]
	i := slices.Index(list, win.Target)
	c.forced[win.Fault] = slices.Delete(list, i, i+1)
}

// built draws the quirks of something new whose faults lie in [first, last].
func (c *chance) built(first, last Fault) quirks {
	var q quirks
	for f := first; f <= last; f++ {
		if c.rate[f] > 0 && c.trouble.Float64() < c.rate[f] {
			q |= 1 << f
		}
	}
	return q
}

// within draws a duration of r.
func within(rnd *rand.Rand, r Range) time.Duration {
	if r.Max <= r.Min {
		return r.Min
	}
	return r.Min + time.Duration(rnd.Int64N(int64(r.Max-r.Min)+1))
}

// gap draws the time to the next event of a Poisson stream.
func gap(rnd *rand.Rand, perHour float64) time.Duration {
	hours := min(rnd.ExpFloat64()/perHour, 1e6)
	return time.Duration(hours * float64(time.Hour))
}

// Counts says how often each of several things happened.
type Counts map[string]uint64

// String lists the counts in the order of their names: "api-error=3 hook-lost=12".
func (c Counts) String() string {
	parts := make([]string, 0, len(c))
	for name, n := range c {
		parts = append(parts, fmt.Sprintf("%s=%d", name, n))
	}
	sort.Strings(parts)
	return strings.Join(parts, " ")
}

// FaultCounts says how often each fault has struck; all faults are listed.
func (w *World) FaultCounts() Counts {
	out := make(Counts, faultCount)
	for f, n := range w.chance.struck {
		out[Fault(f).String()] = n
	}
	return out
}

// FaultCount says how often one fault has struck.
func (w *World) FaultCount(f Fault) uint64 { return w.struck[f] }

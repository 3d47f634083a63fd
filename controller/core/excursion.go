package core

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Excursion is a time in which more was known to flow on a circuit than its
// limit. It is told when it is over.
type Excursion struct {
	Circuit string
	From    time.Time
	Took    time.Duration
	Worst   int64    // ‰ of what flowed, against the limit
	Classes []string // of ExcursionClasses; empty: too short to matter
}

func (Excursion) effect() {}

// The classes of excursions, after what the British rule for limited
// connections (ENA G100) makes of them.
var excursionClasses = [...]string{"15s", "60s", "2in10min", "3in24h"}

const (
	class15s      = iota // for 15 s or longer
	class60s             // for more than 60 s
	class2in10min        // the second of 15 s or longer within 10 min
	class3in24h          // more than three of 15 s or longer within 24 h
)

// ExcursionClasses lists the classes. An excursion may be of several.
func ExcursionClasses() []string { return excursionClasses[:] }

// excursions is what is known of the excursions of one circuit.
type excursions struct {
	since  time.Time     // of the one under way; zero: none is
	worst  int64         // of it
	total  time.Duration // of all
	long   []time.Time   // ends of those of 15 s or longer in the last 24 h
	counts [len(excursionClasses)]uint64
}

// pass takes what is known to flow, and how long ago the last pass was. It
// reports whether an excursion is over.
func (x *excursions) pass(now time.Time, took time.Duration, flow, limit policy.Load) (over Excursion, ended bool) {
	under := !x.since.IsZero()
	if under { // as it was since the last pass
		x.total += took
	}
	switch fits := flow.Fits(limit); {
	case !fits && !under:
		x.since, x.worst = now, perMille(flow, limit)
	case !fits:
		x.worst = max(x.worst, perMille(flow, limit))
	case under:
		over = Excursion{From: x.since, Took: now.Sub(x.since), Worst: x.worst}
		over.Classes = x.classify(now, over.Took)
		x.since = time.Time{}
	}
	return over, under && x.since.IsZero()
}

func (x *excursions) classify(now time.Time, took time.Duration) (names []string) {
	if took < 15*time.Second {
		return []string{}
	}
	lately := func(d time.Duration) (n int) {
		for _, at := range x.long {
			if now.Sub(at) < d {
				n++
			}
		}
		return n
	}
	x.long = append(slices.DeleteFunc(x.long, func(at time.Time) bool { return now.Sub(at) >= 24*time.Hour }), now)
	for class, is := range [...]bool{
		class15s: true, class60s: took > time.Minute, class2in10min: lately(10*time.Minute) >= 2, class3in24h: lately(24*time.Hour) > 3,
	} {
		if is {
			x.counts[class]++
			names = append(names, excursionClasses[class])
		}
	}
	return names
}

// String says it for people.
func (e Excursion) String() string {
	text := fmt.Sprintf("%s carried up to %.1f %% of its limit for %s", e.Circuit, float64(e.Worst)/10, e.Took.Round(time.Second))
	if len(e.Classes) > 0 {
		text += " (" + strings.Join(e.Classes, ", ") + ")"
	}
	return text
}

// perMille is the worst of what flows, in ‰ of the limit.
func perMille(flow, limit policy.Load) (worst int64) {
	if limit.Power > 0 {
		worst = int64(flow.Power) * 1000 / int64(limit.Power)
	}
	for p := range limit.Amps {
		if limit.Amps[p] > 0 {
			worst = max(worst, int64(flow.Amps[p])*1000/int64(limit.Amps[p]))
		}
	}
	return worst
}

package core

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/policy"
)

// What becomes of the pauses of a car, report by report.
func TestNap(t *testing.T) {
	type event struct {
		after time.Duration
		limit float64 // A, confirmed; -1: a reading
		watts float64
	}
	limit := func(after time.Duration, amps float64) event { return event{after, amps, 0} }
	reads := func(after time.Duration, watts float64) event { return event{after, -1, watts} }
	for name, c := range map[string]struct {
		events        []event
		asleep, slept bool
	}{
		"it resumes":                             {[]event{reads(0, 4100), limit(30*time.Second, 0), reads(time.Minute, 0), limit(10*time.Minute, 6), reads(11*time.Minute, 4100), reads(20*time.Minute, 0)}, false, false},
		"it does not":                            {[]event{reads(0, 4100), limit(30*time.Second, 0), reads(time.Minute, 0), limit(10*time.Minute, 6), reads(11*time.Minute, 60), reads(12*time.Minute, 60)}, true, true},
		"it is not given time":                   {[]event{reads(0, 4100), limit(30*time.Second, 0), reads(time.Minute, 0), limit(10*time.Minute, 6), reads(11*time.Minute, 0)}, false, false},
		"it wakes up later":                      {[]event{reads(0, 4100), limit(30*time.Second, 0), limit(10*time.Minute, 6), reads(13*time.Minute, 0), limit(14*time.Minute, 32), reads(15*time.Minute, 7000)}, false, true},
		"it drew nothing before":                 {[]event{reads(0, 20), limit(30*time.Second, 0), limit(10*time.Minute, 6), reads(13*time.Minute, 0)}, false, false},
		"a late report of before the pause":      {[]event{reads(0, 4100), limit(30*time.Second, 0), reads(31*time.Second, 4100), limit(10*time.Minute, 6), reads(13*time.Minute, 0)}, true, true},
		"paused again before it had time":        {[]event{reads(0, 4100), limit(0, 0), limit(10*time.Minute, 6), limit(11*time.Minute, 0), limit(20*time.Minute, 6), reads(21*time.Minute, 0)}, false, false},
		"raised while it sleeps, the clock runs": {[]event{reads(0, 4100), limit(0, 0), limit(10*time.Minute, 6), limit(11*time.Minute, 16), reads(12*time.Minute, 0)}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)
			var n nap
			var last reading
			for _, e := range c.events {
				if e.limit >= 0 {
					n.told(policy.Milliamps(e.limit*1000), &last, start.Add(e.after))
					continue
				}
				last = reading{known: true, at: start.Add(e.after), power: policy.Milliwatts(e.watts * 1000)}
				n.read(&last)
			}
			require.Equal(t, c.asleep, n.asleep)
			require.Equal(t, c.slept, n.slept)
		})
	}
}

// Two cars for one place take turns. That of s0 does not resume after its
// pause; when the site has room for both it is offered power again, wakes up,
// and keeps on from then.
func TestCarThatSleepsInItsPause(t *testing.T) {
	p := &player{t: t, now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC), waiting: map[string]string{}}
	p.start = p.now
	var said strings.Builder
	do := func(line string) { said.WriteString(p.play(strings.Fields(line))) }
	limit := func(c string) policy.Milliamps { return p.site.ledger.Knows(p.site.byConnector[c]).Confirmed }
	awake := false
	minutes := func(n int, until func() bool) {
		for range n {
			do("pass 60s")
			do("list c0=s0 c1=s1")
			do("reply queued")
			do("accept")
			for _, c := range []string{"c0", "c1"} {
				draw := "0kW"
				if limit(c) >= 6000 && (c == "c1" || awake || !strings.Contains(said.String(), "order c0: 0 A")) {
					draw = "4.1kW"
				}
				do("report s" + c[1:] + " " + draw)
			}
			if until() {
				return
			}
		}
		t.Fatal(said.String())
	}
	asleep := func() bool { return p.site.connectors[0].session.nap.asleep }
	do("site connectors=2 limit=6kW fallback=0 installed")
	do("list")
	do("started c0 s0")
	do("reply queued")
	do("accept")
	do("report s0 4.1kW")
	do("started c1 s1")
	minutes(10, func() bool { return limit("c0") == 0 })
	require.False(t, asleep())
	minutes(30, asleep)
	require.Contains(t, said.String(), "the car at c0 did not resume after its pause")
	minutes(30, func() bool { return limit("c1") >= 6000 })
	// There is room for both, and the car is woken by what it is offered.
	set := p.site.set
	set.Circuits = []Circuit{{ID: "grid", Limit: load("60kW"), Margin: set.Circuits[0].Margin}}
	p.site.Step(p.now, Configured{Settings: set})
	minutes(30, func() bool { return limit("c0") >= 6000 })
	awake = true
	minutes(5, func() bool { return !asleep() })
	require.Contains(t, said.String(), "the car at c0 woke up")
	require.True(t, p.site.claim(0).KeepsOn)
	require.False(t, p.site.claim(1).KeepsOn)
}

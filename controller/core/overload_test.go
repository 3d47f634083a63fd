package core

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/headroom-ev/headroom/policy"
)

// TestCurves holds the times that the curves give to the figures that follow
// from the points of the standards.
func TestCurves(t *testing.T) {
	for _, c := range []struct {
		device        Device
		load, seconds float64
	}{
		{MCB, 1.08, 3600},
		{MCB, 1.13, 3600},
		{MCB, 1.3, 879},
		{MCB, 1.45, 293},
		{MCB, 2.0, 11.5},
		{MCB, 2.55, 1},
		{MCB, 2.56, 0},
		{MCCB, 1.05, 3600},
		{MCCB, 1.3, 501},
		{FuseGG, 1.25, 3600},
		{FuseGG, 1.6, 641},
		{FuseGG, 2.0, 134.5},
		{FuseGG, 2.9, 10},
		{FuseGG, 3, 0},
		{Transformer, 1.05, 6000},
		{Transformer, 1.2, 2000},
		{Transformer, 1.5, 250},
		{Transformer, 1.51, 0},
	} {
		require.InEpsilon(t, 1+c.seconds, 1+curves[c.device].stands(c.load), 0.003, "device %d at %g", c.device, c.load)
	}
}

// TestTheCurveOfATransformerFollowsItsHotSpot works out when the hot spot of a
// distribution transformer reaches 120 °C, at 40 °C and after a load of 0.8.
func TestTheCurveOfATransformerFollowsItsHotSpot(t *testing.T) {
	const (
		ambient, limit, before  = 40, 120, 0.8
		lossRatio, oil, winding = 5.2, 55, 25 // K at the rating, over the air and over the oil
		oilTime, windingTime    = 180 * 60, 4 * 60
	)
	oilAt := func(load float64) float64 { return oil * math.Pow((1+lossRatio*load*load)/(1+lossRatio), 0.8) }
	windingAt := func(load float64) float64 { return winding * math.Pow(load, 1.6) }
	for load := 1.05; load <= 1.5; load += 0.01 {
		o, w, seconds := oilAt(before), windingAt(before), 0.0
		for ; ambient+o+w < limit; seconds++ {
			o += (oilAt(load) - o) / oilTime
			w += (windingAt(load) - w) / windingTime
		}
		require.LessOrEqual(t, curves[Transformer].stands(load), seconds, "at %g", load)
	}
}

func TestAHigherLoadIsStoodForNoLonger(t *testing.T) {
	for device := MCB; device <= Transformer; device++ {
		last := math.Inf(1)
		for load := curves[device].pickup; load < 5; load += 0.001 {
			now := curves[device].stands(load)
			require.LessOrEqual(t, now, last, "device %d at %g", device, load)
			last = now
		}
	}
}

// TestWindowsUseTheBudget plays the windows of a loop over the cloud.
func TestWindowsUseTheBudget(t *testing.T) {
	for _, c := range []struct {
		load   float64
		window time.Duration
		left   float64
		action overloadStep
	}{
		{1.06, time.Hour, 1, overloadNone},
		{1.3, 30 * time.Second, 0.863, overloadHold},
		{1.3, 105 * time.Second, 0.522, overloadShed},
		{1.45, 46 * time.Second, 0.372, overloadFloor},
		{1.45, 110 * time.Second, 0, overloadAlarm},
		{2.6, time.Second, 0, overloadAlarm},
	} {
		o := overload{left: 1, load: c.load}
		for d := time.Duration(0); d < c.window; d += time.Second {
			o.pass(&curves[MCB], c.load, time.Second)
		}
		require.InDelta(t, c.left, o.left, 0.003, "%g for %s", c.load, c.window)
		require.Equal(t, c.action, o.action, "%g for %s", c.load, c.window)
	}
}

func TestAStepHoldsUntilTheBudgetIsRestored(t *testing.T) {
	o := overload{left: 0.49, load: 1.3}
	o.pass(&curves[MCB], 0.8, time.Second)
	require.Equal(t, overloadFloor, o.action, "what flowed before counts until now")
	for o.left <= restoredBudget {
		require.Equal(t, overloadFloor, o.action)
		o.pass(&curves[MCB], 0.8, 5*time.Second)
	}
	require.Equal(t, overloadNone, o.action)
}

// TestABudgetIsNeverTooHigh: it never rises while more flows than the pickup,
// and is never above what a relay integrates second by second.
func TestABudgetIsNeverTooHigh(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &curves[rapid.IntRange(int(MCB), int(Transformer)).Draw(t, "device")]
		o := overload{left: 1}
		relay, flows := 1.0, 0.0
		for range rapid.IntRange(1, 60).Draw(t, "passes") {
			took := time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second
			for range int(took.Seconds()) {
				if flows > c.pickup {
					relay = max(0, relay-share(1, safety*c.stands(flows)))
				} else {
					relay = min(1, relay+1/c.rest)
				}
			}
			before := o.left
			flows = rapid.Float64Range(0, 3).Draw(t, "load")
			o.pass(c, flows, took)
			require.LessOrEqual(t, o.left, relay+1e-9)
			if flows > c.pickup {
				require.LessOrEqual(t, o.left, before)
				require.True(t, o.left == 1 || o.action >= overloadHold)
			}
			require.GreaterOrEqual(t, o.action, map[bool]overloadStep{true: asks(o.left)}[flows > c.pickup])
		}
	})
}

func TestWhatIsNotSeenTakesHalfOfABudgetAtMost(t *testing.T) {
	for _, c := range []struct {
		left float64
		gap  time.Duration
		want float64
	}{
		{1, 6 * time.Minute, 0.9},
		{1, 24 * time.Hour, 0.5},
		{0.8, 24 * time.Hour, 0.5},
		{0.3, 24 * time.Hour, 0.3},
		{1, -time.Second, 0.5},
	} {
		o := overload{left: c.left}
		o.unseen(&curves[MCB], c.gap)
		require.InDelta(t, c.want, o.left, 1e-9, "%g after %s", c.left, c.gap)
	}
}

// TestARatingCountsOnTheWorstPhase also where the load is balanced in all.
func TestARatingCountsOnTheWorstPhase(t *testing.T) {
	l := policy.Load{Power: 90 * policy.Kilowatt, Amps: [3]policy.Milliamps{100_000, 130_000, 90_000}}
	breaker := Protection{Device: MCB, Rating: policy.Symmetric(100_000, policy.Unlimited)}
	require.InDelta(t, 1.3, breaker.loaded(l), 1e-9)
	transformer := Protection{Device: Transformer, Rating: policy.Symmetric(144_927, 100*policy.Kilowatt)}
	require.InDelta(t, 0.9, transformer.loaded(l), 1e-2)
}

// TestABudgetOutlivesARestart: also the step that it asked for, and no rest is
// counted for the time in between.
func TestABudgetOutlivesARestart(t *testing.T) {
	p := &player{t: t, now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC), waiting: map[string]string{}}
	p.start = p.now
	words := []string{"limit=63A", "breaker=mcb:63A", "connectors=2", "installed"}
	build := func(saved ...BudgetRecord) CircuitView {
		var err error
		p.site, err = New(p.settings(words), Saved{At: p.now, Budgets: saved}, p.now)
		require.NoError(t, err)
		p.step(Grouped{})
		return p.site.View().Circuits[0]
	}
	v := build()
	require.InDelta(t, unknownBudget, *v.Overload, 1e-9, "nothing is known at the first start")
	require.Equal(t, "hold", v.OverloadAction)

	p.play([]string{"list"})
	p.play([]string{"pass", "10m"})
	v = p.site.View().Circuits[0]
	require.InDelta(t, unknownBudget+600.0/3600, *v.Overload, 0.002, "it rests")
	kept := p.site.record0(t)
	require.InDelta(t, *v.Overload, kept.Left, worthKeeping)

	v = build(kept)
	require.InDelta(t, kept.Left, *v.Overload, 0.02)
	p.now = p.now.Add(time.Hour)
	v = build(kept)
	require.InDelta(t, unknownBudget, *v.Overload, 1e-9)

	v = build(BudgetRecord{Circuit: "grid", At: p.now, Left: 0.6, Action: "floor"})
	require.Equal(t, "floor", v.OverloadAction)
	require.Equal(t, "floor", p.site.View().State)

	v = build(BudgetRecord{Circuit: "grid", At: p.now, Left: 7, Action: "hold"})
	require.InDelta(t, unknownBudget, *v.Overload, 1e-9, "a record that can not be is none")
}

// record0 is the newest record of the first budget.
func (s *Site) record0(t *testing.T) BudgetRecord {
	t.Helper()
	s.circuits[0].overload.savedAt = time.Time{}
	records := s.budgetRecords()
	require.Len(t, records, 1)
	return records[0]
}

func TestAReloadKeepsTheBudgetOfTheSameBreaker(t *testing.T) {
	p := &player{t: t, now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC), waiting: map[string]string{}}
	p.start = p.now
	p.play([]string{"site", "limit=63A", "breaker=mcb:63A", "connectors=2", "installed"})
	p.play([]string{"list"})
	p.play([]string{"pass", "20m"})
	left := func() float64 { return *p.site.View().Circuits[0].Overload }
	before := left()
	p.play([]string{"reload", "limit=50A", "breaker=mcb:63A", "connectors=2", "installed"})
	require.InDelta(t, before, left(), 1e-3)
	p.play([]string{"reload", "limit=50A", "breaker=mcb:50A", "connectors=2", "installed"})
	require.InDelta(t, unknownBudget, left(), 1e-3, "nobody knows what another one stood")
}

package ledger

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/policy"
)

// restarted is what another process makes of the records of l: they go through
// JSON, and the ids of waiting orders begin anew.
func restarted(t *testing.T, l *Ledger, permitted policy.Milliamps, now time.Time) *Ledger {
	t.Helper()
	after := site(t, len(l.entries), permitted)
	var id uint64
	for i := range l.entries {
		text, err := json.Marshal(l.Record(i))
		require.NoError(t, err)
		var r Record
		require.NoError(t, json.Unmarshal(text, &r))
		after.FallbackInForce(i, false)
		after.RestoreFallback(i, r)
		if !r.Session {
			continue
		}
		ids := make([]uint64, len(r.Orders))
		for k := range ids {
			id++
			ids[k] = id
		}
		after.Restore(i, r, ids, now)
	}
	return after
}

func TestARestartForgetsNothingThatMayHold(t *testing.T) {
	l := site(t, 4, amps(100))
	for i := range 3 {
		l.Begin(i)
	}
	l.Send(0, 1, amps(30))
	l.Accepted(0, 1, amps(30), start)
	l.Send(0, 2, amps(10))
	l.Accepted(0, 2, amps(10), start)
	l.Send(1, 3, amps(20))
	l.Disobeys(2, amps(16))

	after := restarted(t, l, amps(100), start.Add(time.Second))
	require.Equal(t, amps(30), after.Bound(0), "the car may still follow the cut")
	require.Equal(t, amps(20), after.Bound(1), "the order may still arrive")
	require.Equal(t, amps(16), after.Bound(2))
	require.Equal(t, amps(6), after.Bound(3))
	require.Equal(t, 1, after.Knows(1).Waiting)
	require.Equal(t, amps(6), after.Knows(0).Least, "the charger may have restarted too")

	after.Accepted(1, 1, amps(20), start.Add(2*time.Second))
	require.Zero(t, after.Knows(1).Waiting, "its verdict still settles it")
}

func TestAFallbackThatChangedIsNotTakenOver(t *testing.T) {
	l := site(t, 1, amps(40))
	r := l.Record(0)
	require.True(t, r.InForce)
	l.connectors[0].Fallback = amps(8)
	l.FallbackInForce(0, false)
	l.RestoreFallback(0, r)
	require.Equal(t, amps(32), l.Bound(0), "what was installed is another")
}

func TestARestartNeverLowersABound(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(11, seed))
		l := site(t, 3, amps(200))
		now, id := start, uint64(0)
		for i := range 3 {
			if r.IntN(2) == 0 {
				l.Begin(i)
			} else {
				l.Adopt(i)
			}
		}
		for range 30 {
			now = now.Add(time.Duration(r.IntN(8000)) * time.Millisecond)
			i, level := r.IntN(3), policy.Milliamps(r.IntN(33))*1000
			id++
			open(l, now, amps(200))
			l.Send(i, id, level)
			switch r.IntN(4) {
			case 0:
				l.NotSent(i, id)
			case 1:
				l.Accepted(i, id, level, now)
			case 2:
				l.Doubt(i)
			}
			after := restarted(t, l, amps(200), now)
			for k := range 3 {
				require.GreaterOrEqual(t, after.Bound(k), l.Bound(k), "seed %d, connector %d", seed, k)
				require.LessOrEqual(t, after.Knows(k).Least, l.Knows(k).Least, "seed %d, connector %d", seed, k)
			}
		}
	}
}

func TestWhatChangedIsToldOnce(t *testing.T) {
	l := site(t, 3, amps(40))
	l.Changed()
	l.Begin(2)
	l.Begin(0)
	l.Send(2, 1, amps(10))
	require.Equal(t, []int{0, 2}, l.Changed())
	require.Empty(t, l.Changed())
}

func TestDoubtBooksTheMaximumAndAllowsOnlyTheFallback(t *testing.T) {
	l := site(t, 2, amps(40))
	l.Begin(0)
	l.Send(0, 1, amps(10))
	l.Accepted(0, 1, amps(10), start)
	l.Doubt(0)
	require.Equal(t, amps(32), l.Bound(0))
	require.False(t, l.Over(0), "32 and a fallback of 6 are within 40")
	l.Begin(1)
	l.Doubt(1)
	require.True(t, l.Over(0))
	require.Equal(t, amps(24), l.Excess(0).Amps[policy.L1])
	require.Equal(t, amps(6), l.InDoubt(0))

	open(l, start, amps(11)) // two fallbacks are 12
	require.Equal(t, amps(6), l.InDoubt(0), "where the fallbacks do not fit, the minimum")
	l.connectors[0].Min = amps(5)
	require.Equal(t, amps(5), l.InDoubt(0))
}

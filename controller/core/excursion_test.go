package core

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/policy"
)

// over plays an excursion of a length that begins at a time, in passes of 5 s.
func over(t *testing.T, x *excursions, at time.Time, length time.Duration, amps policy.Milliamps) Excursion {
	t.Helper()
	limit := policy.Load{Amps: [3]policy.Milliamps{100_000, 100_000, 100_000}, Power: policy.Unlimited}
	flow := policy.Load{Amps: [3]policy.Milliamps{90_000, amps, 0}}
	for d := time.Duration(0); d < length; d += 5 * time.Second {
		_, ended := x.pass(at.Add(d), 5*time.Second, flow, limit)
		require.False(t, ended)
	}
	e, ended := x.pass(at.Add(length), 5*time.Second, policy.Load{}, limit)
	require.True(t, ended)
	require.Equal(t, length, e.Took)
	return e
}

func TestExcursionsAreSortedIntoClasses(t *testing.T) {
	var x excursions
	start := time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		after, length time.Duration
		want          []string
	}{
		{0, 10 * time.Second, []string{}},
		{5 * time.Minute, 15 * time.Second, []string{"15s"}},
		{14 * time.Minute, 60 * time.Second, []string{"15s", "2in10min"}},
		{2 * time.Hour, 65 * time.Second, []string{"15s", "60s"}},
		{23 * time.Hour, 20 * time.Second, []string{"15s", "3in24h"}},
		{25 * time.Hour, 20 * time.Second, []string{"15s"}},
	} {
		require.Equal(t, c.want, over(t, &x, start.Add(c.after), c.length, 110_000).Classes, "after %s", c.after)
	}
	require.Equal(t, [...]uint64{5, 1, 1, 1}, x.counts)
	require.Equal(t, 190*time.Second, x.total)
}

func TestAnExcursionTellsTheWorst(t *testing.T) {
	var x excursions
	e := over(t, &x, time.Now(), 20*time.Second, 123_400)
	e.Circuit = "grid"
	require.Equal(t, "grid carried up to 123.4 % of its limit for 20s (15s)", e.String())
}

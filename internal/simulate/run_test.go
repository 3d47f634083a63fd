package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/policy"
)

// run simulates, and holds that nothing was broken.
func run(t *testing.T, o Options) *Result {
	t.Helper()
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	var table bytes.Buffer
	require.NoError(t, r.WriteTable(&table))
	require.True(t, r.OK(), table.String())
	return r
}

// long skips a test that would take minutes under the race detector. The core
// is single-threaded: there are no races to find.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("long")
	}
}

func TestAllFaults(t *testing.T) {
	long(t)
	r := run(t, Options{Seed: 21, Duration: 2 * SiteLength})
	require.Greater(t, r.FaultTotal, uint64(20_000))
	require.Greater(t, r.ServedRatio, 0.8)
	require.Greater(t, r.Orders, uint64(10_000))
}

func TestWithoutFaultsNothingIsEverWrong(t *testing.T) {
	long(t)
	r := run(t, Options{Seed: 5, Duration: SiteLength, Faults: []string{}})
	require.Zero(t, r.FaultTotal)
	require.Zero(t, r.ExcusedSeconds[CauseLiar])
	require.Greater(t, r.ServedRatio, 0.9)
}

// TestEachFaultAlone lets every fault strike alone.
func TestEachFaultAlone(t *testing.T) {
	long(t)
	for _, name := range FaultNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, Options{Seed: 7, Duration: 4 * time.Hour, Faults: []string{name}, rush: true})
			require.Greater(t, r.Orders, uint64(10), "nothing happens")
		})
	}
}

func TestARunIsRepeatable(t *testing.T) {
	first, err := json.Marshal(run(t, Options{Seed: 9, Duration: 24 * time.Hour}))
	require.NoError(t, err)
	second, err := json.Marshal(run(t, Options{Seed: 9, Duration: 24 * time.Hour}))
	require.NoError(t, err)
	require.Equal(t, string(first), string(second))
}

// TestAConfiguredSite follows a schedule through the change of the clocks.
func TestAConfiguredSite(t *testing.T) {
	long(t)
	_, set := depot(t, 12, 120)
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	set.Zone = zone
	low := policy.NoLimit()
	low.Power = 60 * policy.Kilowatt
	set.Circuits[0].Windows = []policy.Window{{Days: [7]bool{true, true, true, true, true, true, true}, From: 17 * 60, To: 20 * 60, Limit: low}}
	r := run(t, Options{Seed: 2, Duration: 10 * 24 * time.Hour, Sites: []core.Settings{set}})
	require.Greater(t, r.ServedRatio, 0.85)
}

func TestAnUnknownFaultIsRefused(t *testing.T) {
	_, err := Run(t.Context(), Options{Duration: time.Hour, Faults: []string{"gremlins"}})
	require.ErrorIs(t, err, ErrFault)
	require.ErrorContains(t, err, `"gremlins": there are hook-lost`)
}

func TestAnInterruptedRunSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, Options{Duration: time.Hour})
	require.ErrorIs(t, err, context.Canceled)
}

// sayYes makes every charger say yes to everything, at once.
func sayYes(p *play) {
	p.rig.tamper = func(inputs []core.Input) []core.Input {
		for k, in := range inputs {
			if a, ok := in.(core.ActionSeen); ok && a.Verdict == core.Requested {
				a.Verdict = core.Accepted
				inputs[k] = a
			}
		}
		return inputs
	}
}

// TestARunThatFailsFastSaysTheSameOnAnyNumberOfCores: what ends a run is the
// first site that fails, not the one that fails first.
func TestARunThatFailsFastSaysTheSameOnAnyNumberOfCores(t *testing.T) {
	o := Options{Seed: 3, Runs: 6, Duration: 4 * time.Hour, rush: true, FailFast: true, Faults: []string{"verdict-lost"}, secretly: func(p *play) {
		if p.scene.Name >= "site-5" { // of the runs 5 to 8
			sayYes(p)
		}
	}}
	told := func(cores int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		r, err := Run(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, []uint64{5}, r.SeedsFailed)
		require.Len(t, r.Failures, 1)
		require.Empty(t, r.Failures[0].Trace)
		require.Greater(t, r.SiteHours, 8.0)
		require.Less(t, r.SiteHours, 12.0)
		var table bytes.Buffer
		require.NoError(t, r.WriteTable(&table))
		require.Contains(t, table.String(), r.Failures[0].Invariant+" is broken at")
		return table.String()
	}
	require.Equal(t, told(1), told(6))
}

// TestAFailureIsShownShort breaks the judge's limit, so that an overload is
// found, and looks at what is shown of it.
func TestAFailureIsShownShort(t *testing.T) {
	long(t)
	o := Options{Seed: 7, Duration: 12 * time.Hour, rush: true, Faults: []string{"verdict-lost", "hook-lost"}, secretly: sayYes}
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.False(t, r.OK())
	require.Equal(t, []uint64{7}, r.SeedsFailed)
	require.NotEmpty(t, r.Failures)
	require.NotEmpty(t, r.Failures[0].Trace)
	require.LessOrEqual(t, len(r.Failures[0].Trace), traceLines)
	require.Less(t, len(r.Failures[0].Faults), 2, "none of them is needed")
	var table bytes.Buffer
	require.NoError(t, r.WriteTable(&table))
	require.Contains(t, table.String(), r.Failures[0].Invariant+" is broken at")
}

package edrvsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

func TestDemoGetsCongestedAndCalmAgain(t *testing.T) {
	for seed := range uint64(20) {
		w, err := edrvsim.New(edrvsim.DemoSpec(seed, 0).Spec)
		require.NoError(t, err)
		start := w.Now()
		busyFrom, calmAt, departed := time.Duration(0), time.Duration(0), 0
		for w.Now().Sub(start) < 3*time.Minute {
			run(w, time.Second)
			grid, _ := w.Circuit("grid")
			switch at := w.Now().Sub(start); {
			case grid.Watts > grid.LimitWatts && busyFrom == 0:
				busyFrom = at
			case busyFrom > 0 && calmAt == 0 && at > time.Minute && grid.Watts < 0.5*grid.LimitWatts:
				calmAt = at
			}
			if w.Now().Sub(start) == time.Minute {
				departed = w.TrueState().Totals.Departed
			}
		}
		require.Positive(t, busyFrom, "seed %d", seed)
		require.LessOrEqual(t, busyFrom, 40*time.Second, "seed %d", seed)
		require.Positive(t, calmAt, "seed %d", seed)
		require.Positive(t, departed, "seed %d: cars have left within a minute", seed)
	}
}

// TestDemoFallbacksFit is what a controller will insist on: everyone at the
// fallback, with the building's most, fits every circuit less five per cent.
func TestDemoFallbacksFit(t *testing.T) {
	demo := edrvsim.DemoSpec(1, 0)
	for i := range demo.Spec.Stations {
		c := &demo.Spec.Stations[i].Connectors[0]
		if c.Default = edrvsim.Amps(demo.FallbackAmps); c.Kind == edrvsim.DC {
			c.Default = edrvsim.Watts(demo.FallbackKW * 1e3)
		}
	}
	demo.Spec.Arrivals = nil
	w, err := edrvsim.New(demo.Spec)
	require.NoError(t, err)
	for _, st := range demo.Spec.Stations {
		require.NoError(t, w.Plug(w.Now(), st.Connectors[0].ID, edrvsim.CarSpec{}))
	}
	run(w, 26*time.Second)
	for _, c := range w.TrueState().Circuits {
		if c.LimitWatts > 0 {
			require.Less(t, c.Watts, 0.95*c.LimitWatts, c.ID)
			require.Equal(t, demo.MaxBaseKW*1e3, c.BaseWatts)
		}
		for _, a := range c.Amps {
			require.Less(t, a, 0.95*c.LimitAmps, c.ID)
		}
	}
	for _, c := range w.TrueState().Connectors {
		require.Positive(t, c.Watts)
	}
}

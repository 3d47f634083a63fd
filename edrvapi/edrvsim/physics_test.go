package edrvsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

func TestDrawFollowsEveryLimit(t *testing.T) {
	type connector = edrvsim.ConnectorSpec
	type car = edrvsim.CarSpec
	amps, watts := edrvsim.Amps, edrvsim.Watts
	none := edrvsim.Limit{}
	for name, tt := range map[string]struct {
		post     connector
		car      car
		ceiling  bool
		assume3  bool
		limit    edrvsim.Limit
		want     [3]float64
		wantKW   float64
		wantWord string
	}{
		"rating":                    {connector{MaxAmps: 16}, car{}, false, false, none, [3]float64{16, 16, 16}, 11.04, "Charging"},
		"car's own maximum":         {connector{}, car{MaxAmps: 16}, false, false, none, [3]float64{16, 16, 16}, 11.04, "Charging"},
		"session limit":             {connector{}, car{}, false, false, amps(13.7), [3]float64{13.7, 13.7, 13.7}, 9.453, "Charging"},
		"default limit":             {connector{Default: amps(10)}, car{}, false, false, none, [3]float64{10, 10, 10}, 6.9, "Charging"},
		"session replaces a floor":  {connector{Default: amps(6)}, car{}, false, false, amps(20), [3]float64{20, 20, 20}, 13.8, "Charging"},
		"ceiling caps the session":  {connector{Default: amps(6)}, car{}, true, false, amps(20), [3]float64{6, 6, 6}, 4.14, "Charging"},
		"watts over three phases":   {connector{}, car{}, false, false, watts(6900), [3]float64{10, 10, 10}, 6.9, "Charging"},
		"watts on one phase":        {connector{}, car{Phases: 1}, false, false, watts(2300), [3]float64{10, 0, 0}, 2.3, "Charging"},
		"watts, three assumed":      {connector{}, car{Phases: 1}, false, true, watts(6900), [3]float64{10, 0, 0}, 2.3, "Charging"},
		"rotated wiring, one phase": {connector{Phases: "L2L3L1"}, car{Phases: 1}, false, false, none, [3]float64{0, 32, 0}, 7.36, "Charging"},
		"rotated wiring, two":       {connector{Phases: "L3L1L2"}, car{Phases: 2}, false, false, amps(10), [3]float64{10, 0, 10}, 4.6, "Charging"},
		"single-phase post":         {connector{Phases: "L3"}, car{}, false, false, none, [3]float64{0, 0, 32}, 7.36, "Charging"},
		"exactly the minimum":       {connector{}, car{}, false, false, amps(6), [3]float64{6, 6, 6}, 4.14, "Charging"},
		"below the minimum":         {connector{}, car{}, false, false, amps(5.9), [3]float64{}, 0, "SuspendedEVSE"},
		"zero is zero":              {connector{}, car{}, false, false, amps(0), [3]float64{}, 0, "SuspendedEVSE"},
		"car that needs 8 A":        {connector{}, car{MinAmps: 8}, false, false, amps(7), [3]float64{}, 0, "SuspendedEV"},
		"car that overdraws":        {connector{}, car{Quirks: []edrvsim.Fault{edrvsim.CarOverdraws}}, false, false, amps(10), [3]float64{11, 11, 11}, 7.59, "Charging"},
		"no overdraw above rating":  {connector{MaxAmps: 16}, car{Quirks: []edrvsim.Fault{edrvsim.CarOverdraws}}, false, false, amps(15.5), [3]float64{16, 16, 16}, 11.04, "Charging"},
		"DC in watts":               {connector{Kind: edrvsim.DC, MaxKW: 150}, car{MaxKW: 90}, false, false, watts(69e3), [3]float64{100, 100, 100}, 69, "Charging"},
		"DC in amperes":             {connector{Kind: edrvsim.DC, MaxKW: 150}, car{}, false, false, amps(50), [3]float64{50, 50, 50}, 34.5, "Charging"},
		"DC car's own maximum":      {connector{Kind: edrvsim.DC, MaxKW: 150}, car{MaxKW: 69}, false, false, none, [3]float64{100, 100, 100}, 69, "Charging"},
		"DC at zero":                {connector{Kind: edrvsim.DC}, car{}, false, false, watts(0), [3]float64{}, 0, "SuspendedEVSE"},
	} {
		t.Run(name, func(t *testing.T) {
			w := onePost(t, func(s *edrvsim.Spec, c *connector) {
				tt.post.ID, tt.post.Circuit = c.ID, c.Circuit
				*c = tt.post
				s.Behaviour.ThreePhasesAssumed = tt.assume3
				if tt.ceiling {
					s.Behaviour.Default = edrvsim.Ceiling
				}
			})
			session := charge(t, w, tt.car)
			if tt.limit.IsSet() {
				require.True(t, w.SetSessionLimit(session, tt.limit).OK())
				run(w, 10*time.Second)
			}
			got := truth(t, w)
			require.Equal(t, tt.want, got.Amps)
			require.InDelta(t, tt.wantKW, got.Watts/1e3, 1e-9)
			require.Equal(t, tt.wantWord, got.Status)
			grid, _ := w.Circuit("grid")
			require.Equal(t, got.Watts, grid.Watts)
			require.Equal(t, got.Amps, grid.Amps)
		})
	}
}

func TestStationAndConnectorDefaultsBothHold(t *testing.T) {
	w := onePost(t, nil)
	charge(t, w, edrvsim.CarSpec{})
	require.True(t, w.SetStationDefault(station, edrvsim.Amps(20)).OK())
	require.True(t, w.SetConnectorDefault(post, edrvsim.Amps(10)).OK())
	run(w, 10*time.Second)
	require.Equal(t, edrvsim.Amps(10), truth(t, w).Offer)
	require.True(t, w.ClearConnectorDefault(post).OK())
	run(w, 10*time.Second)
	require.Equal(t, edrvsim.Amps(20), truth(t, w).Offer)
	require.True(t, w.ClearStationDefault(station).OK())
	run(w, 10*time.Second)
	require.Equal(t, edrvsim.Amps(32), truth(t, w).Offer)
}

func TestSessionLimitLivesAsLongAsItsSession(t *testing.T) {
	w := onePost(t, nil)
	session := charge(t, w, edrvsim.CarSpec{})
	w.SetSessionLimit(session, edrvsim.Amps(10))
	run(w, 10*time.Second)

	require.NoError(t, w.StationOffline(w.Now(), station))
	run(w, 10*time.Minute)
	require.NoError(t, w.StationOnline(w.Now(), station))
	run(w, time.Second)
	require.Equal(t, 10.0, truth(t, w).Amps[0], "an offline spell changes nothing")

	require.NoError(t, w.Reboot(w.Now(), station))
	run(w, 10*time.Second)
	require.Zero(t, truth(t, w).Watts, "no power while rebooting")
	run(w, time.Minute)
	require.Equal(t, 10.0, truth(t, w).Amps[0], "nor does a reboot")

	w.Unplug(w.Now(), post)
	run(w, 10*time.Second)
	require.NotEqual(t, session, charge(t, w, edrvsim.CarSpec{}))
	require.Equal(t, 32.0, truth(t, w).Amps[0], "the next session starts without it")

	require.Equal(t, 400, w.SetSessionLimit(session, edrvsim.Amps(6)).Status, "an ended session takes no limit")
	require.Equal(t, 404, w.SetSessionLimit("nobody", edrvsim.Amps(6)).Status)
}

func TestRebootLosesTheLimitIfSoConfigured(t *testing.T) {
	w := onePost(t, forgetful)
	session := charge(t, w, edrvsim.CarSpec{})
	w.SetSessionLimit(session, edrvsim.Amps(20))
	run(w, 10*time.Second)
	require.NoError(t, w.Reboot(w.Now(), station))
	run(w, time.Minute)
	require.Equal(t, 6.0, truth(t, w).Amps[0], "the default acts")
	require.False(t, truth(t, w).Limit.IsSet())
}

func TestRampMovesInStepsOfASecond(t *testing.T) {
	w := onePost(t, nil)
	session := charge(t, w, edrvsim.CarSpec{Ramp: 4 * time.Second})
	w.SetSessionLimit(session, edrvsim.Amps(12))
	run(w, 2*time.Second)
	var seen []float64
	for range 6 {
		seen = append(seen, truth(t, w).Amps[0])
		run(w, time.Second)
	}
	require.Equal(t, []float64{32, 27, 22, 17, 12, 12}, seen)
}

func TestTailFallsToATenthAndEndsFull(t *testing.T) {
	w := onePost(t, nil)
	charge(t, w, edrvsim.CarSpec{NeedKWh: 11.04, TailKWh: 2})
	last := truth(t, w)
	for last.Status == "Charging" {
		run(w, time.Minute)
		now := truth(t, w)
		require.LessOrEqual(t, now.Watts, last.Watts, "the draw never rises")
		if now.Status == "Charging" {
			require.GreaterOrEqual(t, now.Amps[0], 3.2, "nor falls below a tenth")
		}
		last = now
	}
	require.Equal(t, "SuspendedEV", last.Status)
	require.InDelta(t, 11040, last.EnergyWh, 1)
}

func TestTimePassesWhileACarDrawsNextToNothing(t *testing.T) {
	w := onePost(t, func(_ *edrvsim.Spec, c *edrvsim.ConnectorSpec) { c.Kind, c.MaxKW = edrvsim.DC, 50 })
	session := charge(t, w, edrvsim.CarSpec{NeedKWh: 40, TailKWh: 2})
	w.SetSessionLimit(session, edrvsim.Watts(0.001))
	begin := w.Now()
	run(w, time.Hour) // the end of its charge is further away than a duration can tell
	require.Equal(t, time.Hour, w.Now().Sub(begin))
	require.InDelta(t, 0.001, truth(t, w).Watts, 1e-9)
}

func TestCarQuirks(t *testing.T) {
	t.Run("ignores the pilot", func(t *testing.T) {
		w := onePost(t, nil)
		session := charge(t, w, edrvsim.CarSpec{Quirks: []edrvsim.Fault{edrvsim.CarIgnoresPilot}})
		run(w, 2*time.Minute)
		w.SetSessionLimit(session, edrvsim.Amps(6))
		run(w, 61*time.Second)
		require.Equal(t, 32.0, truth(t, w).Amps[0])
		run(w, 2*time.Second)
		require.Equal(t, 6.0, truth(t, w).Amps[0])
	})
	t.Run("falls asleep in a pause", func(t *testing.T) {
		w := onePost(t, nil)
		session := charge(t, w, edrvsim.CarSpec{Quirks: []edrvsim.Fault{edrvsim.CarNoResume}})
		w.SetSessionLimit(session, edrvsim.Amps(0))
		run(w, 10*time.Second)
		w.SetSessionLimit(session, edrvsim.Amps(16))
		run(w, time.Hour)
		require.Equal(t, "SuspendedEV", truth(t, w).Status)
		require.NoError(t, w.Unplug(w.Now(), post))
		run(w, 10*time.Second)
		charge(t, w, edrvsim.CarSpec{})
		require.Equal(t, "Charging", truth(t, w).Status)
	})
}

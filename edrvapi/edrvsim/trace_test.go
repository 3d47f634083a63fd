package edrvsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// twoPanels is a small site in which everything happens at multiples of 100 ms:
// ramps, base-load steps, limits that change, orders and a reboot.
func twoPanels(tb testing.TB) *edrvsim.World {
	tb.Helper()
	spec := edrvsim.NewSpec(3)
	spec.Behaviour = steady()
	spec.Record = edrvsim.RecordSpec{Every: 10 * time.Second, Points: 20}
	spec.Circuits = []edrvsim.CircuitSpec{
		{ID: "grid", LimitWatts: 40e3, BaseLoad: edrvsim.Profile{
			Steps:  []edrvsim.LoadStep{{0, 3e3}, {20 * time.Second, 9e3}, {50 * time.Second, 1e3}},
			Repeat: 70 * time.Second,
		}},
		{ID: "a", Parent: "grid", LimitAmps: 40},
		{ID: "b", Parent: "grid", LimitAmps: 30, BaseLoad: edrvsim.Constant(690)},
	}
	places := []struct{ id, circuit, phases string }{{"1", "a", "L1L2L3"}, {"2", "a", "L2L3L1"}, {"3", "b", "L3"}}
	for _, p := range places {
		spec.Stations = append(spec.Stations, edrvsim.StationSpec{
			ID: "s" + p.id, Connectors: []edrvsim.ConnectorSpec{{ID: p.id, Circuit: p.circuit, Phases: p.phases}},
		})
	}
	w, err := edrvsim.New(spec)
	require.NoError(tb, err)
	at := func(s float64) time.Time { return spec.Start.Add(time.Duration(s * float64(time.Second))) }
	require.NoError(tb, w.Plug(at(2), "1", edrvsim.CarSpec{Ramp: 3 * time.Second}))
	require.NoError(tb, w.Plug(at(11), "2", edrvsim.CarSpec{Ramp: 5 * time.Second, Phases: 1, Stay: 100 * time.Second}))
	require.NoError(tb, w.Plug(at(17.5), "3", edrvsim.CarSpec{Ramp: 2 * time.Second}))
	require.NoError(tb, w.SetCircuitLimit(at(60), "grid", 25e3, 45))
	require.NoError(tb, w.SetBaseLoad(at(65), "a", 2300))
	require.NoError(tb, w.Reboot(at(90), "s1"))
	require.NoError(tb, w.SetCircuitLimit(at(130), "grid", 0, 0))
	return w
}

// TestTraceIntegratesExactly compares the trace, which is kept from event to
// event, with a sum over steps of 100 ms that are read one by one.
func TestTraceIntegratesExactly(t *testing.T) {
	const step, length = 100 * time.Millisecond, 160 * time.Second
	stepped, jumped := twoPanels(t), twoPanels(t)
	jumped.Advance(jumped.Now().Add(length))

	brute := map[string]*edrvsim.Trace{"grid": {}, "a": {}, "b": {}}
	for range int(length / step) {
		sumOfParts(t, stepped)
		for id, sum := range brute {
			c, _ := stepped.Circuit(id)
			addStep(sum, c, step)
		}
		stepped.Advance(stepped.Now().Add(step))
	}
	for id, want := range brute {
		c, _ := jumped.Circuit(id)
		require.InDelta(t, want.EnergyWh, c.Trace.EnergyWh, 1e-6, id)
		require.Equal(t, want.PeakWatts, c.Trace.PeakWatts, id)
		require.Equal(t, want.PeakAmps, c.Trace.PeakAmps, id)
		require.Equal(t, want.Over, c.Trace.Over, id)
		require.Equal(t, want.OverPower, c.Trace.OverPower, id)
		require.Equal(t, want.OverPhase, c.Trace.OverPhase, id)
		require.InDelta(t, want.OverJoules, c.Trace.OverJoules, 1e-6, id)
		require.InDeltaSlice(t, want.OverCharge[:], c.Trace.OverCharge[:], 1e-6, id)
		require.Positive(t, c.Trace.Over, "the case must reach the limits of %s", id)
		require.Positive(t, c.Trace.Episodes, id)
	}
}

// sumOfParts checks that every circuit carries its base load and what is below.
func sumOfParts(t *testing.T, w *edrvsim.World) {
	t.Helper()
	state := w.TrueState()
	watts := map[string]float64{}
	for _, c := range state.Connectors {
		watts[c.Circuit] += c.Watts
	}
	for i := len(state.Circuits) - 1; i >= 0; i-- {
		c := state.Circuits[i]
		watts[c.ID] += c.BaseWatts
		watts[c.Parent] += watts[c.ID]
		require.InDelta(t, watts[c.ID], c.Watts, 1e-6, c.ID)
	}
}

func addStep(sum *edrvsim.Trace, c edrvsim.TrueCircuit, dt time.Duration) {
	over := c.LimitWatts > 0 && c.Watts > c.LimitWatts
	sum.EnergyWh += c.Watts * dt.Hours()
	sum.PeakWatts = max(sum.PeakWatts, c.Watts)
	if over {
		sum.OverPower += dt
		sum.OverJoules += (c.Watts - c.LimitWatts) * dt.Seconds()
	}
	for p, a := range c.Amps {
		sum.PeakAmps[p] = max(sum.PeakAmps[p], a)
		if c.LimitAmps > 0 && a > c.LimitAmps {
			over = true
			sum.OverPhase[p] += dt
			sum.OverCharge[p] += (a - c.LimitAmps) * dt.Seconds()
		}
	}
	if over {
		sum.Over += dt
	}
}

func TestWatchSeesEverySpanOnce(t *testing.T) {
	w := twoPanels(t)
	end := map[string]time.Time{}
	energy, over := map[string]float64{}, map[string]time.Duration{}
	w.Watch(func(s edrvsim.Span) {
		if last, ok := end[s.Circuit]; ok {
			require.Equal(t, last, s.From, "no gap and no overlap")
		}
		end[s.Circuit] = s.To
		energy[s.Circuit] += s.Watts * s.To.Sub(s.From).Hours()
		if s.Over {
			over[s.Circuit] += s.To.Sub(s.From)
		}
	})
	w.Advance(w.Now().Add(160 * time.Second))
	for _, c := range w.TrueState().Circuits {
		require.InDelta(t, c.Trace.EnergyWh, energy[c.ID], 1e-9)
		require.Equal(t, c.Trace.Over, over[c.ID])
	}
}

func TestRecordingKeepsEnergyAndPeaks(t *testing.T) {
	w := twoPanels(t)
	w.Advance(w.Now().Add(160 * time.Second))
	grid, _ := w.Circuit("grid")
	points := w.Recording("grid")
	require.Len(t, points, 16)
	wh, peak := 0.0, 0.0
	for _, p := range points {
		wh += p.MeanWatts * 10 / 3600
		peak = max(peak, p.PeakWatts)
	}
	require.InDelta(t, grid.Trace.EnergyWh, wh, 1e-6)
	require.Equal(t, grid.Trace.PeakWatts, peak)

	w.Advance(w.Now().Add(160 * time.Second))
	require.Len(t, w.Recording("grid"), 20, "only the newest are kept")
	require.Nil(t, w.Recording("a"), "only grid connections are recorded")
}

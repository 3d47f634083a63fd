package simulate

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// depot is n posts of 22 kW on one grid connection.
func depot(t *testing.T, n int, limitKW int64) (edrvsim.Spec, core.Settings) {
	t.Helper()
	spec := edrvsim.NewSpec(1)
	spec.Start = epoch
	spec.Locations = []edrvsim.LocationSpec{{ID: "l"}}
	spec.Circuits = []edrvsim.CircuitSpec{{ID: "grid", LimitWatts: float64(limitKW) * 1000}}
	rule, err := policy.RuleNamed("equal")
	require.NoError(t, err)
	limit := policy.NoLimit()
	limit.Power = policy.Milliwatts(limitKW) * policy.Kilowatt
	set := core.Settings{
		ID: "depot", Zone: time.UTC, Rule: rule, CutHedge: 300, MinOn: 5 * time.Minute, Timing: control(),
		Circuits: []core.Circuit{{ID: "grid", Limit: limit, Margin: policy.Margin{PerMille: 50}}},
	}
	for i := range n {
		id := fmt.Sprintf("c%02d", i)
		spec.Stations = append(spec.Stations, edrvsim.StationSpec{
			ID: "s" + id, Location: "l", Connectors: []edrvsim.ConnectorSpec{{ID: id, Circuit: "grid"}},
		})
		set.Connectors = append(set.Connectors, core.Connector{
			ID: id, Name: id, Station: "s" + id, Circuit: "grid", Wiring: policy.Wiring{Phases: policy.AllPhases, Volts: 230},
			Min: 6000, Max: 32000, Fallback: 6000, InstallFallback: true, CanPause: true,
		})
	}
	return spec, set
}

func TestTenCarsSettle(t *testing.T) {
	spec, set := depot(t, 10, 100)
	w, err := edrvsim.New(spec)
	require.NoError(t, err)
	for i := range 10 {
		require.NoError(t, w.Plug(epoch, spec.Stations[i].Connectors[0].ID, edrvsim.CarSpec{}))
	}
	w.Advance(epoch.Add(time.Minute))
	for d := w.Take(); d != nil; d = w.Take() { // nobody was there to hear of them
		w.Ack(d)
	}
	rig, err := newRig(set, w)
	require.NoError(t, err)
	rig.Run(epoch.Add(10 * time.Minute))
	low, high, sum := math.Inf(1), 0.0, 0.0
	for _, c := range w.TrueState().Connectors {
		low, high, sum = min(low, c.Amps[0]), max(high, c.Amps[0]), sum+c.Watts
	}
	require.Less(t, high-low, 1.0)
	require.Greater(t, sum, 93_000.0)
	require.LessOrEqual(t, sum, 95_000.0, "less the margin")
}

// effects plays an hour and a half of a busy site, and tells what it did.
func effects(t *testing.T, tamper func([]core.Input) []core.Input) []string {
	t.Helper()
	scene, err := randomScene(3, 8*time.Hour, nil)
	require.NoError(t, err)
	p, err := build(&scene)
	require.NoError(t, err)
	p.rig.tamper = tamper
	var out []string
	p.rig.Effect = func(now time.Time, e core.Effect) {
		if _, ok := e.(core.Save); !ok {
			out = append(out, fmt.Sprintf("%s %T %+v", now.Sub(epoch), e, e))
		}
	}
	p.rig.Run(epoch.Add(12 * time.Hour))
	require.Greater(t, len(out), 300)
	return out
}

// TestDoublesAndOldNewsChangeNothing is invariant I7: every message comes twice,
// and after it once more what was said before of the same thing.
func TestDoublesAndOldNewsChangeNothing(t *testing.T) {
	before := map[string]core.Input{}
	tampered := effects(t, func(inputs []core.Input) []core.Input {
		var out []core.Input
		for _, in := range inputs {
			out = append(out, in)
			switch in := in.(type) {
			case core.SessionSeen:
				out = append(out, in)
				if old := before[in.Session.ID]; old != nil {
					out = append(out, old)
				}
				before[in.Session.ID] = in
			case core.ActionSeen:
				out = append(out, in)
				if old := before[in.Action.Session]; old != nil && in.Action.Session != "" {
					out = append(out, old)
				}
			case core.StationSeen:
				out = append(out, in)
			}
		}
		return out
	})
	require.Equal(t, effects(t, nil), tampered)
}

// TestConvertingIsDecoding holds that what is not taken through JSON is what
// the decoder would have made of it.
func TestConvertingIsDecoding(t *testing.T) {
	scene, err := randomScene(4, 14*time.Hour, nil)
	require.NoError(t, err)
	w, err := edrvsim.New(scene.World)
	require.NoError(t, err)
	n := 0
	for minute := range 14 * 60 {
		w.Advance(epoch.Add(time.Duration(minute) * time.Minute))
		for _, c := range w.TrueState().Connectors {
			if c.Session != "" && minute%30 == 0 {
				w.SetSessionLimit(c.Session, edrvsim.Amps(7.5))
			}
		}
		for d := w.Take(); d != nil; d = w.Take() {
			if plain(d.Message) {
				n++
				require.Equal(t, plainly(decodedInput(d.Message.Body())), plainly(inputOf(d.Message)))
			}
			w.Ack(d)
		}
	}
	require.Greater(t, n, 1000)
}

// plainly drops what the core does not look at.
func plainly(in core.Input) core.Input {
	switch in := in.(type) {
	case core.SessionSeen:
		s := in.Session
		in.Session = edrvapi.Session{
			ID: s.ID, Connector: s.Connector, Station: s.Station, Status: s.Status, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
			ChargingStart: s.ChargingStart, Consumed: s.Consumed,
			Report: edrvapi.Report{At: s.Report.At, Power: s.Report.Power, Current: s.Report.Current},
		}
		return in
	case core.ActionSeen:
		a := in.Action
		in.Action = edrvapi.Action{ID: a.ID, Kind: a.Kind, Session: a.Session, Connector: a.Connector, Station: a.Station, Limit: a.Limit, CreatedAt: a.CreatedAt}
		return in
	}
	return in
}

package simulate

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

var epoch = time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)

func timing() core.Timing {
	return core.Timing{
		Tick: 5 * time.Second, Resync: time.Minute, ReportStale: 90 * time.Second, VerdictTimeout: 2 * time.Minute,
		Settle: 5 * time.Second, RaiseEvery: 30 * time.Second, DisengageAfter: time.Minute, Rotate: 15 * time.Minute,
		ResumeAfter: 10 * time.Minute, Reassert: 5 * time.Minute, RecoverAfter: 2 * time.Minute,
	}
}

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
		ID: "depot", Zone: time.UTC, Rule: rule, CutHedge: 300, MinOn: 5 * time.Minute, Timing: timing(),
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
	for d := w.Take(); d != nil; d = w.Take() {
		w.Ack(d)
	}
	site, err := core.New(set, core.Saved{}, w.Now())
	require.NoError(t, err)
	rig := &Rig{World: w, Site: site, Effect: func(now time.Time, e core.Effect) {
		switch e := e.(type) {
		case core.Note:
			t.Log(now.Sub(epoch), e.Kind, e.Text)
		}
	}}
	rig.Run(epoch.Add(10 * time.Minute))
	for _, c := range w.TrueState().Connectors {
		t.Log(c.ID, c.Offer, c.Amps)
	}
	v := site.View()
	t.Logf("%+v", v.Circuits[0])
}

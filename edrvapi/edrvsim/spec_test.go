package edrvsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

func TestNewNamesEveryMistake(t *testing.T) {
	type (
		spec      = edrvsim.Spec
		connector = edrvsim.ConnectorSpec
	)
	for want, change := range map[string]func(*spec, *connector){
		"a report interval of zero":    func(s *spec, _ *connector) { s.Behaviour = edrvsim.Behaviour{} },
		"location " + site + ": twice": func(s *spec, _ *connector) { s.Locations = append(s.Locations, s.Locations[0]) },
		`circuit "grid": an id`:        func(s *spec, _ *connector) { s.Circuits = append(s.Circuits, s.Circuits[0]) },
		`no circuit "nowhere"`:         func(_ *spec, c *connector) { c.Circuit = "nowhere" },
		"is its own ancestor":          func(s *spec, _ *connector) { s.Circuits[0].Parent = "grid" },
		`parent: no circuit "up"`:      func(s *spec, _ *connector) { s.Circuits[0].Parent = "up" },
		`phases "L4"`:                  func(_ *spec, c *connector) { c.Phases = "L4" },
		"L1 is named twice":            func(_ *spec, c *connector) { c.Phases = "L1L1" },
		"PerHour and Cars":             func(s *spec, _ *connector) { s.Arrivals = make([]edrvsim.ArrivalSpec, 1) },
		`no connector "x"`:             func(s *spec, _ *connector) { s.Groups = []edrvsim.Group{{Connectors: []string{"x"}}} },
		"no fault 255":                 func(s *spec, _ *connector) { s.Windows = []edrvsim.Window{{Fault: 255}} },
	} {
		_, err := edrvsim.New(onePostSpec(change))
		require.ErrorContains(t, err, want)
	}
	_, err := edrvsim.New(onePostSpec(func(s *spec, c *connector) { c.Phases, s.Groups = "N", []edrvsim.Group{{Connectors: []string{"x"}}} }))
	require.ErrorContains(t, err, `phases "N"`)
	require.ErrorContains(t, err, `no connector "x"`)
}

func TestScriptsNameWhatIsNotThere(t *testing.T) {
	w := onePost(t, nil)
	now := w.Now()
	for _, err := range []error{
		w.Plug(now, "x", edrvsim.CarSpec{}), w.Unplug(now, "x"), w.StationOffline(now, "x"), w.StationOnline(now, "x"),
		w.Reboot(now, "x"), w.SitePowerCut(now, "x", time.Minute), w.SetCircuitLimit(now, "x", 1, 1), w.SetBaseLoad(now, "x", 1),
	} {
		require.ErrorContains(t, err, `"x"`)
	}
}

func TestGroupsOfTheSpecAreListed(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) {
		s.Groups = []edrvsim.Group{{Name: "g", Location: site, Connectors: []string{post}}}
	})
	require.Equal(t, []string{post}, w.ListGroups(edrvsim.Query{Location: site}).Result[0].Connectors)
	require.Empty(t, w.ListGroups(edrvsim.Query{Location: "elsewhere"}).Result)
}

func TestFasterKeepsProportions(t *testing.T) {
	b := edrvsim.DefaultBehaviour()
	fast := b.Faster(100)
	require.Equal(t, edrvsim.Between(300*time.Millisecond, 600*time.Millisecond), fast.Report)
	require.Equal(t, 50*time.Millisecond, fast.Retry[0])
	require.Equal(t, 5*time.Second, b.Retry[0], "the original is left alone")
}

func TestArrivalsFollowTheirTable(t *testing.T) {
	spec := onePostSpec(nil)
	for range 200 {
		spec.Stations = append(spec.Stations, edrvsim.StationSpec{Connectors: []edrvsim.ConnectorSpec{{Circuit: "grid"}}})
	}
	spec.Arrivals = []edrvsim.ArrivalSpec{{
		PerHour: []float64{0, 600}, Slot: 30 * time.Minute,
		Cars: []edrvsim.CarMix{{Car: edrvsim.CarSpec{Stay: time.Minute}}},
	}}
	w, err := edrvsim.New(spec)
	require.NoError(t, err)
	run(w, 30*time.Minute)
	require.Zero(t, w.TrueState().Totals.Arrived)
	run(w, 30*time.Minute)
	arrived := w.TrueState().Totals.Arrived
	require.InDelta(t, 300, arrived, 60)
	run(w, 30*time.Minute)
	require.Equal(t, arrived, w.TrueState().Totals.Arrived)
	require.Equal(t, arrived, w.TrueState().Totals.Departed)
}

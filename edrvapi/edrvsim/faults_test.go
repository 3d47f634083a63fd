package edrvsim_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// troubled is a site with every kind of thing on it, for a few hours of trouble.
func troubled(tb testing.TB, seed uint64, faults edrvsim.Faults) *edrvsim.World {
	tb.Helper()
	spec := edrvsim.NewSpec(seed)
	spec.Faults = faults
	spec.Locations = []edrvsim.LocationSpec{{Operator: "Here"}, {Operator: "There"}}
	spec.Locations[0].ID, spec.Locations[1].ID = "here", "there"
	spec.Circuits = []edrvsim.CircuitSpec{{ID: "grid", LimitWatts: 60e3, BaseLoad: edrvsim.Constant(5e3)}}
	for i := range 12 {
		kind := edrvsim.AC
		if i%6 == 5 {
			kind = edrvsim.DC
		}
		spec.Stations = append(spec.Stations, edrvsim.StationSpec{
			Location: []string{"here", "there"}[i%2], Shape: edrvsim.Shape(i % 4), Raw: i%3 == 0,
			Connectors: []edrvsim.ConnectorSpec{{Circuit: "grid", Kind: kind}, {Circuit: "grid", Phases: "L3L1L2"}},
		})
	}
	car := edrvsim.CarSpec{TailKWh: 2, Ramp: 2 * time.Second, Target: edrvsim.Target{EnergyKWh: 4}}
	remote := car
	remote.Remote = true
	spec.Arrivals = []edrvsim.ArrivalSpec{{PerHour: []float64{40, 60}, Cars: []edrvsim.CarMix{
		{Car: car, Stay: edrvsim.Between(20*time.Minute, 2*time.Hour), NeedKWh: [2]float64{3, 30}},
		{Car: remote, Stay: edrvsim.Between(20*time.Minute, 2*time.Hour), NeedKWh: [2]float64{3, 30}},
	}}}
	w, err := edrvsim.New(spec)
	require.NoError(tb, err)
	return w
}

// client plays a controller for some minutes: it takes webhooks, polls every
// minute, sets limits of both units and starts cars that wait. It tells told
// everything that it learns; nil is nobody.
func client(w *edrvsim.World, minutes int, told func(any)) {
	if told == nil {
		told = func(any) {}
	}
	for minute := range minutes {
		for _, m := range run(w, time.Minute) {
			told(m)
		}
		list := w.ListSessions(edrvsim.Query{Status: "Started", Limit: 5})
		told(list.Status)
		for i, s := range list.Result {
			limit := edrvsim.Amps(float64((minute + i) % 30))
			if (minute+i)%3 == 0 {
				limit = edrvsim.Watts(float64(1000 * (i % 20)))
			}
			told(w.SetSessionLimit(s.ID, limit))
		}
		for _, st := range w.ListStations(edrvsim.Query{Limit: 5, Page: 1 + minute%3}).Result {
			for _, c := range st.Connectors {
				if c.Status == "Preparing" {
					told(w.StartSession(edrvsim.StartRequest{Connector: c.ID}).Status)
				}
			}
		}
	}
	told(w.TrueState())
}

// history is a digest of all that a client learns in some minutes.
func history(w *edrvsim.World, minutes int) string {
	h := sha256.New()
	client(w, minutes, func(what any) {
		if m, ok := what.(*edrvsim.Message); ok {
			h.Write(m.Body())
			return
		}
		fmt.Fprintf(h, "%+v\n", what)
	})
	return fmt.Sprintf("%x", h.Sum(nil))
}

// eager is a rate at which a fault strikes within hours.
func eager(f edrvsim.Fault) float64 {
	if f >= edrvsim.HookOutage && f <= edrvsim.SitePowerCut {
		return 5 // an hour
	}
	return 0.3
}

func TestEveryFaultFiresAloneAndIsCounted(t *testing.T) {
	needs := map[edrvsim.Fault]edrvsim.Fault{ // those that need another one to happen at all
		edrvsim.OfflineLost: edrvsim.StationOffline, edrvsim.OfflineRefused: edrvsim.StationOffline,
		edrvsim.OfflineQueued: edrvsim.StationOffline, edrvsim.OfflineLate: edrvsim.StationOffline, edrvsim.ChargerForgets: edrvsim.StationReboot,
	}
	for _, f := range edrvsim.AllFaults() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			faults := edrvsim.Faults{f: eager(f)}
			if other, ok := needs[f]; ok {
				faults[other] = 2
			}
			w := troubled(t, 5, faults)
			client(w, 150, nil)
			for name, n := range w.FaultCounts() {
				g, err := edrvsim.ParseFault(name)
				require.NoError(t, err)
				switch _, on := faults[g]; {
				case on:
					require.Positive(t, n, name)
				case g != edrvsim.OfflineQueued:
					require.Zero(t, n, name)
				}
			}
		})
	}
}

func TestNoFaultsByThemselves(t *testing.T) {
	w := troubled(t, 5, nil)
	client(w, 150, nil)
	for name, n := range w.FaultCounts() {
		require.Zero(t, n, name)
	}
}

func TestUsualFaultsCoverAll(t *testing.T) {
	usual := edrvsim.UsualFaults()
	for _, f := range edrvsim.AllFaults() {
		if f != edrvsim.OfflineQueued { // what happens otherwise
			require.Positive(t, usual[f], f.String())
		}
	}
	require.Len(t, usual.Only(edrvsim.HookLost, edrvsim.OfflineQueued), 1)
	_, err := edrvsim.ParseFault("nonsense")
	require.ErrorContains(t, err, "hook-lost")
}

func TestSameSeedSameHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		faults := edrvsim.Faults{}
		for _, f := range rapid.SliceOfDistinct(rapid.SampledFrom(edrvsim.AllFaults()), rapid.ID[edrvsim.Fault]).Draw(t, "faults") {
			faults[f] = eager(f)
		}
		live := func(seed uint64) string {
			spec := edrvsim.DemoSpec(seed, 10).Spec
			spec.Faults = faults
			w, err := edrvsim.New(spec)
			require.NoError(t, err)
			return history(w, 2)
		}
		first := live(seed)
		require.Equal(t, first, live(seed))
		require.NotEqual(t, first, live(seed+1))
	})
}

func TestScriptedWindowIsCertain(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) {
		s.Windows = []edrvsim.Window{
			{Fault: edrvsim.APIThrottled, From: time.Minute, For: time.Minute},
			{Fault: edrvsim.APIOutage, From: 3 * time.Minute, For: time.Minute},
			{Fault: edrvsim.StationOffline, From: 5 * time.Minute, For: time.Minute, Target: station},
			{Fault: edrvsim.HookOutage, From: 7 * time.Minute, For: time.Minute},
			{Fault: edrvsim.ChargerMute, From: 9 * time.Minute, For: time.Minute, Target: post},
		}
	})
	charge(t, w, edrvsim.CarSpec{})
	at := func(minutes float64) []string {
		return types(run(w, w.Now().Truncate(time.Hour).Add(time.Duration(minutes*float64(time.Minute))).Sub(w.Now())))
	}
	at(1.5)
	reply := w.ListSessions(edrvsim.Query{})
	require.Equal(t, 429, reply.Status)
	require.Positive(t, reply.RetryAfter)
	at(2.5)
	require.True(t, w.ListSessions(edrvsim.Query{}).OK())
	at(3.5)
	require.False(t, w.ListSessions(edrvsim.Query{}).OK())
	at(4.5)
	require.True(t, w.ListSessions(edrvsim.Query{}).OK())
	at(5.5)
	require.False(t, truth(t, w).Online)
	at(6.5)
	require.True(t, truth(t, w).Online)
	at(7)
	require.Empty(t, at(8))
	require.NotEmpty(t, at(9))
	require.Empty(t, at(10))
	require.NotEmpty(t, at(11))
}

func TestResetAfterTheOrderWasQueued(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) { s.Faults = edrvsim.Faults{edrvsim.APIReset: 1} })
	session := charge(t, w, edrvsim.CarSpec{})
	reply := w.SetSessionLimit(session, edrvsim.Amps(10))
	require.Zero(t, reply.Status)
	require.True(t, reply.Executed)
	run(w, 10*time.Second)
	require.Equal(t, 10.0, truth(t, w).Amps[0])
}

func TestVerdictMayOvertakeTheReply(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) { s.Faults = edrvsim.Faults{edrvsim.VerdictEarly: 1} })
	session := charge(t, w, edrvsim.CarSpec{})
	reply := w.SetSessionLimit(session, edrvsim.Amps(10))
	require.Contains(t, types(run(w, reply.After-time.Millisecond)), "session.set_power_limit.accepted")
}

func TestListsThatMisbehave(t *testing.T) {
	stations := func(f edrvsim.Faults, q edrvsim.Query) edrvsim.Reply[[]edrvsim.Station] {
		return troubled(t, 1, f).ListStations(q)
	}
	good := stations(nil, edrvsim.Query{Location: "here", Limit: 4})
	require.Len(t, good.Result, 4)
	require.True(t, *good.HasNext)
	last := stations(nil, edrvsim.Query{Location: "here", Limit: 4, Page: 2})
	require.Len(t, last.Result, 2)
	require.False(t, *last.HasNext)
	require.Len(t, stations(edrvsim.Faults{edrvsim.ListUnfiltered: 1}, edrvsim.Query{Location: "here"}).Result, 12)
	require.Len(t, stations(edrvsim.Faults{edrvsim.ListUnpaged: 1}, edrvsim.Query{Limit: 2, Page: 9}).Result, 12)
	require.Nil(t, stations(edrvsim.Faults{edrvsim.ListNoHasNext: 1}, edrvsim.Query{}).HasNext)
	require.True(t, stations(edrvsim.Faults{edrvsim.RefsExpanded: 1}, edrvsim.Query{}).Result[0].Location.Expanded)
}

func TestForeignAndUnknownEventsAreWellFormed(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) {
		s.Faults = edrvsim.Faults{edrvsim.EventForeign: 1, edrvsim.EventUnknown: 1, edrvsim.DataAsText: 1}
	})
	require.NoError(t, w.Plug(w.Now(), post, edrvsim.CarSpec{}))
	foreign, unknown := 0, 0
	for _, m := range run(w, time.Minute) {
		require.True(t, json.Valid(m.Body()))
		switch st := stationIn(m); st {
		case "":
			unknown++
		case station:
			var text string
			require.NoError(t, json.Unmarshal(field(t, m.Body(), "data"), &text))
			require.True(t, json.Valid([]byte(text)))
		default:
			foreign++
		}
	}
	require.Positive(t, foreign)
	require.Positive(t, unknown)
}

func TestHoursOfUsualFaultsRepeat(t *testing.T) {
	hours := func() string { return history(troubled(t, 11, edrvsim.UsualFaults()), 120) }
	require.Equal(t, hours(), hours())
}

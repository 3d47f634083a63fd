package edrvsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

func TestOrderIsAskedThenAnswered(t *testing.T) {
	w := onePost(t, nil)
	session := charge(t, w, edrvsim.CarSpec{})
	reply := w.SetSessionLimit(session, edrvsim.Amps(16))
	require.Equal(t, 200, reply.Status)
	require.Equal(t, edrvsim.APIRequested, reply.Result.Status)
	require.Equal(t, 32.0, truth(t, w).Amps[0], "nothing has happened yet")

	got := run(w, 5*time.Second)
	require.Equal(t, []string{"session.set_power_limit.requested", "session.set_power_limit.accepted"}, types(got))
	for _, m := range got {
		require.Equal(t, reply.Result.ID, m.Action.ID)
		require.Equal(t, session, m.Action.Session)
	}
	require.Equal(t, edrvsim.Requested, got[0].Action.Status)
	require.Equal(t, edrvsim.Completed, got[1].Action.Status)
	require.Equal(t, 16.0, truth(t, w).Amps[0])

	log := w.LimitLog()
	require.Len(t, log, 1)
	require.Equal(t, edrvsim.Amps(16), log[0].Limit)
	require.True(t, log[0].Accepted && log[0].Applied)
}

func TestOrdersOfAStationDoNotOvertake(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) {
		s.Behaviour.Reaction = edrvsim.Between(time.Millisecond, 30*time.Second)
	})
	session := charge(t, w, edrvsim.CarSpec{})
	run(w, time.Minute)
	for a := 6; a <= 32; a++ {
		w.SetSessionLimit(session, edrvsim.Amps(float64(a)))
		run(w, 100*time.Millisecond)
	}
	run(w, time.Minute)
	log := w.LimitLog()
	require.Len(t, log, 27)
	for i, r := range log {
		require.Equal(t, float64(6+i), r.Limit.Value)
	}
	require.Equal(t, 32.0, truth(t, w).Amps[0])
}

func TestChargersThatLie(t *testing.T) {
	ok, no := "accepted", "rejected"
	amps, watts := edrvsim.Amps, edrvsim.Watts
	for _, tt := range []struct {
		quirk  edrvsim.Fault
		orders []edrvsim.Limit
		says   []string
		draws  []float64 // amperes after each order
	}{
		{edrvsim.ChargerIgnores, []edrvsim.Limit{amps(10)}, []string{ok}, []float64{32}},
		{edrvsim.ChargerClamps, []edrvsim.Limit{amps(10), amps(0)}, []string{ok, ok}, []float64{10, 6}},
		{edrvsim.ChargerAmpsOnly, []edrvsim.Limit{watts(6900), amps(10)}, []string{no, ok}, []float64{32, 10}},
		{edrvsim.ChargerWattsOnly, []edrvsim.Limit{amps(20), watts(6900)}, []string{no, ok}, []float64{32, 10}},
		{edrvsim.ChargerRejectsNth, []edrvsim.Limit{amps(10), amps(11), amps(12), amps(13)}, []string{ok, ok, no, ok}, []float64{10, 11, 11, 13}},
		{edrvsim.ChargerSilent, []edrvsim.Limit{amps(10), amps(11)}, []string{"", ""}, []float64{32, 11}},
		{edrvsim.ChargerOvershoots, []edrvsim.Limit{amps(10)}, []string{ok}, []float64{32}},
		{edrvsim.ChargerNoPause, []edrvsim.Limit{amps(0), amps(6)}, []string{no, ok}, []float64{32, 6}},
		{edrvsim.ChargerNeedsReplug, []edrvsim.Limit{amps(0), amps(16)}, []string{ok, ok}, []float64{0, 0}},
		{edrvsim.ChargerPauseEnds, []edrvsim.Limit{amps(10), amps(0)}, []string{ok, ok}, []float64{10, 0}},
	} {
		t.Run(tt.quirk.String(), func(t *testing.T) {
			w := onePost(t, func(_ *edrvsim.Spec, c *edrvsim.ConnectorSpec) { c.Quirks = []edrvsim.Fault{tt.quirk} })
			session := charge(t, w, edrvsim.CarSpec{})
			for i, l := range tt.orders {
				require.True(t, w.SetSessionLimit(session, l).OK())
				got := run(w, 10*time.Second)
				says := ""
				for _, m := range got {
					if m.Action != nil && m.Action.Status != edrvsim.Requested {
						says = m.Type[len("session.set_power_limit."):]
					}
				}
				require.Equal(t, tt.says[i], says, "order %d", i)
				require.Equal(t, tt.draws[i], truth(t, w).Amps[0], "order %d", i)
			}
			require.Positive(t, w.FaultCounts()[tt.quirk.String()])
		})
	}
}

func TestOvershootLastsOneReport(t *testing.T) {
	w := onePost(t, func(_ *edrvsim.Spec, c *edrvsim.ConnectorSpec) { c.Quirks = []edrvsim.Fault{edrvsim.ChargerOvershoots} })
	session := charge(t, w, edrvsim.CarSpec{})
	w.SetSessionLimit(session, edrvsim.Amps(10))
	run(w, 31*time.Second)
	require.Equal(t, 32.0, truth(t, w).Amps[0])
	run(w, 2*time.Second)
	require.Equal(t, 10.0, truth(t, w).Amps[0])
}

// One that clamps what it overshoots is astray from the order on, and stays so.
func TestAChargerThatClampsAndOvershootsIsAstray(t *testing.T) {
	w := onePost(t, func(_ *edrvsim.Spec, c *edrvsim.ConnectorSpec) {
		c.Quirks = []edrvsim.Fault{edrvsim.ChargerClamps, edrvsim.ChargerOvershoots}
	})
	w.SetSessionLimit(charge(t, w, edrvsim.CarSpec{}), edrvsim.Amps(0))
	run(w, time.Minute)
	require.Equal(t, 6.0, truth(t, w).Amps[0])
	require.True(t, truth(t, w).Astray)
	w.SetConnectorDefault(post, edrvsim.Amps(0))
	run(w, time.Minute)
	require.NoError(t, w.Unplug(w.Now(), post))
	run(w, time.Minute)
	require.Equal(t, edrvsim.Amps(6), truth(t, w).Offer)
	require.True(t, truth(t, w).Astray)
}

func TestOrderToAnOfflineStation(t *testing.T) {
	offline := func(t *testing.T, f edrvsim.Faults) (*edrvsim.World, edrvsim.Reply[edrvsim.Action]) {
		t.Helper()
		w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) { s.Faults = f })
		session := charge(t, w, edrvsim.CarSpec{})
		require.NoError(t, w.StationOffline(w.Now(), station))
		run(w, time.Minute)
		return w, w.SetSessionLimit(session, edrvsim.Amps(10))
	}
	back := func(t *testing.T, w *edrvsim.World) []string {
		t.Helper()
		run(w, time.Hour)
		require.Equal(t, 32.0, truth(t, w).Amps[0], "nothing reaches an offline charger")
		require.NoError(t, w.StationOnline(w.Now(), station))
		return types(run(w, 10*time.Second))
	}
	t.Run("queued", func(t *testing.T) {
		w, reply := offline(t, nil)
		require.True(t, reply.OK())
		require.Contains(t, back(t, w), "session.set_power_limit.accepted")
		require.Equal(t, 10.0, truth(t, w).Amps[0])
	})
	t.Run("lost", func(t *testing.T) {
		w, reply := offline(t, edrvsim.Faults{edrvsim.OfflineLost: 1})
		require.True(t, reply.OK())
		require.NotContains(t, back(t, w), "session.set_power_limit.accepted")
		require.Equal(t, 32.0, truth(t, w).Amps[0])
	})
	t.Run("refused", func(t *testing.T) {
		_, reply := offline(t, edrvsim.Faults{edrvsim.OfflineRefused: 1})
		require.Equal(t, 400, reply.Status)
		require.False(t, reply.Executed)
	})
}

func TestCompositeScheduleTellsTheOffer(t *testing.T) {
	w := onePost(t, func(_ *edrvsim.Spec, c *edrvsim.ConnectorSpec) { c.Default = edrvsim.Amps(12) })
	require.True(t, w.GetCompositeSchedule(post).OK())
	got := run(w, 5*time.Second)
	require.Equal(t, "chargestation.get_composite_schedule.accepted", got[1].Type)
	require.JSONEq(t, `{"status":"Accepted","connectorId":1,"scheduleStart":"2026-01-05T06:00:02.000Z","chargingSchedule":
		{"duration":86400,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":12}]}}`,
		string(field(t, got[1].Body(), "data", "response_data")))
}

func TestLimitsAreValidated(t *testing.T) {
	w := onePost(t, nil)
	session := charge(t, w, edrvsim.CarSpec{})
	require.Equal(t, 400, w.SetSessionLimit(session, edrvsim.Amps(-1)).Status)
	require.Equal(t, 400, w.SetSessionLimit(session, edrvsim.Limit{Unit: "kW", Value: 3}).Status)
	require.Equal(t, 400, w.SetConnectorDefault(post, edrvsim.Limit{}).Status)
	require.Empty(t, run(w, 5*time.Second))
}

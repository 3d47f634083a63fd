package edrvsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

const status = "chargestation.connector_status.updated"

func TestLocalSessionFromPlugToUnplug(t *testing.T) {
	w := onePost(t, nil)
	require.NoError(t, w.Plug(w.Now(), post, edrvsim.CarSpec{Stay: 70 * time.Second, User: "u1", Meta: map[string]string{"tier": "1"}}))
	got := run(w, 2*time.Minute)
	require.Equal(t, []string{
		status, status, "session.started", // Preparing, Charging
		"session.updated", "session.updated",
		status, status, "session.ended", // Finishing, Available
	}, types(got))
	ended := got[len(got)-1].Session
	require.Equal(t, edrvsim.Ended, ended.Status)
	require.Equal(t, "u1", ended.User)
	require.InDelta(t, 22080*69.0/3600, ended.EnergyWh, 0.01)
	require.Equal(t, 69*time.Second, ended.EnergyPeriod)
	require.Equal(t, edrvsim.Ended, w.GetSession(ended.ID).Result.Status)
	require.Empty(t, w.ListSessions(edrvsim.Query{Status: "started"}).Result)
}

func TestRemoteStart(t *testing.T) {
	t.Run("with a car", func(t *testing.T) {
		w := onePost(t, nil)
		require.NoError(t, w.Plug(w.Now(), post, edrvsim.CarSpec{Remote: true}))
		run(w, time.Minute)
		require.Empty(t, truth(t, w).Session)
		reply := w.StartSession(edrvsim.StartRequest{Connector: post, User: "u1"})
		require.Equal(t, edrvsim.Created, reply.Result.Status)
		require.Equal(t, 400, w.StartSession(edrvsim.StartRequest{Connector: post}).Status, "the connector is taken")
		require.Subset(t, types(run(w, 10*time.Second)), []string{"session.created", "session.started"})
		require.Equal(t, reply.Result.ID, truth(t, w).Session)

		require.True(t, w.StopSession(reply.Result.ID).OK())
		require.Contains(t, types(run(w, 10*time.Second)), "session.ended")
		require.Equal(t, "Finishing", truth(t, w).Status)
		require.Zero(t, truth(t, w).Watts)
	})
	t.Run("the car comes in time", func(t *testing.T) {
		w := onePost(t, nil)
		reply := w.StartSession(edrvsim.StartRequest{Connector: post})
		run(w, 100*time.Second)
		require.NoError(t, w.Plug(w.Now(), post, edrvsim.CarSpec{Remote: true}))
		run(w, time.Minute)
		require.Equal(t, reply.Result.ID, truth(t, w).Session)
	})
	t.Run("no car", func(t *testing.T) {
		w := onePost(t, nil)
		reply := w.StartSession(edrvsim.StartRequest{Connector: post})
		require.Equal(t, []string{"session.created"}, types(run(w, 119*time.Second)))
		require.Equal(t, []string{"session.cancelled"}, types(run(w, 5*time.Second)))
		require.Equal(t, edrvsim.Cancelled, w.GetSession(reply.Result.ID).Result.Status)
	})
}

func TestOfflineStationTellsLater(t *testing.T) {
	w := onePost(t, nil)
	require.NoError(t, w.StationOffline(w.Now(), station))
	require.NoError(t, w.Plug(w.Now(), post, edrvsim.CarSpec{Stay: 10 * time.Minute}))
	require.Equal(t, []string{"chargestation.offline"}, types(run(w, 5*time.Minute)))
	require.Positive(t, truth(t, w).Watts, "it charges all the same")
	require.Empty(t, w.ListSessions(edrvsim.Query{}).Result)

	require.NoError(t, w.StationOnline(w.Now(), station))
	require.Equal(t, []string{"chargestation.online", "session.started", status}, types(run(w, 10*time.Second))[:3])
	require.NoError(t, w.StationOffline(w.Now(), station))
	run(w, 10*time.Minute)
	require.Len(t, w.ListSessions(edrvsim.Query{Status: "Started"}).Result, 1, "eDRV does not know of the end")
	require.NoError(t, w.StationOnline(w.Now(), station))
	require.Contains(t, types(run(w, 10*time.Second)), "session.ended")
}

func TestZombieStaysUntilTheNextSession(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) { s.Faults = edrvsim.Faults{edrvsim.SessionZombie: 1} })
	zombie := charge(t, w, edrvsim.CarSpec{})
	require.NoError(t, w.Unplug(w.Now(), post))
	require.Contains(t, types(run(w, time.Hour)), "session.stop_failure")
	require.Equal(t, edrvsim.Started, w.GetSession(zombie).Result.Status)
	require.Zero(t, truth(t, w).Watts)
	charge(t, w, edrvsim.CarSpec{})
	require.Equal(t, edrvsim.Ended, w.GetSession(zombie).Result.Status)
}

func TestZombieIsClearedInTheEnd(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) { s.Faults = edrvsim.Faults{edrvsim.SessionZombie: 1} })
	zombie := charge(t, w, edrvsim.CarSpec{})
	require.NoError(t, w.Unplug(w.Now(), post))
	run(w, 7*time.Hour)
	require.Equal(t, edrvsim.Ended, w.GetSession(zombie).Result.Status)
}

func TestSessionEndsByItself(t *testing.T) {
	for name, tt := range map[string]struct {
		target edrvsim.Target
		after  time.Duration
	}{
		"after twelve hours of drawing": {edrvsim.Target{}, 12 * time.Hour},
		"after its energy":              {edrvsim.Target{EnergyKWh: 22.08}, time.Hour},
		"after its time":                {edrvsim.Target{Minutes: 30}, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := onePost(t, nil)
			session := charge(t, w, edrvsim.CarSpec{Target: tt.target})
			run(w, tt.after-time.Minute)
			require.Equal(t, session, truth(t, w).Session)
			run(w, 3*time.Minute)
			require.Empty(t, truth(t, w).Session)
		})
	}
}

func TestPowerCutRestartsTheWholeSite(t *testing.T) {
	w := onePost(t, forgetful)
	session := charge(t, w, edrvsim.CarSpec{})
	w.SetSessionLimit(session, edrvsim.Amps(30))
	run(w, 10*time.Second)
	require.NoError(t, w.SitePowerCut(w.Now(), site, time.Minute))
	require.Equal(t, []string{"chargestation.offline"}, types(run(w, 50*time.Second)))
	require.False(t, truth(t, w).Powered)
	require.Zero(t, truth(t, w).Watts)
	require.Contains(t, types(run(w, time.Minute)), "chargestation.online")
	require.Equal(t, session, truth(t, w).Session, "the session goes on")
	require.Equal(t, 6.0, truth(t, w).Amps[0], "at the fallback")
}

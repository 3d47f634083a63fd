package edrvsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// stationIn is the station that a message is about.
func stationIn(m *edrvsim.Message) string {
	switch {
	case m.Session != nil:
		return m.Session.Station.ID
	case m.Action != nil:
		return m.Action.Station.ID
	case m.Station != nil:
		return m.Station.ID
	}
	return ""
}

func TestDeliveriesAreInOrderPerStation(t *testing.T) {
	w := busyWorld(t, nil)
	last := map[string]time.Time{}
	seen := map[string]bool{}
	for _, m := range run(w, 6*time.Hour) {
		st := stationIn(m)
		require.False(t, m.At.Before(last[st]), "%s of %s", m.Type, st)
		require.False(t, seen[m.ID], "no message comes twice by itself")
		last[st], seen[m.ID] = m.At, true
	}
	require.Greater(t, len(seen), 1000)
}

func TestReorderingKeepsEachTypeInOrder(t *testing.T) {
	w := busyWorld(t, edrvsim.Faults{edrvsim.HookReordered: 0.3})
	type stream struct{ station, object string }
	last, lastOf := map[stream]time.Time{}, map[string]time.Time{}
	overtaken := 0
	for _, m := range run(w, 6*time.Hour) {
		s := stream{station: stationIn(m), object: "session"}
		if m.Station != nil {
			s.object = "station"
		}
		require.False(t, m.At.Before(last[s]), "%s of %s", m.Type, s.station)
		if m.At.Before(lastOf[s.station]) {
			overtaken++
		}
		last[s], lastOf[s.station] = m.At, m.At
	}
	require.Positive(t, overtaken)
}

// failing takes the next delivery that is due within d and refuses it.
func failing(t *testing.T, w *edrvsim.World, d time.Duration) *edrvsim.Delivery {
	t.Helper()
	end := w.Now().Add(d)
	for {
		if out := w.Take(); out != nil {
			w.Nack(out)
			return out
		}
		next, ok := w.Next()
		if !ok || next.After(end) {
			w.Advance(end)
			return nil
		}
		w.Advance(next)
	}
}

func TestFailedDeliveryIsRetriedAndHoldsUpItsStation(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) {
		s.Behaviour.Retry = []time.Duration{5 * time.Second, 30 * time.Second}
		s.Behaviour.Report = edrvsim.Exactly(time.Hour)
	})
	start := w.Now()
	require.NoError(t, w.Plug(start, post, edrvsim.CarSpec{}))
	first := failing(t, w, time.Second)
	require.Equal(t, 1, first.Attempt)
	var tries []time.Duration
	for range 2 {
		again := failing(t, w, time.Minute)
		require.Same(t, first.Message, again.Message)
		tries = append(tries, w.Now().Sub(start))
	}
	require.Equal(t, []time.Duration{5200 * time.Millisecond, 35200 * time.Millisecond}, tries)
	require.Equal(t, uint64(1), w.Hook().Dropped, "the schedule is used up")

	got := run(w, time.Second)
	require.Equal(t, []string{status, "session.started"}, types(got), "then the next ones go")
	require.Zero(t, w.Hook().FailedInRow)
}

func TestEndpointIsDisabledAfterTooManyFailures(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) {
		s.Behaviour.Retry = []time.Duration{time.Second}
		s.Behaviour.DisableAfter = 5
	})
	session := charge(t, w, edrvsim.CarSpec{})
	for range 5 {
		require.False(t, w.Hook().Disabled)
		require.NotNil(t, failing(t, w, time.Hour))
	}
	hook := w.Hook()
	require.True(t, hook.Disabled)
	require.Equal(t, w.Now(), hook.DisabledAt)
	require.Empty(t, run(w, time.Hour), "nothing is sent any more")
	require.True(t, w.SetSessionLimit(session, edrvsim.Amps(10)).OK(), "the API still works")
	require.Empty(t, run(w, time.Minute))

	w.Enable()
	require.NotEmpty(t, run(w, time.Minute))
	require.False(t, w.Hook().Disabled)
}

func TestAckAfterDisablingIsHarmless(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) { s.Behaviour.DisableAfter = 1 })
	require.NoError(t, w.Plug(w.Now(), post, edrvsim.CarSpec{}))
	w.Advance(w.Now().Add(10 * time.Second))
	d := w.Take()
	require.NotNil(t, d)
	require.Nil(t, w.Take(), "one at a time for each station")
	w.Nack(d)
	w.Enable()
	w.Ack(d)
	w.Nack(d)
	w.Enable()
	require.NotEmpty(t, run(w, time.Minute))
}

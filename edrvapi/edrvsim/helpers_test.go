package edrvsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// post is the connector, and station, that most tests look at.
const (
	post    = "aaaaaaaaaaaaaaaaaaaaaaaa"
	station = "bbbbbbbbbbbbbbbbbbbbbbbb"
	site    = "cccccccccccccccccccccccc"
)

// steady is eDRV on a quiet day: everything takes as long as it says here.
func steady() edrvsim.Behaviour {
	b := edrvsim.DefaultBehaviour()
	b.Reaction = edrvsim.Exactly(2 * time.Second)
	b.Reply = edrvsim.Exactly(100 * time.Millisecond)
	b.HookDelay = edrvsim.Exactly(200 * time.Millisecond)
	b.Report = edrvsim.Exactly(30 * time.Second)
	b.Auth = edrvsim.Exactly(time.Second)
	b.Finish = edrvsim.Exactly(time.Second)
	b.Reboot = edrvsim.Exactly(30 * time.Second)
	return b
}

// onePost is a world with one 22 kW post on a grid connection.
func onePost(tb testing.TB, change func(*edrvsim.Spec, *edrvsim.ConnectorSpec)) *edrvsim.World {
	tb.Helper()
	w, err := edrvsim.New(onePostSpec(change))
	require.NoError(tb, err)
	return w
}

// forgetful is a change to a post that loses its limit when it reboots, and has
// a default of 6 A.
func forgetful(s *edrvsim.Spec, c *edrvsim.ConnectorSpec) {
	s.Behaviour.RebootLosesLimit = true
	c.Default = edrvsim.Amps(6)
}

func onePostSpec(change func(*edrvsim.Spec, *edrvsim.ConnectorSpec)) edrvsim.Spec {
	spec := edrvsim.NewSpec(7)
	spec.Behaviour = steady()
	spec.Locations = []edrvsim.LocationSpec{{ID: site}}
	spec.Circuits = []edrvsim.CircuitSpec{{ID: "grid", LimitWatts: 100e3}}
	c := edrvsim.ConnectorSpec{ID: post, Circuit: "grid"}
	if change != nil {
		change(&spec, &c)
	}
	spec.Stations = append(spec.Stations, edrvsim.StationSpec{ID: station, Location: site, Connectors: []edrvsim.ConnectorSpec{c}})
	return spec
}

// run advances the world and answers every webhook; it returns the messages.
func run(w *edrvsim.World, d time.Duration) []*edrvsim.Message {
	var got []*edrvsim.Message
	end := w.Now().Add(d)
	for {
		next, ok := w.Next()
		if !ok || next.After(end) {
			break
		}
		w.Advance(next)
		for d := w.Take(); d != nil; d = w.Take() {
			got = append(got, d.Message)
			w.Ack(d)
		}
	}
	w.Advance(end)
	return got
}

func types(messages []*edrvsim.Message) []string {
	out := make([]string, len(messages))
	for i, m := range messages {
		out[i] = m.Type
	}
	return out
}

// charge plugs a car in and lets its session start.
func charge(tb testing.TB, w *edrvsim.World, car edrvsim.CarSpec) (session string) {
	tb.Helper()
	require.NoError(tb, w.Plug(w.Now(), post, car))
	run(w, 10*time.Second)
	return truth(tb, w).Session
}

func truth(tb testing.TB, w *edrvsim.World) edrvsim.TrueConnector {
	tb.Helper()
	c, ok := w.Connector(post)
	require.True(tb, ok)
	return c
}

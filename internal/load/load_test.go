package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi"
)

func TestABrokenBoundIsTold(t *testing.T) {
	var out strings.Builder
	table := newTable(&out, false)
	table.most("p99", 99, 100, "ms")
	table.least("passes", 1, 1, "")
	table.note("p50", 1, "ms")
	require.True(t, table.ok)
	require.NotContains(t, out.String(), "BROKEN")
	table.most("p99", 101, 100, "ms")
	table.most("p99", 1, 100, "ms")
	require.False(t, table.ok)
	require.Equal(t, 1, strings.Count(out.String(), "BROKEN"))
}

func TestANoisyMachineIsForgivenItsSpeedAlone(t *testing.T) {
	var out strings.Builder
	table := newTable(&out, true)
	table.soon("p99", 101, 100, "ms")
	table.inTime("passes in time", 98, 99, "%")
	require.True(t, table.ok)
	require.Equal(t, 2, strings.Count(out.String(), "noisy"), "it is told all the same")
	table.most("reports lost", 1, 0, "")
	require.False(t, table.ok)
}

func TestNoFigureIsNoProof(t *testing.T) {
	table := newTable(io.Discard, false)
	var none float64
	table.least("share of passes in time", none/none, 99, "%")
	require.False(t, table.ok)
}

func TestSlope(t *testing.T) {
	require.InDelta(t, 3, slope([]float64{0, 1, 2, 3}, []float64{5, 8, 11, 14}), 1e-9)
	require.InDelta(t, 0, slope([]float64{0, 1, 2, 3}, []float64{1, 2, 2, 1}), 1e-9)
}

func TestQuantiles(t *testing.T) {
	var all []time.Duration
	for i := range 1000 {
		all = append(all, time.Duration(1000-i)*time.Millisecond)
	}
	s := sorted(all[:500], all[500:])
	require.InDelta(t, 501, quantile(s, 0.5), 0)
	require.InDelta(t, 991, quantile(s, 0.99), 0)
	require.InDelta(t, 1000, quantile(s, 1), 0)
}

// TestSendersSendWhatTheySay judges the messages as the daemon does.
func TestSendersSendWhatTheySay(t *testing.T) {
	verifier, err := edrvapi.NewVerifier(edrvapi.VerifierConfig{Secrets: []string{hookSecret}})
	require.NoError(t, err)
	var events []edrvapi.Event
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || verifier.Verify(r.Header, body, time.Now()) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		e, err := edrvapi.DecodeEvent(body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		events = append(events, e)
	}))
	defer server.Close()
	for what, want := range map[message]int{genuine: 200, stranger: 200, forged: 401, large: 401} {
		s := newSender(server.Listener.Addr().String(), what, time.Now(), 7)
		for range 4 {
			require.Equal(t, want, s.send(t.Context(), 3, report{session: "s3", watts: 4321}))
		}
		s.hangUp()
	}
	require.Len(t, events, 8)
	ids := map[string]bool{}
	for _, e := range events {
		ids[e.ID] = true
		if e.Session != nil && e.Session.ID == "s3" {
			require.Equal(t, connector(3), e.Session.Connector)
			require.Equal(t, edrvapi.Some(edrvapi.Milliwatts(4_321_000)), e.Session.Report.Power)
		}
	}
	require.Len(t, ids, 8, "no id comes twice")
}

func TestTheSceneHangsTogether(t *testing.T) {
	s := spec()
	require.Len(t, s.Circuits, circuits)
	require.Len(t, s.Stations, connectors)
	text := configuration(&s, "http://127.0.0.1:1/v1.1", t.TempDir(), usualCalls)
	require.Equal(t, connectors, strings.Count(text, "install_fallback: false"))
	require.Equal(t, circuits-1, strings.Count(text, "parent: "))
}

package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/web"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// step hands what waits to the model of the first site, and returns what it
// then looks like.
func (c *Controller) step(t *testing.T, now time.Time) string {
	t.Helper()
	model := c.setup.Load().sites[0].model
	model.Step(now, waiting(c)...)
	view, err := json.Marshal(model.View())
	require.NoError(t, err)
	return string(view)
}

// history is what eDRV tells of sessions that come and go at three posts:
// events that are distinct, in the order in which they happened.
func history(n int, from time.Time) (bodies []string) {
	for i := range n {
		session, post, turn := i/30, i/10%3, i%10
		moment := func(i int) string {
			return from.Add(time.Duration(i) * 100 * time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z")
		}
		at, created := moment(i), moment(i-turn)
		kind, status := "session.updated", "Started"
		switch turn {
		case 0:
			kind = "session.started"
		case 9:
			kind, status = "session.ended", "Ended"
		}
		bodies = append(bodies, fmt.Sprintf(`{"_id":"e%d","type":%q,"object":"session","data":{"_id":"s%d-%d","connector":"c%d","chargestation":"station%d",`+
			`"status":%q,"energy_report":{"timestamp":%q,"power":{"value":%d,"unit":"W"}},"createdAt":%q,"updatedAt":%q}}`,
			i, kind, session, post, post, post, status, at, 1000+i%3000, created, at))
	}
	return bodies
}

// TestReplayedDeliveriesChangeNothing replays old deliveries with fresh times, as
// somebody could who holds them where eDRV does not sign the time.
func TestReplayedDeliveriesChangeNothing(t *testing.T) {
	d := door(t)
	now := time.Now()
	bodies := history(3000, now.Add(-5*time.Minute))
	for _, body := range bodies {
		require.Equal(t, 200, d.post(body, sign(body, now)).Code)
		d.step(t, now)
	}
	before := d.step(t, now)
	for _, forgotten := range []bool{false, true} {
		for range 3 {
			if forgotten { // a replay from before what is remembered
				d.local.ids = seen{}
			}
			rand.Shuffle(len(bodies), func(i, k int) { bodies[i], bodies[k] = bodies[k], bodies[i] })
			for _, body := range bodies {
				require.Equal(t, 200, d.post(body, sign(body, now)).Code)
				if !forgotten {
					require.Zero(t, d.setup.Load().sites[0].inbox.depth(), "a delivery that was seen does not reach the model")
				}
			}
			require.JSONEq(t, before, d.step(t, now))
		}
	}
}

// TestTheOrderOfDeliveriesDoesNotMatter: doubled and shuffled, they come to the
// same.
func TestTheOrderOfDeliveriesDoesNotMatter(t *testing.T) {
	now := time.Now()
	for _, n := range []int{25, 47, 115} {
		bodies := history(n, now.Add(-time.Minute))
		var want string
		for shuffled := range 50 {
			d := door(t)
			order := rand.New(rand.NewPCG(1, uint64(shuffled))).Perm(2 * n)
			for k, i := range order {
				if shuffled == 0 {
					i = k
				}
				body := bodies[i%n]
				if i >= n { // the same again, as a new event
					body = strings.Replace(body, `{"_id":"e`, `{"_id":"again`, 1)
				}
				require.Equal(t, 200, d.post(body, sign(body, now)).Code)
				if k%3 == 0 {
					d.step(t, now)
				}
			}
			model := d.setup.Load().sites[0].model
			model.Step(now, waiting(d)...)
			model.Step(model.Wake()) // a pass, after which the circuits follow
			view := model.View()
			got, err := json.Marshal([]any{view.Circuits, view.Connectors})
			require.NoError(t, err)
			if shuffled == 0 {
				want = string(got)
			}
			require.JSONEq(t, want, string(got), "order %d of %d events", shuffled, n)
		}
	}
}

// TestStrangersLeaveNoTrace: events of other organisations, and of types and
// sessions that nobody knows, are answered, counted, and kept nowhere.
func TestStrangersLeaveNoTrace(t *testing.T) {
	d := door(t)
	now := time.Now()
	before := d.step(t, now)
	series := gather(t, d)
	const n = 10_000
	for i := range n {
		body := strings.ReplaceAll(sessionEvent(fmt.Sprint("f", i), fmt.Sprint("other", i)), "station0", fmt.Sprint("another", i))
		require.Equal(t, 200, d.post(body, sign(body, now)).Code)
		body = fmt.Sprintf(`{"_id":"u%d","type":"thing%d.happened","data":{"_id":"x%d"}}`, i, i, i)
		require.Equal(t, 200, d.post(body, sign(body, now)).Code)
		body = sessionEvent(fmt.Sprint("g", i), "c0")
		require.Equal(t, 401, d.post(body, sign(body+" ", now)).Code)
	}
	require.Equal(t, uint64(n), d.metrics.Webhooks(hookForeign))
	require.Equal(t, uint64(n), d.metrics.Webhooks(hookUnauthorized))
	require.Zero(t, d.setup.Load().sites[0].inbox.depth())
	require.JSONEq(t, before, d.step(t, now))
	require.Equal(t, series, gather(t, d), "no series came of what strangers sent")
}

// gather is how many series the daemon has.
func gather(t *testing.T, d *Controller) (n int) {
	t.Helper()
	families, err := d.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		n += len(f.GetMetric())
	}
	require.Positive(t, n)
	return n
}

// TestWhatIsKeptIsBounded: ids, what cannot be read, and sessions that begin and
// never end are kept up to a limit.
func TestWhatIsKeptIsBounded(t *testing.T) {
	d := door(t)
	now := time.Now()
	for i := range seenIDs + 1000 {
		d.local.ids.add(fmt.Sprint(i))
	}
	require.Len(t, d.local.ids.at, seenIDs)
	require.Len(t, d.local.ids.ring, seenIDs)
	for range maxDeadLetters + 100 {
		body := `{"_id":` + strings.Repeat("x", 3*maxDeadBytes)
		require.Equal(t, 200, d.post(body, sign(body, now)).Code)
		waiting(d)
	}
	require.Len(t, d.hooks.dead.ring, maxDeadLetters)
	for _, letter := range d.hooks.dead.ring {
		require.LessOrEqual(t, cap(letter.Body), 2*maxDeadBytes)
	}
	for i := range 10_000 {
		body := strings.ReplaceAll(sessionEvent(fmt.Sprint("e", i), "c0"), `"s1"`, fmt.Sprintf(`"s%d"`, i))
		require.Equal(t, 200, d.post(body, sign(body, now)).Code)
		d.step(t, now.Add(time.Duration(i)*time.Second))
	}
	view := d.setup.Load().sites[0].model.View()
	require.Len(t, view.Connectors, 3)
	running := 0
	for _, c := range view.Connectors {
		if c.Session != "" {
			running++
		}
	}
	require.Equal(t, 1, running, "a connector has one session")
}

// TestSecretsNeverLeave runs the daemon with its log at debug, through everything
// that it does, and looks for its secrets wherever it writes.
func TestSecretsNeverLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const token = "canary-of-the-admin-token-that-is-32-bytes-long"
		b, cfg := newYard(t, 6)
		cfg.Listen.AdminToken = config.NewSecret(token)
		var log bytes.Buffer
		b.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		b.start(cfg)
		b.plug(6, edrvsim.CarSpec{})
		time.Sleep(2 * time.Minute)

		var out strings.Builder
		fmt.Fprintf(&out, "%v %+v %#v", *cfg, *cfg, *cfg)
		dump, err := json.Marshal(cfg)
		require.NoError(t, err)
		out.Write(dump)
		for _, method := range []string{"GET", "PUT", "DELETE", "POST"} {
			for _, path := range []string{
				"/", "/sites/yard", "/metrics", "/healthz", "/readyz", "/debug/pprof/", "/debug/vars", "/api/v1/sites", "/api/v1/sites/yard",
				"/api/v1/sites/yard/history", "/api/v1/sites/yard/journal", "/api/v1/sites/yard/limits/x", "/api/v1/sites/yard/mode", "/nothing",
			} {
				for _, auth := range []string{"", "Bearer wrong", "Bearer " + token} {
					out.WriteString(b.ask(method, path, auth))
				}
			}
		}
		body := sessionEvent("e1", "c0")
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://daemon/webhooks/edrv", strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set(edrvsim.SignatureHeader, sign(body+"forged", time.Now()))
		hooks := &http.Client{Transport: &http.Transport{DialContext: b.hooks.dial, DisableKeepAlives: true}}
		answer, err := hooks.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		b.kill()
		require.Contains(t, log.String(), "eDRV call", "the log is at debug")
		require.Contains(t, log.String(), "refused a webhook")
		out.WriteString(log.String())
		for _, canary := range []string{testKey, testSecret, token} {
			require.NotContains(t, out.String(), canary)
		}
	})
}

// ask asks the admin listener, and returns all that it answers.
func (b *bench) ask(method, path, auth string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1"+path, strings.NewReader(`{"mode":"enforce"}`))
	require.NoError(b.t, err)
	r.Header.Set("Authorization", auth)
	answer, err := b.admin.Do(r)
	require.NoError(b.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(b.t, err)
	if strings.HasPrefix(path, "/debug/") {
		require.Equal(b.t, http.StatusNotFound, answer.StatusCode, "nothing of a profiler is served")
	}
	return fmt.Sprint(answer.Status, answer.Header, string(text))
}

// TestAWrongClockIsSaid: webhooks outside the tolerance are refused however many
// they are, and the skew is told and counted.
func TestAWrongClockIsSaid(t *testing.T) {
	for _, c := range []struct {
		skew  time.Duration
		says  string
		taken bool
	}{
		{0, "", true},
		{20 * time.Second, "", true},
		{45 * time.Second, "45s ahead of eDRV's", true},
		{-2 * time.Minute, "2m0s behind eDRV's", true},
		{10 * time.Minute, "10m0s ahead of eDRV's", false},
		{-2 * time.Hour, "2h0m0s behind eDRV's", false},
	} {
		t.Run(c.skew.String(), func(t *testing.T) {
			var log bytes.Buffer
			registry := prometheus.NewRegistry()
			clock := &clockWatch{
				metric: web.NewMetrics(registry, nil).ClockSkew,
				log:    slog.New(slog.NewTextHandler(&log, nil)),
			}
			local := time.Now()
			for range 10 {
				clock.compare(local.Add(-c.skew), local)
			}
			if c.says == "" {
				require.Empty(t, log.String())
			} else {
				require.Equal(t, 1, strings.Count(log.String(), c.says), "once a minute")
			}
			families, err := registry.Gather()
			require.NoError(t, err)
			skew := map[string]float64{}
			for _, f := range families {
				skew[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
			}
			require.InDelta(t, c.skew.Seconds(), skew["headroom_clock_skew_seconds"], 0.001)
			d := door(t)
			for i := range 20 {
				body := sessionEvent(fmt.Sprint("e", i), "c0")
				require.Equal(t, c.taken, d.post(body, sign(body, local.Add(-c.skew))).Code == 200, "the window is never widened")
			}
		})
	}
}

package controller

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// TestTroubleIsToldWithinATick: what goes wrong around the daemon is on its page
// in words and in its metrics one tick after it counts as trouble, not long
// before, and gone once it is mended.
func TestTroubleIsToldWithinATick(t *testing.T) {
	secrets(t)
	const (
		tick  = 5 * time.Second
		limit = "/api/v1/sites/yard/limits/dso"
	)
	for name, c := range map[string]struct {
		breaks func(*metered)
		after  time.Duration // until it counts as trouble
		words  []string      // on the page
		metric string
		mends  func(*metered)
		mended time.Duration
	}{
		"a reload with a broken file": {
			breaks: func(r *metered) { r.write("kw: 100", "kw: 1oo") },
			words: []string{
				"The changed configuration is not taken: the one before stays in force.",
				"headroom.yaml:7:39: sites[0].circuits[0].limit.kw: want a number of kilowatts",
			},
			metric: "headroom_config_reload_success 0",
			mends:  func(r *metered) { r.write("kw: 1oo", "kw: 100") },
			mended: tick,
		},
		"a lost meter": {
			breaks: func(r *metered) { r.silent.Store(true) },
			after:  30 * time.Second,
			words: []string{
				"Meter main is lost, so the base load counts at the most that it can draw",
				"lost: no reading for more than 30s",
				"meter main is lost (no reading for more than 30s",
			},
			metric: `headroom_meter_up{meter="main",site="yard"} 0`,
			mends:  func(r *metered) { r.silent.Store(false) },
			mended: 2 * tick,
		},
		"an external limit that expires": {
			breaks: func(r *metered) {
				until := time.Now().Add(time.Minute).Format(time.RFC3339)
				r.send(http.MethodPut, limit, `{"circuit":"grid","kw":60,"until":"`+until+`","fallback_kw":50}`)
			},
			after: time.Minute,
			words: []string{
				"dso expired: its fallback of 50.0 kW holds",
				"ended without being renewed: 50.0 kW holds",
				"external limit dso on grid expired: its fallback of 50 kW holds until it is renewed or ended",
			},
			metric: `headroom_external_limits{site="yard",state="fallback"} 1`,
			mends:  func(r *metered) { r.send(http.MethodDelete, limit, "") },
			mended: tick,
		},
		"an outage of the webhooks": {
			breaks: func(r *metered) { r.eDRV.SetWebhook(edrvsim.Webhook{}) },
			after:  90 * time.Second,
			words: []string{
				"On hold: limits are lowered, but none is raised.",
				"No webhook for more than 1m30s although sessions are running: has eDRV disabled the endpoint?",
				"site yard is in state hold: no webhook for more than 1m30s",
			},
			metric: `headroom_site_state{site="yard",state="hold"} 1`,
			mends: func(r *metered) {
				r.eDRV.SetWebhook(edrvsim.Webhook{URL: "http://daemon/webhooks/edrv", Signing: edrvsim.Signing{Secret: testSecret}})
			},
			mended: 5 * time.Minute, // of which recover_after must be without trouble
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newMetered(t)
				require.Contains(t, r.page(), "Safe. The site is congested")
				c.breaks(r)
				if time.Sleep(c.after / 2); c.after > 0 {
					require.NotContains(t, r.page(), c.words[0])
					require.NotContains(t, r.get("/metrics"), "\n"+c.metric+"\n")
				}
				time.Sleep(c.after/2 + tick)
				for _, words := range c.words {
					require.Contains(t, r.page(), words)
				}
				require.Contains(t, r.get("/metrics"), "\n"+c.metric+"\n")
				c.mends(r)
				time.Sleep(c.mended)
				require.NotContains(t, r.get("/metrics"), "\n"+c.metric+"\n")
				require.NotContains(t, r.page(), c.words[0])
			})
		})
	}
}

// metered is a daemon with a meter, which the test reads.
type metered struct {
	*reloading
	silent atomic.Bool
}

func newMetered(t *testing.T) *metered {
	t.Helper()
	r := &metered{reloading: newReloading(t, 6)}
	var reading sync.WaitGroup
	t.Cleanup(reading.Wait)
	reading.Go(func() {
		for watts := 8 * policy.Kilowatt; t.Context().Err() == nil; watts ^= policy.Watt { // never the same twice
			if !r.silent.Load() {
				_ = r.daemon.Set(t.Context(), "yard", core.Metered{Meter: "main", Power: watts})
			}
			time.Sleep(2 * time.Second)
		}
	})
	// Nobody listens there: the only readings are those above.
	r.write("limit: {kw: 100}}]", "limit: {kw: 100}, base_load: {meter: main, max: {kw: 20}}}]\n"+
		`    meters: {main: {type: http, url: "http://127.0.0.1:1/power", every: 5s, stale: 30s}}`)
	time.Sleep(5 * time.Minute)
	return r
}

var tags = regexp.MustCompile(`<[^>]*>`)

// page is the text of the page.
func (r *metered) page() string {
	text := tags.ReplaceAllString(r.get("/sites/yard"), " ")
	return strings.Join(strings.Fields(html.UnescapeString(text)), " ")
}

func (r *metered) send(method, path, body string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://127.0.0.1"+path, strings.NewReader(body))
	require.NoError(r.t, err)
	answer, err := r.admin.Do(req)
	require.NoError(r.t, err)
	defer answer.Body.Close()
	require.Less(r.t, answer.StatusCode, 300)
}

package controller

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// delivery is one webhook, signed.
type delivery struct{ body, signature string }

// deliveries are n reports with ids of their own.
func deliveries(n int) []delivery {
	all := make([]delivery, n)
	for i := range all {
		body := fmt.Sprintf(`{"_id":"6500a1b2c3d4e5f6%08x","data":{"_id":"6500a1b2c3d4e5f601020302","user":"6500a1b2c3d4e5f601020303",`+
			`"chargestation":"station%d","connector":"c%d","status":"Started","rate":"6500a1b2c3d4e5f601020306","cost":{"amount":9.25,"currency":"eur"},`+
			`"metrics":{"chargingStart":"2023-09-12T16:01:00.100Z","chargingStop":"2023-09-12T15:59:55.000Z","energyPeriod":1200,"energyConsumed":3512},`+
			`"energy_report":{"timestamp":"2023-09-12T16:21:00Z","current":{"value":15.9,"unit":"A"},"power":{"value":10.9,"unit":"kW"},"energy_meter":{"value":215.83,"unit":"kWh"}},`+
			`"meta_data":{"session_source":"Kiosk"},"createdAt":"2023-09-12T16:00:58.660Z","updatedAt":"2023-09-12T16:21:01.020Z"},`+
			`"object":"session","type":"session.updated","createdAt":"2023-09-12T16:21:01.063Z"}`, i, i%3, i%3)
		all[i] = delivery{body, sign(body, time.Now())}
	}
	return all
}

// bare is the least that anybody would do with a delivery: one HMAC, and one
// decoding by encoding/json.
func bare(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	stamp, digest, _ := strings.Cut(strings.TrimPrefix(r.Header.Get(edrvapi.SignatureHeader), "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	if !hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(digest)) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	type value struct {
		Value float64 `json:"value"`
		Unit  string  `json:"unit"`
	}
	var event struct {
		ID   string `json:"_id"`
		Type string `json:"type"`
		Data struct {
			ID        string `json:"_id"`
			Station   string `json:"chargestation"`
			Connector string `json:"connector"`
			Status    string `json:"status"`
			Metrics   struct {
				Start    time.Time `json:"chargingStart"`
				Consumed float64   `json:"energyConsumed"`
			} `json:"metrics"`
			Report struct {
				Timestamp time.Time `json:"timestamp"`
				Current   value     `json:"current"`
				Power     value     `json:"power"`
			} `json:"energy_report"`
			Meta      map[string]string `json:"meta_data"`
			UpdatedAt time.Time         `json:"updatedAt"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &event) != nil || event.Data.Connector == "" {
		w.WriteHeader(http.StatusBadRequest)
	}
}

// answer is a ResponseWriter that keeps the status only.
type answer struct{ status int }

func (*answer) Header() http.Header         { return http.Header{} }
func (*answer) Write(p []byte) (int, error) { return len(p), nil }
func (a *answer) WriteHeader(status int)    { a.status = status }

// BenchmarkWebhook compares the way of a delivery from its request to the mailbox
// with the bare handler, in one run. It fails below 0.6 of the bare one's rate.
//
//	go test ./controller -run '^$' -bench Webhook
func BenchmarkWebhook(b *testing.B) {
	all := deliveries(1 << 13)
	d := door(b)
	measure := func(name string, serve http.HandlerFunc) (perSecond float64) {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodPost, "/webhooks/edrv", http.NoBody)
			w := new(answer)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(all) == 0 {
					d.local.ids = seen{}
				}
				one := &all[i%len(all)]
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(one.body)), int64(len(one.body))
				r.Header.Set(edrvsim.SignatureHeader, one.signature)
				w.status = http.StatusOK
				serve(w, r)
				if w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
			perSecond = float64(b.N) / b.Elapsed().Seconds()
		})
		return perSecond
	}
	least := measure("bare", bare)
	ours := measure("headroom", d.hooks.ServeHTTP)
	require.Zero(b, d.metrics.Webhooks(hookDuplicate))
	b.Logf("%.0f/s of the bare handler's %.0f/s: %.2f", ours, least, ours/least)
	if least > 0 && ours < 0.6*least { // 0: -bench chose one of them
		b.Fatal("less than 0.6 of the bare handler's rate")
	}
}

// BenchmarkEvent measures what the model spends on one report, by the number of
// connectors: it does not grow with them. A pass does, and comes once for all
// events that wait.
//
//	go test ./controller -run '^$' -bench 'Event|Pass'
func BenchmarkEvent(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint("connectors=", n), func(b *testing.B) {
			model, sessions, now := crowd(b, n)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s := sessions[i%100] // as many at every size: the memory that is touched is not what is measured
				s.UpdatedAt = now.Add(time.Duration(i))
				model.Step(now, core.SessionSeen{Session: s})
			}
		})
	}
}

// BenchmarkPass measures a whole decision.
func BenchmarkPass(b *testing.B) {
	for _, n := range []int{100, 1000, 2000, 10_000} {
		b.Run(fmt.Sprint("connectors=", n), func(b *testing.B) {
			model, _, now := crowd(b, n)
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(5 * time.Second)
				model.Step(now, core.Heard{})
			}
		})
	}
}

// crowd is a site with a session at every connector, ten on a row, in conflict.
func crowd(b *testing.B, n int) (*core.Site, []edrvapi.Session, time.Time) {
	b.Helper()
	now := time.Now()
	rule, err := policy.RuleNamed("equal")
	require.NoError(b, err)
	wiring := policy.Wiring{Phases: policy.AllPhases, Volts: 230}
	set := core.Settings{ID: "yard", Zone: time.UTC, Rule: rule, Timing: core.Timing{
		Tick: 5 * time.Second, Resync: time.Minute, ReportStale: 90 * time.Second, VerdictTimeout: 2 * time.Minute, Settle: 5 * time.Second,
		RaiseEvery: 30 * time.Second, DisengageAfter: time.Minute, Rotate: 15 * time.Minute, ResumeAfter: 10 * time.Minute,
		Reassert: 5 * time.Minute, RecoverAfter: 2 * time.Minute,
	}}
	limit := func(amps policy.Milliamps) policy.Load { return policy.NoLimit().Tightest(wiring.At(amps)) }
	set.Circuits = append(set.Circuits, core.Circuit{ID: "grid", Limit: limit(policy.Milliamps(n) * 14 * policy.Ampere)})
	var sessions []edrvapi.Session
	for i := range n {
		row := fmt.Sprint("row", i/10)
		if i%10 == 0 {
			set.Circuits = append(set.Circuits, core.Circuit{ID: row, Parent: "grid", Limit: limit(160 * policy.Ampere)})
		}
		id := fmt.Sprint("c", i)
		set.Connectors = append(set.Connectors, core.Connector{
			ID: id, Station: "station" + id, Circuit: row, Wiring: wiring, Min: 6 * policy.Ampere, Max: 32 * policy.Ampere,
			Fallback: 6 * policy.Ampere, CanPause: true, Weight: 1000,
		})
		s := edrvapi.Session{ID: "s" + id, Connector: id, Station: "station" + id, Status: edrvapi.SessionStarted, UpdatedAt: now}
		s.Report.Power = edrvapi.Some(edrvapi.Milliwatts(4_000_000))
		sessions = append(sessions, s)
	}
	model, err := core.New(set, core.Saved{}, now)
	require.NoError(b, err)
	model.Step(now, core.Grouped{}, core.Listed{Began: now, Sessions: sessions})
	return model, sessions, now
}

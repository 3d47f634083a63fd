package edrvsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

const key = "a-key"

// api calls a server, or a bare handler.
type api struct {
	t    *testing.T
	base string
	key  string
	http *http.Client
}

// handlerOf is the REST API of a world that stands still.
func handlerOf(t *testing.T, w *edrvsim.World, opts edrvsim.Options) (*api, *edrvsim.Server) {
	t.Helper()
	opts.World, opts.APIKey = w, key
	opts.Speed = 1e6 // replies need not take their time
	srv := edrvsim.NewServer(opts)
	ts := httptest.NewServer(srv.Handler())
	t.Cleanup(ts.Close)
	return &api{t, ts.URL + "/v1.1", key, ts.Client()}, srv
}

func (a *api) call(method, path, body string) (int, http.Header, []byte) {
	a.t.Helper()
	resp, err := a.do(method, path, body)
	require.NoError(a.t, err)
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	return resp.StatusCode, resp.Header, out
}

func (a *api) do(method, path, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, bytes.NewBufferString(body))
	require.NoError(a.t, err)
	req.Header.Set("Authorization", "Bearer "+a.key)
	return a.http.Do(req)
}

func (a *api) expect(status int, method, path, body string) []byte {
	a.t.Helper()
	got, _, out := a.call(method, path, body)
	require.Equal(a.t, status, got, "%s %s: %s", method, path, out)
	return out
}

func TestBearerTokenIsChecked(t *testing.T) {
	a, _ := handlerOf(t, onePost(t, nil), edrvsim.Options{})
	a.key = "wrong"
	require.JSONEq(t, `{"ok":false,"message":"jwt expired","result":null}`, string(a.expect(401, "GET", "/sessions", "")))
}

func TestRESTSessions(t *testing.T) {
	w := onePost(t, nil)
	session := charge(t, w, edrvsim.CarSpec{User: "u"})
	run(w, time.Minute)
	a, srv := handlerOf(t, w, edrvsim.Options{WorldTimes: true})

	list := a.expect(200, "GET", "/sessions?status=Started&paginate_limit=5", "")
	var got struct {
		OK      bool
		HasNext *bool
		Result  []map[string]any
	}
	require.NoError(t, json.Unmarshal(list, &got))
	require.True(t, got.OK)
	require.False(t, *got.HasNext)
	require.Len(t, got.Result, 1)
	s := got.Result[0]
	require.Equal(t, session, s["_id"])
	require.Equal(t, "Started", s["status"])
	require.Equal(t, station, s["chargestation"])
	require.Equal(t, "2026-01-05T06:00:00.000Z", s["createdAt"].(string)[:17]+"00.000Z")
	require.Equal(t, map[string]any{"value": 22.08, "unit": "kW"}, s["energy_report"].(map[string]any)["power"])
	require.Contains(t, string(a.expect(200, "GET", "/sessions?status=Ended", "")), `"result":[]`)

	reply := a.expect(200, "POST", "/sessions/"+session+"/set_power_limit", `{"unit":"current","limit":10}`)
	require.Equal(t, `"APIRequested"`, string(field(t, reply, "result", "status")))
	require.JSONEq(t, `{"unit":"current","limit":10}`, string(field(t, reply, "result", "data")))
	srv.Do(func(w *edrvsim.World) { run(w, 10*time.Second) })
	require.Equal(t, 10.0, srv.TrueState().Connectors[0].Amps[0])

	a.expect(200, "POST", "/sessions/"+session+"/clear_power_limit", "")
	a.expect(200, "GET", "/sessions/"+session, "")
	a.expect(404, "GET", "/sessions/000000000000000000000000", "")
	a.expect(405, "POST", "/sessions/"+session+"/stop", "")
	a.expect(200, "GET", "/sessions/"+session+"/stop", "")
	srv.Do(func(w *edrvsim.World) { run(w, 10*time.Second) })
	require.Equal(t, `"Ended"`, string(field(t, a.expect(200, "GET", "/sessions/"+session, ""), "result", "status")))
	a.expect(200, "POST", "/sessions", `{"connector":"`+post+`","user":"u","target":{"energy":3},"meta_data":{"a":"b"}}`)

	calls := srv.TrueState().Calls
	require.Equal(t, uint64(2), calls["sessions.list"])
	require.Equal(t, uint64(1), calls["sessions.set_power_limit"])
}

func TestRESTSites(t *testing.T) {
	a, _ := handlerOf(t, troubled(t, 1, nil), edrvsim.Options{})
	require.Contains(t, string(a.expect(200, "GET", "/locations", "")), `"operatorName":"Here"`)
	require.Equal(t, `"There"`, string(field(t, a.expect(200, "GET", "/locations/there", ""), "result", "operatorName")))
	a.expect(404, "GET", "/locations/nowhere", "")
	a.expect(404, "GET", "/chargestations/nowhere/connectors", "")
	require.Len(t, list(t, a.expect(200, "GET", "/chargestations", "")), 12)
	require.Len(t, list(t, a.expect(200, "GET", "/chargestations?location=here", "")), 6)
	require.Empty(t, list(t, a.expect(200, "GET", "/chargestations?online=false", "")))
	require.Len(t, list(t, a.expect(200, "GET", "/chargestations?paginate_limit=5&paginate_page=3", "")), 2)
	a.expect(400, "GET", "/chargestations?paginate_page=none", "")

	st := list(t, a.expect(200, "GET", "/chargestations?include_location=true", ""))[0]
	require.Equal(t, `"there"`, string(field(t, st, "location", "_id")))
	var id string
	require.NoError(t, json.Unmarshal(field(t, st, "_id"), &id))
	a.expect(200, "GET", "/chargestations/"+id, "")
	connectors := list(t, a.expect(200, "GET", "/chargestations/"+id+"/connectors", ""))
	require.Len(t, connectors, 2)
	require.NoError(t, json.Unmarshal(field(t, connectors[1], "_id"), &id))
	require.Equal(t, `"AC_3_PHASE"`, string(field(t, a.expect(200, "GET", "/connectors/"+id, ""), "result", "power_type")))
	a.expect(404, "GET", "/chargestations/x", "")
	a.expect(404, "GET", "/nonsense", "")
	a.expect(200, "GET", "/connectors/"+id+"/get_composite_schedule/", "")
	a.expect(200, "GET", "/connectors/"+id+"/get_composite_schedule", "")
}

func TestRESTDefaultsProfilesAndGroups(t *testing.T) {
	a, _ := handlerOf(t, onePost(t, nil), edrvsim.Options{})
	six := `{"unit":"current","limit":6}`
	require.Equal(t, `"connector.set_power_limit"`, string(field(t, a.expect(200, "POST", "/connectors/"+post+"/set_default_power_limit", six), "result", "type")))
	a.expect(200, "POST", "/chargestations/"+station+"/set_default_power_limit", six)
	a.expect(200, "POST", "/connectors/"+post+"/clear_default_power_limit", "")
	a.expect(200, "POST", "/chargestations/"+station+"/clear_default_power_limit", "")
	a.expect(400, "POST", "/connectors/"+post+"/set_default_power_limit", `{"unit":"current"}`)
	a.expect(400, "POST", "/connectors/"+post+"/set_default_power_limit", `{"unit":"kW","limit":6}`)
	a.expect(400, "POST", "/connectors/"+post+"/set_default_power_limit", `six`)
	a.expect(200, "POST", "/chargestations/"+station+"/set_charging_profile", `{}`)
	a.expect(200, "POST", "/chargestations/"+station+"/clear_charging_profile", `{}`)

	made := a.expect(200, "POST", "/load_management/groups", `{"name":"g","maximum_capacity":50,"location":"`+site+`"}`)
	var id string
	require.NoError(t, json.Unmarshal(field(t, made, "result", "_id"), &id))
	a.expect(200, "POST", "/load_management/groups/"+id+"/chargestations", `{"connectors":[{"_id":"`+post+`"}]}`)
	a.expect(404, "POST", "/load_management/groups/"+id+"/chargestations", `{"connectors":[{"_id":"x"}]}`)
	require.Contains(t, string(a.expect(200, "GET", "/load_management/groups", "")), post)
	require.Contains(t, string(a.expect(200, "GET", "/load_management/groups/"+id, "")), post)
}

func TestVerbOfTheLimitCallIsAnOption(t *testing.T) {
	w := onePost(t, nil)
	session := charge(t, w, edrvsim.CarSpec{})
	a, _ := handlerOf(t, w, edrvsim.Options{LimitMethod: http.MethodPut})
	a.expect(405, "POST", "/sessions/"+session+"/set_power_limit", `{"unit":"current","limit":10}`)
	a.expect(200, "PUT", "/sessions/"+session+"/set_power_limit", `{"unit":"current","limit":10}`)
}

func TestAPIFaultsOverHTTP(t *testing.T) {
	with := func(f edrvsim.Fault) *api {
		a, _ := handlerOf(t, troubled(t, 1, edrvsim.Faults{f: 1}), edrvsim.Options{})
		return a
	}
	status, header, _ := with(edrvsim.APIThrottled).call("GET", "/sessions", "")
	require.Equal(t, 429, status)
	require.NotEmpty(t, header.Get("Retry-After"))
	status, header, _ = with(edrvsim.APIThrottledBare).call("GET", "/sessions", "")
	require.Equal(t, 429, status)
	require.Empty(t, header.Get("Retry-After"))

	_, err := with(edrvsim.APIReset).do("GET", "/sessions", "")
	require.Error(t, err)

	a, seen := with(edrvsim.APIError), map[int]bool{}
	for range 20 {
		status, _, _ := a.call("GET", "/sessions", "")
		seen[status] = true
	}
	require.Equal(t, map[int]bool{500: true, 502: true}, seen)
	require.Contains(t, string(with(edrvsim.APIRefused).expect(405, "POST", "/sessions", `{}`)), "balance")
}

func list(t *testing.T, body []byte) []json.RawMessage {
	t.Helper()
	var out []json.RawMessage
	require.NoError(t, json.Unmarshal(field(t, body, "result"), &out))
	return out
}

// receiver is a client's webhook listener.
type receiver struct {
	mu     sync.Mutex
	status int
	got    []received
}

type received struct {
	at        time.Time
	signature string
	body      []byte
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, received{time.Now(), req.Header.Get(edrvsim.SignatureHeader), body})
	w.WriteHeader(r.status)
}

func (r *receiver) take() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.got
	r.got = nil
	return out
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// inMemory runs a server and a webhook receiver in a bubble, over pipes.
func inMemory(t *testing.T, opts edrvsim.Options, play func(a *api, srv *edrvsim.Server, hooks *receiver),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rest, hooks := edrvsim.NewPipeListener(), edrvsim.NewPipeListener()
		recv := &receiver{status: http.StatusOK}
		hookServer := &http.Server{Handler: recv, ReadHeaderTimeout: time.Minute}
		opts.APIKey, opts.WebhookClient = key, hooks.Client()
		opts.Webhook.URL = "http://client/webhooks/edrv"
		srv := edrvsim.NewServer(opts)
		client := rest.Client()

		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { _ = hookServer.Serve(hooks) })
		group.Go(func() { _ = srv.Run(ctx, rest) })
		defer func() {
			client.CloseIdleConnections()
			cancel()
			_ = hookServer.Close()
			group.Wait()
		}()
		play(&api{t, "http://edrv/v1.1", key, client}, srv, recv)
	})
}

func TestServerInABubble(t *testing.T) {
	w := onePost(t, nil)
	signing := edrvsim.Signing{Secret: "s3cret", Scheme: edrvsim.SignTimestampBody}
	inMemory(t, edrvsim.Options{World: w, Webhook: edrvsim.Webhook{Signing: signing}}, func(a *api, srv *edrvsim.Server, hooks *receiver) {
		t := a.t
		began := time.Now()
		srv.Do(func(w *edrvsim.World) { _ = w.Plug(w.Now(), post, edrvsim.CarSpec{}) })
		time.Sleep(90 * time.Second)
		var reports int
		for _, r := range hooks.take() {
			var sent struct {
				Type      string    `json:"type"`
				CreatedAt time.Time `json:"createdAt"`
			}
			require.NoError(t, json.Unmarshal(r.body, &sent))
			require.WithinDuration(t, r.at, sent.CreatedAt, time.Second, "times on the wire are the clock's")
			require.Equal(t, signing.Header(r.body, r.at), r.signature)
			if sent.Type == "session.updated" {
				reports++
			}
		}
		require.Equal(t, 2, reports)

		session := list(t, a.expect(200, "GET", "/sessions?status=Started", ""))[0]
		require.Equal(t, 90*time.Second+100*time.Millisecond, time.Since(began), "a reply takes its time")
		var id string
		require.NoError(t, json.Unmarshal(field(t, session, "_id"), &id))
		a.expect(200, "POST", "/sessions/"+id+"/set_power_limit", `{"unit":"current","limit":10}`)
		time.Sleep(5 * time.Second)
		require.Equal(t, 10.0, srv.TrueState().Connectors[0].Amps[0])
		require.Len(t, hooks.take(), 3, "the order's two, and a report")
	})
}

func TestWebhooksAreRetriedThenDisabled(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) {
		s.Behaviour.Retry = []time.Duration{5 * time.Second, 5 * time.Second}
		s.Behaviour.DisableAfter = 7
	})
	inMemory(t, edrvsim.Options{World: w}, func(a *api, srv *edrvsim.Server, hooks *receiver) {
		t := a.t
		hooks.answer(http.StatusNoContent) // only 200 is an answer
		srv.Do(func(w *edrvsim.World) { _ = w.Plug(w.Now(), post, edrvsim.CarSpec{}) })
		time.Sleep(8 * time.Second)
		got := hooks.take()
		require.Len(t, got, 2)
		require.Equal(t, got[0].body, got[1].body, "the same event again")
		time.Sleep(time.Hour)
		require.Len(t, hooks.take(), 5)
		require.True(t, srv.TrueState().Hook.Disabled)
		hooks.answer(http.StatusOK)
		srv.Do((*edrvsim.World).Enable)
		time.Sleep(time.Minute)
		require.NotEmpty(t, hooks.take())
	})
}

func TestServerAtHighSpeedOverLoopback(t *testing.T) {
	recv := &receiver{status: http.StatusOK}
	hooks := httptest.NewServer(recv)
	defer hooks.Close()
	srv := edrvsim.NewServer(edrvsim.Options{
		World: busyWorld(t, nil), APIKey: key, Speed: 3600,
		Webhook: edrvsim.Webhook{URL: hooks.URL, Signing: edrvsim.Signing{Secret: "s"}},
	})
	base, err := srv.Start(t.Context())
	require.NoError(t, err)
	a := &api{t, base, key, &http.Client{Transport: &http.Transport{}}}
	defer a.http.CloseIdleConnections()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if len(list(t, a.expect(200, "GET", "/sessions?status=Started", ""))) > 5 {
			break
		}
		require.True(t, time.Now().Before(deadline), "no sessions after twenty hours of world time")
	}
	require.NoError(t, srv.Close())
	require.NotEmpty(t, recv.take())
	require.Zero(t, srv.TrueState().Hook.Failed)
}

func TestWebhookCanBeChangedWhileRunning(t *testing.T) {
	inMemory(t, edrvsim.Options{World: onePost(t, nil)}, func(a *api, srv *edrvsim.Server, hooks *receiver) {
		t := a.t
		srv.SetWebhook(edrvsim.Webhook{})
		srv.Do(func(w *edrvsim.World) { _ = w.Plug(w.Now(), post, edrvsim.CarSpec{User: "Zoë"}) })
		time.Sleep(time.Minute)
		require.Empty(t, hooks.take(), "without a URL events go nowhere")
		srv.SetWebhook(edrvsim.Webhook{URL: "http://client/", EscapeUnicode: true, Signing: edrvsim.Signing{Scheme: edrvsim.Unsigned}})
		time.Sleep(time.Minute)
		got := hooks.take()
		require.NotEmpty(t, got)
		require.Empty(t, got[0].signature)
		require.Contains(t, string(got[0].body), `Zo\u00eb`)
	})
}

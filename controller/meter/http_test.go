package meter

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/policy"
)

// readings runs a meter and yields what it brings.
func readings(t *testing.T, c config.Meter) <-chan Reading {
	t.Helper()
	m, err := New("main", c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	out, done := make(chan Reading), make(chan struct{})
	go func() {
		defer close(done)
		m.Run(ctx, func(r Reading) {
			select {
			case out <- r:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return out
}

// first is the first reading of a meter.
func first(t *testing.T, c config.Meter) Reading {
	t.Helper()
	return one(t, readings(t, c))
}

// one is the next reading.
func one(t *testing.T, from <-chan Reading) Reading {
	t.Helper()
	select {
	case r := <-from:
		return r
	case <-time.After(time.Minute):
		t.Fatal("no reading at all")
		return Reading{}
	}
}

func httpMeter(url string) config.Meter {
	return config.Meter{Type: config.MeterHTTP, URL: url, Field: "power", Unit: config.UnitWatts, Every: 10 * time.Millisecond, Stale: 10 * time.Second}
}

func TestHTTP(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		change  func(*config.Meter)
		want    policy.Milliwatts
		err     string
	}{
		"a reading": {answer(200, `{"power": 12.5}`), nil, 12_500, ""},
		"a login": {func(w http.ResponseWriter, r *http.Request) {
			if name, password, _ := r.BasicAuth(); name != "me" || password != "secret" {
				w.WriteHeader(401)
			}
			_, _ = io.WriteString(w, `{"power": 1}`)
		}, func(m *config.Meter) { m.Username, m.Password = "me", config.NewSecret("secret") }, 1000, ""},
		"a token": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				w.WriteHeader(403)
			}
			_, _ = io.WriteString(w, `{"power": 1}`)
		}, func(m *config.Meter) { m.Token = config.NewSecret("secret") }, 1000, ""},
		"no login":          {answer(401, ""), nil, 0, "it refuses the login (HTTP 401)"},
		"an error":          {answer(500, "oh"), nil, 0, "it answers with HTTP 500"},
		"too long":          {answer(200, `{"power": 1, "x": "`+strings.Repeat("x", maxAnswer)+`"}`), nil, 0, "more than 64 KiB"},
		"nonsense":          {answer(200, `{"power": "NaN"}`), nil, 0, `"NaN" is no number`},
		"breaks off":        {breaksOff, nil, 0, "its answer breaks off"},
		"nobody listens":    {nil, func(m *config.Meter) { m.URL = "http://127.0.0.1:1/secret?token=canary" }, 0, "refused"},
		"it hangs for ever": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(m *config.Meter) { m.Stale = 200 * time.Millisecond }, 0, "it does not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			m := httpMeter(server.URL)
			if c.change != nil {
				c.change(&m)
			}
			r := first(t, m)
			if c.err != "" {
				require.ErrorContains(t, r.Err, c.err)
				require.NotContains(t, r.Err.Error(), "canary")
				require.Zero(t, r.Power)
				return
			}
			require.NoError(t, r.Err)
			require.Equal(t, c.want, r.Power)
		})
	}
}

// breaksOff promises more than it sends.
func breaksOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"power": 1`)
}

func TestARedirectIsNotFollowed(t *testing.T) {
	asked := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked = true
		_, _ = io.WriteString(w, `{"power": 1}`)
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer server.Close()
	m := httpMeter(server.URL)
	m.Token = config.NewSecret("secret")
	require.ErrorContains(t, first(t, m).Err, "it redirects (HTTP 302), which is not followed")
	require.False(t, asked)
}

func TestAMeterComesBack(t *testing.T) {
	broken := make(chan bool, 1)
	broken <- true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-broken:
			w.WriteHeader(503)
		default:
			_, _ = io.WriteString(w, `{"power": 7}`)
		}
	}))
	defer server.Close()
	next := readings(t, httpMeter(server.URL))
	require.Error(t, one(t, next).Err)
	r := one(t, next)
	require.NoError(t, r.Err)
	require.Equal(t, 7*policy.Watt, r.Power)
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"power": 7}`) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a refused handshake is expected
	server.StartTLS()
	defer server.Close()
	m := httpMeter(server.URL)
	require.ErrorContains(t, first(t, m).Err, "certificate")

	m.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(m.CAFile, block, 0o600))
	require.NoError(t, first(t, m).Err)

	require.NoError(t, os.WriteFile(m.CAFile, []byte("none"), 0o600))
	_, err := New("main", m)
	require.ErrorContains(t, err, "holds no certificate")
	_, err = New("main", config.Meter{Type: config.MeterModbus})
	require.ErrorContains(t, err, "type modbus can not be read")
}

func TestPrometheus(t *testing.T) {
	vector := func(series ...string) string {
		return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(series, ",") + `]}}`
	}
	one := func(value string) string { return `{"metric":{"job":"grid"},"value":[1780300800.123,"` + value + `"]}` }
	for name, c := range map[string]struct {
		status int
		body   string
		want   policy.Milliwatts
		err    string
	}{
		"one series":      {200, vector(one("12500.5")), 12_500_500, ""},
		"a scalar":        {200, `{"status":"success","data":{"resultType":"scalar","result":[1780300800,"3"]}}`, 3000, ""},
		"with a warning":  {200, `{"status":"success","warnings":["slow"],"data":{"resultType":"vector","result":[` + one("1") + `]}}`, 1000, ""},
		"NaN":             {200, vector(one("NaN")), 0, `"NaN" is no number`},
		"no series":       {200, vector(), 0, "has no answer: the series ended"},
		"several series":  {200, vector(one("1"), one("2")), 0, "has 2 answers: make it one"},
		"a range":         {200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`, 0, "yields a matrix"},
		"a wrong query":   {400, `{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected end of input"}`, 0, "HTTP 400: 1:5: parse error"},
		"not Prometheus":  {200, `<html>`, 0, "none of Prometheus's"},
		"a strange value": {200, `{"status":"success","data":{"resultType":"scalar","result":[1,2]}}`, 0, "none of Prometheus's"},
		"an error in 200": {200, `{"status":"error","error":"no"}`, 0, "fails: no"},
		"unavailable":     {503, `upstream`, 0, "it answers with HTTP 503"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/prom/api/v1/query" || r.FormValue("query") != "sum(p)" || r.FormValue("lookback_delta") != "10" || r.FormValue("tenant") != "a" {
					w.WriteHeader(404)
					return
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			r := first(t, config.Meter{
				Type: config.MeterPrometheus, URL: server.URL + "/prom/?tenant=a", Query: "sum(p)", Unit: config.UnitWatts,
				Every: 10 * time.Millisecond, Stale: 10 * time.Second,
			})
			if c.err != "" {
				require.ErrorContains(t, r.Err, c.err)
				return
			}
			require.NoError(t, r.Err)
			require.Equal(t, c.want, r.Power)
		})
	}
}

func TestPrometheusAsksForEachPhase(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value := map[string]string{"p1": "1", "p2": "2", "p3": "3"}[r.FormValue("query")]
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"`+value+`"]}}`)
	}))
	defer server.Close()
	r := first(t, config.Meter{
		Type: config.MeterPrometheus, URL: server.URL, Phases: []string{"p1", "p2", "p3"}, Unit: config.UnitKilowatts,
		Every: 10 * time.Millisecond, Stale: 10 * time.Second,
	})
	require.NoError(t, r.Err)
	require.Equal(t, Reading{Power: 6 * policy.Kilowatt, PerPhase: [3]policy.Milliwatts{policy.Kilowatt, 2 * policy.Kilowatt, 3 * policy.Kilowatt}, Phases: true}, r)
}

package edrvapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRequests: every call asks for what eDRV's documentation says, and reads its
// answer.
func TestRequests(t *testing.T) {
	const action = `{"_id":"act1","type":"session.set_power_limit","status":"APIRequested","session":"s1",
		"data":{"unit":"current","limit":13.7}}`
	queued := func(t *testing.T, a Action, err error) {
		require.NoError(t, err)
		require.Equal(t, "act1", a.ID)
		require.Equal(t, ActionAPIRequested, a.Status)
	}
	for name, tc := range map[string]struct {
		want   string // method, URL and body
		result string
		call   func(t *testing.T, c *Client)
	}{
		"session": {"GET /v1.1/sessions/s1 ", `{"_id":"s1","status":"Started"}`, func(t *testing.T, c *Client) {
			s, err := c.Session(t.Context(), "s1")
			require.NoError(t, err)
			require.Equal(t, SessionStarted, s.Status)
		}},
		"station": {"GET /v1.1/chargestations/st1 ", `{"_id":"st1","online":true}`, func(t *testing.T, c *Client) {
			s, err := c.Station(t.Context(), "st1")
			require.NoError(t, err)
			require.Equal(t, Some(true), s.Online)
		}},
		"connector": {"GET /v1.1/connectors/c1 ", `{"_id":"c1","power":11}`, func(t *testing.T, c *Client) {
			con, err := c.Connector(t.Context(), "c1")
			require.NoError(t, err)
			require.Equal(t, Some[Milliwatts](11_000_000), con.Power)
		}},
		"sessions": {"GET /v1.1/sessions?paginate_limit=100&status=Started ", `[{"_id":"s1","status":"started"}]`, func(t *testing.T, c *Client) {
			l, err := c.Sessions(t.Context())
			require.NoError(t, err)
			require.Equal(t, []Session{{ID: "s1", Status: SessionStarted}}, l.Items)
		}},
		"stations": {
			"GET /v1.1/chargestations?location=l1&paginate_limit=100 ", `[{"_id":"st1","location":"l1"},{"_id":"st2","location":"l2"},{"_id":"st3"}]`,
			func(t *testing.T, c *Client) {
				l, err := c.Stations(t.Context(), "l1")
				require.NoError(t, err)
				require.Equal(t, []Station{{ID: "st1", Location: "l1"}, {ID: "st3"}}, l.Items)
			},
		},
		"locations": {"GET /v1.1/locations?paginate_limit=100 ", `[{"_id":"l1","timezone":"Europe/Berlin"}]`, func(t *testing.T, c *Client) {
			l, err := c.Locations(t.Context())
			require.NoError(t, err)
			require.Equal(t, []Location{{ID: "l1", Timezone: "Europe/Berlin"}}, l.Items)
		}},
		"groups": {"GET /v1.1/load_management/groups?paginate_limit=100 ", `[]`, func(t *testing.T, c *Client) {
			l, err := c.Groups(t.Context())
			require.NoError(t, err)
			require.Empty(t, l.Items)
		}},
		"session limit": {`POST /v1.1/sessions/s1/set_power_limit {"unit":"current","limit":13.7}`, action, func(t *testing.T, c *Client) {
			a, err := c.SetSessionLimit(t.Context(), Order{Session: "s1", Connector: "c1", Limit: InAmperes(13_750), Class: Cut})
			queued(t, a, err)
			require.Equal(t, Some(InAmperes(13_700)), a.Limit)
		}},
		"clear": {`POST /v1.1/sessions/s1/clear_power_limit `, action, func(t *testing.T, c *Client) {
			a, err := c.ClearSessionLimit(t.Context(), "s1", "c1")
			queued(t, a, err)
		}},
		"connector default": {`POST /v1.1/connectors/c1/set_default_power_limit {"unit":"power","limit":4140}`, action, func(t *testing.T, c *Client) {
			a, err := c.SetConnectorDefault(t.Context(), Order{Connector: "c1", Limit: InWatts(4_140_000)})
			queued(t, a, err)
		}},
		"station default": {`POST /v1.1/chargestations/st1/set_default_power_limit {"unit":"current","limit":6}`, action, func(t *testing.T, c *Client) {
			a, err := c.SetStationDefault(t.Context(), Order{Station: "st1", Limit: InAmperes(6000)})
			queued(t, a, err)
		}},
		"composite schedule": {`GET /v1.1/connectors/c1/get_composite_schedule/ `, action, func(t *testing.T, c *Client) {
			a, err := c.CompositeSchedule(t.Context(), "c1")
			queued(t, a, err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			c := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				u, _ := url.QueryUnescape(r.URL.String())
				got = append(got, r.Method+" "+u+" "+string(body))
				if r.Header.Get("Authorization") != "Bearer "+canary || r.Header.Get("Accept") != "application/json" {
					got = append(got, fmt.Sprint(r.Header))
				}
				_, _ = io.WriteString(w, ok(tc.result))
			})
			tc.call(t, c)
			require.Equal(t, []string{tc.want}, got)
		})
	}
}

func TestMethodOfLimitCalls(t *testing.T) {
	var method string
	c := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
		method = r.Method
		_, _ = io.WriteString(w, ok(`{"_id":"a"}`))
	}, func(o *Options) { o.SetLimitMethod = http.MethodPut })
	_, err := c.SetSessionLimit(t.Context(), Order{Session: "s1", Limit: InAmperes(6000)})
	require.NoError(t, err)
	require.Equal(t, http.MethodPut, method)
}

// TestAnswers is how eDRV's answers to a read are told apart.
func TestAnswers(t *testing.T) {
	long := strings.Repeat("w", 1000)
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		outcome Outcome
		status  int
		message string
		cause   error
	}{
		"wallet":         {answers(405, `{"ok":false,"message":"User does not have a wallet","result":null}`), OutcomeRefused, 405, "User does not have a wallet", nil},
		"expired key":    {answers(401, `{"ok":false,"message":"jwt expired","result":null}`), OutcomeRefused, 401, "jwt expired", nil},
		"HTML":           {answers(403, "<html><h1>Denied</h1></html>"), OutcomeRefused, 403, "", nil},
		"long message":   {answers(400, `{"message":"a\u0000b`+long+`"}`), OutcomeRefused, 400, "ab" + long[:maxMessage-2], nil},
		"hidden key":     {answers(401, `{"message":"bad `+canary[:5]+`\u0000`+canary[5:]+`!"}`), OutcomeRefused, 401, "bad [redacted]!", nil},
		"echo of key":    {answers(401, `{"message":"bad token `+canary+`!"}`), OutcomeRefused, 401, "bad token [redacted]!", nil},
		"rate limit":     {answers(429, `{"message":"slow down"}`, "Retry-After", "7"), OutcomeNotReached, 429, "slow down", nil},
		"not ok":         {answers(200, `{"ok":false,"message":"no such session","result":null}`), OutcomeRefused, 200, "no such session", nil},
		"fault":          {answers(500, ``), OutcomeUnknown, 500, "", nil},
		"gateway":        {answers(502, `<html>`), OutcomeUnknown, 502, "", nil},
		"redirect":       {answers(302, ``, "Location", "http://169.254.169.254/"), OutcomeUnknown, 302, "", nil},
		"empty":          {answers(200, ``), OutcomeUnknown, 200, "", ErrUnreadable},
		"no content":     {answers(204, ``), OutcomeUnknown, 204, "", ErrUnreadable},
		"HTML with 200":  {answers(200, `<html>login</html>`), OutcomeUnknown, 200, "", ErrUnreadable},
		"result null":    {answers(200, `{"ok":true,"result":null}`), OutcomeUnknown, 200, "", ErrUnreadable},
		"no result":      {answers(200, `{"ok":true}`), OutcomeUnknown, 200, "", ErrUnreadable},
		"result a list":  {answers(200, ok(`[{"_id":"s1"}]`)), OutcomeUnknown, 200, "", ErrUnreadable},
		"another":        {answers(200, ok(`{"_id":"s2"}`)), OutcomeUnknown, 200, "", ErrUnreadable},
		"two results":    {answers(200, `{"ok":true,"result":{"_id":"s1"},"result":{"_id":"s1"}}`), OutcomeUnknown, 200, "", ErrUnreadable},
		"trailing":       {answers(200, ok(`{"_id":"s1"}`)+"{}"), OutcomeUnknown, 200, "", ErrUnreadable},
		"duplicate name": {answers(200, ok(`{"_id":"s1","status":"Started","status":"Ended"}`)), OutcomeUnknown, 200, "", ErrUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			c := inMemory(t, tc.handler)
			_, err := c.Session(t.Context(), "s1")
			e := asError(t, err)
			require.Equal(t, OpSession, e.Operation)
			require.Equal(t, tc.outcome, e.Outcome)
			require.Equal(t, tc.outcome, OutcomeOf(fmt.Errorf("resync: %w", err)))
			require.Equal(t, tc.status, e.Status)
			require.Equal(t, tc.message, e.Message)
			if tc.cause != nil {
				require.ErrorIs(t, err, tc.cause)
			}
			require.NotContains(t, err.Error(), canary)
		})
	}
	require.Equal(t, OutcomeDone, OutcomeOf(nil))
	require.Equal(t, OutcomeUnknown, OutcomeOf(io.EOF))
}

func TestTooLargeAnswer(t *testing.T) {
	c := inMemory(t, answers(200, ok(`{"_id":"s1","x":"`+strings.Repeat("x", maxBody)+`"}`)))
	_, err := c.Session(t.Context(), "s1")
	require.Equal(t, OutcomeUnknown, OutcomeOf(err))
	list := inMemory(t, answers(200, ok(`[{"_id":"s1","status":"Started","x":"`+strings.Repeat("x", maxBody)+`"}]`)))
	l, err := list.Sessions(t.Context())
	require.NoError(t, err, "a list may be larger")
	require.Len(t, l.Items, 1)
}

// TestBadOrders are refused before anything is sent.
func TestBadOrders(t *testing.T) {
	c := inMemory(t, func(w http.ResponseWriter, r *http.Request) { t.Error("sent " + r.URL.Path) })
	limit := InAmperes(6000)
	for name, call := range map[string]func() error{
		"no limit": func() error { _, err := c.SetSessionLimit(t.Context(), Order{Session: "s1"}); return err },
		"negative": func() error {
			_, err := c.SetSessionLimit(t.Context(), Order{Session: "s1", Limit: InAmperes(-1)})
			return err
		},
		"no session": func() error { _, err := c.SetSessionLimit(t.Context(), Order{Limit: limit}); return err },
		"path": func() error {
			_, err := c.SetSessionLimit(t.Context(), Order{Session: "../users/u1", Limit: limit})
			return err
		},
		"query": func() error {
			_, err := c.SetConnectorDefault(t.Context(), Order{Connector: "c1?x=1", Limit: limit})
			return err
		},
		"no station": func() error {
			_, err := c.SetStationDefault(t.Context(), Order{Connector: "c1", Limit: limit})
			return err
		},
		"clear":     func() error { _, err := c.ClearSessionLimit(t.Context(), "a/b", ""); return err },
		"get":       func() error { _, err := c.Session(t.Context(), ""); return err },
		"composite": func() error { _, err := c.CompositeSchedule(t.Context(), "{c}"); return err },
		"location":  func() error { _, err := c.Stations(t.Context(), "a&b=c"); return err },
		"over a kA": func() error {
			_, err := c.SetSessionLimit(t.Context(), Order{Session: "s1", Limit: InAmperes(1_000_001)})
			return err
		},
		"ended caller": func() error {
			ctx, stop := context.WithCancel(t.Context())
			stop()
			_, err := c.Session(ctx, "s1")
			return err
		},
	} {
		require.Equal(t, OutcomeNotReached, asError(t, call()).Outcome, name)
	}
}

func TestUnusableKeys(t *testing.T) {
	key := ""
	c := inMemory(t, answers(200, ok(`{"_id":"s1"}`)), func(o *Options) { o.APIKey = func() string { return key } })
	for _, key = range []string{"", "a b", "a\r\nX-Evil: 1", "ä"} {
		_, err := c.Session(t.Context(), "s1")
		require.ErrorIs(t, err, ErrBadKey)
		require.Equal(t, OutcomeNotReached, OutcomeOf(err))
	}
	key = "rotated"
	_, err := c.Session(t.Context(), "s1")
	require.NoError(t, err, "the key is asked for every call")
}

func TestOptions(t *testing.T) {
	good := func() Options { return Options{BaseURL: DefaultURL, APIKey: func() string { return canary }} }
	c, err := New(good())
	require.NoError(t, err)
	require.InDelta(t, 10, c.Stats().Rate, 1e-9)
	c.Close()
	for _, u := range []string{
		"http://localhost:8080/v1.1", "http://127.0.0.1:1", "http://[::1]:1", "http://10.0.0.7/x",
		"http://edrvsim:8080/v1.1",
	} {
		o := good()
		o.BaseURL = u
		_, err := New(o)
		require.NoError(t, err, u)
	}
	for name, change := range map[string]func(*Options){
		"no key":         func(o *Options) { o.APIKey = nil },
		"no URL":         func(o *Options) { o.BaseURL = "" },
		"no scheme":      func(o *Options) { o.BaseURL = "api.edrv.io/v1.1" },
		"other scheme":   func(o *Options) { o.BaseURL = "ftp://api.edrv.io" },
		"plain http":     func(o *Options) { o.BaseURL = "http://api.edrv.io/v1.1" },
		"user in URL":    func(o *Options) { o.BaseURL = "https://u:p@api.edrv.io" },
		"query in URL":   func(o *Options) { o.BaseURL = "https://api.edrv.io?a=b" },
		"bad URL":        func(o *Options) { o.BaseURL = "https://u:" + canary + "@api.edrv.io:port" },
		"GET":            func(o *Options) { o.SetLimitMethod = "GET" },
		"negative rate":  func(o *Options) { o.RequestsPerSecond = -1 },
		"negative time":  func(o *Options) { o.Timeout = -1 },
		"infinite rate":  func(o *Options) { o.RequestsPerSecond = 1e300 },
		"lower-case put": func(o *Options) { o.SetLimitMethod = "put" },
	} {
		o := good()
		change(&o)
		_, err := New(o)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), canary)
	}
}

func TestClose(t *testing.T) {
	c := inMemory(t, answers(200, ok(`{"_id":"s1"}`)))
	c.Close()
	c.Close()
	_, err := c.Session(t.Context(), "s1")
	require.ErrorIs(t, err, ErrClosed)
}

// TestWatchers: metrics, clock and log see every exchange; the key is in none of them.
func TestWatchers(t *testing.T) {
	var logged bytes.Buffer
	var seen []string
	var skew []time.Duration
	date := time.Now().Add(-40 * time.Second).UTC()
	status := 200
	c := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
		answers(status, `{"ok":true,"message":"`+canary+`","result":{"_id":"s1"}}`,
			"Date", date.Format(http.TimeFormat), "X-Echo", r.Header.Get("Authorization"))(w, r)
	}, func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Observe = func(op Operation, code string, took time.Duration) {
			require.Contains(t, Operations(), op)
			require.Contains(t, Codes(), code)
			require.Positive(t, took)
			seen = append(seen, string(op)+" "+code)
		}
		o.OnClock = func(server, local time.Time) { skew = append(skew, local.Sub(server)) }
	})
	for _, status = range []int{200, 202, 302, 400, 418, 500, 599} {
		_, _ = c.Session(t.Context(), "s1")
	}
	_, _ = c.Session(t.Context(), "bad id") // Not an exchange.
	require.Equal(t, []string{
		"get_session 2xx", "get_session 2xx", "get_session 3xx", "get_session 400", "get_session 4xx",
		"get_session 500", "get_session 5xx",
	}, seen)
	require.Len(t, skew, 7)
	require.InDelta(t, 40, skew[0].Seconds(), 2)
	require.Contains(t, logged.String(), "operation=get_session code=500")
	require.NotContains(t, logged.String(), canary)
	require.NotContains(t, fmt.Sprintf("%v", c.Stats()), canary)
}

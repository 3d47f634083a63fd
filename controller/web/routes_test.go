package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/web"
)

// routes are all routes that answer and end.
var routes = []struct {
	method, path, body string
	write              bool
}{
	{method: "GET", path: "/"},
	{method: "GET", path: "/sites/depot"},
	{method: "GET", path: "/assets/style.css"},
	{method: "GET", path: "/assets/page.js"},
	{method: "GET", path: "/assets/icon.svg"},
	{method: "GET", path: "/metrics"},
	{method: "GET", path: "/healthz"},
	{method: "GET", path: "/readyz"},
	{method: "GET", path: "/api/v1/sites"},
	{method: "GET", path: "/api/v1/sites/depot"},
	{method: "GET", path: "/api/v1/sites/depot/history"},
	{method: "GET", path: "/api/v1/sites/depot/journal"},
	{method: "PUT", path: "/api/v1/sites/depot/limits/dso", body: `{"circuit":"grid","kw":60,"until":UNTIL}`, write: true},
	{method: "DELETE", path: "/api/v1/sites/depot/limits/dso", write: true},
	{method: "PUT", path: "/api/v1/sites/depot/sessions/SESSION", body: `{"tier":1}`, write: true},
	{method: "DELETE", path: "/api/v1/sites/depot/sessions/SESSION", write: true},
	{method: "PUT", path: "/api/v1/sites/depot/mode", body: `{"mode":"observe"}`, write: true},
}

// TestTokens sends every request with no, a wrong and the right token. Reads
// need none, writes the right one; and the token is never told.
func TestTokens(t *testing.T) {
	f := newFixture(t)
	until := `"` + time.Now().Add(time.Hour).Format(time.RFC3339) + `"`
	for _, route := range routes {
		fill := strings.NewReplacer("UNTIL", until, "SESSION", f.session("A1"))
		path, body := fill.Replace(route.path), fill.Replace(route.body)
		for _, auth := range []string{"", "Bearer wrong", "Bearer " + token[1:], "Basic " + token, "Bearer " + token + "x", token, "Bearer"} {
			before := len(f.sites.Taken())
			status, text := f.do(route.method, path, body, "Authorization", auth)
			if route.write {
				require.Equal(t, http.StatusUnauthorized, status, "%s %s with %q", route.method, path, auth)
				require.Contains(t, text, `{"error":"`)
			} else {
				require.Equal(t, http.StatusOK, status, "%s %s with %q: %s", route.method, path, auth, text)
			}
			require.Len(t, f.sites.Taken(), before)
			require.NotContains(t, text, token)
		}
		status, text := f.write(route.method, path, body)
		require.Contains(t, []int{http.StatusOK, http.StatusNoContent}, status, "%s %s: %s", route.method, path, text)
		require.NotContains(t, text, token)
	}
	require.Len(t, f.sites.Taken(), 5)
	require.NotContains(t, f.log.String(), token)
}

func TestTwoTokensAreNone(t *testing.T) {
	f := newFixture(t)
	r := request("PUT", "/api/v1/sites/depot/mode", `{"mode":"observe"}`, "Authorization", "Bearer "+token)
	r.Header.Add("Authorization", "Bearer "+token)
	require.Equal(t, http.StatusUnauthorized, f.answer(r).StatusCode)
}

// TestNoToken: without a token, a write must name this machine by its address.
func TestNoToken(t *testing.T) {
	f := newFixture(t, func(o *web.Options) { o.Token = nil })
	for host, want := range map[string]int{
		"127.0.0.1:9090": 200, "[::1]:9090": 200, "[::1]": 200, "localhost": 200, "LOCALHOST:9090": 200, "10.0.0.7:9090": 200,
		"evil.example": 403, "evil.example:9090": 403, "localhost.evil.example": 403, "": 403,
	} {
		r := request("PUT", "/api/v1/sites/depot/mode", `{"mode":"observe"}`)
		r.Host = host
		require.Equal(t, want, f.answer(r).StatusCode, host)
	}
}

// TestCrossOrigin: no other web page can have the browser write.
func TestCrossOrigin(t *testing.T) {
	f := newFixture(t)
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
	} {
		status, text := f.do("PUT", "/api/v1/sites/depot/mode", `{"mode":"observe"}`, append(header, "Authorization", "Bearer "+token)...)
		require.Equal(t, http.StatusForbidden, status)
		require.Contains(t, text, `{"error":"`)
	}
	status, _ := f.do("PUT", "/api/v1/sites/depot/mode", `{"mode":"observe"}`, "Sec-Fetch-Site", "same-origin", "Authorization", "Bearer "+token)
	require.Equal(t, http.StatusOK, status)
	require.Len(t, f.sites.Taken(), 1)
}

// TestHeaders: the policy goes with every answer, errors included.
func TestHeaders(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/", "/sites/depot", "/nothing", "/api/v1/sites/nowhere", "/assets/chart.js", "/metrics", "/healthz"} {
		answer := f.answer(request("GET", path, ""))
		policy := answer.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'", path)
		require.Contains(t, policy, "frame-ancestors 'none'", path)
		require.NotContains(t, policy, "unsafe", path)
		require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", answer.Header.Get("Referrer-Policy"), path)
	}
}

func TestUnmatched(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		method, path string
		status       int
		says         string
	}{
		{"GET", "/nothing", 404, "no such path"},
		{"GET", "/api/v1/nothing", 404, "no such path"},
		{"GET", "/assets/page.html", 404, "no such file"},
		{"GET", "/assets/..%2fdoc.go", 404, "no such file"},
		{"POST", "/api/v1/sites", 405, "use GET, HEAD"},
		{"POST", "/api/v1/sites/depot/limits/x", 405, "use DELETE, PUT"},
		{"GET", "/api/v1/sites/nowhere", 404, `no site \"nowhere\"`},
		{"GET", "/api/v1/sites/nowhere/stream", 404, "no site"},
		{"GET", "/api/v1/sites/nowhere/history", 404, "no site"},
		{"GET", "/api/v1/sites/nowhere/journal", 404, "no site"},
		{"GET", "/sites/nowhere/live", 404, "no site"},
	} {
		status, text := f.do(c.method, c.path, "")
		require.Equal(t, c.status, status, c.path)
		require.Contains(t, text, c.says)
		require.True(t, json.Valid([]byte(text)), text)
	}
	status, text := f.do("GET", "/sites/nowhere", "")
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, "no site \"nowhere\"\n", text)
	require.Equal(t, "GET, HEAD", f.answer(request("POST", "/", "")).Header.Get("Allow"))
	require.Contains(t, []int{301, 307, 308}, f.answer(request("GET", "//healthz", "")).StatusCode)
}

func TestState(t *testing.T) {
	f := newFixture(t)
	_, text := f.do("GET", "/api/v1/sites", "")
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	require.Len(t, list, 1)
	require.Equal(t, "depot", list[0]["id"])

	_, text = f.do("GET", "/api/v1/sites/depot", "")
	var site struct {
		State      string
		Connectors []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(text), &site))
	require.Equal(t, "normal", site.State)
	first, last := site.Connectors[0], site.Connectors[len(site.Connectors)-1]
	require.Contains(t, first, "confirmed_a")
	require.NotContains(t, first, "confirmed_w")
	require.Contains(t, last, "committed_w")
	require.NotContains(t, last, "committed_a")
}

func TestHealth(t *testing.T) {
	f := newFixture(t)
	check := func(path string, status int, line string) {
		t.Helper()
		got, text := f.do("GET", path, "")
		require.Equal(t, status, got)
		require.Equal(t, line+"\n", text)
	}
	check("/healthz", 200, "healthy")
	check("/readyz", 200, "ready")
	f.sites.SetHealth(func(h *web.Health) { h.Journal.Failed = "no space left on device" })
	check("/readyz", 200, "ready, but nothing is raised: the journal cannot be written: no space left on device")
	f.sites.SetHealth(func(h *web.Health) { h.Unready = "site depot:\nno list yet" })
	check("/healthz", 200, "healthy")
	check("/readyz", 503, "site depot: no list yet")
	f.sites.SetHealth(func(h *web.Health) { h.Stuck = "the loop has not moved" })
	check("/healthz", 503, "the loop has not moved")
	check("/readyz", 503, "the loop has not moved")
}

func TestAssets(t *testing.T) {
	f := newFixture(t)
	answer := f.answer(request("GET", "/assets/page.js", ""))
	require.Equal(t, "text/javascript; charset=utf-8", answer.Header.Get("Content-Type"))
	again := f.answer(request("GET", "/assets/page.js", "", "If-None-Match", answer.Header.Get("ETag")))
	require.Equal(t, http.StatusNotModified, again.StatusCode)
}

// TestPage: the page is complete without the script, and shows names as text.
func TestPage(t *testing.T) {
	f := newFixture(t)
	const evil = `<script>alert("x")</script>`
	f.sites.Edit("depot", func(v *core.View) {
		v.Connectors[0].Name, v.Connectors[0].Reason.Text, v.StateWhy, v.State = evil, evil, evil, "hold"
		v.Connectors[1].MeasuredW = nil
		v.Limits = append(v.Limits, core.LimitView{Name: evil, Circuit: evil, KW: new(60.0), State: "active", Until: began})
	})
	_, text := f.do("GET", "/", "")
	require.NotContains(t, text, evil)
	require.Contains(t, text, "&lt;script&gt;alert")
	require.NotContains(t, text, " style=", "the policy refuses inline styles")
	require.NotContains(t, text, " onclick=", "and inline scripts")
	require.Equal(t, strings.Count(text, "<script"), strings.Count(text, `<script type="module" src="/assets/page.js">`))
	for _, want := range []string{"On hold", "row-a", ">unknown<", "A2", "Fast 1", "12:01:00", "noscript"} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "%!", "a format went wrong")
	require.NotContains(t, text, "ZgotmplZ", "a value was refused by the template")
}

func TestOverviewOfSites(t *testing.T) {
	f := newFixture(t)
	f.sites.SetHealth(func(h *web.Health) { h.Stuck = "x" })
	_, text := f.do("GET", "/", "")
	require.Contains(t, text, "does not decide any more", "one site needs no overview")
	f.sites.Remove("depot")
	status, text := f.do("GET", "/", "")
	require.Equal(t, 200, status)
	require.Contains(t, text, "All sites")
}

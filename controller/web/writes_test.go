package web_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/web"
	"github.com/headroom-ev/headroom/policy"
)

// stamp writes a time that lies so far from now.
func stamp(d time.Duration) string { return time.Now().Add(d).Format(time.RFC3339) }

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		status, text := f.write("PUT", "/api/v1/sites/depot/limits/dso-1",
			fmt.Sprintf(`{"circuit":"grid","kw":60.5,"from":%q,"until":%q,"fallback_kw":0}`, stamp(time.Minute), stamp(time.Hour)))
		require.Equal(t, http.StatusOK, status, text)
		require.JSONEq(t, fmt.Sprintf(`{"circuit":"grid","kw":60.5,"from":%q,"until":%q,"fallback_kw":0}`, stamp(time.Minute), stamp(time.Hour)), text)
		in := f.sites.Taken()[0].(core.LimitSet)
		require.Equal(t, "grid", in.Circuit)
		require.Equal(t, "dso-1", in.Limit.Name)
		require.Equal(t, policy.Symmetric(policy.Unlimited, 60_500*policy.Watt), in.Limit.Limit)
		require.Equal(t, policy.Symmetric(policy.Unlimited, 0), in.Limit.Fallback)
		require.Equal(t, time.Minute, time.Until(in.Limit.From))
		require.Equal(t, time.Hour, time.Until(in.Limit.Until))

		status, _ = f.write("PUT", "/api/v1/sites/depot/limits/a", fmt.Sprintf(`{"circuit":"row-a","amps":0,"from":%q,"until":%q}`, stamp(-time.Hour), stamp(time.Hour)))
		require.Equal(t, http.StatusOK, status)
		in = f.sites.Taken()[1].(core.LimitSet)
		require.Equal(t, policy.Symmetric(0, policy.Unlimited), in.Limit.Limit)
		require.Equal(t, policy.NoLimit(), in.Limit.Fallback)
		require.Zero(t, in.Limit.From, "it has begun")

		status, text = f.write("DELETE", "/api/v1/sites/depot/limits/a", "")
		require.Equal(t, http.StatusNoContent, status)
		require.Empty(t, text)
		require.Equal(t, core.LimitEnded{Name: "a", By: remote}, f.sites.Taken()[2])
		status, text = f.write("DELETE", "/api/v1/sites/depot/limits/a", "")
		require.Equal(t, http.StatusNotFound, status)
		require.Contains(t, text, "has no external limit")
		require.Contains(t, f.log.String(), `msg="external limit set" site=depot remote=192.0.2.1:1234 limit=dso-1`)
	})
}

// TestMonotonic: a jump of the wall clock changes nothing that was set.
func TestMonotonic(t *testing.T) {
	f := newFixture(t)
	status, _ := f.write("PUT", "/api/v1/sites/depot/limits/x",
		fmt.Sprintf(`{"circuit":"grid","kw":60,"from":%q,"until":%q}`, stamp(time.Minute), stamp(time.Hour)))
	require.Equal(t, 200, status)
	in := f.sites.Taken()[0].(core.LimitSet)
	require.Contains(t, in.Limit.Until.String(), " m=+")
	require.Contains(t, in.Limit.From.String(), " m=+")
}

func TestRefusedLimits(t *testing.T) {
	f := newFixture(t)
	hour := `,"until":"` + stamp(time.Hour) + `"`
	for _, c := range []struct {
		body   string
		status int
		says   string
	}{
		{``, 400, "not JSON"},
		{`{`, 400, "not JSON"},
		{`[]`, 400, "want an object"},
		{`{} {}`, 400, "not JSON"},
		{`{"circuit":"grid","kw":60,"watts":1` + hour + `}`, 400, `unknown member "watts"`},
		{`{"Circuit":"grid","kw":60` + hour + `}`, 400, `unknown member "Circuit"`},
		{`{"circuit":"grid","kw":60,"kw":70` + hour + `}`, 400, `member "kw" twice`},
		{`{"circuit":"grid","kw":"60"` + hour + `}`, 400, "kw: want a number"},
		{`{"circuit":"grid","kw":NaN` + hour + `}`, 400, "not JSON"},
		{`{"circuit":"grid","kw":1e999` + hour + `}`, 400, "kw: want a number"},
		{`{"circuit":7,"kw":60` + hour + `}`, 400, "circuit: want a text"},
		{`{"circuit":"grid","kw":60,"until":"tomorrow"}`, 400, "until: want a time"},
		{`{"circuit":"grid","kw":60,"until":17}`, 400, "until: want a time"},
		{`{"circuit":"` + strings.Repeat("x", 70_000) + `"}`, 400, "larger than 64 KiB"},
		{`{"circuit":"grid"` + hour + `}`, 422, "neither kw nor amps"},
		{`{"circuit":"grid","kw":60,"amps":60` + hour + `}`, 422, "both kw and amps"},
		{`{"circuit":"grid","kw":60}`, 422, "until is missing"},
		{`{"circuit":"grid","kw":60,"until":"` + stamp(-time.Second) + `"}`, 422, "has passed"},
		{`{"circuit":"grid","kw":60,"until":"` + stamp(400*24*time.Hour) + `"}`, 422, "more than a year"},
		{`{"circuit":"grid","kw":60,"from":"` + stamp(2*time.Hour) + `"` + hour + `}`, 422, "from is not before until"},
		{`{"circuit":"grid","kw":-1` + hour + `}`, 422, "kw: -1 is not between 0 and 100000"},
		{`{"circuit":"grid","amps":100001` + hour + `}`, 422, "amps"},
		{`{"circuit":"grid","kw":60,"fallback_kw":-1` + hour + `}`, 422, "fallback_kw"},
		{`{"circuit":"nowhere","kw":60` + hour + `}`, 422, `no circuit "nowhere"`},
		{`{"kw":60` + hour + `}`, 422, "no circuit"},
	} {
		status, text := f.write("PUT", "/api/v1/sites/depot/limits/x", c.body)
		require.Equal(t, c.status, status, "%.80s: %s", c.body, text)
		require.Contains(t, reason(t, text), c.says, "%.80s", c.body)
	}
	good := `{"circuit":"grid","kw":60` + hour + `}`
	for _, name := range []string{"%20", "-x", "a%2Fb", "a%3Cscript%3E", strings.Repeat("x", 65), "%C3%A4"} {
		status, text := f.write("PUT", "/api/v1/sites/depot/limits/"+name, good)
		require.Equal(t, 422, status, name)
		require.Contains(t, text, "the name")
	}
	status, _ := f.write("PUT", "/api/v1/sites/nowhere/limits/x", good)
	require.Equal(t, 404, status)
	status, _ = f.write("DELETE", "/api/v1/sites/nowhere/limits/x", "")
	require.Equal(t, 404, status)
	require.Empty(t, f.sites.Taken())
}

func TestManyLimits(t *testing.T) {
	f := newFixture(t)
	body := `{"circuit":"grid","kw":60,"until":"` + stamp(time.Hour) + `"}`
	for i := range 100 {
		status, _ := f.write("PUT", fmt.Sprintf("/api/v1/sites/depot/limits/n%d", i), body)
		require.Equal(t, 200, status)
	}
	status, text := f.write("PUT", "/api/v1/sites/depot/limits/one-more", body)
	require.Equal(t, 409, status)
	require.Contains(t, text, "100 external limits already")
	status, _ = f.write("PUT", "/api/v1/sites/depot/limits/n7", body)
	require.Equal(t, 200, status, "one that exists can be renewed")
}

func TestNotTaken(t *testing.T) {
	f := newFixture(t)
	f.sites.Refuse(errors.New("the site is overloaded"))
	status, text := f.write("PUT", "/api/v1/sites/depot/mode", `{"mode":"observe"}`)
	require.Equal(t, http.StatusConflict, status)
	require.JSONEq(t, `{"error":"site depot did not take it: the site is overloaded"}`, text)
}

func TestOverride(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(o *web.Options) {
			o.Wiring = func(site, connector string) (policy.Wiring, bool) {
				return policy.Wiring{Phases: policy.AllPhases, Volts: 230}, site == "depot" && strings.HasSuffix(connector, "A1")
			}
		})
		path := "/api/v1/sites/depot/sessions/" + f.session("A1")
		status, text := f.write("PUT", path, fmt.Sprintf(`{"tier":-2,"weight":1.5,"max_amps":10,"until":%q}`, stamp(time.Hour)))
		require.Equal(t, 200, status, text)
		set := f.sites.Taken()[0].(core.OverrideSet)
		require.Equal(t, f.session("A1"), set.Session)
		require.Equal(t, -2, *set.Override.Tier)
		require.Equal(t, 1500, *set.Override.Weight, "in thousandths")
		require.Equal(t, 10*policy.Ampere, *set.Override.Max)
		require.Equal(t, time.Hour, time.Until(set.Override.Until))

		status, _ = f.write("PUT", path, `{"max_kw":6.9}`)
		require.Equal(t, 200, status)
		set = f.sites.Taken()[1].(core.OverrideSet)
		require.Equal(t, core.Override{Max: new(10 * policy.Ampere)}, set.Override)

		status, text = f.write("PUT", "/api/v1/sites/depot/sessions/"+f.session("A2"), `{"max_kw":6.9}`)
		require.Equal(t, 422, status)
		require.Contains(t, text, "give max_amps")

		status, _ = f.write("DELETE", path, "")
		require.Equal(t, 204, status)
		require.Equal(t, core.OverrideEnded{Session: f.session("A1"), By: remote}, f.sites.Taken()[2])
		status, text = f.write("DELETE", path, "")
		require.Equal(t, 404, status)
		require.Contains(t, text, "has no override")
	})
}

func TestRefusedOverrides(t *testing.T) {
	f := newFixture(t)
	f.sites.Edit("depot", func(v *core.View) {
		last := &v.Connectors[len(v.Connectors)-1]
		last.Session = "at-the-fast-one"
	})
	path := "/api/v1/sites/depot/sessions/" + f.session("A1")
	for _, c := range []struct {
		path, body string
		status     int
		says       string
	}{
		{path, `{`, 400, "not JSON"},
		{path, `{"tier":1.5}`, 400, "tier: want a whole number"},
		{path, `{"limit":1}`, 400, `unknown member`},
		{path, `{}`, 422, "none of tier"},
		{path, `{"max_amps":1,"max_kw":1}`, 422, "both"},
		{path, `{"tier":1001}`, 422, "tier"},
		{path, `{"tier":-1001}`, 422, "tier"},
		{path, `{"weight":0}`, 422, "weight"},
		{path, `{"weight":-1}`, 422, "weight"},
		{path, `{"weight":1001}`, 422, "weight"},
		{path, `{"max_amps":-1}`, 422, "max_amps"},
		{path, `{"max_kw":1e9}`, 422, "max_kw"},
		{path, `{"tier":1,"until":"2020-01-01T00:00:00Z"}`, 422, "has passed"},
		{"/api/v1/sites/depot/sessions/at-the-fast-one", `{"max_amps":10}`, 422, "give max_kw"},
		{"/api/v1/sites/depot/sessions/nobody", `{"tier":1}`, 404, "no session"},
		{"/api/v1/sites/nowhere/sessions/x", `{"tier":1}`, 404, "no site"},
	} {
		status, text := f.write("PUT", c.path, c.body)
		require.Equal(t, c.status, status, "%s: %s", c.body, text)
		require.Contains(t, reason(t, text), c.says, c.body)
	}
	for _, path := range []string{"/api/v1/sites/depot/sessions/nobody", "/api/v1/sites/nowhere/sessions/x"} {
		status, _ := f.write("DELETE", path, "")
		require.Equal(t, 404, status)
	}
	require.Empty(t, f.sites.Taken())
}

func TestMode(t *testing.T) {
	f := newFixture(t)
	for _, mode := range []core.Mode{core.Observe, core.Enforce} {
		status, text := f.write("PUT", "/api/v1/sites/depot/mode", `{"mode":"`+mode.String()+`"}`)
		require.Equal(t, 200, status)
		require.JSONEq(t, `{"mode":"`+mode.String()+`"}`, text)
	}
	require.Equal(t, []core.Input{core.ModeSet{Mode: core.Observe, By: remote}, core.ModeSet{Mode: core.Enforce, By: remote}}, f.sites.Taken())
	for body, status := range map[string]int{`{"mode":"off"}`: 422, `{}`: 422, `{"mode":1}`: 400, `null`: 422} {
		got, _ := f.write("PUT", "/api/v1/sites/depot/mode", body)
		require.Equal(t, status, got, body)
	}
	status, _ := f.write("PUT", "/api/v1/sites/nowhere/mode", `{"mode":"observe"}`)
	require.Equal(t, 404, status)
}

// remote is the address that requests of the tests come from.
const remote = "192.0.2.1:1234"

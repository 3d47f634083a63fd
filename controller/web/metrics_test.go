package web_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/web"
	"github.com/headroom-ev/headroom/edrvapi"
)

var update = flag.Bool("update", false, "write the golden files")

// metered is a fixture with all metrics of the daemon, and the metrics.
func metered(t *testing.T) (*fixture, *web.Metrics, *prometheus.Registry) {
	registry := prometheus.NewRegistry()
	m := web.NewMetrics(registry, []string{"depot"})
	return newFixture(t, func(o *web.Options) { o.Registry = registry }), m, registry
}

// small makes the site small enough to read: a circuit with limits and one
// without, an AC connector, one without a reading, and a DC connector.
func small(v *core.View) {
	l1 := core.PhaseView{Phase: "L1", LimitA: new(145.0), BaseLoadA: 17.5, CommittedA: 117, MeasuredA: 85.1}
	v.Circuits = []core.CircuitView{
		{
			ID: "grid", LimitW: new(100e3), BaseLoadW: 12e3, CommittedW: 81e3, MeasuredW: 58.7e3, FailSafe: true, OverSeconds: 1.5,
			Phases: []core.PhaseView{l1},
		},
		{ID: "row-b", Parent: "grid", CommittedW: 8280, Phases: []core.PhaseView{{Phase: "L3", CommittedA: 12}}},
	}
	v.Connectors = []core.ConnectorView{v.Connectors[0], v.Connectors[1], v.Connectors[10]}
	v.Connectors[0].MeasuredW, v.Connectors[0].Committed = new(14680.5), 14904
	v.Connectors[1].MeasuredW, v.Connectors[1].Committed = nil, 14904
	v.Listed = time.Time{}
}

// TestExposition compares everything that follows from the views with a file.
func TestExposition(t *testing.T) {
	f, _, _ := metered(t)
	f.sites.Edit("depot", small)
	_, text := f.do("GET", "/metrics", "")
	keep := regexp.MustCompile(`^(# (HELP|TYPE) )?headroom_`)
	drop := regexp.MustCompile(`headroom_(edrv_request|webhook_dur|order_verdict|pass_)`)
	var got bytes.Buffer
	for line := range strings.Lines(text) {
		if keep.MatchString(line) && !drop.MatchString(line) {
			got.WriteString(regexp.MustCompile(`(goversion|revision)="[^"]*"`).ReplaceAllString(line, `$1="…"`))
		}
	}
	const golden = "testdata/metrics.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String(), "go test -run TestExposition -update, and read the difference")
}

// TestMetricsPage compares the guide's page of all metrics with the registry.
func TestMetricsPage(t *testing.T) {
	f, _, registry := metered(t)
	f.sites.Edit("depot", func(v *core.View) {
		v.Meters = []core.MeterView{{Name: "main"}}
		v.Circuits[0].Peak = &core.PeakView{}
	})
	families, err := registry.Gather()
	require.NoError(t, err)
	var page strings.Builder
	page.WriteString("# Metrics\n\nThis page is made from the program. Labels are from the configuration or from closed lists, never a session " +
		"or a person; every series\nis there from the start (of a meter and of a peak, where there is one). What is not known is NaN; what has no limit is +Inf. Those of the Go runtime " +
		"(`go_`) and the process (`process_`)\nare there too, and in a fleet [its own](fleet.md#watch-it).\n\n| metric | labels | type | meaning |\n|---|---|---|---|\n")
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "headroom_") {
			continue
		}
		var labels []string
		for _, l := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", family.GetName(), strings.Join(labels, ", "),
			strings.ToLower(family.GetType().String()), family.GetHelp())
	}
	const path = "../../docs/metrics.md"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(page.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), page.String(), "go test ./controller/web -run TestMetricsPage -update, and read the difference")
}

// contract is what CONTRACT.md promises: a metric and its labels.
var contract = map[string]string{
	"circuit_limit_watts": "circuit site", "circuit_committed_watts": "circuit site", "circuit_measured_watts": "circuit site",
	"circuit_base_load_watts": "circuit site", "circuit_phase_limit_amperes": "circuit phase site",
	"circuit_phase_committed_amperes": "circuit phase site", "circuit_phase_measured_amperes": "circuit phase site",
	"connector_measured_watts": "connector site", "connector_committed_watts": "connector site", "site_state": "site state",
	"site_engaged": "site", "site_failsafe": "site", "sessions": "site state", "webhooks_total": "result", "webhook_duration_seconds": "",
	"orders_total": "direction result site", "order_verdict_seconds": "site", "edrv_requests_total": "code operation",
	"edrv_request_duration_seconds": "operation", "pass_duration_seconds": "site", "pass_lateness_seconds": "site",
	"over_limit_seconds_total": "circuit site", "overload_budget_ratio": "circuit site", "config_reload_success": "",
	"config_reload_timestamp_seconds": "", "config_hash": "", "build_info": "goversion revision version",
}

// unitless are the gauges that count things or flags.
var unitless = []string{
	"circuit_failsafe", "connector_online", "connector_info", "external_limits", "site_state", "site_mode", "site_engaged", "site_failsafe", "sessions",
	"orders_in_flight", "uncontrollable_sessions", "edrv_suspended", "edrv_waiting_calls", "event_streams", "config_reload_success",
	"config_hash", "build_info", "meter_up", "meter_disagrees", "journal_writable", "journal_waiting_records",
}

// TestNames checks names, units and labels, and that every series is there from
// the start.
func TestNames(t *testing.T) {
	_, _, registry := metered(t)
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)

	families, err := registry.Gather()
	require.NoError(t, err)
	seen := map[string]string{}
	series := map[string]int{}
	for _, family := range families {
		name, ours := strings.CutPrefix(family.GetName(), "headroom_")
		if !ours {
			require.Regexp(t, `^(go|process)_`, family.GetName())
			continue
		}
		kind := strings.ToLower(family.GetType().String())
		require.Equal(t, kind == "counter", strings.HasSuffix(name, "_total"), "%s is a %s", name, kind)
		require.NotRegexp(t, `_(kw|kilowatt|kwh|amps|milli\w+|ms|percent|w|a)(_|$)`, name)
		if kind != "counter" && !slices.Contains(unitless, name) {
			require.Regexp(t, `_(watts|amperes|seconds|ratio)$`, name)
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, l := range metric.GetLabel() {
				labels = append(labels, l.GetName())
				require.NotContains(t, l.GetValue(), "5f8a1c2e", "a session is no label")
			}
			slices.Sort(labels)
			seen[name] = strings.Join(labels, " ")
			series[name]++
		}
	}
	for name, labels := range contract {
		require.Contains(t, seen, name)
		require.Equal(t, labels, seen[name], name)
	}
	require.Equal(t, 10, series["orders_total"])
	require.Equal(t, 4, series["site_state"])
	require.Equal(t, 4, series["sessions"])
	require.Equal(t, 6, series["webhooks_total"])
	require.Equal(t, len(edrvapi.Operations())*len(edrvapi.Codes()), series["edrv_requests_total"])
	require.Equal(t, len(edrvapi.Operations()), series["edrv_request_duration_seconds"])
	require.Equal(t, 9, series["circuit_phase_limit_amperes"])
}

// value is what a series is.
func (f *fixture) value(series string) string {
	f.t.Helper()
	_, text := f.do("GET", "/metrics", "")
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, "headroom_"+series+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	return "absent"
}

func TestInstruments(t *testing.T) {
	f, m, _ := metered(t)
	m.Webhook("accepted", time.Millisecond)
	m.Webhook("accepted", time.Millisecond)
	m.Webhook("nonsense", time.Millisecond)
	require.Equal(t, uint64(2), m.Webhooks("accepted"))
	require.Zero(t, m.Webhooks("nonsense"))
	require.Equal(t, "2", f.value(`webhooks_total{result="accepted"}`))
	require.Equal(t, "3", f.value(`webhook_duration_seconds_count`))

	m.Request(string(edrvapi.OpSession), "2xx", time.Second)
	m.Request(string(edrvapi.OpSession), "429", time.Second)
	m.Request(string(edrvapi.OpSession), "a text of eDRV", time.Second)
	require.Equal(t, "1", f.value(`edrv_requests_total{code="429",operation="get_session"}`))
	require.Equal(t, "1", f.value(`edrv_requests_total{code="other",operation="get_session"}`))
	require.Equal(t, "3", f.value(`edrv_request_duration_seconds_count{operation="get_session"}`))

	m.Verdict("depot", 7*time.Second)
	m.Pass("depot", 80*time.Microsecond, -time.Second)
	require.Equal(t, "7", f.value(`order_verdict_seconds_sum{site="depot"}`))
	require.Equal(t, "1", f.value(`pass_duration_seconds_bucket{site="depot",le="0.0001"}`))
	require.Equal(t, "0", f.value(`pass_lateness_seconds_sum{site="depot"}`), "early is not late")

	require.Equal(t, "absent", f.value(`order_verdict_seconds_count{site="airport"}`))
	m.SetSites([]string{"depot", "airport"})
	require.Equal(t, "0", f.value(`order_verdict_seconds_count{site="airport"}`))
	require.Equal(t, "1", f.value(`order_verdict_seconds_count{site="depot"}`))
}

func TestConfigMetrics(t *testing.T) {
	f, m, _ := metered(t)
	require.Equal(t, "NaN", f.value("config_hash"))
	require.Equal(t, "NaN", f.value("config_reload_timestamp_seconds"))
	m.ConfigLoaded(began, []byte{0, 0, 0, 0, 1, 2, 3, 4})
	require.Equal(t, "258", f.value("config_hash"))
	require.Equal(t, "1", f.value("config_reload_success"))
	m.ConfigRefused()
	require.Equal(t, "0", f.value("config_reload_success"))
	require.NotEqual(t, "NaN", f.value("config_reload_timestamp_seconds"), "the one before stays in force")
	m.ConfigLoaded(began, nil)
	require.Equal(t, "1", f.value("config_reload_success"))
}

func TestBudget(t *testing.T) {
	f := newFixture(t)
	f.sites.Edit("depot", func(v *core.View) { v.Circuits[0].Overload = new(0.4) })
	require.Equal(t, "0.4", f.value(`overload_budget_ratio{circuit="grid",site="depot"}`))
	require.Equal(t, "1", f.value(`overload_budget_ratio{circuit="row-a",site="depot"}`), "it has no breaker")
}

// TestSessionStates: every session is in one state.
func TestSessionStates(t *testing.T) {
	f := newFixture(t)
	f.sites.Edit("depot", func(v *core.View) {
		v.Connectors[0].MeasuredW = new(60.0)
		v.Connectors[1].MeasuredW = nil
		v.Connectors[2].Queue = &core.QueueView{Position: 1}
		v.Connectors[3].Reason.Code = "uncontrollable"
	})
	for state, n := range map[string]string{"idle": "1", "unknown": "1", "waiting": "1", "charging": "1"} {
		require.Equal(t, n, f.value(`sessions{site="depot",state="`+state+`"}`), state)
	}
	require.Equal(t, "1", f.value(`uncontrollable_sessions{site="depot"}`))
	require.Equal(t, "+Inf", f.value(`circuit_limit_watts{circuit="row-a",site="depot"}`))
	for _, code := range []string{"offline", "group", "disobeys", "mute", "foreign"} {
		f.sites.Edit("depot", func(v *core.View) { v.Connectors[0].Reason.Code = code })
		require.Equal(t, "2", f.value(`uncontrollable_sessions{site="depot"}`), code)
	}
}

// TestOutside counts what comes from outside: limits by state, and orders of others.
func TestOutside(t *testing.T) {
	f := newFixture(t)
	f.sites.Edit("depot", func(v *core.View) {
		v.Limits = []core.LimitView{{Name: "dso", State: "active"}, {Name: "tariff", State: "fallback"}, {Name: "event", State: "fallback"}}
		v.Counters.Foreign = 3
	})
	for state, n := range map[string]string{"pending": "0", "active": "1", "fallback": "2"} {
		require.Equal(t, n, f.value(`external_limits{site="depot",state="`+state+`"}`), state)
	}
	require.Equal(t, "3", f.value(`foreign_orders_total{site="depot"}`))
}

func TestMetersAndPeaksAreMeasured(t *testing.T) {
	f, _, _ := metered(t)
	f.sites.Edit("depot", func(v *core.View) {
		v.Circuits = []core.CircuitView{{ID: "grid", Peak: &core.PeakView{TargetW: 60_000, MeanW: 41_500, MonthW: new(58_200.0)}}}
		v.Meters = []core.MeterView{
			{Name: "a", Known: true, MeasuredW: new(12_000.0), At: new(time.Unix(1_780_000_000, 0)), ResidualW: new(500.0)},
			{Name: "b", Why: "lost"},
		}
		v.Limits = []core.LimitView{{State: "fallback"}}
	})
	_, got := f.do("GET", "/metrics", "")
	for series, want := range map[string]string{
		`headroom_meter_up{meter="a",site="depot"}`:                             "1",
		`headroom_meter_up{meter="b",site="depot"}`:                             "0",
		`headroom_meter_watts{meter="a",site="depot"}`:                          "12000",
		`headroom_meter_watts{meter="b",site="depot"}`:                          "NaN",
		`headroom_meter_last_reading_timestamp_seconds{meter="a",site="depot"}`: "1.78e+09",
		`headroom_meter_last_reading_timestamp_seconds{meter="b",site="depot"}`: "NaN",
		`headroom_meter_residual_watts{meter="a",site="depot"}`:                 "500",
		`headroom_meter_disagrees{meter="a",site="depot"}`:                      "0",
		`headroom_circuit_peak_target_watts{circuit="grid",site="depot"}`:       "60000",
		`headroom_circuit_demand_watts{circuit="grid",site="depot"}`:            "41500",
		`headroom_circuit_paced_watts{circuit="grid",site="depot"}`:             "NaN",
		`headroom_circuit_month_peak_watts{circuit="grid",site="depot"}`:        "58200",
		`headroom_external_limits{site="depot",state="fallback"}`:               "1",
	} {
		require.Contains(t, got, series+" "+want+"\n")
	}
}

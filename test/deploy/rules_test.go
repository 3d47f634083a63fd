package deploy

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ruleFile is a file of recording and alert rules.
type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Record, Alert, Expr, For string
	Labels, Annotations      map[string]string
}

func rules(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, path := range glob(t, "prometheus/rules/*.yml") {
		var file ruleFile
		fromYAML(t, path, &file)
		for _, group := range file.Groups {
			all = append(all, group.Rules...)
		}
	}
	return all
}

// TestAlertsSayWhatToDo: every alert has a severity, a summary and a section
// of the alerts page, and the page has none for alerts that are gone.
func TestAlertsSayWhatToDo(t *testing.T) {
	page := string(read(t, "../../docs/alerts.md"))
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^### (Headroom\w+)$`).FindAllStringSubmatch(page, -1) {
		sections = append(sections, m[1])
	}
	var alerts []string
	for _, r := range rules(t) {
		if r.Alert == "" {
			require.Regexp(t, `^headroom:[a-z_]+:[a-z0-9_]+$`, r.Record)
			continue
		}
		alerts = append(alerts, r.Alert)
		require.Contains(t, []string{"critical", "warning", "info"}, r.Labels["severity"], r.Alert)
		require.NotEmpty(t, r.Annotations["summary"], r.Alert)
		require.NotEmpty(t, r.Annotations["description"], r.Alert)
		_, anchor, _ := strings.Cut(r.Annotations["runbook_url"], "docs/alerts.md#")
		require.Equal(t, strings.ToLower(r.Alert), anchor, "runbook_url of %s", r.Alert)
	}
	require.Equal(t, alerts, sections, "docs/alerts.md has the alerts in the order of the rules")
}

// TestAlertsFireInTheirScenario runs the scenarios, in each of which nothing
// fires but what is expected, and requires one for every alert in which it
// does not fire, then does.
func TestAlertsFireInTheirScenario(t *testing.T) {
	promtool := program(t, "promtool", getPrometheus)
	t.Log(output(t, promtool, append([]string{"check", "rules", "--lint-fatal"}, glob(t, "prometheus/rules/*.yml")...)...))
	t.Log(output(t, promtool, append([]string{"test", "rules"}, glob(t, "prometheus/tests/*.yml")...)...))

	var scenarios struct {
		RuleFiles []string `yaml:"rule_files"`
		Interval  string   `yaml:"evaluation_interval"`
		Tests     []struct {
			Name, Interval string
			InputSeries    []map[string]string `yaml:"input_series"`
			Checks         []struct {
				Expr    string
				At      string `yaml:"eval_time"`
				Samples []struct {
					Labels string
					Value  float64
				} `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	fromYAML(t, folder+"/prometheus/tests/headroom.alerts.test.yml", &scenarios)
	fires := map[string]bool{}
	for _, test := range scenarios.Tests {
		require.Empty(t, test.Checks[0].Samples, "%s: it begins with an alert", test.Name)
		for _, check := range test.Checks {
			require.Equal(t, `group by (alertname) (ALERTS{alertstate="firing"})`, check.Expr, "a scenario looks at all alerts")
			for _, sample := range check.Samples {
				fires[sample.Labels] = true
			}
		}
	}
	for _, r := range rules(t) {
		require.True(t, r.Alert == "" || fires[`{alertname="`+r.Alert+`"}`], "%s has no scenario", r.Alert)
	}
}

// TestRulesNameOnlyWhatIsThere: a recorded series that is used is recorded, and one
// that is recorded is used.
func TestRulesNameOnlyWhatIsThere(t *testing.T) {
	var used []string
	recorded := regexp.MustCompile(`headroom:[a-z_]+:[a-z0-9_]+`)
	for _, r := range rules(t) {
		used = append(used, recorded.FindAllString(r.Expr, -1)...)
	}
	for _, board := range dashboards(t) {
		for _, p := range board.Panels {
			for _, target := range p.Targets {
				used = append(used, recorded.FindAllString(target.Expr, -1)...)
			}
		}
	}
	for _, name := range used {
		require.True(t, slices.ContainsFunc(rules(t), func(r rule) bool { return r.Record == name }), "%s is not recorded", name)
	}
	for _, r := range rules(t) {
		require.True(t, r.Record == "" || slices.Contains(used, r.Record), "%s is not used", r.Record)
	}
}

package deploy

import (
	"encoding/json"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryPanelAndRuleFindsData lets Prometheus scrape the demo until every
// query of every panel, for at least one choice of its variables, and every
// metric of every rule has data. No query may fail, no rule either, and no alert
// may fire: the demo is a healthy site.
func TestEveryPanelAndRuleFindsData(t *testing.T) {
	p := startPrometheus(t, startDemo(t))
	wanted := p.queries(t)
	for _, r := range rules(t) {
		wanted["rule "+r.Record+r.Alert] = [][]string{selectors(r.Expr)}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		for _, need := range wanted[name] {
			require.NotEmpty(t, need, name)
		}
	}
	t.Logf("%d queries and rules", len(wanted))
	p.until(t, func() (missing string) {
		for _, name := range slices.Sorted(maps.Keys(wanted)) {
			if !p.answers(t, wanted[name]) {
				return name
			}
			delete(wanted, name)
		}
		return ""
	})
	p.until(t, func() (missing string) {
		var state struct {
			Groups []struct {
				Rules []struct {
					Name, Health, LastError, LastEvaluation string
				}
			}
		}
		p.get(t, "rules", nil, &state)
		for _, group := range state.Groups {
			for _, r := range group.Rules {
				require.Empty(t, r.LastError, r.Name)
				if r.Health != "ok" {
					return "evaluation of " + r.Name
				}
			}
		}
		return ""
	})
	var firing struct {
		Alerts []struct {
			Labels map[string]string
			State  string
		}
	}
	p.get(t, "alerts", nil, &firing)
	for _, a := range firing.Alerts {
		require.NotEqual(t, "firing", a.State, "%s fires in the demo", a.Labels)
	}
}

// selectors are the series that an expression reads, without the time around
// them: an alert's expression has no answer while all is well, its series do.
func selectors(expr string) []string {
	return regexp.MustCompile(`(?:headroom:[a-z_]+:[a-z0-9_]+|\b(?:headroom|process)_[a-z_]+|\bup\b)(?:\{[^}]*\})?`).FindAllString(expr, -1)
}

// queries are the queries of all panels and variables by name. Of the
// alternatives of each, one is to have data for all that it asks.
func (p *prometheus) queries(t *testing.T) map[string][][]string {
	t.Helper()
	wanted := map[string][][]string{}
	for _, d := range dashboards(t) {
		choices := []*strings.Replacer{strings.NewReplacer("$__rate_interval", "15s", "$site", "demo")}
		for _, v := range d.Templating.List {
			if v.Type == "datasource" {
				continue
			}
			m := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(v.Definition)
			require.NotNil(t, m, "%s: the variable %s", d.Title, v.Name)
			var values []string
			p.until(t, func() string {
				p.get(t, "label/"+m[2]+"/values", url.Values{"match[]": {choices[0].Replace(m[1])}}, &values)
				return map[bool]string{true: "values of " + v.Definition}[len(values) == 0]
			})
			switch v.Name {
			case "site":
				require.Equal(t, []string{"demo"}, values)
			case "circuit":
				choices = nil
				for _, circuit := range values {
					choices = append(choices, strings.NewReplacer("$__rate_interval", "15s", "$site", "demo", "$circuit", circuit))
				}
			default:
				t.Fatalf("%s: no values for $%s", d.Title, v.Name)
			}
		}
		for _, panel := range d.Panels {
			for _, target := range panel.Targets {
				var alternatives [][]string
				for _, choice := range choices {
					alternatives = append(alternatives, []string{choice.Replace(target.Expr)})
				}
				wanted[d.Title+": "+panel.Title+": "+target.RefID] = alternatives
			}
		}
	}
	return wanted
}

// answers reports whether one of the alternatives has data.
func (p *prometheus) answers(t *testing.T, alternatives [][]string) bool {
	t.Helper()
	found := false
	for _, queries := range alternatives {
		all := true
		for _, query := range queries {
			all = p.hasData(t, query) && all // asks for each: none may fail
		}
		found = found || all
	}
	return found
}

// hasData reports whether a query had a value, other than NaN, since the start.
func (p *prometheus) hasData(t *testing.T, query string) bool {
	t.Helper()
	var answer struct {
		Result []struct{ Values [][2]json.RawMessage }
	}
	now := time.Now()
	p.get(t, "query_range", url.Values{
		"query": {query}, "start": {p.start.Format(time.RFC3339)}, "end": {now.Format(time.RFC3339)}, "step": {"1s"},
	}, &answer)
	for _, series := range answer.Result {
		for _, point := range series.Values {
			var text string
			require.NoError(t, json.Unmarshal(point[1], &text))
			v, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err)
			if !math.IsNaN(v) {
				return true
			}
		}
	}
	return false
}

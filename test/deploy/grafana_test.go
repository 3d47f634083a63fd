package deploy

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// dashboard is what of a Grafana dashboard is checked.
type dashboard struct {
	UID, Title string
	Tags       []string
	Panels     []panel
	Templating struct{ List []variable }
}

type panel struct {
	ID         int
	Type       string
	Title      string
	Datasource struct{ UID string }
	GridPos    struct{ X, Y, W, H int }
	Targets    []struct {
		RefID      string
		Expr       string
		Datasource struct{ UID string }
	}
}

type variable struct{ Name, Type, Definition string }

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	all := map[string]dashboard{}
	for _, path := range glob(t, "grafana/dashboards/*.json") {
		var d dashboard
		require.NoError(t, json.Unmarshal(read(t, path), &d), path)
		all[path] = d
	}
	return all
}

// TestDashboards: they can be imported side by side into any Grafana.
func TestDashboards(t *testing.T) {
	uids := map[string]bool{}
	for path, d := range dashboards(t) {
		require.Regexp(t, `^headroom-[a-z]+$`, d.UID, path)
		require.False(t, uids[d.UID], "%s: uid %s is taken", path, d.UID)
		uids[d.UID] = true
		require.Contains(t, d.Tags, "headroom", path)
		ids := map[int]bool{}
		for i, p := range d.Panels {
			require.False(t, ids[p.ID], "%s: panel id %d is taken", path, p.ID)
			ids[p.ID] = true
			require.NotEmpty(t, p.Title, path)
			require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, "%s: %s", path, p.Title)
			for _, q := range d.Panels[:i] {
				apart := p.GridPos.X >= q.GridPos.X+q.GridPos.W || q.GridPos.X >= p.GridPos.X+p.GridPos.W ||
					p.GridPos.Y >= q.GridPos.Y+q.GridPos.H || q.GridPos.Y >= p.GridPos.Y+p.GridPos.H
				require.True(t, apart, "%s: %s lies on %s", path, p.Title, q.Title)
			}
			if p.Type == "row" {
				continue
			}
			require.NotEmpty(t, p.Targets, "%s: %s asks nothing", path, p.Title)
			for _, target := range p.Targets {
				require.Equal(t, "${datasource}", target.Datasource.UID, "%s: %s", path, p.Title)
				for _, m := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(target.Expr, -1) {
					require.Contains(t, d.variables(), m[1], "%s: %s", path, p.Title)
				}
			}
		}
	}
}

func (d dashboard) variables() []string {
	names := []string{"__rate_interval"}
	for _, v := range d.Templating.List {
		names = append(names, v.Name)
	}
	return names
}

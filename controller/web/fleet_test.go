package web_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/web"
)

// A machine of a fleet shows who steers what, also what is not steered here.
func TestFleetIsShown(t *testing.T) {
	f := newFixture(t)
	f.sites.SetHealth(func(h *web.Health) {
		h.Fleet = &web.FleetHealth{
			Node:  "north-1",
			Nodes: []web.FleetNode{{Name: "north-1", Role: "all", Sites: 1}, {Name: "<b>south</b>", Role: "controller", Gone: true}, {Name: "east", OtherConfig: true}},
			Sites: []web.FleetSite{{ID: "depot", Node: "north-1", Term: 17}, {ID: "yard", Node: "east", Term: 4}, {ID: "quay"}},
		}
	})
	_, text := f.do("GET", "/", "")
	for _, want := range []string{"north-1", "this one", "&lt;b&gt;south", "gone", "other configuration", "yard", "nobody", "17"} {
		require.Contains(t, text, want)
	}
	status, text := f.do("GET", "/api/v1/sites/yard", "")
	require.Equal(t, 404, status)
	require.Contains(t, text, "ask east, which steers it")
	_, text = f.do("GET", "/api/v1/sites/quay", "")
	require.Contains(t, text, "on this machine")
}

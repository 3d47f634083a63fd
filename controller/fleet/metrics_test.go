package fleet

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// Every metric is there from the start, as operators may count on.
func TestMetricsAreThereFromTheStart(t *testing.T) {
	reg := prometheus.NewRegistry()
	f := New(Options{Node: "a", Registry: reg})
	f.metrics.terms.WithLabelValues("depot").Set(17)
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	require.Empty(t, problems)
	families, err := reg.Gather()
	require.NoError(t, err)
	var names []string
	for _, family := range families {
		names = append(names, family.GetName())
	}
	require.Equal(t, []string{
		"headroom_fleet_events_published_total", "headroom_fleet_events_received_total", "headroom_fleet_failures_total",
		"headroom_fleet_in_session", "headroom_fleet_publish_seconds", "headroom_fleet_save_seconds", "headroom_fleet_saves_total",
		"headroom_fleet_sessions_ended_total", "headroom_fleet_sessions_total", "headroom_fleet_site_term", "headroom_fleet_sites",
		"headroom_fleet_takeover_seconds", "headroom_fleet_takeovers_total",
	}, names)
	require.Equal(t, 3, testutil.CollectAndCount(f.metrics.published))
	require.Equal(t, 2, testutil.CollectAndCount(f.metrics.saves))
}

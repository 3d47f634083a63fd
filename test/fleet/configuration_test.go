package main_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller"
	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/fleet"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/test/fleet/cluster"
)

// machine is the real daemon as a part of a fleet, with a file that has no sites.
type machine struct {
	*controller.Controller
	t *testing.T
}

func newMachine(t *testing.T, c *cluster.Cluster, name string) machine {
	t.Helper()
	t.Setenv("KEY", "key")
	t.Setenv("SECRET", "secret")
	world, err := edrvsim.New(edrvsim.NewSpec(1))
	require.NoError(t, err)
	eDRV := httptest.NewServer(edrvsim.NewServer(edrvsim.Options{World: world, APIKey: "key"}).Handler())
	t.Cleanup(eDRV.Close)
	dir := t.TempDir()
	path := filepath.Join(dir, name+".yaml")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `edrv: {url: "%s/v1.1", api_key: "${KEY}", webhook_secrets: ["${SECRET}"], insecure_unsigned: true}
listen: {webhooks: "127.0.0.1:0", admin: "127.0.0.1:0"}
data_dir: %s
fleet: {nats: ["%s"], node: %s}
`, eDRV.URL, dir, strings.Join(c.URLs(), `", "`), name), 0o600))
	cfg, err := config.Load(path, config.ForRun)
	require.NoError(t, err)
	d, err := controller.New(controller.Options{Config: cfg, ConfigFile: path, Lease: lease})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return machine{d, t}
}

// hook is how an event of a connector is answered.
func (m machine) hook(id, connector string) int {
	m.t.Helper()
	body := fmt.Sprintf(`{"_id":"%s","type":"session.updated","object":"session","data":{"_id":"s","connector":"%s","chargestation":"x"}}`, id, connector)
	answer, err := http.Post("http://"+m.WebhookAddr().String()+"/webhooks/edrv", "application/json", strings.NewReader(body))
	require.NoError(m.t, err)
	require.NoError(m.t, answer.Body.Close())
	return answer.StatusCode
}

// sharedBy is a configuration with these sites.
func sharedBy(sites ...string) []byte {
	var b strings.Builder
	b.WriteString("control: {tick: 1s}\nsites:\n")
	for _, id := range sites {
		fmt.Fprintf(&b, "  - {id: %s, circuits: [{id: grid, limit: {amps: 63}}], connectors: [{id: c-%s, station: t-%s, circuit: grid, kind: ac, phases: L1L2L3, max: {amps: 32}}]}\n", id, id, id)
	}
	return []byte(b.String())
}

// The sites are given to the fleet once, and every machine has them, those that
// come later too. What cannot be used changes nothing.
func TestTheFleetHasTheSites(t *testing.T) {
	servers := start(t, 3)
	opts := fleet.Options{Servers: servers.URLs(), Node: "operator"}
	_, number, err := fleet.Configuration(t.Context(), opts)
	require.ErrorContains(t, err, "bucket headroom", "nobody was there")
	require.Zero(t, number)

	a := newMachine(t, servers, "a")
	require.Eventually(t, func() bool { return strings.Contains(a.Health().Unready, "headroom fleet apply") }, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, http.StatusServiceUnavailable, a.hook("early", "c-depot"), "it may be of a site that is not known yet")

	first, changed, err := fleet.Apply(t.Context(), opts, sharedBy("depot", "yard"))
	require.NoError(t, err)
	require.True(t, changed)
	steers := func(m machine, sites ...string) {
		t.Helper()
		require.Eventually(t, func() bool { return fmt.Sprint(m.Names()) == fmt.Sprint(sites) }, 20*time.Second, 20*time.Millisecond, "%v", sites)
	}
	steers(a, "depot", "yard")
	require.Equal(t, http.StatusOK, a.hook("early", "c-depot"))
	require.Eventually(t, func() bool { return a.Health().Unready == "" }, 20*time.Second, 20*time.Millisecond)

	again, changed, err := fleet.Apply(t.Context(), opts, sharedBy("depot", "yard"))
	require.NoError(t, err)
	require.False(t, changed)
	require.Equal(t, first, again)

	_, _, err = fleet.Apply(t.Context(), opts, []byte("sites: [{id: depot}]")) // past the check of headroom fleet apply
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return strings.Contains(a.Health().Config.Refused, "sites[0].circuits: is missing")
	}, 20*time.Second, 20*time.Millisecond, "the page says so")
	steers(a, "depot", "yard")

	next, _, err := fleet.Apply(t.Context(), opts, sharedBy("depot", "quay"))
	require.NoError(t, err)
	require.Greater(t, next, first)
	steers(a, "depot", "quay")
	require.Empty(t, a.Health().Config.Refused)

	b := newMachine(t, servers, "b")
	require.Eventually(t, func() bool {
		return len(a.Names()) == 1 && len(b.Names()) == 1 && b.Health().Unready == ""
	}, 30*time.Second, 20*time.Millisecond, "%v and %v", a.Names(), b.Names())
	for _, n := range b.Health().Fleet.Nodes {
		require.False(t, n.OtherConfig, n.Name)
	}
	kept, number, err := fleet.Configuration(t.Context(), opts)
	require.NoError(t, err)
	require.Equal(t, next, number)
	require.Equal(t, string(sharedBy("depot", "quay")), string(kept))
}

// Machines that do not know the same sites spread them differently. No site may
// be what each takes for another's.
func TestWithTwoConfigurationsEverySiteHasAnOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, start(t, 1), 24)
	all := w.sites
	w.config, w.sites = "old", all[:16]
	w.join("a", true)
	w.join("b", true)
	w.spread("a", "b")
	w.config, w.sites = "new", all
	c := w.join("c", true)
	w.spread("a", "b", "c") // c has what nobody had
	c.leave()
	w.sound()
}

package play

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// The secrets of the simulated eDRV. They open nothing.
const (
	apiKey        = "fleet-api-key"
	webhookSecret = "fleet-webhook-secret"
)

// faster is how many times as quick as a real one the simulated eDRV is: reports
// come every 3 to 6 s, and chargers answer within 3 s.
const faster = 10

// fallbackAmps is what a post falls back to, and maxAmps what it is built for.
const (
	fallbackAmps = 6
	maxAmps      = 32
)

// world is n sites that each have a limit which their posts can pass: cars come
// and go all the time.
func world(sites, connectors int) (*edrvsim.World, error) {
	spec := edrvsim.NewSpec(1)
	spec.Behaviour = spec.Behaviour.Faster(faster)
	spec.Behaviour.DisableAfter = 0 // docs/fleet.md: an operator of a fleet asks eDRV for that
	for i := range sites {
		site := siteName(i)
		spec.Locations = append(spec.Locations, edrvsim.LocationSpec{ID: site})
		spec.Circuits = append(spec.Circuits, edrvsim.CircuitSpec{ID: site, LimitAmps: limitAmps(connectors)})
		for k := range connectors {
			spec.Stations = append(spec.Stations, edrvsim.StationSpec{
				ID: stationName(i, k), Location: site,
				Connectors: []edrvsim.ConnectorSpec{{ID: connectorName(i, k), Circuit: site, MaxAmps: maxAmps, Default: edrvsim.Amps(fallbackAmps)}},
			})
		}
	}
	spec.Arrivals = []edrvsim.ArrivalSpec{{
		PerHour: []float64{float64(sites*connectors) * 30},
		Cars: []edrvsim.CarMix{
			{Weight: 3, Car: edrvsim.CarSpec{Phases: 3, MaxAmps: 32, Ramp: time.Second}, Stay: edrvsim.Between(30*time.Second, 3*time.Minute)},
			{Weight: 1, Car: edrvsim.CarSpec{Phases: 1, MaxAmps: 32, Ramp: time.Second}, Stay: edrvsim.Between(30*time.Second, 3*time.Minute)},
		},
	}}
	return edrvsim.New(spec)
}

// limitAmps is two thirds of what the posts could draw, before the margin.
func limitAmps(connectors int) float64 { return float64(connectors*maxAmps) * 2 / 3 }

func siteName(i int) string         { return fmt.Sprintf("site-%04d", i) }
func stationName(i, k int) string   { return fmt.Sprintf("station-%04d-%02d", i, k) }
func connectorName(i, k int) string { return fmt.Sprintf("connector-%04d-%02d", i, k) }

// node is a headroom process.
type node struct {
	*process
	role            string
	webhooks, admin string // host:port
}

// nodeOf writes the configuration of a node and says how to start it.
func nodeOf(dir, program, name, role, eDRV string, nats []string) (*node, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	n := &node{role: role, webhooks: fmt.Sprintf("127.0.0.1:%d", ports[0]), admin: fmt.Sprintf("127.0.0.1:%d", ports[1])}
	path := filepath.Join(dir, name+".yaml")
	if err := os.WriteFile(path, configuration(n, name, filepath.Join(dir, name), eDRV, nats), 0o600); err != nil {
		return nil, err
	}
	n.process = &process{
		name: name, path: program, args: []string{"--log-level", "debug", "run", "--config", path}, log: filepath.Join(dir, name+".log"),
		env: []string{"FLEET_API_KEY=" + apiKey, "FLEET_WEBHOOK_SECRET=" + webhookSecret},
	}
	return n, nil
}

// command is the program with the configuration of a node.
func (n *node) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, n.path, append(args, "--config", n.args[len(n.args)-1])...)
	cmd.Env = append(os.Environ(), n.env...)
	return cmd
}

// ready asks a node whether it does its part.
func (n *node) ready(ctx context.Context) bool { return n.get(ctx, "/readyz") != "" }

// get is what a node answers with 200.
func (n *node) get(ctx context.Context, path string) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.admin+path, http.NoBody)
	if err != nil {
		return ""
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// configuration is the file of a node: its sites are those of the fleet.
func configuration(n *node, name, data, eDRV string, nats []string) []byte {
	return fmt.Appendf(nil, `version: 1
edrv:
  url: %s
  api_key: ${FLEET_API_KEY}
  webhook_secrets: ["${FLEET_WEBHOOK_SECRET}"]
  requests_per_second: 300
listen: {webhooks: "%s", admin: "%s"}
data_dir: %s
fleet:
  nats: ["%s"]
  node: %s
  role: %s
`, eDRV, n.webhooks, n.admin, data, strings.Join(nats, `", "`), name, n.role)
}

// sitesFile is what all of them steer.
func sitesFile(o *Options) []byte {
	var b bytes.Buffer
	b.WriteString(`control:
  tick: 1s
  resync: 20s
  report_stale: 15s
  verdict_timeout: 12s
  settle: 2500ms
  raise_every: 3s
  disengage_after: 6s
  rotate: 60s
  resume_after: 30s
  reassert: 60s
  recover_after: 5s
sites:
`)
	for i := range o.Sites {
		fmt.Fprintf(&b, "  - id: %s\n    location: %s\n    circuits: [{id: grid, limit: {amps: %.1f}}]\n    connectors:\n", siteName(i), siteName(i), limitAmps(o.Connectors))
		for k := range o.Connectors {
			fmt.Fprintf(&b, "      - {id: %s, station: %s, circuit: grid, kind: ac, phases: L1L2L3, max: {amps: %d}, fallback: {amps: %d}}\n",
				connectorName(i, k), stationName(i, k), maxAmps, fallbackAmps)
		}
	}
	return b.Bytes()
}

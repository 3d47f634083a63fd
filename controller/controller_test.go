package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

const (
	testKey    = "test-api-key"
	testSecret = "test-webhook-secret"
)

// bench is a daemon in front of a simulated eDRV, all in memory and in virtual
// time: for use in a synctest bubble.
type bench struct {
	t      *testing.T
	eDRV   *edrvsim.Server
	api    *edrvsim.PipeListener
	hooks  line
	admin  *http.Client
	daemon *Controller
	log    *slog.Logger
	stop   func()
	// watch sees every call to eDRV before it leaves.
	watch func(*http.Request)
}

// tap is a transport whose calls are watched.
type tap struct {
	http.RoundTripper
	watch func(*http.Request)
}

func (t tap) RoundTrip(r *http.Request) (*http.Response, error) {
	t.watch(r)
	return t.RoundTripper.RoundTrip(r)
}

// line leads to whichever daemon runs now.
type line struct {
	mu  sync.Mutex
	now *edrvsim.PipeListener
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	to := l.now
	l.mu.Unlock()
	if to == nil {
		return nil, errors.New("no daemon runs")
	}
	return to.DialContext(ctx, network, address)
}

func (l *line) connect(to *edrvsim.PipeListener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = to
}

// yard is n posts of 22 kW on a grid connection of 100 kW.
func yard(n int) (edrvsim.Spec, string) {
	spec := edrvsim.NewSpec(1)
	spec.Start = time.Now()
	spec.Behaviour.DisableAfter = 0 // eDRV goes on trying while no daemon runs
	spec.Locations = []edrvsim.LocationSpec{{ID: "yard"}}
	spec.Circuits = []edrvsim.CircuitSpec{{ID: "grid", LimitWatts: 100e3}}
	var connectors strings.Builder
	for i := range n {
		spec.Stations = append(spec.Stations, edrvsim.StationSpec{
			ID: fmt.Sprintf("station%d", i), Location: "yard",
			Connectors: []edrvsim.ConnectorSpec{{ID: fmt.Sprintf("c%d", i), Circuit: "grid"}},
		})
		fmt.Fprintf(&connectors, "      - {id: c%d, station: station%d, circuit: grid, kind: ac, phases: L1L2L3, max: {amps: 32}, fallback: {amps: 6}}\n", i, i)
	}
	return spec, connectors.String()
}

// yardFile is the text of a configuration of that yard.
func yardFile(t testing.TB, connectors string) string {
	return `
edrv: {url: "http://127.0.0.1:1/v1.1", api_key: "${TEST_KEY}", webhook_secrets: ["${TEST_SECRET}"]}
listen: {webhooks: "127.0.0.1:1", admin: "127.0.0.1:2"}
data_dir: ` + t.TempDir() + `
sites:
  - id: yard
    circuits: [{id: grid, limit: {kw: 100}}]
    connectors:
` + connectors
}

func yardConfig(t testing.TB, connectors string) *config.Config {
	t.Helper()
	env := map[string]string{"TEST_KEY": testKey, "TEST_SECRET": testSecret}
	cfg, err := config.Parse("test.yaml", []byte(yardFile(t, connectors)), config.ForRun, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	require.NoError(t, err)
	return cfg
}

// newBench starts eDRV; start and kill start and stop the daemon.
func newBench(t *testing.T, spec edrvsim.Spec) *bench {
	b := &bench{t: t, api: edrvsim.NewPipeListener()}
	world, err := edrvsim.New(spec)
	require.NoError(t, err)
	hooks := &http.Transport{DialContext: b.hooks.dial}
	b.eDRV = edrvsim.NewServer(edrvsim.Options{
		World: world, APIKey: testKey, WebhookClient: &http.Client{Transport: hooks},
		Webhook: edrvsim.Webhook{URL: "http://daemon/webhooks/edrv", Signing: edrvsim.Signing{Secret: testSecret}},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.eDRV.Run(ctx, b.api) }()
	t.Cleanup(func() {
		b.kill()
		cancel()
		<-done
		hooks.CloseIdleConnections()
	})
	return b
}

// newYard is a bench of n posts, and the configuration of a daemon for it.
func newYard(t *testing.T, n int) (*bench, *config.Config) {
	t.Helper()
	spec, connectors := yard(n)
	return newBench(t, spec), yardConfig(t, connectors)
}

// open starts the daemon, and a minute later n cars come.
func (b *bench) open(cfg *config.Config, n int) {
	b.t.Helper()
	b.start(cfg)
	time.Sleep(time.Minute)
	b.plug(n, edrvsim.CarSpec{})
}

func (b *bench) start(cfg *config.Config) { b.startFrom(cfg, "", nil) }

// startFrom starts a daemon that reads its configuration again when the file
// changes or a signal comes.
func (b *bench) startFrom(cfg *config.Config, file string, reload <-chan os.Signal) {
	b.t.Helper()
	hooks, admin := edrvsim.NewPipeListener(), edrvsim.NewPipeListener()
	listeners := map[string]net.Listener{cfg.Listen.Webhooks: hooks, cfg.Listen.Admin: admin}
	api := b.api.Client()
	transport := api.Transport
	if b.watch != nil {
		transport = tap{transport, b.watch}
	}
	daemon, err := New(Options{
		Config: cfg, Transport: transport, Logger: b.log, ConfigFile: file, Reload: reload,
		Listen: func(_, address string) (net.Listener, error) { return listeners[address], nil },
	})
	require.NoError(b.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- daemon.Run(ctx) }()
	b.daemon, b.admin = daemon, admin.Client()
	b.hooks.connect(hooks)
	b.stop = func() {
		b.hooks.connect(nil)
		b.admin.CloseIdleConnections()
		cancel()
		require.NoError(b.t, <-done)
		api.CloseIdleConnections()
	}
}

// kill stops the daemon.
func (b *bench) kill() {
	if b.stop != nil {
		b.stop()
		b.stop = nil
	}
}

func (b *bench) offers() (amps []float64) {
	for _, c := range b.eDRV.TrueState().Connectors {
		if c.Car {
			amps = append(amps, c.Offer.Value)
		}
	}
	return amps
}

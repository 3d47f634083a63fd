package controller

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/journal"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// reloading is a daemon and the file that it reads.
type reloading struct {
	*bench
	file   string
	signal chan os.Signal
	text   string
}

func newReloading(t *testing.T, cars int) *reloading {
	t.Helper()
	spec, connectors := yard(6)
	r := &reloading{bench: newBench(t, spec), file: filepath.Join(t.TempDir(), "headroom.yaml"), signal: make(chan os.Signal, 1)}
	r.text = yardFile(t, connectors)
	r.write()
	cfg, err := config.Load(r.file, config.ForRun)
	require.NoError(t, err)
	r.startFrom(cfg, r.file, r.signal)
	r.plug(cars, edrvsim.CarSpec{})
	time.Sleep(5 * time.Minute)
	return r
}

// write writes the file, with some of it replaced.
func (r *reloading) write(replace ...string) {
	r.t.Helper()
	r.text = strings.NewReplacer(replace...).Replace(r.text)
	require.NoError(r.t, os.WriteFile(r.file, []byte(r.text), 0o600))
}

func (r *reloading) get(path string) string {
	r.t.Helper()
	resp, err := r.admin.Get("http://127.0.0.1" + path)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return string(body)
}

func secrets(t *testing.T) {
	t.Setenv("TEST_KEY", testKey)
	t.Setenv("TEST_SECRET", testSecret)
}

func TestALowerLimitInTheFileActsAtOnce(t *testing.T) {
	secrets(t)
	synctest.Test(t, func(t *testing.T) {
		r := newReloading(t, 6)
		require.Greater(t, r.grid().Watts, 90e3)
		before := r.get("/metrics")

		r.write("kw: 100", "kw: 60")
		time.Sleep(time.Minute)
		require.LessOrEqual(t, r.grid().Watts, 60e3)
		require.Greater(t, r.grid().Watts, 30e3)
		require.Contains(t, r.get("/metrics"), "headroom_config_reload_success 1")
		require.NotEqual(t, metricLine(before, "headroom_config_hash"), metricLine(r.get("/metrics"), "headroom_config_hash"))

		r.write("kw: 60", "kw: 100")
		time.Sleep(10 * time.Minute)
		require.Greater(t, r.grid().Watts, 90e3)
	})
}

func metricLine(metrics, name string) string {
	for line := range strings.SplitSeq(metrics, "\n") {
		if strings.HasPrefix(line, name+" ") {
			return line
		}
	}
	return ""
}

func TestABrokenFileChangesNothingAndEverybodyIsTold(t *testing.T) {
	secrets(t)
	for name, c := range map[string]struct {
		replace []string
		why     string
	}{
		"a mistake":               {[]string{"kw: 100", "kw: 1oo"}, "headroom.yaml:7:39: sites[0].circuits[0].limit.kw: want a number of kilowatts"},
		"fallbacks do not fit":    {[]string{"kw: 100", "kw: 10"}, "the fallbacks and the base load do not fit"},
		"another listener":        {[]string{"127.0.0.1:2", "127.0.0.1:3", "kw: 100", "kw: 60"}, "a change of listen.admin needs a restart: nothing was changed"},
		"another address of eDRV": {[]string{"127.0.0.1:1/v1.1", "127.0.0.1:9/v1.1"}, "a change of edrv.url needs a restart"},
		"a secret that is gone":   {[]string{"TEST_KEY", "NO_SUCH_KEY"}, "the environment variable NO_SUCH_KEY is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReloading(t, 6)
				good, draws := r.text, r.grid().Watts
				r.write(c.replace...)
				time.Sleep(5 * time.Second)
				h := r.daemon.Health()
				require.Contains(t, h.Config.Refused, c.why)
				metrics := r.get("/metrics")
				require.Contains(t, metrics, "headroom_config_reload_success 0")
				page := r.get("/sites/yard")
				require.Contains(t, page, "The changed configuration is not taken")
				time.Sleep(5 * time.Minute)
				require.InDelta(t, draws, r.grid().Watts, 1000, "it is steered as before")

				r.text = good
				r.write()
				time.Sleep(5 * time.Second)
				require.Empty(t, r.daemon.Health().Config.Refused)
				require.Contains(t, r.get("/metrics"), "headroom_config_reload_success 1")
				require.NotContains(t, r.get("/sites/yard"), "The changed configuration is not taken")
			})
		})
	}
}

func TestAFileThatIsGoneIsToldAndComesBack(t *testing.T) {
	secrets(t)
	synctest.Test(t, func(t *testing.T) {
		r := newReloading(t, 1)
		require.NoError(t, os.Remove(r.file))
		time.Sleep(5 * time.Second)
		require.Contains(t, r.daemon.Health().Config.Refused, "no such file")
		r.write()
		time.Sleep(5 * time.Second)
		require.Empty(t, r.daemon.Health().Config.Refused)
	})
}

// Kubernetes puts a new ConfigMap beside the old one and turns a link round.
func TestALinkThatTurnsIsAReload(t *testing.T) {
	secrets(t)
	synctest.Test(t, func(t *testing.T) {
		r := newReloading(t, 6)
		r.kill()
		dir := t.TempDir()
		for version, text := range map[string]string{"..1": r.text, "..2": strings.ReplaceAll(r.text, "kw: 100", "kw: 60")} {
			require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, version, "headroom.yaml"), []byte(text), 0o600))
		}
		require.NoError(t, os.Symlink("..1", filepath.Join(dir, "..data")))
		require.NoError(t, os.Symlink("..data/headroom.yaml", filepath.Join(dir, "headroom.yaml")))
		cfg, err := config.Load(filepath.Join(dir, "headroom.yaml"), config.ForRun)
		require.NoError(t, err)
		r.startFrom(cfg, filepath.Join(dir, "headroom.yaml"), nil)
		time.Sleep(5 * time.Minute)

		require.NoError(t, os.Symlink("..2", filepath.Join(dir, "..new")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")))
		time.Sleep(time.Minute)
		require.LessOrEqual(t, r.grid().Watts, 60e3)
	})
}

func TestASignalReadsTheSecretsAgain(t *testing.T) {
	secrets(t)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("another"), 0o600))
	synctest.Test(t, func(t *testing.T) {
		r := newReloading(t, 1)
		r.write(`["${TEST_SECRET}"]`, `["${TEST_SECRET}", "${file:`+secret+`}"]`)
		time.Sleep(5 * time.Second)
		verifier := r.daemon.hooks.verifier.Load()
		require.NoError(t, os.WriteFile(secret, []byte("a third"), 0o600))
		time.Sleep(5 * time.Second)
		require.Same(t, verifier, r.daemon.hooks.verifier.Load(), "the file is as it was")
		r.signal <- syscall.SIGHUP
		time.Sleep(5 * time.Second)
		require.NotSame(t, verifier, r.daemon.hooks.verifier.Load())
		require.Empty(t, r.daemon.Health().Config.Refused)
	})
}

// TestConnectorsAndSitesComeAndGo: a removed connector counts until its session
// ends, one that is added is steered, a site that is added starts, and one that
// is removed is let go.
func TestConnectorsAndSitesComeAndGo(t *testing.T) {
	secrets(t)
	synctest.Test(t, func(t *testing.T) {
		r := newReloading(t, 6)
		line := "      - {id: c5, station: station5, circuit: grid, kind: ac, phases: L1L2L3, max: {amps: 32}, fallback: {amps: 6}}\n"
		whole := r.text
		r.write(line, "")
		time.Sleep(10 * time.Minute)
		view, _ := r.daemon.View("yard")
		require.Len(t, view.Connectors, 6, "it has a session")
		require.Equal(t, "removed", view.Connectors[5].Reason.Code)
		require.Greater(t, view.Connectors[5].Committed, 0.0)
		require.LessOrEqual(t, r.grid().Watts, 100e3, "it is counted")

		r.eDRV.Do(func(w *edrvsim.World) { require.NoError(t, w.Unplug(w.Now(), "c5")) })
		time.Sleep(10 * time.Second)
		view, _ = r.daemon.View("yard")
		require.Len(t, view.Connectors, 5, "its webhook told that it is over")
		require.Zero(t, r.daemon.metrics.Webhooks("foreign"), "until then its webhooks are ours")

		r.text = whole
		r.write()
		r.plug(6, edrvsim.CarSpec{})
		time.Sleep(5 * time.Minute)
		view, _ = r.daemon.View("yard")
		require.Len(t, view.Connectors, 6)
		require.Equal(t, "normal", view.State)
		r.requireFair(6)

		r.text = strings.Replace(whole, line, "", 1) + "  - id: annex\n    circuits: [{id: grid, limit: {kw: 20}}]\n    connectors:\n" + line
		r.write()
		time.Sleep(5 * time.Minute)
		require.Equal(t, []string{"yard", "annex"}, r.daemon.Names())
		annex, ok := r.daemon.View("annex")
		require.True(t, ok)
		require.NotEmpty(t, annex.Connectors[0].Session)
		require.Contains(t, r.get("/metrics"), `headroom_pass_duration_seconds_count{site="annex"}`)

		r.text = whole
		r.write()
		time.Sleep(5 * time.Minute)
		require.Equal(t, []string{"yard"}, r.daemon.Names())
		view, _ = r.daemon.View("yard")
		require.Equal(t, "normal", view.State, "what the other site ordered is nobody's fault")
		r.requireFair(6)
	})
}

// A meter on the wire changes what the chargers may have, and so does its
// silence.
func TestAMeterOnTheWire(t *testing.T) {
	var mu sync.Mutex
	power := "12000"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.WriteString(w, power)
	}))
	defer server.Close()
	cfg, err := config.Parse("test.yaml", []byte(`
control: {tick: 20ms}
sites:
  - id: yard
    circuits: [{id: grid, limit: {kw: 100}, base_load: {meter: main, max: {kw: 40}}}]
    meters: {main: {type: http, url: "`+server.URL+`", every: 10ms, stale: 5s}}
`), config.ForSimulate, os.LookupEnv)
	require.NoError(t, err)
	settings, err := SiteSettings(&cfg.Sites[0], &cfg.Control)
	require.NoError(t, err)
	meters, err := metersOf(&cfg.Sites[0])
	require.NoError(t, err)
	model, err := core.New(settings, core.Saved{}, time.Now())
	require.NoError(t, err)
	kept, err := journal.Open(journal.Options{Dir: t.TempDir(), Logger: discard()})
	require.NoError(t, err)
	t.Cleanup(kept.Close)
	s := newSite(model, 0, &executor{api: nowhere{}}, kept, discard())
	s.meters, s.observePass = meters, func(time.Duration, time.Duration) {}
	var running sync.WaitGroup
	s.begin(t.Context(), &running)
	t.Cleanup(func() {
		s.end()
		running.Wait()
	})
	until := func(watts float64, why string) {
		require.Eventually(t, func() bool {
			v := s.view.Load()
			return v.Circuits[0].BaseLoadW == watts && strings.Contains(v.Meters[0].Why, why)
		}, 30*time.Second, 10*time.Millisecond)
	}
	tell := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		power = what
	}
	until(12_000, "")
	tell("NaN")
	until(40_000, "is no number")
	tell("15000.5")
	until(15_000.5, "")

	// A reload that leaves the meter as it is does not touch it; one that changes
	// it reads the other source.
	again, err := metersOf(&cfg.Sites[0])
	require.NoError(t, err)
	before := s.meters[0]
	s.replaceMeters(t.Context(), &running, again)
	require.Same(t, before, s.meters[0])
	other := cfg.Sites[0].Meters["main"]
	other.Unit = config.UnitKilowatts
	cfg.Sites[0].Meters["main"] = other
	tell("16")
	changed, err := metersOf(&cfg.Sites[0])
	require.NoError(t, err)
	s.replaceMeters(t.Context(), &running, changed)
	until(16_000, "")
}

// nowhere is an eDRV that never answers.
type nowhere struct{ edrv }

func (nowhere) Sessions(context.Context) (edrvapi.List[edrvapi.Session], error) {
	return edrvapi.List[edrvapi.Session]{}, errors.New("nobody there")
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

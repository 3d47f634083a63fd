package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headroom-ev/headroom/controller/journal"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// A yard of eight posts of 22 kW on 60 kW, thirty times as quick as a real one.
// Cars come and go all the time, so orders are always under way.
const (
	posts    = 8
	quick    = 30
	yardYAML = `
version: 1
edrv: {url: "%s", api_key: "${KEY}", webhook_secrets: ["${SECRET}"], requests_per_second: 200}
listen: {webhooks: "127.0.0.1:0", admin: "127.0.0.1:0"}
data_dir: %s
control: {tick: 200ms, resync: 2s, report_stale: 6s, verdict_timeout: 1s, settle: 500ms, raise_every: 500ms, disengage_after: 2s,
  rotate: 20s, resume_after: 10s, reassert: 5s, recover_after: 1s}
sites:
  - id: yard
    circuits: [{id: grid, limit: {kw: 60}}]
    connectors:
`
)

// plant is a simulated eDRV, and a real daemon before it that can be killed.
type plant struct {
	t      *testing.T
	eDRV   *edrvsim.Server
	binary string
	config string
	data   string
	chance *rand.Rand

	mu     sync.Mutex
	daemon *exec.Cmd
	admin  string
}

func newPlant(t *testing.T) *plant {
	if testing.Short() {
		t.Skip("a real process under faults takes seconds")
	}
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := &plant{
		t: t, binary: filepath.Join(dir, "headroom"), config: filepath.Join(dir, "yard.yaml"), data: filepath.Join(dir, "data"),
		chance: rand.New(rand.NewPCG(4, 2)),
	}
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", p.binary, ".").CombinedOutput()
	require.NoError(t, err, string(built))

	spec := edrvsim.NewSpec(1)
	spec.Behaviour.DisableAfter = 0
	spec.Behaviour.Reaction = edrvsim.Between(time.Second, 6*time.Second)
	spec.Locations = []edrvsim.LocationSpec{{ID: "yard"}}
	spec.Circuits = []edrvsim.CircuitSpec{{ID: "grid", LimitWatts: 60e3}}
	var text strings.Builder
	for i := range posts {
		spec.Stations = append(spec.Stations, edrvsim.StationSpec{
			ID: fmt.Sprintf("station%d", i), Location: "yard",
			Connectors: []edrvsim.ConnectorSpec{{ID: fmt.Sprintf("c%d", i), Circuit: "grid"}},
		})
		fmt.Fprintf(&text, "      - {id: c%d, station: station%d, circuit: grid, kind: ac, phases: L1L2L3, max: {amps: 32}, fallback: {amps: 6}}\n", i, i)
	}
	world, err := edrvsim.New(spec)
	require.NoError(t, err)
	p.eDRV = edrvsim.NewServer(edrvsim.Options{World: world, APIKey: "key", Speed: quick})
	url, err := p.eDRV.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() {
		p.kill()
		require.NoError(t, p.eDRV.Close())
	})
	require.NoError(t, os.WriteFile(p.config, fmt.Appendf(nil, yardYAML+text.String(), url, p.data), 0o600))
	return p
}

func (p *plant) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.binary, args...)
	cmd.Env = append(os.Environ(), "KEY=key", "SECRET=secret")
	return cmd
}

var listening = regexp.MustCompile(`webhooks=(\S+) admin=(\S+)`)

// start runs the daemon until it listens, and lets eDRV know where.
func (p *plant) start() {
	p.t.Helper()
	cmd := p.command("run", "--config", p.config)
	log, err := cmd.StderrPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, cmd.Start())
	lines := bufio.NewScanner(log)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if at := listening.FindStringSubmatch(lines.Text()); at != nil {
			p.eDRV.SetWebhook(edrvsim.Webhook{URL: "http://" + at[1] + "/webhooks/edrv", Signing: edrvsim.Signing{Secret: "secret"}})
			p.mu.Lock()
			p.daemon, p.admin = cmd, "http://"+at[2]
			p.mu.Unlock()
			go func() { _, _ = io.Copy(io.Discard, log) }() // ends with the process
			return
		}
	}
	require.NoError(p.t, cmd.Wait())
	p.t.Fatalf("the daemon did not start:\n%s", strings.Join(said, "\n"))
}

// kill ends the daemon as a crash does.
func (p *plant) kill() {
	p.mu.Lock()
	cmd := p.daemon
	p.daemon, p.admin = nil, ""
	p.mu.Unlock()
	if cmd != nil {
		require.NoError(p.t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	}
}

// get asks the daemon, if one runs and answers.
func (p *plant) get(path string) (string, bool) {
	p.mu.Lock()
	admin := p.admin
	p.mu.Unlock()
	client := http.Client{Timeout: 2 * time.Second}
	answer, err := client.Get(admin + path)
	if err != nil {
		return "", false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err == nil && answer.StatusCode == http.StatusOK
}

// limit sets an external limit.
func (p *plant) limit(kw int) {
	body := fmt.Sprintf(`{"circuit":"grid","kw":%d,"until":%q}`, kw, time.Now().Add(time.Hour).Format(time.RFC3339))
	p.mu.Lock()
	req, err := http.NewRequest(http.MethodPut, p.admin+"/api/v1/sites/yard/limits/dso", strings.NewReader(body))
	p.mu.Unlock()
	require.NoError(p.t, err)
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	require.NoError(p.t, err)
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	require.Less(p.t, answer.StatusCode, 300, string(text))
}

// state is what the API says of the site, as far as it matters here.
type state struct {
	Time       time.Time `json:"time"`
	State      string    `json:"state"`
	FailSafe   bool      `json:"failsafe"`
	Connectors []struct {
		Committed float64 `json:"committed_a"`
	} `json:"connectors"`
}

func (p *plant) view() (v state, ok bool) {
	text, ok := p.get("/api/v1/sites/yard")
	if ok {
		require.NoError(p.t, json.Unmarshal([]byte(text), &v))
	}
	return v, ok
}

func (p *plant) metric(name string) string {
	text, _ := p.get("/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (p *plant) eventually(what string, holds func() bool) {
	p.t.Helper()
	require.Eventually(p.t, holds, 30*time.Second, 50*time.Millisecond, what)
}

// traffic lets cars come and go for a while, and holds all the time that no
// charger may draw more than the daemon says.
func (p *plant) traffic(d time.Duration) (checks int) {
	p.t.Helper()
	next := time.NewTicker(50 * time.Millisecond)
	defer next.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-next.C {
		p.eDRV.Do(func(w *edrvsim.World) {
			id := fmt.Sprintf("c%d", p.chance.IntN(posts))
			if c, _ := w.Connector(id); !c.Car {
				require.NoError(p.t, w.Plug(w.Now(), id, edrvsim.CarSpec{}))
			} else if p.chance.IntN(4) == 0 {
				require.NoError(p.t, w.Unplug(w.Now(), id))
			}
		})
		checks += p.check()
	}
	return checks
}

// check compares one moment of the truth with what the daemon says before it,
// or in its first pass after it: a raise is booked before it is sent.
func (p *plant) check() int {
	p.t.Helper()
	before, ok := p.view()
	if !ok {
		return 0
	}
	at, truth := time.Now(), p.eDRV.TrueState()
	var after state
	require.Eventually(p.t, func() bool {
		after, ok = p.view()
		return !ok || after.Time.After(at)
	}, 30*time.Second, 10*time.Millisecond, "a pass after it")
	if !ok {
		return 0
	}
	for i, c := range truth.Connectors {
		if c.Session != "" {
			require.LessOrEqual(p.t, c.Offer.Value, max(before.Connectors[i].Committed, after.Connectors[i].Committed)+0.01,
				"%s may draw more than is committed", c.ID)
		}
	}
	return 1
}

// judge holds what must be true however the process was treated: the site never
// passed its limit, the record is whole, and every raise that reached eDRV is in
// it.
func (p *plant) judge() (raises int) {
	p.t.Helper()
	require.Zero(p.t, p.eDRV.TrueState().Circuits[0].Trace.Over, "the site passed its limit")
	out, err := p.command("journal", "verify", "--data-dir", p.data).CombinedOutput()
	require.NoError(p.t, err, string(out))
	intents := map[string]bool{}
	for line, err := range journal.Lines(p.t.Context(), p.data, journal.Query{Kinds: []string{"intent"}}) {
		require.NoError(p.t, err)
		var e journal.Entry
		require.NoError(p.t, json.Unmarshal(line, &e))
		intents[e.Session+" "+e.Text] = true
	}
	p.eDRV.Do(func(w *edrvsim.World) {
		was := map[string]float64{}
		for _, r := range w.LimitLog() {
			if r.Session == "" || r.Limit.Unit != edrvsim.Current {
				continue
			}
			amps, last := r.Limit.Value, max(was[r.Session], 6) // of a session without a limit: its fallback
			require.LessOrEqual(p.t, amps, 32.0)
			if was[r.Session] = amps; amps > last {
				raises++
				text := edrvapi.InAmperes(edrvapi.Milliamps(amps*1000 + 0.5)).String()
				require.Contains(p.t, intents, r.Session+" "+text, "a raise was sent before it was recorded")
			}
		}
	})
	return raises
}

// ready waits until the fallbacks are in force, so that cars may come.
func (p *plant) ready() {
	p.t.Helper()
	p.eventually("fail-safe", func() bool { v, ok := p.view(); return ok && v.FailSafe })
}

func TestAProcessThatIsKilledAtAnyMomentForgetsNothing(t *testing.T) {
	p := newPlant(t)
	p.start()
	p.ready()
	checks := 0
	for range 5 {
		checks += p.traffic(time.Duration(1000+p.chance.IntN(1500)) * time.Millisecond)
		p.kill()
		p.start()
	}
	checks += p.traffic(time.Second)
	raises := p.judge()
	t.Logf("%d checks, %d raises", checks, raises)
	require.Greater(t, raises, 10, "orders were under way")
	require.Greater(t, checks, 10)
}

func TestAProcessThatWasStoppedDecidesOnNothingOld(t *testing.T) {
	p := newPlant(t)
	p.start()
	p.ready()
	p.traffic(time.Second)
	require.NoError(t, p.daemon.Process.Signal(syscall.SIGSTOP))
	since := p.eDRV.TrueState().At // two minutes for the chargers are longer than a pass may be late
	p.eventually("two minutes passed", func() bool { return p.eDRV.TrueState().At.Sub(since) >= 2*time.Minute })
	require.NoError(t, p.daemon.Process.Signal(syscall.SIGCONT))
	p.eventually("it noticed", func() bool {
		text, _ := p.get("/api/v1/sites/yard/journal?kind=state")
		return strings.Contains(text, "no pass for ")
	})
	p.traffic(time.Second)
	p.judge()
}

func TestAFullDiskStopsRaisesAndNeverCuts(t *testing.T) {
	p := newPlant(t)
	p.start()
	p.ready()
	p.traffic(time.Second)
	fileSize := func(bytes uint64) {
		require.NoError(t, unix.Prlimit(p.daemon.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil))
	}
	fileSize(0)
	p.eventually("it says so", func() bool {
		p.traffic(100 * time.Millisecond)
		text, ok := p.get("/readyz")
		return ok && strings.Contains(text, "the journal cannot be written") && p.metric("headroom_journal_writable") == "0"
	})
	p.eventually("it holds", func() bool { v, _ := p.view(); return v.State == "hold" })
	p.eventually("what was sent before is answered", func() bool { return p.metric(`headroom_orders_in_flight{site="yard"}`) == "0" })
	was := p.orders("raise")
	require.Positive(t, was)
	p.traffic(time.Second)
	cuts := p.orders("lower")
	p.limit(40)
	p.eventually("it cuts", func() bool { return p.orders("lower") > cuts && p.eDRV.TrueState().Circuits[0].Watts <= 40e3 })
	require.Equal(t, was, p.orders("raise"))

	fileSize(unix.RLIM_INFINITY)
	p.limit(60)
	p.eventually("it raises again", func() bool { p.traffic(100 * time.Millisecond); return p.orders("raise") > was })
	require.Equal(t, "1", p.metric("headroom_journal_writable"))
	p.eventually("everything is written", func() bool { return p.metric("headroom_journal_waiting_records") == "0" })
	p.judge()
}

// orders is how many orders of a direction the daemon sent.
func (p *plant) orders(direction string) int {
	n, err := strconv.Atoi(p.metric(fmt.Sprintf(`headroom_orders_total{direction=%q,result="sent",site="yard"}`, direction)))
	require.NoError(p.t, err)
	return n
}

func TestASecondProcessOnTheSameDirectoryIsRefused(t *testing.T) {
	p := newPlant(t)
	p.start()
	out, err := p.command("run", "--config", p.config).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, exitNo, exit.ExitCode())
	require.Contains(t, string(out), "is in use by another headroom: stop that one")
	p.ready()
	p.kill()
	p.start()
	p.ready()
}

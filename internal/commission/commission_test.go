package commission

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/journal"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

const (
	testKey    = "test-api-key"
	testSecret = "test-webhook-secret"
)

// bench is a simulated eDRV in a synctest bubble, and how to commission there.
type bench struct {
	t              *testing.T
	eDRV           *edrvsim.Server
	api            *edrvsim.PipeListener
	hooks          *edrvsim.PipeListener
	cfg            *config.Config
	secret         string
	nowhere, taken bool // webhooks do not arrive; the addresses are in use
	agree          bool
	plan           string
	said           []string
	on             func(said string) // called with what is being done
}

// scene is what a test wants to be different.
type scene struct {
	quirks    []edrvsim.Fault // of the charger under test
	car       edrvsim.CarSpec
	behaviour func(*edrvsim.Behaviour)
	faults    edrvsim.Faults
	limit     string // of the grid; empty: {amps: 100}
	keys      string // more of connector c0, such as ", can_pause: false"
	kind      string // "dc"
	raw       bool
	others    func(*edrvsim.ConnectorSpec)
	groups    []edrvsim.Group
}

func newBench(t *testing.T, s scene) *bench {
	b := &bench{t: t, api: edrvsim.NewPipeListener(), hooks: edrvsim.NewPipeListener(), agree: true, secret: testSecret}
	spec := edrvsim.NewSpec(1)
	spec.Start = time.Now()
	spec.Faults = s.faults
	spec.Groups = s.groups
	if s.behaviour != nil {
		s.behaviour(&spec.Behaviour)
	}
	spec.Circuits = []edrvsim.CircuitSpec{{ID: "grid"}}
	other := edrvsim.ConnectorSpec{ID: "c1", Circuit: "grid"}
	if s.others != nil {
		s.others(&other)
	}
	tested := edrvsim.ConnectorSpec{ID: "c0", Circuit: "grid", Quirks: s.quirks}
	levels := "kind: ac, max: {amps: 32}, fallback: {amps: 6}"
	if s.kind == "dc" {
		tested.Kind, tested.MaxKW = edrvsim.DC, 60
		levels = "kind: dc, max: {kw: 60}, fallback: {kw: 10}"
	}
	spec.Stations = []edrvsim.StationSpec{
		{ID: "s0", Raw: s.raw, Connectors: []edrvsim.ConnectorSpec{tested}}, {ID: "s1", Connectors: []edrvsim.ConnectorSpec{other}},
	}
	world, err := edrvsim.New(spec)
	require.NoError(t, err)
	require.NoError(t, world.Plug(spec.Start, "c0", s.car))
	if s.limit == "" {
		s.limit = "{amps: 100}"
	}
	b.cfg = b.config(s.limit, levels+s.keys)
	transport := &http.Transport{DialContext: b.hooks.DialContext}
	b.eDRV = edrvsim.NewServer(edrvsim.Options{
		World: world, APIKey: testKey, WebhookClient: &http.Client{Transport: transport},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.eDRV.Run(ctx, b.api) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		transport.CloseIdleConnections()
	})
	return b
}

func (b *bench) config(limit, levels string) *config.Config {
	text := fmt.Sprintf(`
edrv: {url: "http://127.0.0.1:1/v1.1", api_key: "${KEY}", webhook_secrets: ["${SECRET}"]}
listen: {webhooks: "127.0.0.1:1", admin: "127.0.0.1:2"}
data_dir: %s
sites:
  - id: yard
    margin: 0%%
    circuits: [{id: grid, limit: %s}]
    connectors:
      - {id: c0, name: A1, station: s0, circuit: grid, phases: L1L2L3, %s}
      - {id: c1, name: A2, station: s1, circuit: grid, phases: L1L2L3, kind: ac, max: {amps: 32}}
`, b.t.TempDir(), limit, levels)
	env := map[string]string{"KEY": testKey, "SECRET": testSecret}
	cfg, err := config.Parse("test.yaml", []byte(text), config.ForRun, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	require.NoError(b.t, err)
	return cfg
}

func (b *bench) run(ctx context.Context, connector string) (*Report, error) {
	time.Sleep(2 * time.Minute) // the session is there, and has reported
	if !b.nowhere {
		b.eDRV.SetWebhook(edrvsim.Webhook{URL: "http://headroom/webhooks/edrv", Signing: edrvsim.Signing{Secret: b.secret}})
	}
	api := b.api.Client()
	defer api.CloseIdleConnections()
	return Run(ctx, Options{
		Config: b.cfg, Connector: connector, Transport: api.Transport,
		Agree: func(plan string) bool { b.plan = plan; return b.agree },
		Say: func(format string, args ...any) {
			b.said = append(b.said, fmt.Sprintf(format, args...))
			if b.on != nil {
				b.on(b.said[len(b.said)-1])
			}
		},
		Listen: func(_, address string) (net.Listener, error) {
			if b.taken {
				return nil, syscall.EADDRINUSE
			}
			if address == b.cfg.Listen.Webhooks {
				return b.hooks, nil
			}
			return edrvsim.NewPipeListener(), nil
		},
	})
}

// offer is what the charger under test truly offers.
func (b *bench) offer() (amps float64) {
	for _, c := range b.eDRV.TrueState().Connectors {
		if c.ID == "c0" {
			amps = c.Offer.Value
		}
	}
	return amps
}

// highest is the highest limit that was ordered for the session, in its unit.
func (b *bench) highest() (most float64) {
	b.eDRV.Do(func(w *edrvsim.World) {
		for _, r := range w.LimitLog() {
			if r.Session != "" && !r.Foreign {
				most = max(most, r.Limit.Value)
			}
		}
	})
	return most
}

func TestWhatIsMeasured(t *testing.T) {
	for name, c := range map[string]struct {
		scene  scene
		quirks []quirk
		check  func(t *testing.T, r *Report)
	}{
		"a charger that does all": {
			check: func(t *testing.T, r *Report) {
				require.Equal(t, "current", r.Unit)
				require.Equal(t, 3, r.Phases)
				require.Equal(t, Floor, r.DefaultLimit)
				require.True(t, *r.CanPause)
				require.InDelta(t, 50, r.ResumeS, 50)
				require.Len(t, r.Steps, 6)
				for _, s := range r.Steps {
					require.Equal(t, "accepted", s.Verdict)
					require.True(t, s.Followed, s.Name)
					require.NotNil(t, s.Changed, s.Name)
					require.InDelta(t, 15, s.TookS, 17, s.Name)
					require.LessOrEqual(t, s.Changed.After, s.Changed.By)
				}
				require.InDelta(t, 22080, r.Steps[5].DrawW, 1)
			},
		},
		"a car on one phase": {
			scene: scene{car: edrvsim.CarSpec{Phases: 1}},
			check: func(t *testing.T, r *Report) { require.Equal(t, 1, r.Phases) },
		},
		"phases from the raw report": {
			scene: scene{car: edrvsim.CarSpec{Phases: 2}, raw: true},
			check: func(t *testing.T, r *Report) { require.Equal(t, 2, r.Phases) },
		},
		"a car that takes 13 A": {
			scene: scene{car: edrvsim.CarSpec{MaxAmps: 13}},
			check: func(t *testing.T, r *Report) {
				require.Equal(t, Floor, r.DefaultLimit)
				require.InDelta(t, 8970, r.Steps[len(r.Steps)-1].DrawW, 1)
			},
		},
		"limits in watts only": {
			scene:  scene{quirks: []edrvsim.Fault{edrvsim.ChargerWattsOnly}},
			quirks: []quirk{{"unit", "power"}},
			check: func(t *testing.T, r *Report) {
				require.Equal(t, []string{"current"}, r.Rejects)
				require.Equal(t, "11040 W", step(r, "middle").Order)
			},
		},
		"the default limit is a ceiling": {
			scene:  scene{behaviour: func(b *edrvsim.Behaviour) { b.Default = edrvsim.Ceiling }},
			quirks: []quirk{{"default_limit", "ceiling"}},
			check:  func(t *testing.T, r *Report) { require.Equal(t, "6 A", r.Schedule) },
		},
		"no pause": {
			scene:  scene{quirks: []edrvsim.Fault{edrvsim.ChargerNoPause}},
			quirks: []quirk{{"can_pause", "false"}},
		},
		"a pause that clamps": {
			scene:  scene{quirks: []edrvsim.Fault{edrvsim.ChargerClamps}},
			quirks: []quirk{{"can_pause", "false"}},
		},
		"a pause that needs a replug": {
			scene:  scene{quirks: []edrvsim.Fault{edrvsim.ChargerNeedsReplug}},
			quirks: []quirk{{"can_pause", "false"}},
		},
		"a car that sleeps": {
			scene:  scene{car: edrvsim.CarSpec{Quirks: []edrvsim.Fault{edrvsim.CarNoResume}}},
			quirks: []quirk{{"can_pause", "false"}},
		},
		"not to be paused": {
			scene: scene{keys: ", can_pause: false"},
			check: func(t *testing.T, r *Report) {
				require.Nil(t, r.CanPause)
				require.Len(t, r.Steps, 4)
			},
		},
		"a car that follows slowly": {
			scene:  scene{car: edrvsim.CarSpec{Ramp: 80 * time.Second}},
			quirks: []quirk{{"settle", ""}},
			check:  func(t *testing.T, r *Report) { require.InDelta(t, 90, r.SettleS, 45) },
		},
		"direct current": {
			scene: scene{kind: "dc", limit: "{amps: 150}"},
			check: func(t *testing.T, r *Report) {
				require.Equal(t, "power", r.Unit)
				require.Equal(t, "30000 W", step(r, "middle").Order)
				require.InDelta(t, 60000, r.Steps[len(r.Steps)-1].DrawW, 1)
			},
		},
		"rejects every third": {
			scene: scene{quirks: []edrvsim.Fault{edrvsim.ChargerRejectsNth}},
			check: func(t *testing.T, r *Report) {
				require.Contains(t, r.Findings, "it rejects some orders, and takes them when they are repeated")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.scene)
				before := b.offer()
				r, err := b.run(t.Context(), "")
				require.NoError(t, err)
				var keys, want []string
				for _, q := range r.quirks() {
					keys = append(keys, q.key)
				}
				for _, q := range c.quirks {
					want = append(want, q.key)
				}
				require.Equal(t, want, keys, "%+v", r)
				if c.check != nil {
					c.check(t, r)
				}
				var text bytes.Buffer
				require.NoError(t, r.WriteTable(&text))
				t.Log(text.String())
				if r.DefaultLimit != Ceiling {
					require.InDelta(t, before, b.offer(), 0.1)
				}
			})
		})
	}
}

// step is the last step of a name.
func step(r *Report, name string) (found *Step) {
	for _, s := range r.Steps {
		if s.Name == name {
			found = s
		}
	}
	return found
}

// Whatever the circuits leave is not passed, and what the other chargers allow
// decides what they leave.
func TestNoMoreThanTheCircuitsPermit(t *testing.T) {
	for name, c := range map[string]struct {
		limit    string
		fallback edrvsim.Limit // of the neighbour
		highest  float64
		steps    int
	}{
		"the neighbour may draw its maximum": {"{amps: 45}", edrvsim.Limit{}, 13, 6},
		"the neighbour is held at 6 A":       {"{amps: 45}", edrvsim.Amps(6), 32, 6},
		"held at 6 A, and still too little":  {"{amps: 20}", edrvsim.Amps(6), 14, 6},
		"nothing beside the fallbacks":       {"{amps: 12}", edrvsim.Amps(6), 6, 3},
		"a limit in kW":                      {"{kw: 16.56}", edrvsim.Amps(6), 18, 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, scene{limit: c.limit, others: func(k *edrvsim.ConnectorSpec) { k.Default = c.fallback }})
				r, err := b.run(t.Context(), "A1")
				require.NoError(t, err)
				require.Equal(t, c.highest, b.highest())
				require.Len(t, r.Steps, c.steps)
				require.LessOrEqual(t, b.offer(), c.highest, "what was before did not fit")
			})
		})
	}
}

// Whatever ends a run, the charger gets back what it had.
func TestInterrupted(t *testing.T) {
	for _, during := range []string{"minimum: ordering", "middle: waiting", "pause: ordering", "resume: waiting", "maximum: ordering"} {
		t.Run(during, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				b := newBench(t, scene{})
				b.on = func(said string) {
					if strings.HasPrefix(said, during) {
						time.AfterFunc(3*time.Second, cancel)
					}
				}
				r, err := b.run(ctx, "c0")
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, "32 A", r.Restored)
				require.Equal(t, 32.0, b.offer())
			})
		})
	}
}

func TestEndsEarly(t *testing.T) {
	for name, c := range map[string]struct {
		scene scene
		when  string
		do    func(w *edrvsim.World)
		want  string
		offer float64
		pause bool
	}{
		"a car arrives where less was booked": {
			scene{limit: "{amps: 45}", others: func(k *edrvsim.ConnectorSpec) { k.Default = edrvsim.Amps(6) }},
			"middle: waiting",
			func(w *edrvsim.World) { must(w.Plug(w.Now(), "c1", edrvsim.CarSpec{})) }, "a car arrived elsewhere", 6, false,
		},
		"the car leaves": {
			scene{}, "middle: waiting", func(w *edrvsim.World) { must(w.Unplug(w.Now(), "c0")) }, "the session ended", 6, false,
		},
		"a pause ends the session": {
			scene{quirks: []edrvsim.Fault{edrvsim.ChargerPauseEnds}}, "", nil, "the session ended", 6, true,
		},
		"somebody else steers": {
			scene{faults: edrvsim.Faults{edrvsim.ForeignWriter: 60}}, "", nil, "somebody else sets limits", -1, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.scene)
				b.on = func(said string) {
					if c.when != "" && strings.HasPrefix(said, c.when) {
						c.when = ""
						b.eDRV.Do(c.do)
					}
				}
				r, err := b.run(t.Context(), "c0")
				require.ErrorContains(t, err, c.want)
				if c.offer >= 0 {
					require.Equal(t, c.offer, b.offer())
				}
				if c.pause {
					require.Equal(t, []quirk{{"can_pause", "false"}}, r.quirks())
				}
			})
		})
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		scene     scene
		connector string
		prepare   func(b *bench)
		want      string
	}{
		"not agreed":          {connector: "c0", prepare: func(b *bench) { b.agree = false }, want: "nothing was ordered"},
		"no such connector":   {connector: "c7", want: `no connector with the id or name "c7"`},
		"no car there":        {connector: "A2", want: "no car charges at A2"},
		"another secret":      {prepare: func(b *bench) { b.secret = "other" }, want: "none is signed with edrv.webhook_secrets"},
		"webhooks go nowhere": {prepare: func(b *bench) { b.nowhere = true }, want: "no webhook came"},
		"no reports":          {scene: scene{quirks: []edrvsim.Fault{edrvsim.ChargerMute}}, want: "no report of session"},
		"a car that is full":  {scene: scene{car: edrvsim.CarSpec{NeedKWh: 0.1}}, want: "the car draws nothing"},
		"steered by eDRV":     {scene: scene{groups: []edrvsim.Group{{ID: "g", Name: "Yard", Connectors: []string{"c0"}}}}, want: "load-management group Yard steers A1"},
		"two cars":            {prepare: func(b *bench) { b.eDRV.Do(func(w *edrvsim.World) { must(w.Plug(w.Now(), "c1", edrvsim.CarSpec{})) }) }, want: "cars charge at A1, A2: choose one"},
		"its data is in use": {prepare: func(b *bench) {
			j, err := journal.Open(journal.Options{Dir: b.cfg.DataDir})
			require.NoError(b.t, err)
			b.t.Cleanup(j.Close)
		}, want: "in use by another headroom: stop that one"},
		"the daemon is running": {prepare: func(b *bench) { b.taken = true }, want: "a daemon that steers this site must be stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.scene)
				if c.prepare != nil {
					c.prepare(b)
				}
				_, err := b.run(t.Context(), c.connector)
				require.ErrorContains(t, err, c.want)
				require.Zero(t, b.highest())
				require.Zero(t, b.eDRV.TrueState().Calls["connectors.set_default_power_limit"])
			})
		})
	}
}

// What the daemon kept of the charger is gone before the first order, and the
// record says why; what it kept of others stays.
func TestTheDaemonBeginsAnewWithTheCharger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, scene{})
		keep := func(values map[string][]byte) {
			j, err := journal.Open(journal.Options{Dir: b.cfg.DataDir})
			require.NoError(t, err)
			j.Save(journal.Batch{Values: values})
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			j.Run(ctx) // writes what was saved, and ends
		}
		keep(map[string][]byte{"connector/yard/c0": []byte("{}"), "connector/yard/c1": []byte("{}")})
		_, err := b.run(t.Context(), "")
		require.NoError(t, err)
		j, err := journal.Open(journal.Options{Dir: b.cfg.DataDir})
		require.NoError(t, err)
		defer j.Close()
		values, _ := j.Values("connector/")
		require.Equal(t, map[string][]byte{"yard/c1": []byte("{}")}, values)
		lines := 0
		for line, err := range journal.Lines(t.Context(), b.cfg.DataDir, journal.Query{Kinds: []string{"commission"}}) {
			require.NoError(t, err)
			require.Contains(t, string(line), "was allowed 32 A")
			lines++
		}
		require.Equal(t, 1, lines)
	})
}

package config

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/policy"
)

const sitesAlone = `sites:
  - id: depot
    circuits: [{id: grid, limit: {kw: 150, amps: 217}}]
    connectors: [{id: c1, station: s1, circuit: grid, kind: ac, phases: L2L3L1, max: {amps: 32}}]
`

const example = "../../config.example.yaml"

func TestDefaults(t *testing.T) {
	cfg, err := Parse("site.yaml", []byte(sitesAlone+`  - id: yard
    circuits: [{id: grid, limit: {kw: 150}, schedule: [{from: "22:00", to: "06:00", limit: {kw: 120}}]}]
    connectors:
      - {id: c2, circuit: grid, kind: dc, max: {kw: 100}, install_fallback: false}
      - {id: c3, circuit: grid, kind: dc, max: {kw: 3}, weight: 1.5, tier: -1}
      - {id: c4, circuit: grid, kind: ac, phases: L3, max: {amps: 16}, min: {amps: 8}}
    margin: {amps: 2.5}
`), ForReplay, nil)
	require.NoError(t, err)
	require.Equal(t, 1, cfg.Version)
	require.Equal(t, "./data", cfg.DataDir)
	require.Equal(t, EDRV{
		URL: "https://api.edrv.io/v1.1", WebhookSigning: SigningAuto, WebhookTolerance: 5 * time.Minute,
		RequestsPerSecond: 10_000, SetLimitMethod: MethodPost,
	}, cfg.EDRV)
	require.InDelta(t, 10, cfg.EDRV.RequestsPerSecond.PerSecond(), 0)
	require.Equal(t, Listen{Webhooks: "0.0.0.0:8080", Admin: "127.0.0.1:9090"}, cfg.Listen)
	require.Equal(t, Control{
		Mode: ModeEnforce, Tick: 5 * time.Second, Resync: time.Minute, ReportStale: 90 * time.Second, VerdictTimeout: 2 * time.Minute,
		Settle: 5 * time.Second, RaiseEvery: 30 * time.Second, DisengageAfter: time.Minute, Rotate: 15 * time.Minute,
		ResumeAfter: 10 * time.Minute, Reassert: 5 * time.Minute, RecoverAfter: 2 * time.Minute,
	}, cfg.Control)

	depot, yard := cfg.Sites[0], cfg.Sites[1]
	require.Equal(t, Site{
		ID: "depot", Timezone: time.UTC, Voltage: 230, Share: "equal", Engage: EngagePotential, Margin: Margin{Share: 50}, CutHedge: 300,
		MinOn:    5 * time.Minute,
		Stay:     Stay{Duration: 6 * time.Hour, Energy: 12 * policy.KWh},
		Circuits: []Circuit{{ID: "grid", Limit: Limit{Power: 150 * policy.Kilowatt, Current: 217_000}, Peak: Peak{Window: 15 * time.Minute}}},
		Connectors: []Connector{{
			ID: "c1", Name: "c1", Station: "s1", Circuit: "grid", Kind: AC, Phases: WiredTo(policy.L2, policy.L3, policy.L1),
			Max: Level{Current: 32_000}, Min: Level{Current: 6_000}, Fallback: Level{Current: 6_000},
			InstallFallback: true, CanPause: true, Weight: 1000,
			Unit: OrderCurrent, DefaultLimit: DefaultFloor, Settle: 5 * time.Second,
		}},
	}, depot)
	require.InDelta(t, 0.3, depot.CutHedge.Ratio(), 0)
	require.Equal(t, Margin{Current: 2500}, yard.Margin)
	require.False(t, yard.Circuits[0].Limit.HasCurrent())
	require.True(t, yard.Circuits[0].Limit.HasPower())
	window := yard.Circuits[0].Schedule[0]
	require.Equal(t, "mon-sun 22:00-06:00", window.String())
	require.True(t, window.Overnight())
	c2, c3, c4 := yard.Connectors[0], yard.Connectors[1], yard.Connectors[2]
	require.Equal(t, "L1L2L3", c2.Phases.String())
	require.Equal(t, Level{Power: 5 * policy.Kilowatt}, c2.Min)
	require.Equal(t, c2.Max, c2.Fallback)
	require.Equal(t, c3.Max, c3.Min)
	require.Equal(t, Weight(1500), c3.Weight)
	require.Equal(t, -1, c3.Tier)
	require.Equal(t, Level{Current: 8_000}, c4.Fallback)
}

func TestURLWithoutTrailingSlash(t *testing.T) {
	cfg, err := parseFile(t, "testdata/valid/loopback_simulator.yaml")
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:1234/v1.1", cfg.EDRV.URL)
}

func TestLoad(t *testing.T) {
	_, err := Load("testdata/no_such_file.yaml", ForCheck)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Load("testdata", ForCheck)
	require.ErrorContains(t, err, "read configuration testdata: ")

	path := filepath.Join(t.TempDir(), "large.yaml")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("# filler\n"), maxSize/9+1), 0o600))
	_, err = Load(path, ForCheck)
	require.ErrorContains(t, err, "large.yaml:1:1: (file): is larger than 32 MiB: is it the right file?")
}

func TestExample(t *testing.T) {
	data, err := os.ReadFile(example)
	require.NoError(t, err)
	for _, use := range uses {
		if use.shared() {
			continue // it is of one machine
		}
		cfg, err := Parse(example, data, use, testEnv)
		require.NoError(t, err, use)
		require.Empty(t, cfg.Warnings, use)
		require.True(t, cfg.Sites[0].FailSafe())
	}
	// The example states every key, in a comment at least.
	for _, f := range Fields() {
		key := f.Path[strings.LastIndexAny(f.Path, ".*")+1:]
		key = strings.TrimSuffix(key, "[]")
		if key != "" {
			require.True(t, bytes.Contains(data, []byte(key+":")), f.Path)
		}
	}
}

func TestCaltech(t *testing.T) {
	const path = "../../../shared/data/caltech.yaml"
	if _, err := os.Stat(path); err != nil {
		t.Skip("no recorded site at " + path)
	}
	cfg, err := Load(path, ForCheck)
	require.NoError(t, err)
	require.Empty(t, cfg.Warnings)
	require.True(t, cfg.Sites[0].FailSafe())
	// 54 posts at 6 A and 208 V: 45 % of the transformer.
	require.Equal(t, 67_392*policy.Watt, cfg.Sites[0].Balances()[0].Fallback.Power)
}

func TestUseNames(t *testing.T) {
	require.Equal(t, "simulate", ForSimulate.String())
	require.Equal(t, "Use(9)", Use(9).String())
}

func TestPanicIsAProblem(t *testing.T) {
	text := "edrv: {api_key: '${EDRV_API_KEY}'}\n" + sitesAlone
	_, err := Parse("site.yaml", []byte(text), ForRun, nil)
	require.ErrorContains(t, err, "site.yaml:1:1: (file): cannot be read because of a mistake in headroom, please report it: ")
}

// requireSound is what holds for every outcome of Parse.
func requireSound(t *testing.T, use Use, cfg *Config, err error) {
	t.Helper()
	if err != nil {
		require.Nil(t, cfg)
		problems, ok := errors.AsType[Problems](err)
		require.True(t, ok)
		require.NotEmpty(t, problems)
		for i, p := range problems {
			require.Positive(t, p.Line)
			require.Positive(t, p.Col)
			require.NotEmpty(t, p.Key)
			require.NotEmpty(t, p.Message)
			require.NotContains(t, p.String(), "\n")
			require.NotContains(t, p.Message, "please report")
			require.True(t, i == 0 || problems[i-1].Line <= p.Line)
		}
		return
	}
	require.True(t, len(cfg.Sites) > 0 || use == ForInventory || cfg.Fleet.HasSites)
	require.NoError(t, cfg.Report(&bytes.Buffer{}))
	for i := range cfg.Sites {
		site := &cfg.Sites[i]
		for _, b := range site.Balances() {
			require.True(t, b.Bounds[0].Fits() || site.AcceptNotFailsafe || use == ForReplay || use == ForExplain)
		}
		for _, k := range site.Connectors {
			require.LessOrEqual(t, k.Min.of(k.Kind), k.Max.of(k.Kind))
			require.LessOrEqual(t, k.Fallback.of(k.Kind), k.Max.of(k.Kind))
			require.Positive(t, k.Phases.Count())
			require.GreaterOrEqual(t, site.circuit(k.Circuit), 0)
		}
	}
}

// Lines of the example are dropped, doubled, swapped and bytes of it changed: the
// outcome is a sound configuration or a list of mistakes.
func TestMutatedExample(t *testing.T) {
	data, err := os.ReadFile(example)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(data), "\n")
	r := rand.New(rand.NewPCG(1, 2))
	const bytesToTry = "09-.:{}[]\"'#&*!%~ \n\tLkwx"
	for range 200 {
		mutant := append([]string(nil), lines...)
		for range 1 + r.IntN(3) {
			i, j := r.IntN(len(mutant)), r.IntN(len(mutant))
			switch r.IntN(4) {
			case 0:
				mutant[i] = ""
			case 1:
				mutant[i] += mutant[i]
			case 2:
				mutant[i], mutant[j] = mutant[j], mutant[i]
			default:
				line := []byte(mutant[i])
				if len(line) > 0 {
					line[r.IntN(len(line))] = bytesToTry[r.IntN(len(bytesToTry))]
				}
				mutant[i] = string(line)
			}
		}
		use := uses[r.IntN(len(uses))]
		cfg, err := Parse("site.yaml", []byte(strings.Join(mutant, "")), use, testEnv)
		requireSound(t, use, cfg, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/mistakes/*.yaml", "testdata/valid/*.yaml", example} {
		paths, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for i, path := range paths {
			data, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(data, uint8(i%len(uses)))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, n uint8) {
		// No secrets from files: a fuzzer must not go and read them.
		if bytes.Contains(data, []byte("file:")) {
			return
		}
		use := uses[int(n)%len(uses)]
		cfg, err := Parse("site.yaml", data, use, testEnv)
		requireSound(t, use, cfg, err)
	})
}

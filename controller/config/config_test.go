package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write the expectations in testdata anew")

// uses are what the first line of a file in testdata may name: "# use: check".
var uses = []Use{ForRun, ForCheck, ForReplay, ForSimulate, ForExplain, ForInventory, ForFleet, ForApply}

// testEnv has what the files of testdata refer to.
func testEnv(name string) (string, bool) {
	values := map[string]string{
		"EDRV_API_KEY":         "canary-api-key",
		"EDRV_WEBHOOK_SECRET":  "canary-webhook-secret",
		"HEADROOM_ADMIN_TOKEN": "canary-admin-token-of-32-bytes-or-more",
		"SHORT_TOKEN":          "canary-short",
		"EMPTY":                "",
		"TWO_LINES":            "canary\nlines",
	}
	v, ok := values[name]
	return v, ok
}

// parseFile parses a file of testdata for the use that its first line names.
func parseFile(t *testing.T, path string) (*Config, error) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	use := ForRun
	line, _, _ := strings.Cut(string(data), "\n")
	for _, u := range uses {
		if line == "# use: "+u.String() {
			use = u
		}
	}
	return Parse(filepath.Base(path), data, use, testEnv)
}

// golden compares a text with the file, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if got == "" {
			require.NoError(t, os.RemoveAll(path))
			return
		}
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	require.Equal(t, string(want), got)
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

// Every file of testdata/mistakes has the mistakes that its neighbour lists, and
// the neighbour has every mistake.
func TestMistakes(t *testing.T) {
	for _, path := range files(t, "testdata/mistakes/*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			cfg, err := parseFile(t, path)
			require.Error(t, err)
			require.Nil(t, cfg)
			require.IsType(t, Problems{}, err)
			require.NotContains(t, err.Error(), "canary")
			golden(t, strings.TrimSuffix(path, "yaml")+"txt", err.Error()+"\n")
		})
	}
}

// Every file of testdata/valid passes with the warnings that its neighbour lists.
func TestValid(t *testing.T) {
	for _, path := range files(t, "testdata/valid/*.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			cfg, err := parseFile(t, path)
			require.NoError(t, err)
			require.Len(t, cfg.SHA256, 64)
			warnings := cfg.Warnings.Error()
			if warnings != "" {
				warnings += "\n"
			}
			golden(t, strings.TrimSuffix(path, "yaml")+"txt", warnings)
		})
	}
}

// Machines of a fleet differ in where they listen and what they are called, and
// are alike in what they steer and how.
func TestSharedPartsHaveAHash(t *testing.T) {
	hash := func(text string) string {
		cfg, err := Parse("a.yaml", []byte(text), ForReplay, testEnv)
		require.NoError(t, err)
		return cfg.Shared
	}
	const sites = "sites: [{id: depot, circuits: [{id: grid, limit: {kw: 50}}]}]\n"
	alike := hash(sites)
	require.Equal(t, alike, hash("data_dir: ./other\n# a comment\nsites:\n  - id: depot # another\n    circuits: [{id: grid, limit: {kw: 50}}]\n"))
	require.NotEqual(t, alike, hash("sites: [{id: depot, circuits: [{id: grid, limit: {kw: 60}}]}]\n"))
	require.NotEqual(t, alike, hash("control: {tick: 1s}\n"+sites))
}

// A machine of a fleet has where it listens in its file, and what it steers from
// the fleet.
func TestAMachineAndItsFleet(t *testing.T) {
	cfg, err := parseFile(t, "testdata/valid/fleet_has_the_sites.yaml")
	require.NoError(t, err)
	require.True(t, cfg.Fleet.HasSites)
	shared := "control: {tick: 1s}\nsites: [{id: depot, circuits: [{id: grid, limit: {kw: 50}}]}]\n"
	both, err := cfg.WithShared("the fleet", []byte(shared), ForFleet, testEnv)
	require.NoError(t, err)
	require.Equal(t, "depot", both.Sites[0].ID)
	require.Equal(t, time.Second, both.Control.Tick)
	require.Equal(t, cfg.Listen, both.Listen)
	require.True(t, both.Fleet.HasSites)
	require.NotEqual(t, cfg.SHA256, both.SHA256)
	require.Empty(t, cfg.Sites)
	require.Empty(t, NeedsRestart(cfg, both))

	_, err = cfg.WithShared("the fleet", []byte("sites: [{id: depot}]"), ForFleet, testEnv)
	require.ErrorContains(t, err, "the fleet:1:9: sites[0].circuits: is missing")
	alone := *both
	alone.Fleet.HasSites = false
	require.Equal(t, []string{"sites"}, NeedsRestart(&alone, both))
}

package mutants

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	kill = flag.Bool("kill", false, "run every mutant, and show that it is noticed")
	year = flag.Bool("year", false, "with -kill: in a year of sites, by the simulator alone")
)

const (
	root   = "../.."
	module = "github.com/headroom-ev/headroom"
	// variable selects a mutant.
	variable = "HEADROOM_MUTANT"
	// here stands in the new snippet for the question whether the mutant is on.
	here = "MUTANT"
)

// mutant is one way to break the program.
type mutant struct {
	name   string
	breaks []string // the invariants of which the simulator notices one first
	killer test     // what notices it at once, where the simulator needs months
	edits  []edit
}

// edit replaces a snippet of a file that occurs exactly once.
type edit struct{ file, old, new string }

// test is a test of a package that fails.
type test struct{ folder, name string }

// all are the mutants.
func all() []mutant { return slices.Concat(ofTheLedger, ofTheCore, ofTheEdge) }

// simulation is what kills a mutant that the simulator notices, and finds
// nothing in the program as it is.
func simulation() []string {
	length := []string{"--runs", "24", "--duration", "36h"}
	if *year {
		length = []string{"--duration", "8760h"}
	}
	return append([]string{"simulate", "--faults", "all", "--seed", "1", "--fail-fast", "--format", "json"}, length...)
}

// TestMutantsBuild: every mutant still has its place in the source.
func TestMutantsBuild(t *testing.T) {
	require.GreaterOrEqual(t, len(all()), 25)
	folders := map[string]bool{}
	for _, m := range all() {
		for _, e := range m.edits {
			folders["./"+filepath.Dir(e.file)] = true
		}
	}
	var arguments []string
	for folder := range folders {
		arguments = append(arguments, folder)
	}
	slices.Sort(arguments)
	run(t, append([]string{"build", "-overlay", overlay(t)}, arguments...)...)
}

// TestMutantsDie: every mutant is noticed, and without one all is well.
func TestMutantsDie(t *testing.T) {
	if !*kill {
		t.Skip("takes minutes: go test ./internal/mutants -args -kill")
	}
	b := build(t)
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		code, out := b.simulate(t.Context(), "")
		require.Zero(t, code, out)
		for _, at := range b.tests() {
			code, out := b.test(t.Context(), at, "")
			require.Zero(t, code, "%s\n%s", at, out)
			require.Contains(t, out, "--- PASS: "+at.name, "there is no such test in %s", at.folder)
		}
	})
	for _, m := range all() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if m.killer != (test{}) && !*year {
				code, out := b.test(t.Context(), m.killer, m.name)
				require.Equal(t, 1, code, "%s in %s passes", m.killer.name, m.killer.folder)
				require.Contains(t, out, "--- FAIL: "+m.killer.name)
				return
			}
			code, out := b.simulate(t.Context(), m.name)
			require.Equal(t, 1, code, "the simulator notices nothing\n%s", out)
			var result struct {
				Failures []struct{ Invariant, Text string }
			}
			require.NoError(t, json.Unmarshal([]byte(out), &result), out)
			require.NotEmpty(t, result.Failures, out)
			t.Logf("%s: %s", result.Failures[0].Invariant, result.Failures[0].Text)
			if m.killer == (test{}) {
				require.Contains(t, m.breaks, result.Failures[0].Invariant, "noticed for another reason: %s", result.Failures[0].Text)
			}
		})
	}
}

// binaries are builds with all mutants in them.
type binaries struct{ folder string }

// build makes the program, and the tests of the packages that have killers.
func build(t *testing.T) binaries {
	t.Helper()
	b, with := binaries{t.TempDir()}, overlay(t)
	run(t, "build", "-overlay", with, "-o", b.folder+"/headroom", "./cmd/headroom")
	tests := slices.CompactFunc(b.tests(), func(a, b test) bool { return a.folder == b.folder })
	for _, at := range tests {
		run(t, "test", "-vet=off", "-overlay", with, "-c", "-o", b.binary(at), "./"+at.folder)
	}
	return b
}

// tests are the killers beside the simulator.
func (b binaries) tests() (tests []test) {
	for _, m := range all() {
		if m.killer != (test{}) {
			tests = append(tests, m.killer)
		}
	}
	slices.SortFunc(tests, func(a, b test) int {
		return cmp.Or(strings.Compare(a.folder, b.folder), strings.Compare(a.name, b.name))
	})
	return slices.Compact(tests)
}

func (b binaries) binary(at test) string {
	return filepath.Join(b.folder, strings.ReplaceAll(at.folder, "/", "-")+".test")
}

func (b binaries) simulate(ctx context.Context, mutant string) (int, string) {
	return start(exec.CommandContext(ctx, b.folder+"/headroom", simulation()...), mutant)
}

func (b binaries) test(ctx context.Context, at test, mutant string) (int, string) {
	cmd := exec.CommandContext(ctx, b.binary(at), "-test.v", "-test.run", "^"+at.name+"$")
	cmd.Dir = filepath.Join(root, at.folder)
	return start(cmd, mutant)
}

// start runs a program with a mutant on, and returns its exit code and what it
// wrote. One core is enough: as many programs run at a time as there are cores.
func start(cmd *exec.Cmd, mutant string) (int, string) {
	cmd.Env = append(os.Environ(), variable+"="+mutant, "GOMAXPROCS=1")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return -1, err.Error()
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// overlay puts every mutant into copies of the files, and returns the name of
// the file that tells the go command of them.
func overlay(t *testing.T) string {
	t.Helper()
	texts := map[string]string{}
	names := map[string]bool{}
	for _, m := range all() {
		require.False(t, names[m.name], "two mutants are called %s", m.name)
		names[m.name] = true
		for _, e := range m.edits {
			text, ok := texts[e.file]
			if !ok {
				raw, err := os.ReadFile(filepath.Join(root, e.file))
				require.NoError(t, err)
				text = imported(string(raw))
			}
			require.Equal(t, 1, strings.Count(text, e.old), "mutant %s wants to change what is to occur once in %s:\n%s", m.name, e.file, e.old)
			require.Contains(t, e.new, here, "mutant %s is always on", m.name)
			texts[e.file] = strings.Replace(text, e.old, strings.ReplaceAll(e.new, here, fmt.Sprintf("mutate.Is(%q)", m.name)), 1)
		}
	}
	dir := t.TempDir()
	var o struct{ Replace map[string]string }
	o.Replace = map[string]string{absolute(t, root+"/internal/mutants/mutate/mutate.go"): absolute(t, "testdata/mutate.go")}
	for file, text := range texts {
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "-"))
		require.NoError(t, os.WriteFile(copied, []byte(text), 0o644))
		o.Replace[absolute(t, filepath.Join(root, file))] = copied
	}
	list, err := json.Marshal(o)
	require.NoError(t, err)
	name := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(name, list, 0o644))
	return name
}

// imported adds the import of the switch to a file.
func imported(text string) string {
	clause, rest, _ := strings.Cut(text, "\n")
	return clause + "\n\nimport \"" + module + "/internal/mutants/mutate\"\n" + rest
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	require.NoError(t, err)
	return path
}

// run runs the go command at the root of the tree.
func run(t *testing.T, arguments ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", arguments...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "go %s\n%s", strings.Join(arguments, " "), out)
}

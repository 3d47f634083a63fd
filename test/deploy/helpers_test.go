package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
	kube "k8s.io/apimachinery/pkg/util/yaml"
)

// folder is where what is tested lies.
const folder = "../../deploy"

// program is where a program is, for tests that cannot do without it.
func program(t *testing.T, name, howTo string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not in PATH: %s", name, howTo)
		}
		t.Skipf("%s is not in PATH: %s", name, howTo)
	}
	return path
}

const getPrometheus = "go install -tags remove_all_sd github.com/prometheus/prometheus/cmd/{prometheus,promtool}@v0.316.0"

// glob lists files of the folder, at least one.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files, pattern)
	return files
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}

// documents are the YAML documents of the files of the folder, each with the
// path of its file.
func documents(t *testing.T, pattern string) iter.Seq2[string, []byte] {
	t.Helper()
	return func(yield func(string, []byte) bool) {
		for _, path := range glob(t, pattern) {
			r := kube.NewYAMLReader(bufio.NewReader(bytes.NewReader(read(t, path))))
			for {
				text, err := r.Read()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				if !yield(path, text) {
					return
				}
			}
		}
	}
}

// fromYAML reads a file of one YAML document into v, which must have a place
// for every key of it.
func fromYAML(t *testing.T, path string, v any) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	d := yaml.NewDecoder(file)
	d.KnownFields(true)
	require.NoError(t, d.Decode(v), path)
}

// decodeLoosely reads a file of YAML of which not everything matters.
func decodeLoosely(t *testing.T, path string, v any) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal(read(t, path), v), path)
}

// exitCode runs a program that ends by itself.
func exitCode(t *testing.T, path string, args ...string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	out, err := cmd.CombinedOutput()
	require.NotNil(t, cmd.ProcessState, "%v %s", err, out)
	return cmd.ProcessState.ExitCode()
}

// output runs a program to its end and returns what it wrote.
func output(t *testing.T, path string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	require.NoError(t, err, "%s %v\n%s", path, args, out)
	return string(out)
}

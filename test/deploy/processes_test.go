package deploy

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// within is how long a test waits for anything, on the slowest machine.
const within = 2 * time.Minute

// start runs a program until the test ends and returns what is behind the
// mark in the first line that has it. The program must end when it is told to.
func start(t *testing.T, mark *regexp.Regexp, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HEADROOM_ADMIN_TOKEN=")
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = writer, writer
	require.NoError(t, cmd.Start())
	require.NoError(t, writer.Close())
	found, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		var all strings.Builder
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			if m := mark.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case found <- m[1]:
				default:
				}
			}
			all.WriteString(lines.Text() + "\n")
		}
		if t.Failed() {
			t.Logf("%s wrote:\n%s", filepath.Base(name), all.String())
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-ended
		require.NoError(t, cmd.Wait(), name)
	})
	select {
	case text := <-found:
		return text
	case <-ended:
		t.Fatalf("%s ended", name)
	case <-time.After(within):
		t.Fatalf("%s does not say where it listens", name)
	}
	return ""
}

// buildHeadroom is the path of the program.
func buildHeadroom(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "headroom")
	output(t, "go", "build", "-C", "../..", "-o", binary, "./cmd/headroom")
	return binary
}

// startDemo runs the demo and returns its address.
func startDemo(t *testing.T) string {
	t.Helper()
	return start(t, regexp.MustCompile(`metrics +http://([^/]+)/metrics`), buildHeadroom(t),
		"demo", "--speed", "3", "--admin", "127.0.0.1:0", "--duration", "10m")
}

// prometheus is one that runs.
type prometheus struct {
	url   string
	start time.Time
}

// startPrometheus runs Prometheus by the configuration of the folder, but with the
// target given, and with less time between scrapes.
func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	binary := program(t, "prometheus", getPrometheus)
	dir := t.TempDir()
	config := string(read(t, folder+"/prometheus/prometheus.yml"))
	for old, replacement := range map[string]string{"headroom:9090": target, "_interval: 10s": "_interval: 1s"} {
		require.Contains(t, config, old)
		config = strings.ReplaceAll(config, old, replacement)
	}
	require.NoError(t, os.WriteFile(dir+"/prometheus.yml", []byte(config), 0o644))
	require.NoError(t, os.CopyFS(dir+"/rules", os.DirFS(folder+"/prometheus/rules")))
	p := &prometheus{start: time.Now()}
	address := start(t, regexp.MustCompile(`Listening on.* address=(127\.0\.0\.1:[1-9]\d*)`), binary,
		"--config.file", dir+"/prometheus.yml", "--storage.tsdb.path", dir+"/data", "--web.listen-address", "127.0.0.1:0")
	p.url = "http://" + address + "/api/v1/"
	p.until(t, func() string {
		resp, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		return map[bool]string{false: "readiness of Prometheus"}[resp.StatusCode == http.StatusOK]
	})
	return p
}

// get asks the API. A warning is a failure: it says that a query is wrong.
func (p *prometheus) get(t *testing.T, path string, query url.Values, data any) {
	t.Helper()
	resp, err := http.Get(p.url + path + "?" + query.Encode())
	require.NoError(t, err)
	defer resp.Body.Close()
	answer := struct {
		Status, Error   string
		Warnings, Infos []string
		Data            any
	}{Data: data}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Equal(t, "success", answer.Status, "%s: %s", query, answer.Error)
	require.Empty(t, answer.Warnings, "%s", query)
	require.Empty(t, answer.Infos, "%s", query)
}

// until waits for something that the function names until it is there.
func (p *prometheus) until(t *testing.T, missing func() string) {
	t.Helper()
	for end := time.Now().Add(within); ; {
		what := missing()
		if what == "" {
			return
		}
		require.True(t, time.Now().Before(end), "no data: %s", what)
		select {
		case <-time.After(500 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("the test ended before there was: " + what)
		}
	}
}

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestACrashTellsNoSecret has the daemon die with all of its goroutines' stacks,
// and looks for its secrets in what it writes.
func TestACrashTellsNoSecret(t *testing.T) {
	const key, secret, token = "canary-of-the-api-key", "canary-of-the-webhook-secret", "canary-of-the-admin-token-that-is-32-bytes"
	dir := t.TempDir()
	config := filepath.Join(dir, "site.yaml")
	require.NoError(t, os.WriteFile(config, []byte(`
edrv: {url: "http://127.0.0.1:1/v1.1", api_key: "${KEY}", webhook_secrets: ["${SECRET}"]}
listen: {webhooks: "127.0.0.1:0", admin: "127.0.0.1:0", admin_token: "${TOKEN}"}
data_dir: `+dir+`
sites:
  - id: yard
    circuits: [{id: grid, limit: {kw: 100}}]
    connectors:
      - {id: c1, station: s1, circuit: grid, kind: ac, phases: L1L2L3, max: {amps: 32}, fallback: {amps: 6}}
`), 0o600))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), runAsHeadroom+"=run --log-level debug --config "+config, "KEY="+key, "SECRET="+secret, "TOKEN="+token, "GOTRACEBACK=all")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var out strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		out.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "headroom is running") {
			require.NoError(t, cmd.Process.Signal(syscall.SIGQUIT))
		}
	}
	require.Error(t, cmd.Wait())
	require.Contains(t, out.String(), "goroutine ", "it died with its stacks")
	for _, canary := range []string{key, secret, token} {
		require.NotContains(t, out.String(), canary)
	}
}

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// pages are the README and the pages of the guide.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(root + "/docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return append(found, root+"/README.md")
}

// TestGuide runs the commands of every page as a reader does who starts at the
// top, in a copy of the repository. The addresses of the page are replaced by
// free ones.
func TestGuide(t *testing.T) {
	t.Parallel()
	block := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		script := "set -eux\n"
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			script += m[1]
		}
		if !strings.Contains(script, "headroom") || filepath.Base(page) == "policy.md" { // that one has a test of its own
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			for _, tool := range []string{"sh", "curl"} {
				if _, err := exec.LookPath(tool); err != nil && strings.Contains(script, tool) {
					require.NotEqual(t, "true", os.Getenv("CI"), "%s is not installed", tool)
					t.Skipf("%s is not installed", tool)
				}
			}
			dir := t.TempDir()
			copyTree(t, dir)
			addresses := map[string]string{"127.0.0.1:9090": freeAddress(t), "127.0.0.1:8080": freeAddress(t)}
			for address, free := range addresses {
				script = strings.ReplaceAll(script, address, free)
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
			if strings.Contains(script, "headroom inventory") { // its account is a simulated one
				url, err := startYard(addresses["127.0.0.1:8080"], t.Cleanup)
				require.NoError(t, err)
				cmd.Env = append(os.Environ(), "EDRV_URL="+url, "EDRV_API_KEY="+simKey, "EDRV_WEBHOOK_SECRET="+simSecret)
			}
			cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a script that fails leaves nothing behind
			var out strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &out
			require.NoError(t, cmd.Start())
			err := cmd.Wait()
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nobody is left where all went well
			require.NoError(t, err, "%s\n%s", page, &out)
		})
	}
}

// copyTree copies what is needed to build, and what the pages use.
func copyTree(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"cmd", "controller", "docs", "edrvapi", "internal", "policy"} {
		require.NoError(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))))
	}
	for _, name := range []string{"go.mod", "go.sum", "config.example.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// TestLinks: whatever the pages name in this repository is there.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			name, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if name != "" {
				target = filepath.Join(filepath.Dir(page), name)
			}
			_, err := os.Stat(target)
			require.NoError(t, err, "%s links to %s", page, m[1])
			if anchor != "" {
				require.Contains(t, anchors(t, target), anchor, "%s links to %s", page, m[1])
			}
		}
	}
}

// anchors are those that GitHub makes of the headings of a page.
func anchors(t *testing.T, page string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		plain := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// printed is a command in a page and what the page says that it prints.
var printed = regexp.MustCompile("(?s)```(?:sh|console)\n(.*?)```\n\n```text\n(.*?)```\n")

// What docs/policy.md shows is what its commands print. With UPDATE=true the
// page is rewritten; read the difference.
func TestPolicyPageShowsWhatItsCommandsPrint(t *testing.T) {
	if testing.Short() {
		t.Skip("months of sessions take minutes with the race detector; the test without it plays them")
	}
	const page = "../../docs/policy.md"
	recorded, err := filepath.Abs("../../../shared/data")
	require.NoError(t, err)
	docs, err := filepath.Abs("../../docs")
	require.NoError(t, err)
	_, missing := os.Stat(recorded)
	if os.Getenv("CI") == "true" {
		require.NoError(t, missing, "CI needs the recorded sessions")
	}
	dir := t.TempDir()
	require.NoError(t, os.Symlink(docs, filepath.Join(dir, "docs")))
	require.NoError(t, os.Symlink(recorded, filepath.Join(dir, "recorded")))
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	skipped := 0
	new := printed.ReplaceAllStringFunc(string(text), func(block string) string {
		parts := printed.FindStringSubmatch(block)
		if strings.Contains(parts[1], "recorded/") && missing != nil {
			skipped++
			return block
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", parts[1])
		cmd.Dir = dir
		out, err := cmd.Output()
		require.NoError(t, err, parts[1])
		return strings.Replace(block, "```text\n"+parts[2], "```text\n"+string(out), 1)
	})
	if os.Getenv("UPDATE") == "true" {
		require.NoError(t, os.WriteFile(page, []byte(new), 0o644))
		return
	}
	require.Equal(t, string(text), new)
	require.Len(t, printed.FindAllString(new, -1), 4)
	if skipped > 0 {
		t.Skipf("%d tables need the recorded sessions, which are not here: %v", skipped, missing)
	}
}

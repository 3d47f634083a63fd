package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/journal"
)

// keepJournal makes a small journal in a directory.
func keepJournal(dir string) error {
	j, err := journal.Open(journal.Options{Dir: dir})
	if err != nil {
		return err
	}
	at := time.Date(2026, 1, 30, 17, 0, 0, 0, time.UTC)
	for i, kind := range []string{"settings", "intent", "verdict", "excursion"} {
		site := []string{"", "depot", "depot", "yard"}[i]
		j.Save(journal.Batch{Entries: []journal.Entry{{At: at.Add(time.Duration(i) * time.Minute), Site: site, Kind: kind, Text: "as it was"}}})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	j.Run(ctx) // writes what was saved, and ends
	return nil
}

// TestTheCommandsOfTheJournalsPage runs every command of docs/journal.md, in
// order.
func TestTheCommandsOfTheJournalsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/journal.md")
	require.NoError(t, err)
	site, err := os.ReadFile("../../config.example.yaml")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	t.Setenv("EDRV_API_KEY", "key")
	require.NoError(t, os.WriteFile("site.yaml", site, 0o600))
	require.NoError(t, keepJournal(filepath.Join(".", "data")))
	ran := 0
	for line := range strings.Lines(string(page)) {
		if args, ok := strings.CutPrefix(strings.TrimSpace(line), "headroom "); ok {
			var stdout, stderr bytes.Buffer
			require.Equal(t, exitFine, execute(t.Context(), strings.Fields(args), &stdout, &stderr), "%s\n%s", line, stderr.String())
			ran++
		}
	}
	require.Equal(t, 5, ran)
	evidence, err := os.ReadFile("evidence.jsonl")
	require.NoError(t, err)
	require.Equal(t, 4, bytes.Count(evidence, []byte("\n")), "a header, and the three lines of the site or of all sites")
}

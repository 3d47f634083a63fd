package main_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/test/fleet/play"
)

// TestPlay kills one of each of a small fleet of processes, and upgrades it. It takes
// two minutes; -short leaves it out.
func TestPlay(t *testing.T) {
	if testing.Short() {
		t.Skip("processes that are killed: without -short")
	}
	var out bytes.Buffer
	err := play.Run(t.Context(), play.Options{Sites: 9, Connectors: 2, Gateways: 2, Controllers: 3, Calm: 2 * time.Second, Out: &out, Dir: t.TempDir()})
	t.Log("\n" + out.String())
	require.NoError(t, err)
}

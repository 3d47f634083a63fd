package simulate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
)

func TestATraceNamesWhatBecameOfAnOrder(t *testing.T) {
	require.Equal(t, "→ reply to 1: dropped action  taken back", heard(core.Reply{ID: 1, Outcome: core.Dropped, Message: "taken back"}))
	require.Equal(t, "→ reply to 1: not saved action  disk full", heard(core.Reply{ID: 1, Outcome: core.NotSaved, Message: "disk full"}))
}

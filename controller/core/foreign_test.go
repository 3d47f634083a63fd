package core

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A verdict of the process before that comes once more, long after a restart, does
// not make the site stand down. Which limit is in force is not sure any more.
func TestAnOldVerdictOfOursIsNobodyElses(t *testing.T) {
	p := &player{t: t, now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC), waiting: map[string]string{}}
	p.start = p.now
	say := func(commands ...string) (out string) {
		for _, c := range commands {
			out += p.play(strings.Fields(c))
		}
		return out
	}
	say("site connectors=1 limit=20kW installed", "list", "started c0 s0", "reply queued", "accept")
	old := slices.Clone(p.told)
	require.NotEmpty(t, old)
	say("pass 5s", "restart", "list c0=s0", "reply queued", "accept", "pass 3m", "report s0 7kW", "list c0=s0", "pass 5s")
	require.False(t, p.site.ledger.Knows(0).Unsure())

	out := p.step(old...) + say("pass 20s")
	require.Contains(t, out, "order c0: 6 A (lower)")
	require.Zero(t, p.site.count.Foreign)
	require.NotContains(t, out, "somebody else")

	require.Contains(t, say("foreign s0 20A", "pass 20s"), "somebody else set a limit at c0")
}

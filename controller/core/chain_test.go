package core

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A view is read by others while the site goes on: its chains are those of the
// pass that it shows.
func TestAChainIsThatOfItsView(t *testing.T) {
	p := &player{t: t, now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)}
	p.start = p.now
	for _, words := range [][]string{{"site", "connectors=3", "limit=30kW", "installed"}, {"list"}, {"started", "c0", "s0"}, {"started", "c2", "s2"}} {
		p.play(words)
	}
	v := p.site.View()
	before := v.Connectors[2].Chain.Lines()
	require.Contains(t, before, "if there were room at grid in total power, it could have up to 14.4 A more, all that it can take")

	done := make(chan []string)
	go func() { done <- v.Connectors[2].Chain.Lines() }()
	p.play([]string{"limit", "dso", "grid", "15kW", "10m"})
	p.play([]string{"ended", "s2"})
	require.Equal(t, before, <-done)
	require.Equal(t, []string{"no session; booked at its fallback"}, p.site.View().Connectors[2].Chain.Lines())

	data, err := json.Marshal(v)
	require.NoError(t, err)
	var read struct {
		Connectors []struct {
			Chain []string `json:"chain"`
		} `json:"connectors"`
	}
	require.NoError(t, json.Unmarshal(data, &read))
	require.Equal(t, before, read.Connectors[2].Chain)
	data, err = json.Marshal(Chain{})
	require.NoError(t, err)
	require.Equal(t, "[]", string(data))
}

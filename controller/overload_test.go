package controller

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/policy"
)

// The overload budget of a circuit goes on after the process was killed, and no
// car is raised before enough of it is restored.
func TestARestartKeepsTheOverloadBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 10)
		cfg.Sites[0].Circuits[0].Breaker = config.Breaker{Type: config.BreakerMCCB, Rating: config.Level{Current: 250 * policy.Ampere}}
		circuit := func() core.CircuitView {
			v, ok := b.daemon.View("yard")
			require.True(t, ok)
			return v.Circuits[0]
		}
		b.start(cfg)
		time.Sleep(20 * time.Minute)
		require.InDelta(t, 0.5+20.0/60, *circuit().Overload, 0.01)
		require.Equal(t, "hold", circuit().OverloadAction)
		b.kill()

		time.Sleep(time.Minute)
		b.start(cfg)
		time.Sleep(time.Minute)
		require.InDelta(t, 0.82, *circuit().Overload, 0.02, "the minute in between is no rest")
		require.Equal(t, "hold", circuit().OverloadAction)
		time.Sleep(7 * time.Minute)
		require.Empty(t, circuit().OverloadAction)
	})
}

func TestARatingCountsOnEachPhase(t *testing.T) {
	for typ, device := range map[config.BreakerType]core.Device{
		config.BreakerMCB: core.MCB, config.BreakerMCCB: core.MCCB, config.BreakerGG: core.FuseGG,
	} {
		got := protectionSettings(&config.Breaker{Type: typ, Rating: config.Level{Current: 63 * policy.Ampere}}, 230)
		require.Equal(t, core.Protection{Device: device, Rating: policy.Symmetric(63*policy.Ampere, policy.Unlimited)}, got)
	}
	transformer := config.Breaker{Type: config.BreakerTransformer, Rating: config.Level{Power: 69 * policy.Kilowatt}}
	require.Equal(t, core.Protection{Device: core.Transformer, Rating: policy.Symmetric(100*policy.Ampere, 69*policy.Kilowatt)},
		protectionSettings(&transformer, 230))
	require.Equal(t, core.Protection{}, protectionSettings(&config.Breaker{}, 230))
}

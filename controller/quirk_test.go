package controller

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// What commissioning found out is used: a charger that takes watts is never
// told amperes, and one whose fallback caps its sessions is given no more.
func TestQuirksOfTheConfigurationAreHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec, connectors := yard(6)
		for i := range spec.Stations {
			spec.Stations[i].Connectors[0].Quirks = []edrvsim.Fault{edrvsim.ChargerWattsOnly}
		}
		spec.Behaviour.Default = edrvsim.Ceiling
		b := newBench(t, spec)
		b.start(yardConfig(t, strings.ReplaceAll(connectors, "fallback: {amps: 6}", "fallback: {amps: 20}, unit: power, default_limit: ceiling")))
		time.Sleep(time.Minute)
		b.plug(6, edrvsim.CarSpec{})
		time.Sleep(20 * time.Minute)
		v, ok := b.daemon.View("yard")
		require.True(t, ok)
		require.Zero(t, v.Counters.Rejected())
		require.Zero(t, b.grid().Trace.Over)
		for _, c := range v.Connectors {
			require.LessOrEqual(t, *c.InAmperes.Target, 20.0)
		}
		b.eDRV.Do(func(w *edrvsim.World) {
			for _, r := range w.LimitLog() {
				require.Equal(t, edrvsim.Power, r.Limit.Unit)
				require.True(t, r.Accepted)
			}
		})
	})
}

// Cars that take forty seconds to follow a cut are no reason to pass the limit,
// where the configuration says so.
func TestSlowCarsAreWaitedFor(t *testing.T) {
	for settle, over := range map[string]bool{"": true, ", settle: 45s": false} {
		synctest.Test(t, func(t *testing.T) {
			spec, connectors := yard(10)
			spec.Behaviour.Reaction = edrvsim.Exactly(time.Second)
			b := newBench(t, spec)
			b.start(yardConfig(t, strings.ReplaceAll(connectors, "fallback: {amps: 6}", "fallback: {amps: 6}"+settle)))
			time.Sleep(time.Minute)
			b.plug(5, edrvsim.CarSpec{Ramp: 40 * time.Second})
			time.Sleep(5 * time.Minute)
			b.plug(10, edrvsim.CarSpec{}) // they take half of what the slow ones have
			time.Sleep(5 * time.Minute)
			require.Equal(t, over, b.grid().Trace.Over > 0, "settle %q: %s over the limit", settle, b.grid().Trace.Over)
		})
	}
}

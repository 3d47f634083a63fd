package controller

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

func (b *bench) plug(n int, car edrvsim.CarSpec) {
	b.eDRV.Do(func(w *edrvsim.World) {
		for i := range n {
			if id := fmt.Sprintf("c%d", i); !occupied(w, id) {
				require.NoError(b.t, w.Plug(w.Now(), id, car))
			}
		}
	})
}

func occupied(w *edrvsim.World, id string) bool {
	c, ok := w.Connector(id)
	return ok && c.Car
}

func (b *bench) grid() edrvsim.TrueCircuit { return b.eDRV.TrueState().Circuits[0] }

// requireFair holds that all cars have within 1 A of each other, and together
// at least 93 % of the 100 kW connection and no more than all of it.
func (b *bench) requireFair(cars int) {
	b.t.Helper()
	offers := b.offers()
	require.Len(b.t, offers, cars)
	for _, a := range offers {
		require.InDelta(b.t, offers[0], a, 1)
	}
	require.GreaterOrEqual(b.t, b.grid().Watts, 93e3)
	require.LessOrEqual(b.t, b.grid().Watts, 100e3)
}

func TestTenCarsShareAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 10)
		b.plug(10, edrvsim.CarSpec{})
		time.Sleep(5 * time.Minute) // they charge without us, at full power
		require.InDelta(t, 220.8e3, b.grid().Watts, 1)
		b.start(cfg)
		time.Sleep(3 * time.Minute)
		b.requireFair(10)
		over := b.grid().Trace.Over
		time.Sleep(time.Hour)
		require.Equal(t, over, b.grid().Trace.Over, "once within the limit, it stays within")

		// One leaves: the others share what it had.
		before := b.offers()[1]
		b.eDRV.Do(func(w *edrvsim.World) { require.NoError(t, w.Unplug(w.Now(), "c0")) })
		time.Sleep(3 * time.Minute)
		require.Greater(t, b.offers()[0], before+0.5)
		require.Equal(t, over, b.grid().Trace.Over)
	})
}

func TestNothingIsOrderedWhileNothingIsCongested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec, connectors := yard(4)
		b := newBench(t, spec)
		b.plug(2, edrvsim.CarSpec{})
		time.Sleep(time.Minute)
		// Chargers without any default limit: 88 kW at the most.
		b.start(yardConfig(t, strings.ReplaceAll(connectors, "fallback: {amps: 6}", "install_fallback: false, fallback: {amps: 32}")))
		time.Sleep(10 * time.Minute)
		b.plug(4, edrvsim.CarSpec{})
		time.Sleep(20 * time.Minute)
		calls := b.eDRV.TrueState().Calls
		require.Zero(t, calls["sessions.set_power_limit"])
		require.Zero(t, calls["connectors.set_default_power_limit"])
		require.InDelta(t, 4*22.08e3, b.grid().Watts, 1)
	})
}

func TestASessionThatTheFallbackHoldsBackIsRaised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 10)
		b.plug(2, edrvsim.CarSpec{})
		time.Sleep(time.Minute)
		b.start(cfg) // its fallbacks lower the cars that charge without a limit
		time.Sleep(10 * time.Minute)
		require.InDelta(t, 2*22.08e3, b.grid().Watts, 1)
		require.Equal(t, uint64(2), b.eDRV.TrueState().Calls["sessions.set_power_limit"])
	})
}

func TestCarsThatArriveStartBehindTheFallbackAndAreRaised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 10)
		b.open(cfg, 10)
		time.Sleep(5 * time.Minute)
		b.requireFair(10)
		require.Zero(t, b.grid().Trace.Over)
	})
}

func TestARaiseIsShownBeforeItLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 10)
		var raises atomic.Int64
		b.watch = func(r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/set_power_limit") {
				return
			}
			body, err := r.GetBody()
			require.NoError(t, err)
			var order struct{ Limit float64 }
			require.NoError(t, json.NewDecoder(body).Decode(&order))
			v, _ := b.daemon.View("yard")
			for _, c := range v.Connectors {
				if c.Session != "" && strings.Contains(r.URL.Path, c.Session) {
					require.GreaterOrEqual(t, c.InAmperes.Committed, order.Limit, c.Name)
					raises.Add(1)
				}
			}
		}
		b.open(cfg, 10)
		time.Sleep(5 * time.Minute)
		require.Equal(t, int64(b.eDRV.TrueState().Calls["sessions.set_power_limit"]), raises.Load(), "every session was shown before its order left")
		require.Positive(t, raises.Load())
	})
}

func TestARestartAtAnyMomentChangesNothing(t *testing.T) {
	for _, after := range []time.Duration{time.Second, 7 * time.Second, 20 * time.Second, 45 * time.Second, 90 * time.Second, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			b, cfg := newYard(t, 10)
			b.open(cfg, 10)
			time.Sleep(after)
			b.kill()
			time.Sleep(10 * time.Second)
			b.start(cfg)
			time.Sleep(6 * time.Minute)
			b.requireFair(10)
			require.Zero(t, b.grid().Trace.Over, "killed after %s", after)
		})
	}
}

func TestListsFindWhatWebhooksMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec, connectors := yard(10)
		spec.Faults = edrvsim.Faults{edrvsim.StartedLost: 1}
		b := newBench(t, spec)
		b.start(yardConfig(t, connectors))
		time.Sleep(time.Minute)
		b.eDRV.Do(func(w *edrvsim.World) {
			require.NoError(t, w.Inject(edrvsim.Window{Fault: edrvsim.HookOutage, For: 70 * time.Second}))
		})
		b.plug(10, edrvsim.CarSpec{})
		time.Sleep(8 * time.Minute)
		b.requireFair(10)
		require.Zero(t, b.grid().Trace.Over)
	})
}

func TestAConnectorInALoadManagementGroupIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec, connectors := yard(10)
		spec.Groups = []edrvsim.Group{{ID: "group1", Name: "Yard", Location: "yard", MaxKW: 50, Connectors: []string{"c0"}}}
		b := newBench(t, spec)
		b.plug(10, edrvsim.CarSpec{})
		time.Sleep(time.Minute)
		b.start(yardConfig(t, connectors))
		time.Sleep(5 * time.Minute)
		v, _ := b.daemon.View("yard")
		require.Equal(t, "group", v.Connectors[0].Reason.Code)
		require.Contains(t, v.Connectors[0].Reason.Text, "Yard")
		require.InDelta(t, 32, v.Connectors[0].InAmperes.Committed, 0)
		require.Empty(t, limitsOf(b, "c0"), "neither an order nor a fallback goes to it")
		require.LessOrEqual(t, b.grid().Watts, 100e3, "the others make room for it")
	})
}

func limitsOf(b *bench, connector string) (log []edrvsim.LimitRecord) {
	b.eDRV.Do(func(w *edrvsim.World) {
		for _, r := range w.LimitLog() {
			if r.Connector == connector {
				log = append(log, r)
			}
		}
	})
	return log
}

package simulate

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crashEvery is the distance between two crash points. All of them:
// go test ./internal/simulate -run Crash -args -crash-every 1
var crashEvery = flag.Uint64("crash-every", 11, "crash at every so manieth step of the traces")

// crashJob is a busy half hour: many cars come to a random site in its first
// minutes.
func crashJob(seed uint64) (job, Options) {
	return job{run: seed, seed: seed, length: 40 * time.Minute}, Options{Faults: FaultNames(), rush: true}
}

// TestCrashPoints kills the daemon at the steps of three traces, before and
// after what the step asks for is carried out, starts it again, and runs on:
// no invariant is broken, whatever the journal holds by then.
func TestCrashPoints(t *testing.T) {
	long(t)
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("trace %d", seed), func(t *testing.T) {
			t.Parallel()
			j, o := crashJob(seed)
			p, err := stage(j, o)
			require.NoError(t, err)
			p.aim = nil
			p.runTo(p.end)
			require.Empty(t, p.rig.check.violations)
			require.Greater(t, p.orders, uint64(20), "nothing happens in this trace")
			steps := p.rig.steps
			for step := uint64(1); step <= steps; step += *crashEvery {
				for _, before := range []bool{false, true} {
					p, err := stage(j, o)
					require.NoError(t, err)
					p.aim = nil
					p.rig.kill = killing{step: step, before: before}
					p.runTo(p.end)
					require.Empty(t, p.rig.check.violations, "killed at step %d of %d, before its effects: %t", step, steps, before)
				}
			}
			t.Logf("%d steps, %d orders", steps, p.orders)
		})
	}
}

// TestStoppedOwner stops the owner of a site at the steps of a trace, when what it
// is about to order is saved and not yet sent. Another owner takes over from
// what was saved; later the first goes on and sends its orders, which nobody can
// keep it from. They are no different from orders that eDRV had in a queue: no
// charger permits more than the new owner believes, no raise is sent without room,
// and no limit is passed. How soon a cut comes (I4) is not judged here.
func TestStoppedOwner(t *testing.T) {
	long(t)
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("trace %d", seed), func(t *testing.T) {
			t.Parallel()
			j, o := crashJob(seed)
			p, err := stage(j, o)
			require.NoError(t, err)
			p.aim = nil
			p.runTo(p.end)
			steps, late := p.rig.steps, 0
			for step := uint64(1); step <= steps; step += *crashEvery {
				for _, after := range []time.Duration{killedFor + time.Second, 4 * killedFor} {
					p, err := stage(j, o)
					require.NoError(t, err)
					p.aim = nil
					require.Less(t, after, p.scene.Settings.Timing.VerdictTimeout, "an order is in doubt for so long")
					p.rig.kill = killing{step: step, after: after}
					p.runTo(p.end)
					for _, v := range p.rig.check.violations {
						require.NotContains(t, []string{"I1", "I2", "I3", "I10"}, v.Invariant, "%v: stopped at step %d of %d, for %s", v, step, steps, after)
					}
					late += p.rig.late
				}
			}
			require.Greater(t, late, 10, "orders that came late")
			t.Logf("%d steps, %d orders came late", steps, late)
		})
	}
}

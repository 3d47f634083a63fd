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

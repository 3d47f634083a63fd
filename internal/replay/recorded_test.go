package replay

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/policy"
)

// The recorded months lie beside the project, not in it.
const recorded = "../../../shared/data/"

// Four months of 54 workplace posts, on a transformer that is the only limit.
// Every rule keeps it; deadline, which knows when cars leave and what they want,
// delivers within 0.3 points of the optimum; equal delivers within 0.1 points of
// max-min shares in floating point.
func TestRecordedMonths(t *testing.T) {
	if _, err := os.Stat(recorded); err != nil {
		if os.Getenv("CI") == "true" {
			require.NoError(t, err, "CI needs the recorded sessions")
		}
		t.Skip("the recorded sessions are not here: ", err)
	}
	rec, err := ReadRecording(recorded + "caltech_2019-05_08.csv")
	require.NoError(t, err)
	require.Len(t, rec.Sessions, 3527)
	for _, kw := range []int{20, 30, 50, 80} {
		t.Run(fmt.Sprintf("%d kW", kw), func(t *testing.T) {
			cfg, err := config.Load(recorded+"caltech.yaml", config.ForReplay)
			require.NoError(t, err)
			site := &cfg.Sites[0]
			site.Circuits = site.Circuits[:1]
			site.Circuits[0].Limit.Power = policy.Milliwatts(kw) * policy.Kilowatt
			for i := range site.Connectors {
				site.Connectors[i].Circuit = site.Circuits[0].ID
			}
			report, err := Replay(t.Context(), Options{
				Files: []File{{"caltech.yaml", cfg}}, Recording: rec, Shares: []string{"deadline", "equal", "first_come", "proportional"}, Step: 5 * time.Minute, Car: Ideal,
			})
			require.NoError(t, err)
			best := report.Optimum
			require.True(t, best.Exact)
			for i := range report.Runs {
				run := &report.Runs[i]
				require.Zero(t, run.OverLimit, run.Share)
				require.LessOrEqual(t, run.PeakKW, float64(kw))
				require.LessOrEqual(t, run.Delivered, best.Delivered, run.Share)
			}
			require.InDelta(t, best.Delivered, report.Runs[0].Delivered, 0.003, "deadline against the optimum")
			require.InDelta(t, maxMin(rec, 0.95*float64(kw)), report.Runs[1].Delivered, 0.001, "equal against max-min")
		})
	}
}

// maxMin is the part of the energy that a site delivers where all cars that are
// there and not served share a power in kW equally, up to 32 A at 208 V each:
// exactly, from event to event, in floating point.
func maxMin(rec *Recording, kw float64) float64 {
	const most = 32 * 208 / 1000.0
	type car struct{ from, to, left float64 } // hours, kWh
	cars := make([]car, len(rec.Sessions))
	requested, delivered, last := 0.0, 0.0, 0.0
	free := map[string]float64{} // when each post is
	for i, s := range rec.Sessions {
		hours := func(at time.Time) float64 { return at.Sub(rec.Sessions[0].Arrival).Hours() }
		cars[i] = car{max(hours(s.Arrival), free[s.Connector]), hours(s.Departure), float64(s.Energy) / 1e6}
		free[s.Connector] = max(free[s.Connector], cars[i].to)
		requested += cars[i].left
		last = max(last, cars[i].to)
	}
	slices.SortFunc(cars, func(a, b car) int { return cmp.Compare(a.from, b.from) })
	next, there := 0, []*car{}
	for now := 0.0; now < last; {
		for ; next < len(cars) && cars[next].from <= now; next++ {
			there = append(there, &cars[next])
		}
		there = slices.DeleteFunc(there, func(c *car) bool { return c.to <= now || c.left < 1e-9 })
		until := last
		if next < len(cars) {
			until = cars[next].from
		}
		each := min(most, kw/float64(max(1, len(there))))
		for _, c := range there {
			until = min(until, c.to, now+c.left/each)
		}
		for _, c := range there {
			got := min(c.left, each*(until-now))
			c.left -= got
			delivered += got
		}
		now = max(until, now+1e-9)
	}
	return delivered / requested
}

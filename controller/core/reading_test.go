package core

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// What one report tells of the phases. Power in W, currents in A; -1 is none.
func TestPhasesAreConcludedOnlyFromWhatTellsThem(t *testing.T) {
	for name, c := range map[string]struct {
		power, current float64
		phases         []float64
		limit          float64
		level          float64
		uses           int
	}{
		"nothing but power":                            {6900, -1, nil, 32, 10, 0},
		"the current of one of three phases":           {6900, 10, nil, 32, 10, 3},
		"of two":                                       {4462, 9.7, nil, 32, 6.467, 0},
		"of one, which the limit lets it carry":        {3680, 16, nil, 16, 16, 0},
		"a sum, where one phase may not carry it":      {6900, 30, nil, 16, 10, 0},
		"a sum of two":                                 {4462, 19.4, nil, 10, 6.467, 0},
		"a current that fits nothing":                  {6900, 3, nil, 32, 10, 0},
		"too little to tell":                           {600, 0.9, nil, 32, 0.87, 0},
		"phases":                                       {4600, -1, []float64{10, 10, 0}, 32, 10, 2},
		"phases that say nothing flows":                {6900, -1, []float64{0, 0, 0}, 32, 10, 0},
		"a phase that is higher than the power allows": {2300, -1, []float64{20, 0, 0}, 32, 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := edrvapi.Report{}
			if c.current >= 0 {
				r.Current = edrvapi.Some(edrvapi.Milliamps(c.current * 1000))
			}
			for p, amps := range c.phases {
				r.Phases[p].Current = edrvapi.Some(edrvapi.Milliamps(amps * 1000))
			}
			connector := &Connector{Wiring: policy.Wiring{Phases: policy.AllPhases, Volts: 230}, First: policy.L1}
			load, level, uses, sum := spread(connector, policy.Milliwatts(c.power*1000), &r, policy.Milliamps(c.limit*1000))
			require.Equal(t, policy.Milliwatts(c.power*1000), load.Power)
			require.InDelta(t, c.level, float64(level)/1000, 0.01)
			require.Equal(t, c.uses, uses)
			require.Equal(t, strings.HasPrefix(name, "a sum"), sum)
		})
	}
}

// While an order waits, a car may draw what it was ordered to at the most: a
// current above that is a sum over its phases.
func TestASumOfCurrentsIsOneAlsoWhileAnOrderWaits(t *testing.T) {
	p := &player{t: t, now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC), waiting: map[string]string{}}
	p.start = p.now
	p.play([]string{"site", "limit=12A", "connectors=1", "installed"})
	p.play([]string{"list"})
	require.Contains(t, p.play([]string{"started", "c0", "s0"}), "order c0: 11.4 A (raise)")
	p.play([]string{"reply", "queued"})
	p.play([]string{"report", "s0", "7.5kW", "32.6A"})
	r := p.site.connectors[0].session.reading
	for _, a := range r.load.Amps {
		require.InDelta(t, 10_870, float64(a), 1)
	}
}

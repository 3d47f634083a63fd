package core

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// randomSettings are settings of one site, each time other ones: circuits come
// and go, connectors move, are rated anew, and are left out.
func randomSettings(r *rand.Rand, p *player) Settings {
	set := p.settings([]string{fmt.Sprintf("limit=%dkW", 20+r.IntN(80)), "circuits=row:grid:63A,deep:row:40A"})
	if r.IntN(3) == 0 {
		set.Circuits = set.Circuits[:2]
	}
	set.Connectors = nil
	for i := range 6 {
		if r.IntN(4) == 0 {
			continue
		}
		most := policy.Milliamps(10+r.IntN(23)) * policy.Ampere
		set.Connectors = append(set.Connectors, Connector{
			ID: fmt.Sprintf("c%d", i), Station: fmt.Sprintf("st-c%d", i), Circuit: set.Circuits[r.IntN(len(set.Circuits))].ID,
			Wiring: policy.Wiring{Phases: policy.AllPhases, Volts: 230}, Min: 6000, Max: most,
			Fallback: min(most, policy.Milliamps(r.IntN(20))*policy.Ampere), InstallFallback: true, CanPause: r.IntN(2) == 0,
		})
	}
	return set
}

// happen makes something happen to a site: sessions come and go, orders are
// answered, rejected or forgotten.
func happen(r *rand.Rand, p *player) {
	n := r.IntN(6)
	c, s := fmt.Sprintf("c%d", n), fmt.Sprintf("s%d-%d", n, r.IntN(50))
	switch r.IntN(12) {
	case 0, 1:
		if _, ok := p.site.byConnector[c]; ok {
			p.step(SessionSeen{p.session(s, c, edrvapi.SessionStarted)})
		}
	case 2:
		if i, ok := p.site.byConnector[c]; ok && p.site.Session(i) != "" {
			p.step(SessionSeen{p.session(p.site.Session(i), c, edrvapi.SessionEnded)})
		}
	case 3, 4, 5:
		p.step(p.replies([]string{"queued", "unclear", "not-sent"}[r.IntN(3)], func(asked, string) bool { return true })...)
	case 6, 7:
		p.step(p.verdicts(r.IntN(3) > 0, nil)...)
	case 8:
		p.step(StationSeen{Station: "st-" + c, Online: r.IntN(2) == 0})
	case 9:
		p.step(p.list(nil))
	default:
		p.now = p.now.Add(time.Duration(r.IntN(20_000)) * time.Millisecond)
		p.step(Tick{})
	}
}

// TestAReloadNeverLowersABound is what makes a reload safe: what a charger may
// draw is the same a moment after it, whatever the new file says.
func TestAReloadNeverLowersABound(t *testing.T) {
	reloads, left := 0, 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(21, seed))
		p := &player{t: t, now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC), waiting: map[string]string{}}
		p.start = p.now
		site, err := New(randomSettings(r, p), Saved{}, p.now)
		require.NoError(t, err)
		p.site = site
		p.step(Grouped{}, p.list(nil))
		for range 60 {
			happen(r, p)
			if r.IntN(6) > 0 {
				continue
			}
			reloads++
			before := map[string]policy.Milliamps{}
			for i := range p.site.connectors {
				before[p.site.connectors[i].set.ID] = p.site.ledger.Bound(i)
			}
			sessions, orders := len(p.site.bySession), openOrders(p.site)
			set := randomSettings(r, p)
			next, err := p.site.rebuilt(set)
			require.NoError(t, err)
			*p.site = *next

			require.Len(t, p.site.bySession, sessions, "seed %d: no session is lost", seed)
			require.Equal(t, orders, openOrders(p.site), "seed %d: no order is lost", seed)
			for i := range p.site.connectors {
				id := p.site.connectors[i].set.ID
				require.GreaterOrEqual(t, p.site.ledger.Bound(i), before[id], "seed %d: %s", seed, id)
				if p.site.connectors[i].set.Removed {
					left++
					require.NotNil(t, p.site.connectors[i].session)
				}
			}
			for k := range p.site.circuits {
				var sum policy.Load
				for i := range p.site.connectors {
					if c := &p.site.connectors[i]; p.site.tree.Within(c.circuit, k) {
						sum = sum.Plus(c.set.Wiring.At(p.site.ledger.Bound(i)))
					}
				}
				require.Equal(t, sum, p.site.ledger.Booked()[k], "seed %d: the sums are those of the bounds", seed)
			}
			p.step(Tick{})
		}
	}
	require.Greater(t, reloads, 1000)
	require.Greater(t, left, 100, "connectors that were removed while they had a session")
}

// openOrders are the sessions' orders without a verdict, by session.
func openOrders(s *Site) map[string]int {
	open := map[string]int{}
	for i := range s.connectors {
		if ses := s.connectors[i].session; ses != nil {
			open[ses.id] = len(ses.orders)
			for _, o := range ses.orders {
				if s.orders[o.id] != o || o.connector != i {
					open[ses.id] = -1
				}
			}
		}
	}
	return open
}

func TestABrokenReloadChangesNothing(t *testing.T) {
	p := &player{t: t, now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)}
	p.start = p.now
	p.build([]string{"installed"})
	p.step(Grouped{}, p.list(nil))
	before := p.site.View()
	broken := p.settings(nil)
	broken.Connectors[0].Circuit = "nowhere"
	require.Contains(t, p.step(Configured{Settings: broken}), "refused")
	require.Equal(t, before.Connectors, p.site.View().Connectors)
	require.Equal(t, before.Circuits, p.site.View().Circuits)
}

func TestAModeThatAnOperatorSetOutlivesAReload(t *testing.T) {
	p := &player{t: t, now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)}
	p.start = p.now
	p.build(nil)
	p.step(Grouped{}, ModeSet{Mode: Observe})
	p.step(Configured{Settings: p.settings(nil)})
	require.Equal(t, "observe", p.site.View().Mode)
	p.step(Configured{Settings: p.settings([]string{"mode=observe"})})
	p.step(Configured{Settings: p.settings(nil)})
	require.Equal(t, "enforce", p.site.View().Mode, "the file says so now")
}

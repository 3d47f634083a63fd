package policy

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// basisOf decides for the world at noon.
func basisOf(tree *Tree, rule Rule, w *World) *Basis {
	e := NewEngine(tree, rule, turnOptions)
	var plan Plan
	e.Decide(noon, w, &plan)
	return &Basis{Tree: tree, Rule: rule, Options: e.Options(), Now: noon, World: w, Plan: &plan}
}

// twoRows is a grid connection of 100 kW with a row of 40 A for sessions of
// three phases, and one of 60 A for single-phase and DC sessions.
func twoRows(t *testing.T, sessions ...Session) (*Tree, *World) {
	tree, err := NewTree([]CircuitSpec{{ID: "grid"}, {ID: "a", Parent: "grid"}, {ID: "b", Parent: "grid"}})
	require.NoError(t, err)
	w := &World{Permitted: []Load{NoLimit(), amps3(40), amps3(60)}, ArrivalReserve: make([]Load, 3), Sessions: sessions}
	w.Permitted[0].Power = 100 * Kilowatt
	for i := range w.Sessions {
		s := &w.Sessions[i]
		s.Key, s.Wiring.Volts = i, 230
		if s.Wiring.Phases == 0 {
			s.Wiring.Phases = AllPhases
		}
		if s.Max == 0 {
			s.Max = 32_000
		}
		s.Min = 6000
	}
	return tree, w
}

func TestAChainNamesEveryCircuitTheRuleAndTheNeighbours(t *testing.T) {
	tree, w := twoRows(
		t,
		Session{ID: "s1", Circuit: 1, CanPause: true, Since: noon.Add(-2 * time.Hour), Need: 12 * KWh, Leaves: noon.Add(30 * time.Hour)},
		Session{ID: "s2", Circuit: 1, Weight: 3000, Tier: 1},
		Session{ID: "s3", Circuit: 2, Kind: DC, Max: 100_000},
		Session{ID: "s4", Circuit: 2, Wiring: Wiring{Phases: On(L2)}, CanPause: true},
		Session{ID: "s5", Circuit: 2, CanPause: true, UsesLess: true, Uses: 8000, Wiring: Wiring{Phases: On(L3)}},
	)
	w.Held = []Booking{{Circuit: 1, Wiring: Wiring{Phases: On(L1), Volts: 230}, Level: 8000}}
	b := basisOf(tree, equal{}, w)
	b.Circuits = []CircuitBasis{
		{Limit: Load{Amps: NoLimit().Amps, Power: 110 * Kilowatt}, Source: FromSchedule, Base: Load{Power: 10 * Kilowatt}},
		{Limit: amps3(50), Source: FromConfig, Margin: Margin{PerMille: 200}},
		{Limit: amps3(70), Source: "external:dso"},
	}
	require.Equal(t, []string{
		"s1 is given 8 A on L1L2L3, 5.5 kW in all; its minimum is 6 A, its own maximum 32 A",
		"rule equal: shared equally; tier 0, weight 1, began 10:00, wants 12 kWh, leaves 2026-06-02 18:00",
		"a: L1 40 A of 40 A, which holds it back; L2L3 32 A of 40 A (limit 50 A by config, less margin 10 A)",
		"grid: 53.3 kW of 100 kW (limit 110 kW by schedule, less base load 10 kW)",
		"also on it: s2 24 A, 8 A for connectors that stand idle or are not steered",
		"if there were room at a on L1, it could have up to 8 A more; then there is no more at a on L2L3",
		"if it had a higher weight, the rule would give it more of what is there",
	}, b.Chain(0))
	require.Equal(t, []string{
		"s2 is given 24 A on L1L2L3, 16.5 kW in all; its minimum is 6 A, its own maximum 32 A; it cannot pause",
		"rule equal: shared equally; tier 1, weight 3",
	}, b.Chain(1)[:2])
	require.Equal(t, []string{
		"s3 is given 20.7 kW; its minimum is 4.1 kW, its own maximum 69 kW; it cannot pause",
		"rule equal: shared equally; tier 0, weight 1",
		"b: L1 30 A of 60 A; L2 60 A of 60 A, which holds it back; L3 38 A of 60 A (limit 70 A by external:dso; a tighter one is about to hold)",
	}, b.Chain(2)[:3])
	require.Contains(t, b.Chain(4), "s5 is given 8 A on L3, 1.8 kW in all; its minimum is 6 A, its own maximum 32 A; it draws less, with a margin 8 A")
	require.Contains(t, b.Chain(4), "if its car draws up to what it is given, its whole share comes back")
}

func TestAChainOfOneThatWaitsTellsItsTurn(t *testing.T) {
	turn := func(minutes int, running bool) Turn {
		return Turn{Since: noon.Add(-time.Duration(minutes) * time.Minute), Running: running, Starts: 1}
	}
	tree, w := twoRows(
		t,
		Session{ID: "s1", Circuit: 1, CanPause: true, Turn: turn(10, true)},
		Session{ID: "s2", Circuit: 1, CanPause: true, Turn: turn(12, false)},
		Session{ID: "s3", Circuit: 1, CanPause: true, Turn: turn(1, false)},
		Session{ID: "s4", Circuit: 2, CanPause: true, Turn: turn(20, true)},
		Session{ID: "s5", Circuit: 2, Turn: turn(20, true)},
		Session{ID: "s6", Circuit: 2, CanPause: true, Max: 5000},
	)
	w.Permitted[1] = amps3(10)
	b := basisOf(tree, equal{}, w)
	require.Equal(t, []string{
		"s2 waits and is given nothing; its minimum is 6 A, its own maximum 32 A",
		"rule equal: shared equally; tier 0, weight 1",
		"turn: waits since 11:48, was started 1 times so far",
		"a: L1L2L3 10 A of 10 A, which holds it back",
		"grid: 48.3 kW of 100 kW",
		"also on it: s1 10 A, s3 0 A",
		"if there were room at a on L1L2L3 for its minimum of 6 A, it would start",
		"if turns go on as now, it may start at 12:05: number 1 in the queue",
	}, b.Chain(1))
	require.Contains(t, b.Chain(0), "turn: charges since 11:50, and may at least until 12:05 unless a limit falls")
	require.Contains(t, b.Chain(2), "if it has rested until 12:09, it may start again")
	require.Contains(t, b.Chain(3), "turn: charges since 11:40; its turn of 15m0s is over, and who waits where it charges comes first")
	require.Contains(t, b.Chain(4), "turn: charges since 11:40; it cannot pause, so its turn does not end")
	require.Contains(t, b.Chain(5), "if its own maximum were its minimum or more, it could charge")

	// The grid is full, and so is the row below it.
	w.Permitted[0].Power = 11 * Kilowatt
	b = basisOf(tree, equal{}, w)
	require.Contains(t, strings.Join(b.Chain(1), "\n"), "if there were room at grid in total power and at a on L1L2L3, it could have more")
}

func TestAChainNamesThoseWhoHaveMost(t *testing.T) {
	sessions := make([]Session, 12)
	for i := range sessions {
		sessions[i] = Session{ID: "s" + string(rune('a'+i)), Circuit: 2, Wiring: Wiring{Phases: On(L1)}, Weight: 1000 + 100*(i*5%12), CanPause: true}
	}
	tree, w := twoRows(t, sessions...)
	w.Permitted[2] = amps3(120)
	require.Contains(t, basisOf(tree, equal{}, w).Chain(0),
		"also on it: sh 13.5 A, sc 13 A, sj 12.2 A, se 11.7 A, sl 10.9 A, sg 10.3 A, sb 9.7 A, si 9 A, 3 more")
}

func TestAChainSaysWhatTheRuleFavours(t *testing.T) {
	for name, want := range map[string]string{
		"equal": "a higher weight", "proportional": "a higher weight", "priority": "a higher tier or a higher weight",
		"first_come": "come earlier", "deadline": "to leave earlier",
	} {
		rule, err := RuleNamed(name)
		require.NoError(t, err)
		tree, w := twoRows(t, Session{Circuit: 1, Since: noon}, Session{Circuit: 1, Since: noon.Add(-time.Hour)})
		for i := range w.Sessions {
			w.Sessions[i].Leaves, w.Sessions[i].Need = noon.Add(time.Hour), 5*KWh
		}
		require.Contains(t, basisOf(tree, rule, w).Chain(0), "if it had "+want+", the rule would give it more of what is there", name)
	}
}

func TestAChainNamesWhatHoldsBackOnRandomTrees(t *testing.T) {
	eachRandomWorld(t, func(t *testing.T, seed int, _ *rand.Rand, e *Engine, tree *Tree, w *World) {
		var plan Plan
		e.Decide(noon, w, &plan)
		b := &Basis{Tree: tree, Rule: e.Rule(), Options: e.Options(), Now: noon, World: w, Plan: &plan}
		for i, a := range plan.Allocations {
			want := 0
			if a.Reason.Circuit >= 0 {
				want = 1
			}
			text := strings.Join(b.Chain(i), "\n")
			require.Equal(t, want, strings.Count(text, "which holds it back"), "seed %d, session %d:\n%s", seed, i, text)
			require.Contains(t, text, "\nif ", "seed %d, session %d", seed, i)
		}
	})
}

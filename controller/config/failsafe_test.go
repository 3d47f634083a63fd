package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/headroom-ev/headroom/policy"
)

func TestBalances(t *testing.T) {
	cfg, err := Parse("site.yaml", []byte(`sites:
  - id: depot
    margin: {kw: 6.9}
    circuits:
      - {id: row-b, parent: grid, limit: {kw: 60}, base_load: {amps: 10}}
      - {id: grid, limit: {kw: 150, amps: 217}, base_load: {kw: 6.9}, schedule: [{from: "08:00", to: "09:00", limit: {kw: 70, amps: 300}}]}
      - {id: row-a, parent: grid, limit: {amps: 63}}
    connectors:
      - {id: c1, circuit: row-a, kind: ac, phases: L2L3L1, max: {amps: 32}}
      - {id: c2, circuit: row-a, kind: ac, phases: L2, max: {amps: 16}, fallback: {amps: 10}}
      - {id: c3, circuit: row-b, kind: dc, max: {kw: 50}, fallback: {kw: 23}}
      - {id: c4, circuit: grid, kind: dc, phases: L3, max: {kw: 11}, fallback: {kw: 0.23}}
`), ForCheck, nil)
	require.NoError(t, err)
	b := cfg.Sites[0].Balances()
	require.Len(t, b, 3)
	grid, rowB, rowA := b[0], b[1], b[2]
	require.Equal(t, []int{1, 0, 0, 1, 2, 1}, []int{grid.Circuit, grid.Depth, rowB.Circuit, rowB.Depth, rowA.Circuit, rowA.Depth})

	// 23 kW at 690 V is 33.334 A, rounded up; the others are exact.
	require.Equal(t, policy.Load{Amps: [3]policy.Milliamps{6_000, 16_000, 6_000}, Power: 6_440 * policy.Watt}, rowA.Fallback)
	require.Equal(t, policy.Symmetric(33_334, 23*policy.Kilowatt), rowB.Fallback)
	require.Equal(t, policy.Load{Amps: [3]policy.Milliamps{39_334, 49_334, 40_334}, Power: 29_670 * policy.Watt}, grid.Fallback)
	require.Equal(t, policy.Load{Amps: [3]policy.Milliamps{32_000, 48_000, 32_000}, Power: 25_760 * policy.Watt}, rowA.Maximum)
	// The base load of row-b is also one of grid.
	require.Equal(t, policy.Symmetric(10_000, 6_900*policy.Watt), rowB.Base)
	require.Equal(t, policy.Symmetric(20_000, 13_800*policy.Watt), grid.Base)
	require.Equal(t, policy.Load{}, rowA.Base)
	// A margin of 6.9 kW is 10 A on each phase; a window cannot raise the amperes.
	require.Equal(t, []Bound{
		{Window: -1, Limit: policy.Symmetric(217_000, 150*policy.Kilowatt), Usable: policy.Symmetric(207_000, 143_100*policy.Watt)},
		{Window: 0, Limit: policy.Symmetric(217_000, 70*policy.Kilowatt), Usable: policy.Symmetric(207_000, 63_100*policy.Watt)},
	}, grid.Bounds)
	require.Empty(t, grid.Shortfall(grid.Bounds[0]))
}

// What is accepted without accept_not_failsafe fits, by an independent sum over
// every connector and circuit; what is refused does not.
func TestFailSafeIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parents := []int{-1}
		for i := range rapid.IntRange(0, 3).Draw(t, "circuits") {
			parents = append(parents, rapid.IntRange(0, i).Draw(t, "parent"))
		}
		limits, base := make([]int, len(parents)), make([]int, len(parents))
		var text strings.Builder
		text.WriteString("sites:\n  - id: depot\n    margin: 10%\n    circuits:\n")
		for i, p := range parents {
			limits[i] = rapid.IntRange(1, 80).Draw(t, "limit")
			base[i] = rapid.IntRange(0, 10).Draw(t, "base")
			fmt.Fprintf(&text, "      - {id: k%d, limit: {amps: %d}, base_load: {amps: %d}", i, limits[i], base[i])
			if p >= 0 {
				fmt.Fprintf(&text, ", parent: k%d", p)
			}
			text.WriteString("}\n")
		}
		text.WriteString("    connectors:\n")
		sums := make([][3]int, len(parents))
		for i := range parents {
			for at := i; at >= 0; at = parents[at] {
				for p := range 3 {
					sums[at][p] += base[i]
				}
			}
		}
		for i := range rapid.IntRange(1, 8).Draw(t, "connectors") {
			circuit := rapid.IntRange(0, len(parents)-1).Draw(t, "circuit")
			phases := rapid.SampledFrom([]string{"L1", "L2", "L3", "L2L3", "L1L2L3", "L3L1L2"}).Draw(t, "phases")
			fallback := rapid.IntRange(6, 16).Draw(t, "fallback")
			fmt.Fprintf(&text, "      - {id: c%d, circuit: k%d, kind: ac, phases: %s, max: {amps: 32}, fallback: {amps: %d}}\n", i, circuit, phases, fallback)
			for at := circuit; at >= 0; at = parents[at] {
				for p := range 3 {
					if strings.Contains(phases, fmt.Sprintf("L%d", p+1)) {
						sums[at][p] += fallback
					}
				}
			}
		}
		fits := true
		for i, sum := range sums {
			fits = fits && 10*max(sum[0], sum[1], sum[2]) <= 9*limits[i]
		}
		_, err := Parse("site.yaml", []byte(text.String()), ForCheck, nil)
		require.Equal(t, fits, err == nil, "%s%v", text.String(), err)
	})
}

func TestAReplayTakesASiteThatIsNotFailSafe(t *testing.T) {
	text := []byte(`sites:
  - id: depot
    circuits: [{id: grid, limit: {amps: 10}}]
    connectors:
      - {id: c1, station: s, circuit: grid, kind: ac, phases: L1, max: {amps: 16}}
      - {id: c2, station: s, circuit: grid, kind: ac, phases: L1, max: {amps: 16}}
`)
	for use, refused := range map[Use]bool{ForRun: true, ForCheck: true, ForSimulate: true, ForReplay: false, ForExplain: false} {
		cfg, err := Parse("site.yaml", text, use, nil)
		if refused {
			require.ErrorContains(t, err, "the fallbacks and the base load do not fit: 12 A of 9.5 A usable on L1", use)
			continue
		}
		require.NoError(t, err, use)
		require.False(t, cfg.Sites[0].FailSafe())
		require.Contains(t, cfg.Warnings[0].String(), "headroom run would refuse this")
	}
}

func TestReport(t *testing.T) {
	for _, path := range []string{example, "testdata/valid/contract.yaml", "testdata/valid/several_roots.yaml", "testdata/valid/unusual.yaml", "testdata/valid/accepted.yaml", "testdata/valid/not_failsafe_in_a_window.yaml"} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			cfg, err := parseFile(t, path)
			require.NoError(t, err)
			var b strings.Builder
			require.NoError(t, cfg.Report(&b))
			golden(t, "testdata/report/"+strings.TrimSuffix(filepath.Base(path), ".yaml")+".txt", b.String())
		})
	}
	cfg, err := parseFile(t, example)
	require.NoError(t, err)
	closed, err := os.Open(example)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	require.ErrorIs(t, cfg.Report(closed), os.ErrClosed)
}

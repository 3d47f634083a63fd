package web

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
)

// calm is a site of which nothing is to be said.
func calm() *core.View {
	return &core.View{ID: "depot", State: "normal", Mode: "enforce", Synced: true, FailSafe: true}
}

func factNamed(t *testing.T, v *core.View, h *Health, name string) fact {
	t.Helper()
	for _, f := range factsOf(v, h) {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no fact %q", name)
	return fact{}
}

func TestWhatIsWrongOutsideIsSaid(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change             func(*core.View, *Health)
		fact, text, level  string
		headline, saidMore string
	}{
		"a meter that works": {
			func(v *core.View, _ *Health) {
				v.Meters = []core.MeterView{{Name: "main", Known: true, MeasuredW: new(12_000.0), At: new(noon)}}
			},
			"Meter main", "12.0 kW", levelOK, "Safe. Nothing is congested.", "",
		},
		"a meter that is lost": {
			func(v *core.View, _ *Health) {
				v.Meters = []core.MeterView{{Name: "main", Why: "no reading for more than 30s: it answers with HTTP 503", MeasuredW: new(12_000.0)}}
			},
			"Meter main", "lost: no reading for more than 30s: it answers with HTTP 503", levelWarn,
			"Meter main is lost: the chargers make room for the most that the base load can draw.", "No reading for more than 30s: it answers with HTTP 503. What the chargers may draw fits every limit.",
		},
		"a meter that disagrees": {
			func(v *core.View, _ *Health) {
				v.Meters = []core.MeterView{{Name: "main", Known: true, Suspect: "a charger draws more than it reports"}}
			},
			"Meter main", "disagrees with the chargers: a charger draws more than it reports", levelAlarm,
			"Meter main and the reports of the chargers disagree.", "A charger draws more than it reports. The worse of both counts. What the chargers may draw fits every limit.",
		},
		"a limit whose fallback holds": {
			func(v *core.View, _ *Health) {
				v.Limits = []core.LimitView{{Name: "dso", State: "fallback", FallbackW: new(50_000.0)}, {Name: "ems", State: "active"}}
			},
			"External limits", "dso expired: its fallback of 50.0 kW holds", levelWarn, "Safe. Nothing is congested.", "",
		},
		"limits in force": {
			func(v *core.View, _ *Health) {
				v.Limits = []core.LimitView{{Name: "ems", State: "active"}, {Name: "x", State: "pending"}}
			},
			"External limits", "1 in force", "", "Safe. Nothing is congested.", "",
		},
		"a broken file": {
			func(_ *core.View, h *Health) {
				h.Config = ConfigHealth{Since: noon, Refused: "h.yaml:7:3: sites: is missing\nh.yaml:9:1: b: unknown key\nh.yaml:9:9: c: unknown key", RefusedAt: noon}
			},
			"Configuration", "The changed configuration is not taken: h.yaml:7:3: sites: is missing (and 2 more)", levelWarn,
			"The changed configuration is not taken: the one before stays in force.", "h.yaml:7:3: sites: is missing (and 2 more). What the chargers may draw fits every limit.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, h := calm(), &Health{}
			c.change(v, h)
			f := factNamed(t, v, h, c.fact)
			require.Equal(t, c.text, f.Text)
			require.Equal(t, c.level, f.Level)
			head := headlineOf(v, h)
			require.Equal(t, c.headline, head.Text)
			require.Contains(t, head.More, c.saidMore)
		})
	}
}

func TestAnOverloadBudgetIsSaidOnceSomeIsUsed(t *testing.T) {
	c := &core.CircuitView{}
	require.Empty(t, overloadText(c), "there is no breaker")
	c.Overload = new(1.0)
	require.Empty(t, overloadText(c))
	c.Overload = new(0.996)
	require.Equal(t, "overload budget 99 %", overloadText(c))
	for _, action := range core.OverloadActions() {
		c.OverloadAction = action
		require.Contains(t, overloadText(c), "overload budget 99 %: ", action)
	}
}

func TestPeaksAreSaid(t *testing.T) {
	p := &core.PeakView{TargetW: 60_000, Window: 900, MeanW: 41_500}
	require.Equal(t, "mean of these 15 min 41.5 kW, to stay below 60.0 kW", peakText(p))
	p.MonthW = new(58_200.0)
	require.Equal(t, "mean of these 15 min 41.5 kW, to stay below 60.0 kW; highest of the month 58.2 kW", peakText(p))
}

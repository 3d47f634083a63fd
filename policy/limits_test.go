package policy

import (
	"testing"
	"time"
	_ "time/tzdata" // zones do not depend on the machine

	"github.com/stretchr/testify/require"
)

func kw(v int64) Load { l := NoLimit(); l.Power = Milliwatts(v) * Kilowatt; return l }

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func days(list ...time.Weekday) (d [7]bool) {
	for _, w := range list {
		d[w] = true
	}
	return d
}

func TestTheTightestLimitHoldsAndIsNamed(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	weekdays := days(time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday)
	l := Limits{
		Configured: kw(150),
		Windows:    []Window{{Days: weekdays, From: 17 * 60, To: 20 * 60, Limit: kw(60)}},
		External: []External{
			{Name: "dso", From: at("2026-06-01T18:00:00+02:00"), Until: at("2026-06-01T18:30:00+02:00"), Limit: kw(40), Fallback: NoLimit()},
			{Name: "ems", Until: at("2026-06-01T12:00:00+02:00"), Limit: kw(100), Fallback: kw(120)},
			{Name: "generous", Until: at("2026-06-02T00:00:00+02:00"), Limit: kw(500), Fallback: NoLimit()},
		},
	}
	for _, c := range []struct {
		at     string
		limit  int64
		source Source
	}{
		{"2026-06-01T11:59:59+02:00", 100, "external:ems"},
		{"2026-06-01T12:00:00+02:00", 120, "external:ems"}, // its fallback
		{"2026-06-01T17:00:00+02:00", 60, FromSchedule},
		{"2026-06-01T18:00:00+02:00", 40, "external:dso"},
		{"2026-06-01T18:30:00+02:00", 60, FromSchedule},
		{"2026-06-01T20:00:00+02:00", 120, "external:ems"},
		{"2026-06-06T18:00:00+02:00", 120, "external:ems"}, // a Saturday
	} {
		limit, source := l.At(at(c.at), berlin)
		require.Equal(t, kw(c.limit), limit, c.at)
		require.Equal(t, c.source, source, c.at)
	}
	l.External = nil
	limit, source := l.At(at("2026-06-06T18:00:00+02:00"), berlin)
	require.Equal(t, kw(150), limit)
	require.Equal(t, FromConfig, source)
}

func TestWindowsFollowTheWallClock(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	for name, c := range map[string]struct {
		window  Window
		changes []string // from the first one on
		after   string
	}{
		"over midnight, from Friday into Saturday": {
			Window{Days: days(time.Friday), From: 22 * 60, To: 6 * 60, Limit: kw(60)},
			[]string{"2026-06-05T22:00:00+02:00", "2026-06-06T06:00:00+02:00", "2026-06-12T22:00:00+02:00"},
			"2026-06-01T00:00:00+02:00",
		},
		"to midnight": {
			Window{Days: days(time.Sunday), From: 20 * 60, To: 24 * 60, Limit: kw(60)},
			[]string{"2026-06-07T20:00:00+02:00", "2026-06-08T00:00:00+02:00"},
			"2026-06-01T00:00:00+02:00",
		},
		"begins in the hour that spring skips": {
			Window{Days: days(time.Sunday), From: 2*60 + 30, To: 5 * 60, Limit: kw(60)},
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-29T05:00:00+02:00"},
			"2026-03-28T00:00:00+01:00",
		},
		"lies in the hour that autumn repeats": {
			Window{Days: days(time.Sunday), From: 2*60 + 15, To: 2*60 + 45, Limit: kw(60)},
			[]string{
				"2026-10-25T02:15:00+02:00", "2026-10-25T02:45:00+02:00",
				"2026-10-25T02:15:00+01:00", "2026-10-25T02:45:00+01:00",
			},
			"2026-10-24T00:00:00+02:00",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := Limits{Configured: kw(150), Windows: []Window{c.window}}
			from := at(c.after)
			for i, want := range c.changes {
				next, ok := l.NextChange(from, berlin)
				require.True(t, ok)
				require.True(t, next.Equal(at(want)), "change %d: got %s, want %s", i, next.In(berlin), want)
				before, _ := l.At(next.Add(-time.Second), berlin)
				then, _ := l.At(next, berlin)
				require.NotEqual(t, before, then, "change %d at %s changes nothing", i, next)
				from = next
			}
		})
	}
}

// TestNextChangeMissesNothing walks a year minute by minute in a zone whose
// clocks move by half an hour.
func TestNextChangeMissesNothing(t *testing.T) {
	island := zone(t, "Australia/Lord_Howe")
	l := Limits{Configured: kw(150), Windows: []Window{
		{Days: days(time.Sunday, time.Monday, time.Wednesday), From: 23*60 + 10, To: 2*60 + 20, Limit: kw(60)},
		{Days: days(time.Sunday), From: 60 + 40, To: 60 + 55, Limit: kw(50)},
	}}
	t0 := at("2026-01-01T00:00:00Z")
	limit, _ := l.At(t0, island)
	next, _ := l.NextChange(t0, island)
	for m := range 366 * 24 * 60 {
		now := t0.Add(time.Duration(m) * time.Minute)
		l2, _ := l.At(now, island)
		if l2 != limit {
			require.True(t, now.Equal(next), "changed at %s, announced for %s", now.In(island), next.In(island))
			limit = l2
			next, _ = l.NextChange(now, island)
		}
	}
}

func TestMarginKeepsRoomAndUnlimitedStaysUnlimited(t *testing.T) {
	limit := Load{Amps: [3]Milliamps{63_000, 63_001, Unlimited}, Power: 100 * Kilowatt}
	got := Margin{PerMille: 50, Load: Symmetric(1000, 2*Kilowatt)}.Under(limit)
	require.Equal(t, Load{Amps: [3]Milliamps{58_850, 58_850, Unlimited}, Power: 93 * Kilowatt}, got)
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/headroom-ev/headroom/policy"
)

func TestDays(t *testing.T) {
	tests := []struct{ text, want string }{
		{"mon-fri", "mon-fri"},
		{"sat,sun", "sat,sun"},
		{"fri-mon", "mon,fri-sun"},
		{"mon-sun", "mon-sun"},
		{"wed, mon", "mon,wed"},
		{"tue", "tue"},
		{"mon-tue,thu-fri,sun", "mon,tue,thu,fri,sun"},
	}
	for _, test := range tests {
		days, err := parseDays(test.text)
		require.NoError(t, err)
		require.Equal(t, test.want, days.String())
	}
	days, err := parseDays("sat,sun,mon")
	require.NoError(t, err)
	for day := time.Sunday; day <= time.Saturday; day++ {
		require.Equal(t, day == time.Saturday || day == time.Sunday || day == time.Monday, days.Has(day), day)
	}
}

func TestClockRoundTrip(t *testing.T) {
	for c := Clock(0); c <= EndOfDay; c++ {
		got, err := parseClock(c.String())
		require.NoError(t, err)
		require.Equal(t, c, got)
	}
}

func TestWiring(t *testing.T) {
	for _, text := range []string{"L1", "L2", "L3", "L1L2", "L2L3", "L1L3", "L3L1", "L1L2L3", "L2L3L1", "L3L1L2", "L1L3L2"} {
		w, err := parseWiring(text)
		require.NoError(t, err)
		require.Equal(t, text, w.String())
		require.Equal(t, len(text)/2, w.Count())
		require.Equal(t, w.Count(), w.Set().Count())
	}
	w, err := parseWiring("L3L1")
	require.NoError(t, err)
	require.Equal(t, []policy.Phase{policy.L3, policy.L1}, w.Order())
	require.Equal(t, WiredTo(policy.L3, policy.L1), w)
	require.Panics(t, func() { WiredTo(policy.L1, policy.L1) })
	require.Zero(t, Connector{}.Load(Level{Current: 1}, 230))
}

// A decimal text and its integer are the same number, exactly.
func TestDecimalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		decimals := rapid.IntRange(1, 6).Draw(t, "decimals")
		v := rapid.Int64Range(0, 999_999_999_999).Draw(t, "v")
		got, err := parseDecimal(decimalText(v, decimals), decimals)
		require.NoError(t, err)
		require.Equal(t, v, got)
	})
}

func TestMargin(t *testing.T) {
	limit := Limit{Power: 100 * policy.Kilowatt, Current: 100_001}
	tests := []struct {
		margin Margin
		text   string
		want   policy.Load
	}{
		{Margin{Share: 55}, "5.5%", policy.Symmetric(94_500, 94_500*policy.Watt)}, // What is kept is rounded up.
		{Margin{Current: 2_000}, "2 A", policy.Symmetric(98_001, 98_620*policy.Watt)},
		{Margin{Power: 1}, "0.000001 kW", policy.Symmetric(100_000, 100*policy.Kilowatt-1)},
		{Margin{}, "0%", limit.Load()},
	}
	for _, test := range tests {
		require.Equal(t, test.text, test.margin.String())
		require.Equal(t, test.want, test.margin.At(230).Under(limit.Load()))
	}
}

package edrvapi

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestLimitOnTheWire(t *testing.T) {
	for want, l := range map[string]Limit{
		`{"unit":"current","limit":13.7}`:  InAmperes(13_799),
		`{"unit":"current","limit":16}`:    InAmperes(16_000),
		`{"unit":"current","limit":0}`:     InAmperes(99),
		`{"unit":"current","limit":0.1}`:   InAmperes(100),
		`{"unit":"power","limit":11000}`:   InWatts(11_000_999),
		`{"unit":"power","limit":0}`:       InWatts(0),
		`{"unit":"power","limit":2000000}`: InWatts(maxLimitPower),
		`{"unit":"current","limit":1000}`:  InAmperes(maxLimitCurrent),
	} {
		require.NoError(t, l.check())
		require.Equal(t, want, string(l.body()))
	}
	require.Equal(t, "13.7 A", InAmperes(13_700).String())
	require.Equal(t, "11000 W", InWatts(11_000_000).String())
	require.Equal(t, "current", UnitCurrent.String())
}

func TestLimitRange(t *testing.T) {
	for _, l := range []Limit{
		{},
		{Unit: 9, Milli: 1},
		InAmperes(-1), InWatts(-1), InAmperes(maxLimitCurrent + 1), InWatts(maxLimitPower + 1),
		InAmperes(math.MaxInt64), InWatts(math.MinInt64),
	} {
		require.ErrorIs(t, l.check(), ErrLimitRange, l)
	}
}

// TestLimitNeverRoundsUp: what is sent is the rounded limit to the digit, and never
// more than what was asked for.
func TestLimitNeverRoundsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limit{Unit: rapid.SampledFrom([]Unit{UnitCurrent, UnitPower}).Draw(t, "unit"), Milli: rapid.Int64Range(0, maxLimitCurrent).Draw(t, "milli")}
		var wire struct {
			Unit  string
			Limit json.Number
		}
		require.NoError(t, json.Unmarshal(l.body(), &wire))
		n, ok := parseDecimal([]byte(wire.Limit))
		require.True(t, ok)
		back := limitOf(n, true, parseLimitUnit([]byte(wire.Unit)))
		require.Equal(t, Some(l.Rounded()), back)
		require.LessOrEqual(t, back.Value.Milli, l.Milli)
	})
}

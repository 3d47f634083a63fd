package edrvapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// reportOf decodes a session whose energy report is the given text.
func reportOf(t require.TestingT, report string) Report {
	s, err := decodeSession([]byte(`{"_id":"a","energy_report":` + report + `}`))
	require.NoError(t, err, report)
	return s.Report
}

func TestPowerReadings(t *testing.T) {
	none := Maybe[Milliwatts]{}
	for value, want := range map[string]Maybe[Milliwatts]{
		`{"value":7.018,"unit":"kW"}`:        Some[Milliwatts](7_018_000),
		`{"value":7018,"unit":"W"}`:          Some[Milliwatts](7_018_000),
		`{"unit":"KW","value":"3.3"}`:        Some[Milliwatts](3_300_000),
		`{"value":3.3,"unit":null}`:          Some[Milliwatts](3_300_000),
		`{"value":3.3,"unit":""}`:            Some[Milliwatts](3_300_000),
		`{"value":3.3}`:                      Some[Milliwatts](3_300_000),
		`3.3`:                                Some[Milliwatts](3_300_000),
		`"003.30"`:                           Some[Milliwatts](3_300_000),
		`{"value":"1.1e1","unit":"kW"}`:      Some[Milliwatts](11_000_000),
		`{"value":0,"unit":"kW"}`:            Some[Milliwatts](0),
		`{"value":-0.0,"unit":"kW"}`:         Some[Milliwatts](0),
		`{"value":-100,"unit":"W"}`:          Some[Milliwatts](0),
		`{"value":-0.1,"unit":"kW"}`:         Some[Milliwatts](0),
		`{"value":-100.001,"unit":"W"}`:      none,
		`{"value":10000,"unit":"kW"}`:        Some[Milliwatts](maxPower),
		`{"value":10000.000001,"unit":"kW"}`: none,
		`{"value":1e300,"unit":"kW"}`:        none,
		`{"value":1e999,"unit":"kW"}`:        none,
		`{"value":-1e999,"unit":"kW"}`:       none,
		`{"value":3.3,"unit":"MW"}`:          none,
		`{"value":3.3,"unit":"VA"}`:          none,
		`{"value":3.3,"unit":"A"}`:           none,
		`{"value":3.3,"unit":7}`:             none,
		`{"value":null,"unit":"kW"}`:         none,
		`{"unit":"kW"}`:                      none,
		`{"value":true,"unit":"kW"}`:         none,
		`null`:                               none,
		`[3.3]`:                              none,
	} {
		require.Equal(t, want, reportOf(t, `{"power":`+value+`}`).Power, value)
	}
}

func TestOtherReadings(t *testing.T) {
	rep := reportOf(t, `{"current":{"value":"16.05","unit":"a"},"energy_meter":{"value":1943},"state_of_charge":{"value":55.5,"unit":null}}`)
	require.Equal(t, Some[Milliamps](16_050), rep.Current)
	require.Equal(t, Some[MilliwattHours](1_943_000), rep.Meter, "Wh without a unit")
	require.Equal(t, Some[Permille](555), rep.StateOfCharge, "more than 1 can only be per cent")
	for _, bad := range []string{
		`{"current":{"value":-1,"unit":"A"}}`, `{"current":{"value":10001,"unit":"A"}}`, `{"current":{"value":1,"unit":"mA"}}`,
		`{"energy_meter":{"value":-1,"unit":"Wh"}}`, `{"energy_meter":{"value":1e12,"unit":"kWh"}}`, `{"energy_meter":{"value":1,"unit":"W"}}`,
		`{"state_of_charge":{"value":101,"unit":"Percent"}}`, `{"state_of_charge":{"value":-1,"unit":"%"}}`,
		`{"state_of_charge":{"value":0.52,"unit":null}}`, `{"state_of_charge":{"value":1}}`, `{"state_of_charge":{"value":50,"unit":"Wh"}}`,
	} {
		require.Equal(t, Report{}, reportOf(t, bad), bad)
	}
}

func TestPlainDecimals(t *testing.T) {
	for _, good := range []string{"0", "-0", "1", "007", "12.50", "-3.25", "1e3", "1E+3", "1e-3", "99999999999999999999"} {
		_, ok := parseDecimal([]byte(good))
		require.True(t, ok, good)
	}
	for _, bad := range []string{
		"", " ", "-", "+1", ".5", "5.", "1,5", "1_000", "0x10", "0x1p10", "NaN", "nan", "Inf", "-Inf", "infinity",
		"1e", "1e+", "1e999", "--1", "1-", " 1", "1 ", "1.2.3", "1e3.5", "٣", "1\x00", strings.Repeat("1", 33),
	} {
		_, ok := parseDecimal([]byte(bad))
		require.False(t, ok, bad)
	}
}

// plausible is the promise of the gate: whatever comes in, nothing negative or absurd
// goes out.
func plausible(t require.TestingT, rep Report) {
	require.True(t, rep.Power.Value >= 0 && rep.Power.Value <= maxPower, "%+v", rep)
	require.True(t, rep.Current.Value >= 0 && rep.Current.Value <= maxCurrent, "%+v", rep)
	require.True(t, rep.Meter.Value >= 0 && rep.Meter.Value <= maxEnergy, "%+v", rep)
	require.True(t, rep.StateOfCharge.Value >= 0 && rep.StateOfCharge.Value <= maxCharge, "%+v", rep)
	for _, p := range rep.Phases {
		require.True(t, p.Power.Value >= 0 && p.Power.Value <= maxPower, "%+v", rep)
		require.True(t, p.Current.Value >= 0 && p.Current.Value <= maxCurrent, "%+v", rep)
	}
	require.True(t, rep.Power.Known || rep.Power.Value == 0)
	require.True(t, rep.Current.Known || rep.Current.Value == 0)
}

// checkNumber sends one number text through every field, as text and, where JSON allows
// it, as a number.
func checkNumber(t require.TestingT, number, unit string) {
	quoted, err := json.Marshal(number)
	require.NoError(t, err)
	quotedUnit, err := json.Marshal(unit)
	require.NoError(t, err)
	values := []string{string(quoted)}
	if json.Valid([]byte(number)) {
		values = append(values, number)
	}
	for _, v := range values {
		one := fmt.Sprintf(`{"value":%s,"unit":%s,"phase":"L2"}`, v, quotedUnit)
		doc := fmt.Sprintf(`{"_id":"a","energy_report":{"power":%[1]s,"current":%[1]s,"energy_meter":%[1]s,"state_of_charge":%[1]s},
			"raw_energy_report":{"power":[%[1]s],"current":[%[1]s]},"metrics":{"energyConsumed":%[2]s,"energyPeriod":%[2]s},
			"target":{"energy":%[2]s,"time":%[2]s,"soc":%[2]s},"planned_cutoff_time":%[2]s}`, one, v)
		s, err := decodeSession([]byte(doc))
		if err != nil {
			require.ErrorIs(t, err, ErrUnreadable) // Such as invalid UTF-8 in the text.
			continue
		}
		plausible(t, s.Report)
		require.True(t, s.Consumed.Value >= 0 && s.Consumed.Value <= maxEnergy)
		require.True(t, s.EnergyPeriod.Value >= 0 && s.Target.Duration.Value >= 0 && s.Target.Energy.Value >= 0)
		a, err := decodeAction(fmt.Appendf(nil, `{"_id":"a","data":{"unit":"power","limit":%s}}`, v))
		require.NoError(t, err)
		require.True(t, !a.Limit.Known || a.Limit.Value.check() == nil)
	}
}

func TestNumbersStayPlausible(t *testing.T) {
	units := []string{"", "W", "kW", "Wh", "kWh", "A", "Percent", "x"}
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(
			rapid.String(),
			rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,9})?([eE][-+]?[0-9]{1,3})?`),
			rapid.Map(rapid.Float64(), func(f float64) string { return fmt.Sprint(f) }),
			rapid.SampledFrom([]string{"NaN", "-Inf", "0x1p10", "1_000", "1e400", "-100", "-100.1"}),
		).Draw(t, "number")
		checkNumber(t, number, rapid.SampledFrom(units).Draw(t, "unit"))
	})
}

func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"7.018", "-100", "NaN", "Inf", "0x1p10", "1_000", "1e308", "1e309", "", "00", "16.0", "-0"} {
		f.Add(seed, "kW")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, number, unit string) { checkNumber(t, number, unit) })
}

package meter

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/policy"
)

func TestAnswers(t *testing.T) {
	grid := shape{field: "grid.power", unit: config.UnitWatts}
	for name, c := range map[string]struct {
		shape shape
		body  string
		want  Reading
		err   string
	}{
		"a bare number":                {shape{unit: config.UnitWatts}, " 1234.5\n", Reading{Power: 1_234_500}, ""},
		"a bare number in kilowatts":   {shape{unit: config.UnitKilowatts}, "-1.2345678", Reading{Power: -1_234_568}, ""},
		"a quoted number":              {shape{unit: config.UnitWatts}, `"7"`, Reading{Power: 7000}, ""},
		"a field":                      {grid, `{"grid": {"power": 1e3}}`, Reading{Power: 1_000_000}, ""},
		"a text in a field":            {grid, `{"grid": {"power": "12.5"}}`, Reading{Power: 12_500}, ""},
		"a field in a list":            {shape{field: "em.1.act:power", unit: config.UnitWatts}, `{"em": [{}, {"act:power": 3}]}`, Reading{Power: 3000}, ""},
		"a unit of its own":            {shape{field: "v", unitField: "u"}, `{"v": 3, "u": "kw"}`, Reading{Power: 3 * policy.Kilowatt}, ""},
		"phases, which are added up":   {shape{phases: []string{"a", "b", "c"}, unit: config.UnitWatts}, `{"a":1,"b":2,"c":-0.5}`, Reading{Power: 2500, PerPhase: [3]policy.Milliwatts{1000, 2000, -500}, Phases: true}, ""},
		"phases and a total":           {shape{field: "t", phases: []string{"a", "b", "c"}, unit: config.UnitWatts}, `{"t":9,"a":1,"b":2,"c":3}`, Reading{Power: 9000, PerPhase: [3]policy.Milliwatts{1000, 2000, 3000}, Phases: true}, ""},
		"NaN":                          {shape{unit: config.UnitWatts}, "NaN", Reading{}, `"NaN" is no number`},
		"infinite":                     {shape{unit: config.UnitWatts}, "+Inf", Reading{}, `"+Inf" is no number`},
		"hexadecimal":                  {shape{unit: config.UnitWatts}, "0x10", Reading{}, `"0x10" is no number`},
		"underscores":                  {shape{unit: config.UnitWatts}, "1_000", Reading{}, `"1_000" is no number`},
		"too large for a float":        {shape{unit: config.UnitWatts}, "1e999", Reading{}, "is too much for any site"},
		"too large for a site":         {shape{unit: config.UnitKilowatts}, "1e12", Reading{}, "is too much for any site"},
		"nothing":                      {shape{unit: config.UnitWatts}, "", Reading{}, `"" is no number`},
		"a page":                       {shape{unit: config.UnitWatts}, "<html><body>Please log in to see the power of your house today</body></html>", Reading{}, "is no number"},
		"NaN in JSON":                  {grid, `{"grid": {"power": NaN}}`, Reading{}, "the answer is no JSON"},
		"a truncated answer":           {grid, `{"grid": {"pow`, Reading{}, "the answer is no JSON"},
		"two answers":                  {grid, `{"grid": {"power": 1}} {}`, Reading{}, "something follows"},
		"no such field":                {grid, `{"grid": {"energy": 1}}`, Reading{}, "the answer has no field power (of grid.power)"},
		"nothing below a number":       {grid, `{"grid": 7}`, Reading{}, "the answer has nothing below power (of grid.power)"},
		"no such item":                 {shape{field: "a.2"}, `{"a": [1, 2]}`, Reading{}, "the answer has no item 2 (of a.2): it is a list of 2"},
		"null":                         {grid, `{"grid": {"power": null}}`, Reading{}, "grid.power is null"},
		"true":                         {grid, `{"grid": {"power": true}}`, Reading{}, "grid.power is no number"},
		"unavailable, as some say":     {grid, `{"grid": {"power": "unavailable"}}`, Reading{}, `"unavailable" is no number`},
		"a unit that is none of power": {shape{field: "v", unitField: "u"}, `{"v": 3, "u": "kWh"}`, Reading{}, `the unit u is "kWh": want W or kW`},
		"a phase that is missing":      {shape{phases: []string{"a", "b", "c"}, unit: config.UnitWatts}, `{"a":1,"b":2}`, Reading{}, "the answer has no field c"},
		"a phase that is NaN":          {shape{phases: []string{"a", "b", "c"}, unit: config.UnitWatts}, `{"a":1,"b":2,"c":"NaN"}`, Reading{}, `L3: no reading: "NaN"`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.shape.read([]byte(c.body))
			if c.err == "" {
				require.NoError(t, err)
				require.Equal(t, c.want, got)
				return
			}
			require.ErrorIs(t, err, ErrNonsense)
			require.ErrorContains(t, err, c.err)
			require.Less(t, len(err.Error()), 200, "a message for people")
		})
	}
}

// Whatever a meter answers, what comes out is a number or an error.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"grid":{"power":12.5}}`), "grid.power")
	f.Add([]byte(`[1,"2",null,{"a":NaN}]`), "3.a")
	f.Add([]byte(`1e15`), "")
	f.Fuzz(func(t *testing.T, body []byte, path string) {
		s := shape{field: path, unit: config.UnitKilowatts}
		r, err := s.read(body)
		if err == nil && (r.Power > largest || r.Power < -largest) {
			t.Errorf("%d mW", r.Power)
		}
	})
}

package edrvsim_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// reportIn is the data of the first session.updated of a post of some shape.
func reportIn(t *testing.T, kind edrvsim.Kind, shape edrvsim.Shape, fault ...edrvsim.Fault) json.RawMessage {
	t.Helper()
	spec := onePostSpec(func(s *edrvsim.Spec, c *edrvsim.ConnectorSpec) {
		c.Kind = kind
		s.Faults = edrvsim.Faults{}
		for _, f := range fault {
			s.Faults[f] = 1
		}
	})
	spec.Stations[0].Shape, spec.Stations[0].Raw = shape, true
	w, err := edrvsim.New(spec)
	require.NoError(t, err)
	require.NoError(t, w.Plug(w.Now(), post, edrvsim.CarSpec{MaxAmps: 16, MaxKW: 11.04, NeedKWh: 30, BatteryKWh: 60}))
	for _, m := range run(w, time.Minute) {
		if m.Type == "session.updated" {
			return field(t, m.Body(), "data")
		}
	}
	t.Fatal("no report")
	return nil
}

func TestReportShapes(t *testing.T) {
	for name, tt := range map[string]struct {
		kind   edrvsim.Kind
		shape  edrvsim.Shape
		status string
		want   string
	}{
		"2021": {edrvsim.AC, edrvsim.Shape2021, `"started"`, `{"timestamp":"2026-01-05T06:00:31.000Z","current":{"value":48,"unit":"A"},"power":{"value":11.04,"unit":"kW"},
			"energy_meter":{"value":0.09,"unit":"kWh"}}`},
		"2022": {edrvsim.AC, edrvsim.Shape2022, `"Started"`, `{"timestamp":"2026-01-05T06:00:31.000Z","current":{"value":"48.0","unit":"A"},"power":{"value":"11.0","unit":"kW"},
			"energy_meter":{"value":"0.092","unit":"kWh"}}`},
		"2023": {edrvsim.DC, edrvsim.Shape2023, `"Started"`, `{"timestamp":"2026-01-05T06:00:31.000Z","current":{"value":48,"unit":"A"},"power":{"value":11.04,"unit":"kW"},
			"energy_meter":{"value":92,"unit":"Wh"},"state_of_charge":{"value":"50","unit":"Percent"}}`},
		"2025": {edrvsim.DC, edrvsim.Shape2025, `"Started"`, `{"timestamp":"2026-01-05T06:00:31.000Z","current":{"value":48,"unit":"A"},"power":{"value":11.04,"unit":"kW"},
			"energy_meter":{"value":92,"unit":"Wh"},"state_of_charge":{"value":0.5,"unit":null}}`},
	} {
		t.Run(name, func(t *testing.T) {
			data := reportIn(t, tt.kind, tt.shape)
			require.JSONEq(t, tt.want, string(field(t, data, "energy_report")))
			require.Equal(t, tt.status, string(field(t, data, "status")))
			require.Len(t, rawList(t, field(t, data, "raw_energy_report", "current")), 3)
		})
	}
	require.Equal(t, `"Charging"`, string(field(t, reportIn(t, edrvsim.DC, edrvsim.Shape2025), "metrics", "chargingState")))
}

func rawList(t *testing.T, body []byte) []json.RawMessage {
	t.Helper()
	var out []json.RawMessage
	require.NoError(t, json.Unmarshal(body, &out))
	return out
}

func TestPoisonedReadings(t *testing.T) {
	for f, want := range map[edrvsim.Fault]string{
		edrvsim.ReadingNaN:      `{"unit":"kW","value":"NaN"}`,
		edrvsim.ReadingNegative: `{"unit":"kW","value":-12.04}`,
		edrvsim.ReadingText:     `{"unit":"kW","value":"charging"}`,
		edrvsim.ReadingAbsurd:   `{"unit":"kW","value":12040000}`,
		edrvsim.ReadingUnit:     `{"unit":"kW","value":11040}`,
	} {
		require.Equal(t, want, string(field(t, reportIn(t, edrvsim.AC, edrvsim.Shape2023, f), "energy_report", "power")), f.String())
	}
	require.NotContains(t, string(field(t, reportIn(t, edrvsim.AC, edrvsim.Shape2023, edrvsim.ReadingMissing), "energy_report")), "power")
	require.Contains(t, []string{`"2026-01-05T06:00.31.00Z"`, `"2026-01-05T06:00:31.0000000Z"`},
		string(field(t, reportIn(t, edrvsim.AC, edrvsim.Shape2023, edrvsim.TimeMalformed), "energy_report", "timestamp")))
}

func TestEventEnvelope(t *testing.T) {
	w := onePost(t, nil)
	require.NoError(t, w.Plug(w.Now(), post, edrvsim.CarSpec{}))
	m := run(w, 10*time.Second)[0]
	body := m.Body()
	require.Equal(t, `"chargestation.connector_status.updated"`, string(field(t, body, "type")))
	require.Equal(t, `"chargestation"`, string(field(t, body, "object")))
	require.Equal(t, `"`+m.ID+`"`, string(field(t, body, "_id")))
	require.Len(t, m.ID, 24)
	require.Equal(t, `"Preparing"`, string(field(t, rawList(t, field(t, body, "data", "connectors"))[0], "status")))
}

func TestUnreadableBodyIsNotJSON(t *testing.T) {
	w := onePost(t, func(s *edrvsim.Spec, _ *edrvsim.ConnectorSpec) { s.Faults = edrvsim.Faults{edrvsim.BodyUnreadable: 1} })
	require.NoError(t, w.Plug(w.Now(), post, edrvsim.CarSpec{}))
	require.False(t, json.Valid(run(w, time.Second)[0].Body()))
}

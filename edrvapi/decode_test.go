package edrvapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, s)
	require.NoError(t, err)
	return v.UTC()
}

// TestSample is eDRV's own sample: it is what every other shape varies.
func TestSample(t *testing.T) {
	ev, err := DecodeEvent(sample(t))
	require.NoError(t, err)
	require.Equal(t, "615ab6d99ab98b057eba7e26", ev.ID)
	require.Equal(t, "session.updated", ev.Type)
	require.Equal(t, EventSessionUpdated, ev.Kind)
	require.Nil(t, ev.Station)
	require.Nil(t, ev.Action)
	const id = "60e7116e15f9305d44e9d4d5"
	require.Equal(t, &Session{
		ID: id, Connector: id, Station: id, User: id,
		Status:        SessionStarted,
		CreatedAt:     at(t, "2021-07-21T12:50:36.66Z"),
		UpdatedAt:     at(t, "2021-07-21T12:50:36.66Z"),
		ChargingStart: at(t, "2021-07-08T14:56:47.528Z"),
		ChargingStop:  at(t, "2021-07-08T14:55:55Z"),
		Report: Report{
			At:      at(t, "2021-07-08T14:55:33Z"),
			Power:   Some[Milliwatts](7_018_000),
			Current: Some[Milliamps](31_160),
			Meter:   Some[MilliwattHours](15_830_000),
		},
		Consumed:     Some[MilliwattHours](4_406_000),
		EnergyPeriod: Some(2476 * time.Second),
		Meta:         map[string]string{"session_source": "Android_App"},
	}, ev.Session)
}

// TestSessionShapes reads one event of every year whose samples differ.
func TestSessionShapes(t *testing.T) {
	t.Run("2021: old targets, scalar meta data", func(t *testing.T) {
		s := sessionOf(t, "session-2021.json", EventSessionUpdated)
		require.Equal(t, SessionStarted, s.Status)
		require.Equal(t, Some[MilliwattHours](12_500_000), s.Target.Energy)
		require.Equal(t, Some(90*time.Minute), s.Target.Duration)
		require.Equal(t, Some(1800500*time.Millisecond), s.EnergyPeriod)
		require.Equal(t, map[string]string{"fleet": "north", "seats": "5", "pool": "true"}, s.Meta)
		require.False(t, s.Report.StateOfCharge.Known)
	})
	t.Run("2022: numbers as text, register in kWh, expanded references", func(t *testing.T) {
		s := sessionOf(t, "session-2022.json", EventSessionStarted)
		require.Equal(t, "6200a1b2c3d4e5f601020303", s.User)
		require.Equal(t, "6200a1b2c3d4e5f601020304", s.Station)
		require.Equal(t, "6200a1b2c3d4e5f601020305", s.Connector)
		require.Equal(t, Some[Milliwatts](3_300_000), s.Report.Power)
		require.Equal(t, Some[Milliamps](16_000), s.Report.Current)
		require.Equal(t, Some[MilliwattHours](734_060_000), s.Report.Meter)
		require.Equal(t, Some[Permille](690), s.Report.StateOfCharge)
		require.Equal(t, Some[MilliwattHours](110_000), s.Consumed)
		require.Equal(t, Some(45*time.Minute), s.Target.Duration)
		require.Nil(t, s.Meta)
	})
	t.Run("2023: phases, malformed time, register in Wh", func(t *testing.T) {
		s := sessionOf(t, "session-2023-raw.json", EventSessionUpdated)
		require.Equal(t, at(t, "2023-08-16T13:00:02.1234567Z"), s.ChargingStart)
		require.Equal(t, at(t, "2023-08-16T13:30:00Z"), s.Report.At)
		require.Equal(t, Some[Milliwatts](10_400_000), s.Report.Power)
		require.Equal(t, Some[MilliwattHours](1_943_000), s.Report.Meter)
		require.Equal(t, Some[Permille](0), s.Report.StateOfCharge)
		require.Equal(t, [3]PhaseReading{
			{Power: Some[Milliwatts](3_474_500), Current: Some[Milliamps](15_100)},
			{Power: Some[Milliwatts](3_492_000), Current: Some[Milliamps](15_200)},
			{Power: Some[Milliwatts](3_433_500), Current: Some[Milliamps](14_900)},
		}, s.Report.Phases)
		require.Equal(t, Some[MilliwattHours](100_000_000), s.Target.Energy)
		require.Equal(t, at(t, "2023-08-17T04:00:00Z"), s.Target.EnergyStop)
	})
	t.Run("2025: OCPP 2.0.1, charge without a unit, target of nothing", func(t *testing.T) {
		s := sessionOf(t, "session-2025-ended.json", EventSessionEnded)
		require.Equal(t, SessionEnded, s.Status)
		require.Equal(t, "EVConnected", s.ChargingState)
		require.Equal(t, "Local", s.StopReason)
		require.Equal(t, Some[Milliwatts](0), s.Report.Power)
		require.False(t, s.Report.StateOfCharge.Known, "0.52 may be 52 % or 0.52 %")
		require.False(t, s.Target.Energy.Known)
		require.Equal(t, Some(12*time.Hour), s.Target.Duration)
	})
}

func eventOf(t *testing.T, name string, kind EventKind) Event {
	t.Helper()
	ev, err := DecodeEvent(fixture(t, name))
	require.NoError(t, err)
	require.Equal(t, kind, ev.Kind)
	return ev
}

func sessionOf(t *testing.T, name string, kind EventKind) *Session {
	t.Helper()
	s := eventOf(t, name, kind).Session
	require.NotNil(t, s)
	return s
}

// TestWrongKinds puts a value of every kind in the place of every member: each costs
// that member, and none costs the document or its neighbours.
func TestWrongKinds(t *testing.T) {
	values := []string{`null`, `true`, `-1`, `1e999`, `"x"`, `""`, `[]`, `[1,[2]]`, `{}`, `{"_id":7,"value":{},"unit":[]}`}
	check := func(member string, decode func([]byte) (string, error)) {
		for _, v := range values {
			for _, form := range []string{`{"_id":"a1","%s":%s,"user":"u"}`, `{"%s":%s,"_id":"a1"}`} {
				text := fmt.Sprintf(form, member, v)
				id, err := decode([]byte(text))
				require.NoError(t, err, text)
				require.Equal(t, "a1", id, text)
			}
		}
	}
	for _, m := range []string{
		"connector", "chargestation", "status", "createdAt", "metrics", "energy_report",
		"raw_energy_report", "target", "planned_cutoff_energy", "planned_cutoff_time", "meta_data", "other",
	} {
		check(m, func(b []byte) (string, error) { s, err := decodeSession(b); return s.ID, err })
	}
	for _, m := range []string{"location", "protocol", "online", "active", "connectors", "updatedAt", "meta_data"} {
		check(m, func(b []byte) (string, error) { s, err := decodeStation(b); return s.ID, err })
	}
	for _, m := range []string{"chargestation", "status", "power_type", "power", "active", "updatedAt"} {
		check(m, func(b []byte) (string, error) { c, err := decodeConnector(b); return c.ID, err })
	}
	for _, m := range []string{"type", "status", "session", "connector", "chargestation", "data", "response_data", "createdAt"} {
		check(m, func(b []byte) (string, error) { a, err := decodeAction(b); return a.ID, err })
	}
	for _, m := range []string{"name", "location", "maximum_capacity", "chargestations", "connectors"} {
		check(m, func(b []byte) (string, error) { g, err := decodeGroup(b); return g.ID, err })
	}
	for _, m := range []string{"operatorName", "timezone", "active", "meta_data"} {
		check(m, func(b []byte) (string, error) { l, err := decodeLocation(b); return l.ID, err })
	}
}

func TestStation(t *testing.T) {
	ev := eventOf(t, "station-online.json", EventStationOnline)
	const id = "6400a1b2c3d4e5f601020304"
	require.Equal(t, &Station{
		ID: id, Location: "6400a1b2c3d4e5f601020306", Protocol: "ocpp1.6",
		Online: Some(true), Active: Some(true),
		Connectors: []Connector{
			{
				ID: "6400a1b2c3d4e5f601020305", Station: id, Status: ConnectorAvailable, PowerType: PowerAC3,
				Power: Some[Milliwatts](11_100_000), Active: Some(true),
			},
			{
				ID: "6400a1b2c3d4e5f601020307", Station: id, Status: ConnectorSuspendedEVSE, PowerType: PowerAC1,
				Power: Some[Milliwatts](2_010_000), Active: Some(false),
			},
			{ID: "6400a1b2c3d4e5f601020308", Station: id},
		},
		UpdatedAt: at(t, "2023-05-01T13:41:35.264Z"),
		Meta:      map[string]string{"row": "A"},
	}, ev.Station)

	ev = eventOf(t, "connector-status.json", EventConnectorStatus)
	require.False(t, ev.Station.Online.Known)
	require.Equal(t, []Connector{{
		ID: "6400a1b2c3d4e5f601020305", Station: id, Status: ConnectorOccupied,
		PowerType: PowerDC, Power: Some[Milliwatts](150_000_000),
	}}, ev.Station.Connectors)
}

func TestAction(t *testing.T) {
	t.Run("composite schedule", func(t *testing.T) {
		a := actionOf(t, "composite-accepted.json", EventActionAccepted)
		require.Equal(t, ActionCompositeSchedule, a.Kind)
		require.Equal(t, ActionCompleted, a.Status)
		require.Equal(t, Some(Schedule{
			Accepted: true, Connector: 1, Start: at(t, "2023-05-01T13:41:34Z"), Duration: 24 * time.Hour, Unit: UnitCurrent,
			Periods: []SchedulePeriod{{0, InAmperes(12_000)}, {time.Hour, InAmperes(6_500)}},
		}), a.Schedule)
		require.Contains(t, a.ResponseText, `"status": "Accepted"`)
		require.LessOrEqual(t, len(a.ResponseText), maxResponse)
	})
	t.Run("rejected session limit", func(t *testing.T) {
		a := actionOf(t, "limit-rejected.json", EventActionRejected)
		require.Equal(t, Action{
			ID: "6460a1b2c3d4e5f601020302", Type: "session.set_power_limit", Kind: ActionSetLimit, Status: ActionFailed,
			Session: "6460a1b2c3d4e5f601020306", Connector: "6460a1b2c3d4e5f601020305", Station: "6460a1b2c3d4e5f601020304",
			Limit: Some(InAmperes(13_700)), ResponseText: `{"status": "Rejected"}`,
			CreatedAt: at(t, "2024-03-01T13:41:33Z"), UpdatedAt: at(t, "2024-03-01T13:41:35Z"),
		}, *a)
	})
	t.Run("default limit under either name, data as text", func(t *testing.T) {
		a := actionOf(t, "default-requested.json", EventActionRequested)
		require.Equal(t, ActionSetLimit, a.Kind)
		require.Equal(t, ActionRequested, a.Status)
		require.Equal(t, Some(InWatts(11_000_000)), a.Limit)
	})
}

func actionOf(t *testing.T, name string, kind EventKind) *Action {
	t.Helper()
	a := eventOf(t, name, kind).Action
	require.NotNil(t, a)
	return a
}

// TestSchedules that can not be read whole are unknown.
func TestSchedules(t *testing.T) {
	const whole = `{"status":"Accepted","chargingSchedule":{"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":11000}]}}`
	require.Equal(t, Some(InWatts(11_000_000)), Some(decodeSchedule([]byte(whole)).Value.Periods[0].Limit))
	for _, doc := range []string{
		`{}`,
		`{"status":"Rejected"}`,
		`{"chargingSchedule":null}`,
		`{"chargingSchedule":{"chargingRateUnit":"W","chargingSchedulePeriod":[]}}`,
		strings.Replace(whole, `"W"`, `"V"`, 1),
		strings.Replace(whole, `11000`, `-1`, 1),
		strings.Replace(whole, `11000`, `"NaN"`, 1),
		strings.Replace(whole, `11000`, `1e9`, 1),
		strings.Replace(whole, `"startPeriod":0`, `"startPeriod":-5`, 1),
		strings.Replace(whole, `[{`, `[7,{`, 1),
		strings.Replace(whole, `[{`, `[`+strings.Repeat(`{"startPeriod":0,"limit":1},`, maxPeriods)+`{`, 1),
	} {
		require.False(t, decodeSchedule([]byte(doc)).Known, doc)
	}
}

func TestGroupShapes(t *testing.T) {
	for name, doc := range map[string]string{
		"ids":     `{"_id":"g","name":"row","location":"l","maximum_capacity":40,"chargestations":["s1","s2"],"connectors":["c1"]}`,
		"objects": `{"_id":"g","name":"row","location":{"_id":"l"},"maximum_capacity":"40","chargestations":[{"_id":"s1","connectors":[{"_id":"c1"}]},{"_id":"s2"}]}`,
		"links":   `{"_id":"g","name":"row","location":"l","maximum_capacity":40,"chargestations":[{"chargestation":"s1"},{"chargestation":{"_id":"s2"},"connectors":[{"connector":"c1"}]}]}`,
	} {
		g, err := decodeGroup([]byte(doc))
		require.NoError(t, err, name)
		require.Equal(t, Group{
			ID: "g", Name: "row", Location: "l", Maximum: Some[Milliwatts](40_000_000),
			Stations: []string{"s1", "s2"}, Connectors: []string{"c1"},
		}, g, name)
	}
}

func TestBounds(t *testing.T) {
	var meta, connectors, members strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&meta, `"k%d":"v",`, i)
		fmt.Fprintf(&connectors, `{"_id":"c%d"},`, i)
		fmt.Fprintf(&members, `"s%d",`, i)
	}
	long := strings.Repeat("x", 300)
	s, err := decodeSession([]byte(`{"_id":"a","meta_data":{"long":"` + long + `","` + long + `":1,` + meta.String() + `"z":1},
		"metrics":{"chargingState":"` + long + `"},"user":"` + long + `"}`))
	require.NoError(t, err)
	require.Len(t, s.Meta, maxMeta)
	require.NotContains(t, s.Meta, "long")
	require.Len(t, s.ChargingState, maxText)
	require.Empty(t, s.User, "no id is that long")

	st, err := decodeStation([]byte(`{"_id":"a","connectors":[` + connectors.String() + `{"_id":"z"}]}`))
	require.NoError(t, err)
	require.Len(t, st.Connectors, maxConnectors)

	g, err := decodeGroup([]byte(`{"_id":"a","chargestations":[` + members.String() + `"z"]}`))
	require.NoError(t, err)
	require.Len(t, g.Stations, maxMembers)
}

func TestCleanText(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                      "plain",
		"a\x00b\nc\u202ed":           "abcd",
		"\xff\xfea":                  "a",
		strings.Repeat("é", 20):      strings.Repeat("é", 8),
		strings.Repeat("a", 17):      strings.Repeat("a", 16),
		strings.Repeat("\x01", 1000): "",
	} {
		require.Equal(t, want, cleanText(in, 16))
	}
}

func TestEnumNames(t *testing.T) {
	require.Equal(t, "started", SessionStarted.String())
	require.Equal(t, "SuspendedEVSE", ConnectorSuspendedEVSE.String())
	require.Equal(t, "AC3", PowerAC3.String())
	require.Equal(t, "apirequested", ActionAPIRequested.String())
	require.Equal(t, "set_power_limit", ActionSetLimit.String())
	require.Equal(t, "action_rejected", EventActionRejected.String())
	require.Equal(t, "unknown", SessionStatus(200).String())
	for word, want := range map[string]SessionStatus{
		"STARTED": SessionStarted, "Canceled": SessionCancelled,
		"created": SessionCreated, "Ended": SessionEnded, "paused": SessionUnknown, "": SessionUnknown,
	} {
		require.Equal(t, want, parseSessionStatus([]byte(word)), word)
	}
	for word, want := range map[string]PowerType{
		"AC_1_PHASE": PowerAC1, "AC_SINGLE_PHASE": PowerAC1, "AC_3_PHASE": PowerAC3,
		"AC Three Phase": PowerAC3, "DC": PowerDC, "AC": PowerUnknown, "": PowerUnknown,
	} {
		require.Equal(t, want, parsePowerType([]byte(word)), word)
	}
}

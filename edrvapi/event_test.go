package edrvapi

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEventKinds(t *testing.T) {
	for name, want := range map[string]EventKind{
		"session.created":                               EventSessionCreated,
		"session.cancelled":                             EventSessionCancelled,
		"session.start_failure":                         EventSessionStartFailed,
		"session.stop_failure":                          EventSessionStopFailed,
		"chargestation.offline":                         EventStationOffline,
		"session.set_power_limit.requested":             EventActionRequested,
		"session.clear_power_limit.accepted":            EventActionAccepted,
		"connector.set_power_limit.rejected":            EventActionRejected,
		"chargestation.set_power_limit.accepted":        EventActionAccepted,
		"chargestation.set_charging_profile.accepted":   EventActionAccepted,
		"chargestation.clear_charging_profile.rejected": EventActionRejected,
		"get_composite_schedule.accepted":               EventActionAccepted,
		"session.payment.created":                       EventOther,
		"session.ev_charged":                            EventOther,
		"session.set_power_limit.expired":               EventOther,
		"get_configuration.accepted":                    EventOther,
		"location.updated":                              EventOther,
		"accepted":                                      EventOther,
		"session.updated\x00":                           EventOther,
	} {
		ev, err := DecodeEvent([]byte(`{"_id":"e1","data":{"_id":"d1"},"type":` + quote(name) + `}`))
		require.NoError(t, err, name)
		require.Equal(t, want, ev.Kind, name)
		set := 0
		for _, present := range []bool{ev.Session != nil, ev.Station != nil, ev.Action != nil} {
			if present {
				set++
			}
		}
		require.Equal(t, want != EventOther, set == 1, name)
	}
}

func quote(s string) string {
	return `"` + strings.ReplaceAll(s, "\x00", `\u0000`) + `"`
}

// TestActionFromType: what the action does not say itself, the event's type says.
func TestActionFromType(t *testing.T) {
	for verdict, want := range map[string]ActionStatus{"requested": ActionRequested, "accepted": ActionCompleted, "rejected": ActionFailed} {
		ev, err := DecodeEvent([]byte(`{"_id":"e1","data":{"_id":"d1"},"type":"session.set_power_limit.` + verdict + `"}`))
		require.NoError(t, err)
		require.Equal(t, &Action{ID: "d1", Type: "session.set_power_limit", Kind: ActionSetLimit, Status: want}, ev.Action)
	}
}

func TestUnknownEventIsNoError(t *testing.T) {
	ev, err := DecodeEvent(fixture(t, "unknown.json"))
	require.NoError(t, err)
	require.Equal(t, Event{ID: "6480a1b2c3d4e5f601020301", Type: "incident.opened", CreatedAt: at(t, "2025-01-01T00:00:00Z")}, ev)
}

func TestUnreadable(t *testing.T) {
	const valid = `{"_id":"e1","type":"session.updated","data":{"_id":"d1"}}`
	_, err := DecodeEvent([]byte(valid))
	require.NoError(t, err)
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for name, body := range map[string]string{
		"empty":               ``,
		"blank":               "  \n",
		"not JSON":            `hello`,
		"HTML":                `<html></html>`,
		"array":               `[]`,
		"text":                `"x"`,
		"null":                `null`,
		"cut off":             valid[:len(valid)-1],
		"trailing data":       valid + `{}`,
		"trailing word":       valid + ` x`,
		"trailing comma":      `{"_id":"e1","type":"x",}`,
		"comment":             `{"_id":"e1","type":"x"}//`,
		"byte order mark":     "\ufeff" + valid,
		"no id":               `{"type":"session.updated","data":{"_id":"d1"}}`,
		"empty id":            `{"_id":"","type":"session.updated","data":{"_id":"d1"}}`,
		"id is a number":      `{"_id":7,"type":"session.updated","data":{"_id":"d1"}}`,
		"id is a path":        `{"_id":"../x","type":"session.updated","data":{"_id":"d1"}}`,
		"other letter case":   `{"_ID":"e1","Type":"session.updated","data":{"_id":"d1"}}`,
		"no type":             `{"_id":"e1","data":{"_id":"d1"}}`,
		"type is null":        `{"_id":"e1","type":null,"data":{"_id":"d1"}}`,
		"no data":             `{"_id":"e1","type":"session.updated"}`,
		"data is null":        `{"_id":"e1","type":"session.updated","data":null}`,
		"data without id":     `{"_id":"e1","type":"session.updated","data":{}}`,
		"data is no JSON":     `{"_id":"e1","type":"session.updated","data":"x"}`,
		"data holds two":      `{"_id":"e1","type":"session.updated","data":"{\"_id\":\"a\"}{}"}`,
		"data holds text":     `{"_id":"e1","type":"session.updated","data":"\"{}\""}`,
		"action without id":   `{"_id":"e1","type":"session.set_power_limit.accepted","data":{}}`,
		"station without id":  `{"_id":"e1","type":"chargestation.online","data":{}}`,
		"duplicate":           `{"_id":"e1","_id":"e2","type":"session.updated","data":{"_id":"d1"}}`,
		"duplicate, escaped":  `{"_id":"e1","\u005fid":"e2","type":"session.updated","data":{"_id":"d1"}}`,
		"duplicate in data":   `{"_id":"e1","type":"session.updated","data":{"_id":"d1","status":"Started","status":"Ended"}}`,
		"duplicate unknown":   `{"_id":"e1","type":"x","data":{"a":{"b":1,"b":2}}}`,
		"duplicate in text":   `{"_id":"e1","type":"session.updated","data":"{\"_id\":\"a\",\"_id\":\"b\"}"}`,
		"invalid UTF-8":       "{\"_id\":\"e1\",\"type\":\"x\",\"data\":\"\xff\"}",
		"lone surrogate":      `{"_id":"e1","type":"x","data":"\ud800"}`,
		"too deep":            `{"_id":"e1","type":"x","data":` + deep(32) + `}`,
		"too deep in text":    `{"_id":"e1","type":"session.updated","data":"` + strings.ReplaceAll(deep(33), `"`, `\"`) + `"}`,
		"NaN":                 `{"_id":"e1","type":"session.updated","data":{"_id":"d1","x":NaN}}`,
		"too long":            `{"_id":"e1","type":"x","data":"` + strings.Repeat("x", MaxEventBytes) + `"}`,
		"too many values":     `{"_id":"e1","type":"x","data":[` + strings.Repeat("1,", maxEventValues) + `1]}`,
		"10 000 open":         strings.Repeat("[", 10_000),
		"control in a string": "{\"_id\":\"e1\",\"type\":\"x\ny\"}",
	} {
		ev, err := DecodeEvent([]byte(body))
		require.ErrorIs(t, err, ErrUnreadable, name)
		require.Zero(t, ev, name)
		require.Less(t, len(err.Error()), 300, name)
	}
	_, err = DecodeEvent([]byte(`{"_id":"e1","type":"x","data":` + deep(31) + `}`))
	require.NoError(t, err, "32 deep")
	ev, err := DecodeEvent([]byte(`{"\u005fid":"e1","type":"session.upd\u0061ted","data":{"_id":"d1","user":"\u0061b"}}`))
	require.NoError(t, err)
	require.Equal(t, "ab", ev.Session.User, "escapes are only another spelling")
}

// TestBodyIsNotKept: an event shares no memory with the body, which a server reuses.
func TestBodyIsNotKept(t *testing.T) {
	for _, name := range []string{"session-2021.json", "composite-accepted.json", "default-requested.json", "station-online.json"} {
		body := fixture(t, name)
		ev, err := DecodeEvent(body)
		require.NoError(t, err)
		want, err := DecodeEvent(bytes.Clone(body))
		require.NoError(t, err)
		clear(body)
		require.Equal(t, want, ev, name)
	}
}

func FuzzDecodeEvent(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(f, err)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"_id":"e1","type":"session.updated","data":"{\"_id\":\"a\"}"}`))
	f.Add([]byte(`{"_id":"e1","type":"chargestation.online","data":{"_id":"a","connectors":[{"_id":"b"},{"_id":"c"}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ev, err := DecodeEvent(body)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(20*len(body)+256<<10) {
			t.Fatalf("%d bytes made it allocate %d", len(body), grown)
		}
		if err != nil {
			require.ErrorIs(t, err, ErrUnreadable)
			return
		}
		require.True(t, validID(ev.ID))
		require.NotEmpty(t, ev.Type)
		if s := ev.Session; s != nil {
			require.True(t, validID(s.ID))
			require.LessOrEqual(t, len(s.Meta), maxMeta)
			plausible(t, s.Report)
		}
		if ev.Station != nil {
			require.True(t, validID(ev.Station.ID))
			require.LessOrEqual(t, len(ev.Station.Connectors), maxConnectors)
		}
		if a := ev.Action; a != nil {
			require.True(t, validID(a.ID))
			require.LessOrEqual(t, len(a.ResponseText), maxResponse)
			require.True(t, !a.Limit.Known || a.Limit.Value.check() == nil)
		}
	})
}

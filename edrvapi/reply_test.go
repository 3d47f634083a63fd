package edrvapi

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzReply: whatever eDRV answers, what is read of it is sound, and takes
// memory in proportion.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		`{"ok":true,"message":"Success","result":[],"hasNext":false}`,
		`{"ok":true,"result":[{"_id":"5f72f55431a6770a131db277","status":"Started","energy_report":{"power":{"value":"7.018","unit":"kW"}}}],"hasNext":true}`,
		`{"ok":true,"result":{"_id":"a","type":"session.set_power_limit","status":"requested","data":{"limit":16,"unit":"current"}}}`,
		`{"ok":true,"result":[{"_id":"g","name":"yard","connectors":[{"_id":"c"}],"chargestations":["s"]}]}`,
		`{"ok":true,"result":[{"_id":"s","online":true,"connectors":[{"_id":"c","status":"Charging"}]}]}`,
		`{"ok":false,"message":"jwt expired"}`,
		`{"ok":"yes","result":null}`,
		`{"result":[[[[[[[[]]]]]]]]}`,
		`<html>502 Bad Gateway</html>`,
		`[]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := parseReply(body)
		items := append(r.items, r.result)
		for _, item := range items {
			checkItem(t, item)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(100*len(body)+256<<10) {
			t.Fatalf("%d bytes made it allocate %d", len(body), grown)
		}
		if err != nil {
			require.ErrorIs(t, err, ErrUnreadable)
		}
	})
}

// checkItem reads an item as each of the objects that a list may hold.
func checkItem(t *testing.T, item []byte) {
	t.Helper()
	if s, err := decodeSession(item); err == nil {
		require.True(t, validID(s.ID))
		if p := s.Report.Power; p.Known {
			require.True(t, p.Value >= 0 && p.Value <= maxPower, "%d mW", p.Value)
		}
	}
	if s, err := decodeStation(item); err == nil {
		require.True(t, validID(s.ID))
	}
	if a, err := decodeAction(item); err == nil {
		require.True(t, validID(a.ID))
	}
	if g, err := decodeGroup(item); err == nil {
		for _, id := range append(g.Connectors, g.Stations...) {
			require.True(t, validID(id), "%q", id)
		}
	}
}

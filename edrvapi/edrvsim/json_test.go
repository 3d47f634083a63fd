package edrvsim_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// field is the JSON value at a path of keys.
func field(tb testing.TB, body []byte, path ...string) json.RawMessage {
	tb.Helper()
	for _, key := range path {
		var o map[string]json.RawMessage
		require.NoError(tb, json.Unmarshal(body, &o), "%s", body)
		require.Contains(tb, o, key)
		body = o[key]
	}
	return body
}

package edrvapi

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAdjust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var methods []string
		c := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
			methods = append(methods, r.Method)
			answers(200, ok(`{"_id":"a1"}`))(w, r)
		})
		order := func() {
			_, err := c.SetSessionLimit(t.Context(), Order{Session: "s1", Limit: InAmperes(6000)})
			require.NoError(t, err)
		}
		order()
		require.NoError(t, c.Adjust(http.MethodPut, 2))
		require.InDelta(t, 2, c.Stats().Rate, 1e-9)
		order()
		require.Equal(t, []string{"POST", "PUT"}, methods)

		c.gate.slow(&ticket{started: time.Now()}, time.Now())
		require.NoError(t, c.Adjust(http.MethodPut, 4))
		require.Less(t, c.Stats().Rate, 2.0, "what eDRV slowed down stays slow for now")
		time.Sleep(10 * time.Minute)
		require.InDelta(t, 4, c.Stats().Rate, 1e-9)

		require.Error(t, c.Adjust(http.MethodGet, 4))
		require.Error(t, c.Adjust(http.MethodPost, -1))
		order()
		require.Equal(t, "PUT", methods[2], "what is refused changes nothing")
	})
}

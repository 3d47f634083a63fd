package controller

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// door is a daemon's webhook handler, without a network.
func door(t testing.TB) *Controller {
	t.Helper()
	_, connectors := yard(3)
	cfg := yardConfig(t, connectors)
	cfg.Listen.Webhooks, cfg.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	c, err := New(Options{Config: cfg})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
	})
	return c
}

func sign(body string, at time.Time) string {
	stamp := fmt.Sprint(at.UnixMilli())
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte(stamp + "." + body))
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func (c *Controller) post(body, signature string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/edrv", strings.NewReader(body))
	if signature != "" {
		r.Header.Set(edrvsim.SignatureHeader, signature)
	}
	w := httptest.NewRecorder()
	c.hooks.ServeHTTP(w, r)
	return w
}

func sessionEvent(id, connector string) string {
	return `{"_id":"` + id + `","type":"session.started","object":"session","data":{"_id":"s1","connector":"` + connector +
		`","chargestation":"station0","status":"Started"}}`
}

// waiting takes what waits for the first site.
func waiting(c *Controller) []core.Input {
	inputs, _ := c.setup.Load().sites[0].inbox.take()
	return inputs
}

func TestWebhookAnswers(t *testing.T) {
	now := time.Now()
	fine := sessionEvent("e1", "c0")
	for name, c := range map[string]struct {
		body, signature string
		status          int
		result          string
	}{
		"fine":                          {fine, sign(fine, now), 200, "accepted"},
		"unknown type":                  {`{"_id":"e2","type":"rate.updated","data":{"_id":"x"}}`, "", 200, "accepted"},
		"of another organisation":       {strings.ReplaceAll(sessionEvent("e3", "other"), "station0", "other"), "", 200, "foreign"},
		"no signature":                  {fine, "-", 401, "unauthorized"},
		"forged":                        {fine, sign(fine+" ", now), 401, "unauthorized"},
		"too old":                       {fine, sign(fine, now.Add(-6*time.Minute)), 401, "unauthorized"},
		"from the future":               {fine, sign(fine, now.Add(6*time.Minute)), 401, "unauthorized"},
		"too large":                     {`{"_id":"e4","type":"x","data":"` + strings.Repeat("a", 256<<10) + `"}`, "", 413, "too_large"},
		"no JSON":                       {`{"_id":`, "", 200, "unreadable"},
		"a key twice":                   {`{"_id":"e5","_id":"e6","type":"session.updated","data":{"_id":"s"}}`, "", 200, "unreadable"},
		"no id":                         {`{"type":"session.updated","data":{"_id":"s"}}`, "", 200, "unreadable"},
		"data is a string that is JSON": {`{"_id":"e7","type":"session.started","data":"{\"_id\":\"s2\",\"connector\":\"c1\",\"status\":\"Started\"}"}`, "", 200, "accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			d := door(t)
			switch c.signature {
			case "":
				c.signature = sign(c.body, now)
			case "-":
				c.signature = ""
			}
			w := d.post(c.body, c.signature)
			require.Equal(t, c.status, w.Code)
			require.Empty(t, w.Body.String())
			for _, result := range hookResults {
				want := uint64(0)
				if result == c.result {
					want = 1
				}
				require.Equal(t, want, d.metrics.Webhooks(result), result)
			}
			waits := d.setup.Load().sites[0].inbox.depth()
			require.Equal(t, c.status == 200 && (c.result == "accepted" && !strings.Contains(name, "unknown") || c.result == "unreadable"), waits > 0,
				"%d inputs wait", waits)
		})
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	d := door(t)
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		w := httptest.NewRecorder()
		d.hooks.ServeHTTP(w, httptest.NewRequest(method, "/webhooks/edrv", http.NoBody))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code, method)
		require.Equal(t, "POST", w.Header().Get("Allow"))
	}
}

func TestADuplicateHasNoEffect(t *testing.T) {
	d := door(t)
	body := sessionEvent("e1", "c0")
	require.Equal(t, 200, d.post(body, sign(body, time.Now())).Code)
	require.Len(t, waiting(d), 1)
	require.Equal(t, 200, d.post(body, sign(body, time.Now())).Code)
	require.Empty(t, waiting(d))
	require.Equal(t, uint64(1), d.metrics.Webhooks(hookDuplicate))
}

func TestAnUnreadableEventIsKeptAsideAndAsksForAList(t *testing.T) {
	d := door(t)
	d.post(`{"_id":`, sign(`{"_id":`, time.Now()))
	require.Len(t, d.hooks.dead.ring, 1)
	require.Equal(t, `{"_id":`, string(d.hooks.dead.ring[0].Body))
	require.IsType(t, core.ResyncWanted{}, waiting(d)[0])
}

func TestAFullMailboxIsSaid(t *testing.T) {
	d := door(t)
	inbox := d.setup.Load().sites[0].inbox
	for i := 0; inbox.put(core.Heard{}); i++ {
		require.Less(t, i, 1_000_000)
	}
	body := sessionEvent("e1", "c0")
	w := d.post(body, sign(body, time.Now()))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	inbox.take()
	require.Equal(t, 200, d.post(body, sign(body, time.Now())).Code, "eDRV sends it again, and it is taken")
	require.Len(t, waiting(d), 1)
}

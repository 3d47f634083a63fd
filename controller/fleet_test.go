package controller

import (
	"bytes"
	"context"
	"net/http"
	"runtime/pprof"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/journal"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// The fleet itself is tested with real servers, in the module test/fleet.

// gateway is a machine of a fleet whose servers cannot be reached.
func gateway(t *testing.T, role config.Role) *Controller {
	t.Helper()
	_, connectors := yard(3)
	cfg := yardConfig(t, connectors)
	cfg.Listen.Webhooks, cfg.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Fleet = config.Fleet{NATS: []string{"nats://127.0.0.1:1"}, Node: "gateway-1", Role: role}
	c, err := New(Options{Config: cfg})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func TestAGatewayTakesNothingThatItCannotPassOn(t *testing.T) {
	c, now := gateway(t, config.RoleGateway), time.Now()
	for name, body := range map[string]string{"an event of a site": sessionEvent("e1", "c0"), "an unreadable one": `{"_id":`} {
		w := c.post(body, sign(body, now))
		require.Equal(t, http.StatusServiceUnavailable, w.Code, name)
		require.NotEmpty(t, w.Header().Get("Retry-After"), name)
	}
	nothing := `{"_id":"e2","type":"rate.updated","data":{"_id":"x"}}`
	require.Equal(t, http.StatusOK, c.post(nothing, sign(nothing, now)).Code, "nobody needs it")
	require.Equal(t, http.StatusUnauthorized, c.post(nothing, "").Code)
	require.Empty(t, c.Names(), "a gateway steers nothing")
	require.NotEmpty(t, c.Health().Unready)
}

func TestAGatewayKnowsWhoseAnEventIs(t *testing.T) {
	c := gateway(t, config.RoleGateway)
	for _, e := range []struct {
		connector, station, session string
		site                        string
		known                       bool
	}{
		{connector: "c1", site: "yard", known: true},
		{connector: "new", station: "station2", site: "yard", known: true},
		{session: "s1", known: true},
		{connector: "other", station: "other"},
	} {
		site, known := c.placeOf(e.connector, e.station, e.session)
		require.Equal(t, e.site, site, e)
		require.Equal(t, e.known, known, e)
	}
}

func TestAControllerOfAFleetTakesNoWebhooks(t *testing.T) {
	c := gateway(t, config.RoleController)
	require.Equal(t, "none", c.WebhookAddr().Network())
}

// In a fleet a cut waits for the record as a raise does: whoever takes the site
// over knows every order that may still arrive.
func TestInAFleetEveryOrderWaitsForTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.all = true
		require.Equal(t, []core.Effect{core.List{}}, d.step(aCut, core.List{}, aSave))
		require.Empty(t, d.recorded(time.Now()))
		d.write()
		require.Equal(t, []core.SendOrder{aCut}, d.recorded(time.Now()))
		require.Empty(t, d.replies)
	})
}

// Without a fleet in the configuration, nothing of NATS runs.
func TestOneMachineRunsNothingOfNATS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 2)
		b.start(cfg)
		b.plug(2, edrvsim.CarSpec{})
		time.Sleep(time.Minute)
		require.Nil(t, b.daemon.fleet)
		var stacks bytes.Buffer
		require.NoError(t, pprof.Lookup("goroutine").WriteTo(&stacks, 1))
		require.Contains(t, stacks.String(), "controller.(*site).run")
		require.NotContains(t, stacks.String(), "nats-io")
		require.NotContains(t, stacks.String(), "headroom/controller/fleet.")
	})
}

// The shares of the machines add up to what the account may ask of eDRV.
func TestSharesOfTheRateAddUp(t *testing.T) {
	sum := 0.0
	for _, here := range [][]string{{"a", "c"}, {"b"}} {
		u := &setup{loads: map[string]int{"a": 1, "b": 2, "c": 5}, load: 8, byName: map[string]*site{}}
		for _, name := range here {
			u.byName[name] = nil
		}
		sum += u.share()
	}
	require.InDelta(t, 1, sum, 1e-9)
	require.InDelta(t, 0.125, (&setup{load: 8}).share(), 1e-9)
}

// orderBook notes when what is saved.
type orderBook struct{ did []string }

func (b *orderBook) Save(batch journal.Batch) {
	if len(batch.Values) > 0 {
		b.did = append(b.did, "saved")
	}
}
func (b *orderBook) Stats() journal.Stats { return journal.Stats{} }

// An event counts as dealt with when what it changed is in the book, and not before:
// a save in between would let the next owner begin after it without knowing it.
func TestAnEventIsDealtWithAfterItsEffectIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, connectors := yard(1)
		cfg := yardConfig(t, connectors)
		settings, err := SiteSettings(&cfg.Sites[0], &cfg.Control)
		require.NoError(t, err)
		model, err := core.New(settings, core.Saved{}, time.Now())
		require.NoError(t, err)
		book := &orderBook{}
		s := newSite(model, 1, &executor{api: nowhere{}}, book, discard())
		s.observePass = func(time.Duration, time.Duration) {}
		s.handled = func(seq uint64) {
			if seq == 7 {
				book.did = append(book.did, "handled")
			}
		}
		s.inbox.put(core.SessionSeen{Session: edrvapi.Session{ID: "s", Connector: "c0", Station: "station0", Status: edrvapi.SessionStarted}})
		s.streamed.Store(7)
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, stop)
		s.run(ctx)
		require.Equal(t, []string{"saved", "handled"}, book.did[:2])
	})
}

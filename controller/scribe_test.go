package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/journal"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// desk is a scribe whose journal writes when the test says so.
type desk struct {
	*scribe
	replies []core.Reply
	write   func()
}

func newDesk(t *testing.T) *desk {
	j, err := journal.Open(journal.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	d := &desk{scribe: &scribe{site: "yard", book: j, wake: func() {}, targets: map[string]planned{}}}
	d.reply = func(r core.Reply) { d.replies = append(d.replies, r) }
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	started := false
	d.write = func() {
		started = true
		go func() { j.Run(ctx); close(stopped) }()
		synctest.Wait()
	}
	t.Cleanup(func() {
		stop()
		if !started {
			d.write()
		}
		<-stopped
	})
	return d
}

func (d *desk) step(effects ...core.Effect) []core.Effect {
	return d.take(time.Now(), nil, effects, func() *core.View { return &core.View{} })
}

var (
	aRaise = core.SendOrder{ID: 7, Connector: "c0", Session: "s0", Limit: edrvapi.InAmperes(16000), Raise: true}
	aCut   = core.SendOrder{ID: 8, Connector: "c0", Session: "s0", Limit: edrvapi.InAmperes(6000)}
	aSave  = core.Save{Records: []core.Record{{Connector: "c0"}}}
)

func TestARaiseWaitsUntilItIsRecordedAndNothingElseDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		other := aCut
		other.Connector = "c1"
		require.Equal(t, []core.Effect{other, core.List{}}, d.step(other, core.List{}, aSave, aRaise))
		time.Sleep(time.Second)
		require.Empty(t, d.recorded(time.Now()))
		d.write()
		require.Equal(t, []core.SendOrder{aRaise}, d.recorded(time.Now()))
		require.Empty(t, d.recorded(time.Now()))
		require.Empty(t, d.replies)
	})
}

func TestARaiseIsNotSentAfterACutThatOvertookIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		require.Empty(t, d.step(aSave, aRaise))
		require.Equal(t, []core.Effect{aCut}, d.step(aCut, aSave))
		d.write()
		require.Empty(t, d.recorded(time.Now()))
		require.Equal(t, []core.Reply{{ID: 7, Outcome: core.Dropped, Message: "a newer order overtook it"}}, d.replies)
	})
}

func TestARaiseThatWaitsIsTakenBackHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		require.Empty(t, d.step(aSave, aRaise))
		elsewhere := core.TakeBack{ID: 6} // its call has begun
		require.Equal(t, []core.Effect{elsewhere}, d.step(core.TakeBack{ID: aRaise.ID}, elsewhere))
		d.write()
		require.Empty(t, d.recorded(time.Now()))
		require.Equal(t, []core.Reply{{ID: 7, Outcome: core.Dropped, Message: "taken back"}}, d.replies)
	})
}

func TestARaiseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.step(aSave, aRaise)
		time.Sleep(recordWithin)
		require.Empty(t, d.recorded(time.Now()))
		require.Equal(t, []core.Reply{{ID: 7, Outcome: core.NotSaved, Message: "the disk does not answer"}}, d.replies)
		d.write()
		require.Empty(t, d.recorded(time.Now()), "it was decided on anew meanwhile")
	})
}

// record is what the record of a daemon holds.
func record(t *testing.T, dir string, kinds ...string) (entries []journal.Entry) {
	t.Helper()
	for line, err := range journal.Lines(t.Context(), dir, journal.Query{Kinds: kinds}) {
		require.NoError(t, err)
		var e journal.Entry
		require.NoError(t, json.Unmarshal(line, &e))
		entries = append(entries, e)
	}
	return entries
}

func TestTheRecordTellsWhatWasOrderedAndWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 10)
		b.open(cfg, 10)
		time.Sleep(3 * time.Minute)
		answer, err := b.admin.Get("http://daemon/api/v1/sites/yard/journal?kind=settings")
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		var settings journal.Entry
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&settings))
		require.JSONEq(t, `{"sha256": "`+cfg.SHA256+`", "before": ""}`, string(settings.Data))
		b.kill()

		intents := map[string]journal.Entry{}
		for _, e := range record(t, cfg.DataDir, "intent") {
			intents[e.Session+" "+e.Text] = e
		}
		b.eDRV.Do(func(w *edrvsim.World) {
			for _, r := range w.LimitLog() {
				if r.Session != "" {
					require.Contains(t, intents, fmt.Sprintf("%s %s", r.Session, edrvapi.InAmperes(edrvapi.Milliamps(r.Limit.Value*1000))))
				}
			}
		})
		verdicts := record(t, cfg.DataDir, "verdict")
		require.GreaterOrEqual(t, len(verdicts), 10)
		require.True(t, strings.HasPrefix(verdicts[0].Text, "accepted "))
		plans := record(t, cfg.DataDir, "plan")
		require.Contains(t, string(plans[len(plans)-1].Data), "grid is full")
		v, err := journal.Verify(t.Context(), cfg.DataDir)
		require.NoError(t, err)
		require.Empty(t, v.Broken)
	})
}

func TestARestartKeepsLimitsAndKnowsOldWebhooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 10)
		b.start(cfg)
		time.Sleep(time.Minute)
		until := time.Now().Add(time.Hour)
		require.NoError(t, b.daemon.Set(t.Context(), "yard", core.LimitSet{Circuit: "grid", By: "dso", Limit: policy.External{
			Name: "dso", Until: until, Limit: policy.Load{Amps: policy.NoLimit().Amps, Power: 50_000_000}, Fallback: policy.NoLimit(),
		}}))
		body := `{"_id":"once","type":"session.ended","object":"session","data":{"_id":"s9","connector":"c0","chargestation":"station0","status":"Ended"}}`
		require.Equal(t, 200, b.daemon.post(body, sign(body, time.Now())).Code)
		require.Equal(t, uint64(0), b.daemon.metrics.Webhooks(hookDuplicate))
		time.Sleep(2 * time.Second)
		b.kill()

		b.start(cfg)
		require.Equal(t, 200, b.daemon.post(body, sign(body, time.Now())).Code)
		require.Equal(t, uint64(1), b.daemon.metrics.Webhooks(hookDuplicate))
		time.Sleep(time.Minute)
		v, _ := b.daemon.View("yard")
		require.Equal(t, "external:dso", v.Circuits[0].LimitSource)
		require.InDelta(t, 50e3, *v.Circuits[0].LimitW, 0)
		notes := record(t, cfg.DataDir, "limit")
		require.True(t, slices.ContainsFunc(notes, func(e journal.Entry) bool { return e.By == "dso" }))
	})
}

func TestADamagedStateIsSaidOnThePageAndTheSiteStartsWithoutARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 10)
		b.open(cfg, 10)
		time.Sleep(5 * time.Minute)
		b.kill()
		require.NoError(t, os.WriteFile(filepath.Join(cfg.DataDir, "state.db"), make([]byte, 64<<10), 0o600))
		b.start(cfg)
		notes := b.daemon.Notes("yard")
		require.True(t, notes[0].Alarm)
		require.Contains(t, notes[0].Text, "starting as without a record")
		v, _ := b.daemon.View("yard")
		require.InDelta(t, 10*22.08e3, v.Circuits[0].CommittedW, 1, "all at their rating")
		time.Sleep(6 * time.Minute)
		b.requireFair(10)
		require.Zero(t, b.grid().Trace.Over)
	})
}

func TestASecondDaemonOnTheSameDirectoryIsRefused(t *testing.T) {
	d := door(t)
	_, err := New(Options{Config: d.config()})
	require.ErrorIs(t, err, journal.ErrInUse)
}

func TestAConnectorThatIsNotConfiguredAnyMoreIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 3)
		for _, keep := range []int{3, 2} {
			less := *cfg
			less.Sites = slices.Clone(cfg.Sites)
			less.Sites[0].Connectors = cfg.Sites[0].Connectors[:keep]
			b.start(&less)
			time.Sleep(time.Minute)
			b.kill()
			j, err := journal.Open(journal.Options{Dir: cfg.DataDir})
			require.NoError(t, err)
			kept, _ := j.Values(keptConnectors)
			j.Close()
			require.Len(t, kept, keep)
		}
	})
}

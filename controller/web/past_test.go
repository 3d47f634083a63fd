package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/web"
	"github.com/headroom-ev/headroom/controller/web/webtest"
)

// past is the answer to a chart.
type past struct {
	Site, Circuit string
	Every         float64 `json:"every_seconds"`
	Times         []float64
	States        []string
	Limit         []*float64 `json:"limit_w"`
	Measured      []float64  `json:"measured_w"`
	Phases        []struct {
		Phase string
		Limit []*float64 `json:"limit_a"`
	}
}

func (f *fixture) past(query string) (p past) {
	f.t.Helper()
	status, text := f.do("GET", "/api/v1/sites/depot/history"+query, "")
	require.Equal(f.t, http.StatusOK, status, text)
	require.NoError(f.t, json.Unmarshal([]byte(text), &p))
	return p
}

func TestHistory(t *testing.T) {
	f := newFixture(t)
	p := f.past("")
	require.Empty(t, p.Times)
	require.NotNil(t, p.Times)

	f.sites.Edit("depot", func(v *core.View) { v.Synced = false })
	f.server.Sample() // nothing is known yet: no sample
	f.sites.Edit("depot", func(v *core.View) { v.Synced = true })
	f.server.Sample()
	f.server.Sample() // the site has not decided since: no sample
	f.sites.Edit("depot", func(v *core.View) { v.Time, v.State = v.Time.Add(10*time.Second), "hold" })
	f.server.Sample()
	p = f.past("")
	require.Equal(t, "grid", p.Circuit)
	require.InDelta(t, 10, p.Every, 0)
	require.Equal(t, []string{"normal", "hold"}, p.States)
	require.Equal(t, []float64{60, 70}, []float64{p.Times[0] - float64(began.Unix()), p.Times[1] - float64(began.Unix())})
	require.InDelta(t, 100_000, *p.Limit[0], 0)
	require.Len(t, p.Phases, 3)

	p = f.past("?circuit=row-b&after=2026-03-02T12:01:00Z")
	require.Len(t, p.Times, 1)
	require.Nil(t, p.Limit[0], "no limit is null")
	require.Nil(t, p.Phases[2].Limit[0])

	for query, want := range map[string]int{"?circuit=nowhere": 404, "?after=yesterday": 400} {
		status, _ := f.do("GET", "/api/v1/sites/depot/history"+query, "")
		require.Equal(t, want, status)
	}
}

// TestHistoryIsBounded: the newest 360 samples are kept, in order.
func TestHistoryIsBounded(t *testing.T) {
	f := newFixture(t)
	for range 1000 {
		f.sites.Step(time.Second)
		f.server.Sample()
	}
	p := f.past("")
	require.Len(t, p.Times, 360)
	for i := range p.Times {
		require.InDelta(t, float64(began.Unix()+60+641+int64(i)), p.Times[i], 0)
	}
	f.sites.Remove("depot")
	f.server.Sample()
	status, _ := f.do("GET", "/api/v1/sites/depot/history", "")
	require.Equal(t, http.StatusNotFound, status)
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(o *web.Options) { o.SampleEvery = time.Second })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.server.Run(ctx) }()
		for range 3 {
			synctest.Wait()
			f.sites.Step(time.Second)
			time.Sleep(time.Second)
		}
		cancel()
		require.NoError(t, <-done)
		require.Len(t, f.past("").Times, 4)
	})
}

func lines(t *testing.T, text string) (out []core.Note) {
	t.Helper()
	for line := range strings.Lines(text) {
		var n core.Note
		require.NoError(t, json.Unmarshal([]byte(line), &n))
		out = append(out, n)
	}
	return out
}

// TestJournalOfNotes: without a journal the notes take its place.
func TestJournalOfNotes(t *testing.T) {
	f := newFixture(t)
	f.sites.Depot("depot", func(d *webtest.Depot) { d.Note(core.NoteState, true, "something\nbad <b>") })
	answer := f.answer(request("GET", "/api/v1/sites/depot/journal", ""))
	require.Equal(t, "application/jsonl", answer.Header.Get("Content-Type"))
	_, text := f.do("GET", "/api/v1/sites/depot/journal", "")
	all := lines(t, text)
	require.Greater(t, len(all), 3)
	require.Equal(t, "something\nbad <b>", all[len(all)-1].Text)

	_, text = f.do("GET", "/api/v1/sites/depot/journal?kind=state&kind=session", "")
	for _, n := range lines(t, text) {
		require.Contains(t, []core.NoteKind{core.NoteState, core.NoteSession}, n.Kind)
	}
	_, text = f.do("GET", "/api/v1/sites/depot/journal?since=2026-03-02T12:00:30Z", "")
	require.NotEmpty(t, text)
	require.Less(t, len(lines(t, text)), len(all))
	status, text := f.do("GET", "/api/v1/sites/depot/journal?since=2027-01-01T00:00:00%2B01:00", "")
	require.Equal(t, 200, status)
	require.Empty(t, text)
	for _, query := range []string{"?since=now", "?kind=A%20B", "?kind="} {
		status, text = f.do("GET", "/api/v1/sites/depot/journal"+query, "")
		require.Equal(t, 400, status, query)
		require.NotEmpty(t, reason(t, text))
	}
}

// TestJournal: the daemon's journal is streamed; what breaks off is seen to.
func TestJournal(t *testing.T) {
	var asked web.JournalQuery
	breaksAt := -1
	f := newFixture(t, func(o *web.Options) {
		o.Journal = func(_ context.Context, q web.JournalQuery) iter.Seq2[json.RawMessage, error] {
			asked = q
			return func(yield func(json.RawMessage, error) bool) {
				for i := range 1000 {
					if i == breaksAt {
						yield(nil, errors.New("bad sector"))
						return
					}
					if !yield(json.RawMessage(`{"kind":"plan"}`), nil) {
						return
					}
				}
			}
		}
	})
	_, text := f.do("GET", "/api/v1/sites/depot/journal?since=2026-03-02T12:00:30Z&kind=plan", "")
	require.Equal(t, 1000, strings.Count(text, "{\"kind\":\"plan\"}\n"))
	require.Equal(t, web.JournalQuery{Site: "depot", Since: time.Date(2026, 3, 2, 12, 0, 30, 0, time.UTC), Kinds: []string{"plan"}}, asked)

	breaksAt = 0
	status, text := f.do("GET", "/api/v1/sites/depot/journal", "")
	require.Equal(t, http.StatusInternalServerError, status)
	require.NotContains(t, text, "sector", "what went wrong inside is for the log")
	require.Contains(t, f.log.String(), "bad sector")

	breaksAt = 10
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		f.server.ServeHTTP(httptest.NewRecorder(), request("GET", "/api/v1/sites/depot/journal", ""))
	})
}

package web

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// samples is how many points the chart has: an hour of one every 10 s.
const samples = 360

// history keeps the newest samples of every site.
type history struct {
	every time.Duration

	mu     sync.Mutex
	bySite map[string]*ring
}

// ring holds views: they never change, and share what did not change.
type ring struct {
	views []sample // oldest at next, once it is full
	next  int
}

// sample is the part of a view that the chart shows.
type sample struct {
	at       time.Time
	state    string
	circuits []core.CircuitView
}

func newHistory(every time.Duration) *history {
	return &history{every: every, bySite: make(map[string]*ring)}
}

// add takes a sample. A view that is no newer than the last one is none: where
// the site does not decide, the chart has a gap. Nor is one from before the
// first full list, when nobody knows what flows.
func (h *history) add(site string, v *core.View) {
	if !v.Synced {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.bySite[site]
	if r == nil {
		r = &ring{}
		h.bySite[site] = r
	}
	taken := sample{v.Time, v.State, v.Circuits}
	switch last := len(r.views) - 1; {
	case last < 0:
		r.views = append(r.views, taken)
	case !v.Time.After(r.views[(r.next+last)%len(r.views)].at):
	case len(r.views) < samples:
		r.views = append(r.views, taken)
	default:
		r.views[r.next] = taken
		r.next = (r.next + 1) % samples
	}
}

// keep drops the sites that are not named.
func (h *history) keep(names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for site := range h.bySite {
		if !slices.Contains(names, site) {
			delete(h.bySite, site)
		}
	}
}

// of is the samples of a site after a time, oldest first.
func (h *history) of(site string, after time.Time) []sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.bySite[site]
	if r == nil {
		return nil
	}
	all := slices.Concat(r.views[r.next:], r.views[:r.next])
	from, _ := slices.BinarySearchFunc(all, after, func(s sample, t time.Time) int {
		if s.at.After(t) {
			return 1
		}
		return -1
	})
	return all[from:]
}

// series is the past of one circuit, column by column; null where there is no
// limit.
type series struct {
	Site      string        `json:"site"`
	Circuit   string        `json:"circuit"`
	Every     float64       `json:"every_seconds"`
	Times     []float64     `json:"times"` // Unix seconds
	States    []string      `json:"states"`
	Limit     []*float64    `json:"limit_w"`
	BaseLoad  []float64     `json:"base_load_w"`
	Committed []float64     `json:"committed_w"`
	Measured  []float64     `json:"measured_w"`
	Phases    []phaseSeries `json:"phases"`
}

type phaseSeries struct {
	Phase     string     `json:"phase"`
	Limit     []*float64 `json:"limit_a"`
	BaseLoad  []float64  `json:"base_load_a"`
	Committed []float64  `json:"committed_a"`
	Measured  []float64  `json:"measured_a"`
}

// seriesOf turns samples into columns.
func seriesOf(circuit string, all []sample) *series {
	out := &series{
		Circuit: circuit, Times: []float64{}, States: []string{}, Limit: []*float64{},
		BaseLoad: []float64{}, Committed: []float64{}, Measured: []float64{},
	}
	for _, s := range all {
		k := slices.IndexFunc(s.circuits, func(c core.CircuitView) bool { return c.ID == circuit })
		if k < 0 {
			continue // it was added by a reload
		}
		c := &s.circuits[k]
		out.Times = append(out.Times, float64(s.at.UnixMilli())/1000)
		out.States = append(out.States, s.state)
		out.Limit = append(out.Limit, c.LimitW)
		out.BaseLoad = append(out.BaseLoad, c.BaseLoadW)
		out.Committed = append(out.Committed, c.CommittedW)
		out.Measured = append(out.Measured, c.MeasuredW)
		for p := range c.Phases {
			if p == len(out.Phases) {
				out.Phases = append(out.Phases, phaseSeries{Phase: c.Phases[p].Phase})
			}
			to, from := &out.Phases[p], &c.Phases[p]
			to.Limit = append(to.Limit, from.LimitA)
			to.BaseLoad = append(to.BaseLoad, from.BaseLoadA)
			to.Committed = append(to.Committed, from.CommittedA)
			to.Measured = append(to.Measured, from.MeasuredA)
		}
	}
	return out
}

// showHistory answers the chart: GET …/history?circuit=ID&after=RFC3339. The
// circuit is the first one, and after is the beginning, where they are not
// given.
func (s *Server) showHistory(w http.ResponseWriter, r *http.Request) error {
	site, v, err := s.site(r)
	if err != nil {
		return err
	}
	circuit := r.URL.Query().Get("circuit")
	if circuit == "" && len(v.Circuits) > 0 {
		circuit = v.Circuits[0].ID
	}
	if !slices.ContainsFunc(v.Circuits, func(c core.CircuitView) bool { return c.ID == circuit }) {
		return refuse(http.StatusNotFound, "site %s has no circuit %q", site, circuit)
	}
	var after time.Time
	if text := r.URL.Query().Get("after"); text != "" {
		if after, err = time.Parse(time.RFC3339, text); err != nil {
			return refuse(http.StatusBadRequest, "after: %q is no time such as 2026-01-30T17:00:00Z", text)
		}
	}
	out := seriesOf(circuit, s.history.of(site, after))
	out.Site, out.Every = site, s.history.every.Seconds()
	return writeJSON(w, http.StatusOK, out)
}

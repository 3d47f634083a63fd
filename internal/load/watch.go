package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// watch stands between the simulated eDRV and the daemon and takes the time from
// an arrival to the first cut that it causes: when the delivery of session.started
// begins, and when an order to lower a neighbour in the same row comes in.
type watch struct {
	first chan time.Time // of the first order; capacity 1

	mu      sync.Mutex
	row     map[string]int     // of a session
	limit   map[string]float64 // A; what a session may draw now, as far as is known
	waiting map[int]time.Time  // rows with an arrival and no cut since
	took    []time.Duration
	missing int // arrivals that no cut followed within cutWithin
}

// cutWithin is how long a cut is waited for.
const cutWithin = 10 * time.Second

func newWatch() *watch {
	return &watch{
		first: make(chan time.Time, 1),
		row:   make(map[string]int), limit: make(map[string]float64), waiting: make(map[int]time.Time),
	}
}

// limitIs tells the limit of a session at a connector.
func (w *watch) limitIs(session string, amps float64, connector int) {
	if session == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.row[session], w.limit[session] = rowOf(connector), amps
}

// arrived takes a delivery that tells of a new session.
func (w *watch) arrived(body []byte, now time.Time) {
	var event struct {
		Data struct {
			Connector string `json:"connector"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &event) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := connectors - spare; i < connectors; i++ {
		if connector(i) == event.Data.Connector {
			w.expire(now)
			w.waiting[rowOf(i)] = now
		}
	}
}

// expire gives up arrivals that no cut followed.
func (w *watch) expire(now time.Time) {
	for row, since := range w.waiting {
		if now.Sub(since) > cutWithin {
			delete(w.waiting, row)
			w.missing++
		}
	}
}

// ordered takes an order to a session.
func (w *watch) ordered(session string, amps float64, now time.Time) {
	select {
	case w.first <- now:
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	row, known := w.row[session]
	if old := w.limit[session]; !known || old > 0 && amps >= old {
		return
	}
	w.expire(now)
	if since, ok := w.waiting[row]; ok {
		w.took = append(w.took, now.Sub(since))
		delete(w.waiting, row)
	}
}

// cuts are the times from arrivals to cuts, sorted, and how many arrivals had none.
func (w *watch) cuts() (took []time.Duration, missing int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(time.Now())
	return sorted(w.took), w.missing
}

// orders watches the calls to eDRV.
func (w *watch) orders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if session, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1.1/sessions/"), "/set_power_limit"); ok {
			now := time.Now()
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			var order struct {
				Limit float64 `json:"limit"`
			}
			if json.Unmarshal(body, &order) == nil {
				w.ordered(session, order.Limit, now)
			}
		}
		next.ServeHTTP(rw, r)
	})
}

// hooks watches the deliveries of eDRV.
func (w *watch) hooks(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		if text, err := io.ReadAll(body); err == nil && bytes.Contains(text, []byte(`"session.started"`)) {
			w.arrived(text, time.Now())
		}
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

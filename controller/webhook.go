package controller

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
)

// The results of a delivery, as the metric webhooks_total has them.
const (
	hookAccepted     = "accepted"
	hookDuplicate    = "duplicate"
	hookUnauthorized = "unauthorized"
	hookTooLarge     = "too_large"
	hookUnreadable   = "unreadable"
	hookForeign      = "foreign"
)

// hookResults is the closed list of them.
var hookResults = []string{hookAccepted, hookDuplicate, hookUnauthorized, hookTooLarge, hookUnreadable, hookForeign}

// webhooks is the handler of eDRV's deliveries. It verifies, decodes, hands the
// event to whom it is for, and answers; the work is done by the owner of the site
// afterwards.
type webhooks struct {
	verifier atomic.Pointer[edrvapi.Verifier]
	to       recipients
	observe  func(result string, took time.Duration)
	log      *slog.Logger
	bodies   *bodies
	last     atomic.Int64 // time of the last authentic delivery, Unix nanoseconds
	dead     deadLetters
	refused  sampled
}

// recipients are those that deliveries are for: the mailboxes of the sites or, in
// a fleet, the stream that their owners read. They keep no body.
type recipients interface {
	// deliver hands over an event. Where it is not taken, eDRV is to send it again.
	deliver(ctx context.Context, e *edrvapi.Event, body []byte) (result string, taken bool)
	// unreadable tells all sites that they missed something.
	unreadable(ctx context.Context, body []byte) (taken bool)
}

// ServeHTTP answers a delivery.
func (h *webhooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	start := time.Now()
	result, status := h.take(w, r, start)
	if result != "" {
		h.observe(result, time.Since(start))
	}
	w.WriteHeader(status)
}

// take does everything but answer.
func (h *webhooks) take(w http.ResponseWriter, r *http.Request, now time.Time) (result string, status int) {
	body, release, err := h.bodies.read(w, r)
	switch {
	case errors.Is(err, errTooLarge):
		w.Header().Set("Connection", "close") // the rest is not read
		return hookTooLarge, http.StatusRequestEntityTooLarge
	case errors.Is(err, errNoRoom):
		w.Header().Set("Connection", "close")
		return "", comeBack(w)
	case err != nil:
		return "", http.StatusBadRequest // the sender went away, or was too slow
	}
	defer release()
	from := guestOf(r.Context())
	if err := h.verifier.Load().Verify(r.Header, body, now); err != nil {
		if from.failed(now) {
			w.Header().Set("Connection", "close")
		}
		if h.refused.now(now) {
			h.log.Warn("refused a webhook", "reason", err, "remote", r.RemoteAddr)
		}
		return hookUnauthorized, http.StatusUnauthorized
	}
	from.proved()
	h.last.Store(now.UnixNano())
	event, err := edrvapi.DecodeEvent(body)
	if err != nil {
		// It is authentic: eDRV would only send it again, and in the end disable
		// the endpoint. It is kept aside, and a list tells what it meant.
		h.dead.add(deadLetter{At: now, Reason: err.Error(), Body: body})
		if !h.to.unreadable(r.Context(), body) {
			return "", comeBack(w)
		}
		return hookUnreadable, http.StatusOK
	}
	result, taken := h.to.deliver(r.Context(), &event, body)
	if !taken {
		return "", comeBack(w)
	}
	return result, http.StatusOK
}

// mailboxes are the recipients in this process. They drop what they have seen.
type mailboxes struct {
	route func(*edrvapi.Event) (sites []*site, known bool)
	ids   seen
	kept  *keptIDs
}

func (m *mailboxes) deliver(_ context.Context, e *edrvapi.Event, _ []byte) (result string, taken bool) {
	if !m.ids.add(e.ID) {
		return hookDuplicate, true
	}
	sites, known := m.route(e)
	if !known {
		return hookForeign, true
	}
	in := inputOf(e)
	for _, s := range sites {
		if !s.inbox.put(in) {
			m.ids.forget(e.ID)
			return "", false
		}
	}
	m.kept.keep(e.ID)
	return hookAccepted, true
}

func (m *mailboxes) unreadable(context.Context, []byte) (taken bool) {
	sites, _ := m.route(nil)
	for _, s := range sites {
		s.inbox.put(missed)
	}
	return true
}

// missed is what a site is told when a webhook could not be read.
var missed = core.ResyncWanted{Why: "a webhook could not be read"}

// comeBack tells eDRV to send it again soon.
func comeBack(w http.ResponseWriter) (status int) {
	w.Header().Set("Retry-After", "1")
	return http.StatusServiceUnavailable
}

// inputOf is what an event means to a site.
func inputOf(e *edrvapi.Event) core.Input {
	switch {
	case e.Session != nil:
		return core.SessionSeen{Session: *e.Session}
	case e.Kind == edrvapi.EventStationOnline, e.Kind == edrvapi.EventStationOffline:
		return core.StationSeen{Station: e.Station.ID, Online: e.Kind == edrvapi.EventStationOnline}
	case e.Kind == edrvapi.EventActionRequested:
		return core.ActionSeen{Action: *e.Action, Verdict: core.Requested}
	case e.Kind == edrvapi.EventActionAccepted:
		return core.ActionSeen{Action: *e.Action, Verdict: core.Accepted}
	case e.Kind == edrvapi.EventActionRejected:
		return core.ActionSeen{Action: *e.Action, Verdict: core.Rejected}
	}
	return core.Heard{}
}

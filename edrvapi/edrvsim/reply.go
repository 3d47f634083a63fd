package edrvsim

import (
	"net/http"
	"time"
)

// Reply is what one REST call leads to. The world has carried the call out, or
// not, by the time it returns; the client learns of it After that.
type Reply[T any] struct {
	Status  int // HTTP status; 0 when the connection is reset without a reply
	Message string
	Result  T
	HasNext *bool // lists only; nil when the server does not say

	RetryAfter time.Duration // of a 429; 0 is none
	After      time.Duration // from the call to the reply or the reset
	Executed   bool          // for judges: whether the call took effect
}

// OK reports whether the client is told that the call succeeded.
func (r Reply[T]) OK() bool { return r.Status/100 == 2 }

// refusal is eDRV saying no: a status and a free text.
type refusal struct {
	status  int
	message string
}

var (
	errNotFound = &refusal{http.StatusNotFound, "Not found"}
	errBadLimit = &refusal{http.StatusBadRequest, `"limit" must be a number greater than or equal to 0`}
	errBadUnit  = &refusal{http.StatusBadRequest, `"unit" must be one of [power, current]`}
	errOffline  = &refusal{http.StatusBadRequest, "Chargestation is offline"}
)

// call runs one REST operation with the faults of the line to the client.
func call[T any](w *World, operation, message string, run func() (T, *refusal)) Reply[T] {
	w.calls[operation]++
	r := Reply[T]{After: within(w.habits, w.spec.Behaviour.Reply)}
	if fate := w.fate(&r.RetryAfter); fate != nil {
		r.Status, r.Message = fate.status, fate.message
		return r
	}
	result, no := run()
	if no != nil {
		r.Status, r.Message = no.status, no.message
		return r
	}
	r.Status, r.Message, r.Result, r.Executed = http.StatusOK, message, result, true
	if w.hits(APISlow, "") {
		r.After += within(w.trouble, w.spec.Behaviour.Slow)
	}
	if w.hits(APIReset, "") {
		r.Status, r.Message = 0, ""
	}
	return r
}

// fate is what keeps a call from being carried out, nil if nothing does.
func (w *World) fate(retryAfter *time.Duration) *refusal {
	switch {
	case w.apiDown > 0:
		// Half of the calls find a gateway, half find nobody.
		if w.trouble.IntN(2) == 0 {
			return &refusal{0, ""}
		}
		return &refusal{http.StatusServiceUnavailable, "Service Unavailable"}
	case w.hits(APIThrottled, ""):
		*retryAfter = within(w.trouble, w.spec.Behaviour.RetryAfter)
		return &refusal{http.StatusTooManyRequests, "Too many requests"}
	case w.hits(APIThrottledBare, ""):
		return &refusal{http.StatusTooManyRequests, "Too many requests"}
	case w.hits(APIError, ""):
		if w.trouble.IntN(2) == 0 {
			return &refusal{http.StatusBadGateway, "Bad Gateway"}
		}
		return &refusal{http.StatusInternalServerError, "Internal server error"}
	}
	return nil
}

// change is call for operations that change something, which eDRV may refuse
// for reasons of business, with a 405 ("Starting a Session with Wallet Payments").
func change[T any](w *World, operation, message string, run func() (T, *refusal)) Reply[T] {
	return call(w, operation, message, func() (T, *refusal) {
		if w.hits(APIRefused, "") {
			var none T
			return none, &refusal{http.StatusMethodNotAllowed, "User does not have minimum balance"}
		}
		return run()
	})
}

// Calls counts the REST calls by operation, "sessions.list". The server adds
// "unauthorized" and "wrong-verb", which reach no operation.
func (w *World) Calls() Counts {
	out := make(Counts, len(w.calls))
	for name, n := range w.calls {
		out[name] = n
	}
	return out
}

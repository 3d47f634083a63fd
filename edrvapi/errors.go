package edrvapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Outcome says whether eDRV can have acted on a call that ended in an error. Only what
// is certain is called so.
type Outcome uint8

// The outcomes, the worst first.
const (
	// OutcomeUnknown: the call may have been carried out. A limit in it may be in
	// force, now or later.
	OutcomeUnknown Outcome = iota
	// OutcomeNotReached: eDRV did not take the call. Sending the newest intent again is
	// right.
	OutcomeNotReached
	// OutcomeRefused: eDRV read the call and said no. The same call will be refused
	// again.
	OutcomeRefused
	// OutcomeDone: there was no error.
	OutcomeDone
)

var outcomeNames = []string{"unknown", "not reached", "refused", "done"}

// String is the outcome in words.
func (o Outcome) String() string { return nameOf(outcomeNames, o) }

// Why a call was not sent. Its outcome is then OutcomeNotReached.
var (
	ErrSuperseded  = errors.New("a newer order took its place")
	ErrTakenBack   = errors.New("taken back before its turn")
	ErrQueueFull   = errors.New("too many calls are waiting")
	ErrQueueWait   = errors.New("waited too long for its turn")
	ErrBackingOff  = errors.New("eDRV asked to wait")
	ErrCircuitOpen = errors.New("eDRV does not answer, calls are suspended")
	ErrClosed      = errors.New("client is closed")
	ErrBadID       = errors.New("not an eDRV id")
	ErrBadKey      = errors.New("no usable API key")
	ErrPrivateHost = errors.New("refused to dial a private address for a public name")
)

// ErrIncomplete is the cause of a list that could not be read to its end.
var ErrIncomplete = errors.New("list is incomplete")

// Error is the error of every call.
type Error struct {
	Operation  Operation
	Outcome    Outcome
	Status     int           // of HTTP; 0 if there was no answer
	Message    string        // eDRV's own words, for people: at most 256 bytes, printable
	RetryAfter time.Duration // how long eDRV asked to wait, at most 60 s; 0 if it did not
	Cause      error         // what went wrong below; nil if eDRV's answer says it all
}

// Error names the operation, the outcome and the reason, and what to look at.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "eDRV %s: %s", e.Operation, e.Outcome)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %q", e.Message)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %s", e.Cause)
	}
	if hint := e.hint(); hint != "" {
		fmt.Fprintf(&b, " (%s)", hint)
	}
	return b.String()
}

// hint is what an operator may look at first.
func (e *Error) hint() string {
	switch {
	case e.Status == http.StatusUnauthorized:
		return "is the API key right and current?"
	case e.Message == "" && e.Operation.orders() && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed):
		return "is the method of the limit calls right?"
	default:
		return ""
	}
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Cause }

// OutcomeOf is the outcome that an error stands for: OutcomeDone for nil,
// OutcomeUnknown for an error that is not of this package.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return OutcomeDone
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Outcome
	}
	return OutcomeUnknown
}

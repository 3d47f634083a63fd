package edrvapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// The largest answers that are read.
const (
	maxBody     = 1 << 20
	maxListBody = 8 << 20
)

// maxMessage bounds eDRV's words in an error.
const maxMessage = 256

var (
	errGivenUp  = errors.New("caller gave up")
	errNoAnswer = errors.New("no answer")
)

// call is one request to eDRV.
type call struct {
	op     Operation
	method string
	path   string
	query  url.Values
	body   []byte
	large  bool // the answer may be as large as a list
	ticket ticket
}

// do makes the call in its turn: one attempt, and what eDRV answered or an *Error.
func (c *Client) do(ctx context.Context, call *call) (reply, error) {
	key := c.opts.APIKey()
	if !usableKey(key) {
		return reply{}, notSent(call, ErrBadKey)
	}
	if c.breaker.State() == gobreaker.StateOpen {
		return reply{}, notSent(call, ErrCircuitOpen)
	}
	t := &call.ticket
	if err := c.gate.enter(ctx, t); err != nil {
		e := notSent(call, err)
		if errors.Is(err, ErrBackingOff) {
			e.RetryAfter = c.gate.paused(time.Now())
		}
		return reply{}, e
	}
	defer c.gate.leave(t)
	done, err := c.breaker.Allow()
	if err != nil {
		return reply{}, notSent(call, ErrCircuitOpen)
	}

	x := c.exchange(ctx, call, key)
	done(x.health())
	answer, code, e := x.judge(call)
	c.heed(x, t, e)
	c.record(ctx, call, x, code, e)
	if e != nil {
		return reply{}, e
	}
	return answer, nil
}

// notSent is the error of a call that never left.
func notSent(call *call, why error) *Error {
	return &Error{Operation: call.op, Outcome: OutcomeNotReached, Cause: why}
}

// usableKey reports whether a key can stand in a header.
func usableKey(key string) bool {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return false
		}
	}
	return key != ""
}

// exchange is what happened between sending a request and having its answer.
type exchange struct {
	key     string
	status  int // 0 without an answer
	header  http.Header
	body    []byte
	err     error // the answer is missing, or could not be read to its end
	unsent  bool  // certain: no connection was ever handed out
	givenUp bool  // by the caller
	began   time.Time
	took    time.Duration
}

// exchange sends the request. Whether it can have reached eDRV is told by the
// connection: up to the moment that the transport hands one out nothing was written,
// and from then on anything may have been. WroteRequest is no earlier line: it is
// called after the bytes left.
func (c *Client) exchange(given context.Context, call *call, key string) *exchange {
	var sought, connected atomic.Bool
	ctx, cancel := context.WithTimeout(given, c.opts.Timeout)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { sought.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req := c.rest.R().SetContext(ctx).SetAuthToken(key).SetQueryParamsFromValues(call.query).SetResponseBodyLimit(maxBody)
	if call.large {
		req.SetResponseBodyLimit(maxListBody)
	}
	if call.body != nil {
		req.SetHeader("Content-Type", "application/json").SetBody(call.body)
	}
	x := &exchange{key: key, began: time.Now()}
	resp, err := req.Execute(call.method, call.path)
	x.took, x.err = time.Since(x.began), err
	x.givenUp = err != nil && errors.Is(given.Err(), context.Canceled)
	x.unsent = err != nil && sought.Load() && !connected.Load()
	if resp != nil && resp.RawResponse != nil {
		x.status, x.header, x.body = resp.StatusCode(), resp.Header(), resp.Body()
	}
	return x
}

// health is the exchange in the eyes of the circuit breaker: nil if eDRV answers.
func (x *exchange) health() error {
	switch {
	case x.givenUp:
		return errGivenUp
	case x.err != nil || x.status >= 500:
		return errNoAnswer
	default:
		return nil
	}
}

// judge tells what the exchange means: eDRV's answer, or the error with what is certain
// of it; and the code for the metrics.
func (x *exchange) judge(call *call) (reply, string, *Error) {
	e := &Error{Operation: call.op, Status: x.status, RetryAfter: x.retryAfter()}
	if x.err != nil {
		e.Cause = x.cause()
	}
	switch {
	case x.status == 0:
		if x.unsent {
			e.Outcome = OutcomeNotReached
		}
		return reply{}, x.errorCode(), e
	case x.status == http.StatusTooManyRequests: // Not taken; to be sent again, later.
		e.Outcome = OutcomeNotReached
	case x.status >= 400 && x.status < 500:
		e.Outcome = OutcomeRefused
	case x.status >= 200 && x.status < 300:
		return x.judgeAnswer(e)
	}
	answer, _ := parseReply(x.body)
	e.Message = x.words(answer.message)
	return reply{}, statusCode(x.status), e
}

// judgeAnswer judges a 2xx. If it can not be read, the call may well have been carried
// out.
func (x *exchange) judgeAnswer(e *Error) (reply, string, *Error) {
	if x.err != nil {
		return reply{}, x.errorCode(), e
	}
	answer, err := parseReply(x.body)
	switch {
	case err != nil:
		e.Cause = err
		return reply{}, codeUnreadable, e
	case answer.ok.Known && !answer.ok.Value:
		e.Outcome, e.Message = OutcomeRefused, x.words(answer.message)
		return reply{}, codeNotOK, e
	default:
		return answer, statusCode(x.status), nil
	}
}

// words is text of eDRV, fit for an error. The key is looked for in the cleaned text,
// where nothing unprintable can hide it.
func (x *exchange) words(s string) string {
	s = strings.ReplaceAll(cleanText(s, 4*maxMessage), x.key, "[redacted]")
	return cleanText(s, maxMessage)
}

// cause is the error below, without the URL that the error names already, and fit for a
// log even where it quotes what a server sent.
func (x *exchange) cause() error {
	err := x.err
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &cause{text: x.words(err.Error()), err: err}
}

// cause is an error with a text of our own.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }
func (c *cause) Unwrap() error { return c.err }

// retryAfter is what eDRV asked for with a 429 or 503: seconds or a date, at most a
// minute.
func (x *exchange) retryAfter() time.Duration {
	if x.status != http.StatusTooManyRequests && x.status != http.StatusServiceUnavailable {
		return 0
	}
	value := x.header.Get("Retry-After")
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	from := x.began.Add(x.took)
	if date, err := http.ParseTime(x.header.Get("Date")); err == nil {
		from = date // Both by eDRV's clock.
	}
	return min(max(at.Sub(from), 0), maxRetryAfter)
}

// heed adapts the gate to what eDRV asks for. A 429 without a time means a second.
func (c *Client) heed(x *exchange, t *ticket, e *Error) {
	now := time.Now()
	if x.status == http.StatusTooManyRequests {
		c.gate.slow(t, now)
		c.gate.pause(max(e.RetryAfter, time.Second), now)
	} else if e != nil && e.RetryAfter > 0 {
		c.gate.pause(e.RetryAfter, now)
	}
}

// record reports the exchange to those who watch.
func (c *Client) record(ctx context.Context, call *call, x *exchange, code string, e *Error) {
	if c.opts.Observe != nil {
		c.opts.Observe(call.op, code, x.took)
	}
	if c.opts.OnClock != nil {
		if date, err := http.ParseTime(x.header.Get("Date")); err == nil {
			c.opts.OnClock(date, x.began.Add(x.took))
		}
	}
	attrs := []slog.Attr{slog.String("operation", string(call.op)), slog.String("code", code), slog.Duration("took", x.took)}
	if e != nil {
		attrs = append(attrs, slog.String("outcome", e.Outcome.String()))
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "eDRV call", attrs...)
}

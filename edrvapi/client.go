package edrvapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"
	"github.com/sony/gobreaker/v2"
)

// DefaultURL is eDRV's production API.
const DefaultURL = "https://api.edrv.io/v1.1"

// Options are the settings of a Client. BaseURL and APIKey are required.
type Options struct {
	// BaseURL is the root of the API, such as DefaultURL. Plain http is accepted only
	// for a host that is local by itself, and with AllowPrivate or Transport.
	BaseURL string

	// APIKey gives the current key. It is asked for every call, so a key can change.
	APIKey func() string

	// SetLimitMethod is the verb of the limit calls: POST (the default), PUT or PATCH.
	// eDRV's documentation does not show it. Other verbs are refused: the HTTP stack
	// may repeat a GET.
	SetLimitMethod string

	// RequestsPerSecond is the rate of all calls together, 10 if 0. eDRV publishes no
	// figure.
	RequestsPerSecond float64

	// Timeout is for one exchange, without the wait for its turn; 5 s if 0.
	Timeout time.Duration

	// AllowPrivate lets a name in BaseURL resolve to an address inside the network. An
	// address, "localhost" and a name without a dot need no leave.
	AllowPrivate bool

	// Transport replaces the connection, for tests. The package's own checks of
	// addresses and timeouts of stages are then its business; nothing that it does not
	// trace counts as NotReached.
	Transport http.RoundTripper

	// Logger gets a debug line for every exchange; nil for none. It never gets a body
	// or key.
	Logger *slog.Logger

	// Observe is called after every exchange with a code from Codes. Nil for none.
	Observe func(op Operation, code string, took time.Duration)

	// OnClock is called with the time that eDRV put in an answer, to the second, and
	// the local time at its receipt. Nil for none.
	OnClock func(server, local time.Time)
}

// Client calls eDRV's REST API. It is safe for concurrent use.
type Client struct {
	opts    Options
	base    string
	rest    *resty.Client
	http    *http.Client
	gate    *gate
	method  atomic.Pointer[string] // of the limit calls
	breaker *gobreaker.TwoStepCircuitBreaker[any]
	log     *slog.Logger
}

// How the circuit breaker works: after so many failures in a row no call is sent,
// except one to try every few seconds.
const (
	breakerFailures = 5
	breakerProbe    = 5 * time.Second
)

// New is a client. It sends nothing and starts nothing.
func New(opts Options) (*Client, error) {
	base, err := checkOptions(&opts)
	if err != nil {
		return nil, fmt.Errorf("eDRV client: %w", err)
	}
	c := &Client{
		opts: opts,
		base: strings.TrimSuffix(base.String(), "/"),
		gate: newGate(opts.RequestsPerSecond),
		log:  opts.Logger,
	}
	c.method.Store(&c.opts.SetLimitMethod)
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.http = &http.Client{
		Transport: opts.Transport,
		// A redirect is an answer like any other, and not one that is followed with the
		// key.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if c.http.Transport == nil {
		c.http.Transport = newTransport(opts.Timeout, !opts.AllowPrivate && !isLocalHost(base.Hostname()))
	}
	c.rest = resty.NewWithClient(c.http).
		SetBaseURL(c.base).
		SetRetryCount(0).
		SetDisableWarn(true).
		SetLogger(restyLog{c.log}).
		SetHeader("Accept", "application/json").
		SetHeader("User-Agent", "headroom")
	c.breaker = newBreaker(func() { c.gate.flush(ErrCircuitOpen) })
	return c, nil
}

// checkOptions fills in the defaults and refuses what can not work.
func checkOptions(o *Options) (*url.URL, error) {
	if o.SetLimitMethod == "" {
		o.SetLimitMethod = http.MethodPost
	}
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 10
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	switch {
	case o.APIKey == nil:
		return nil, ErrBadKey
	case o.SetLimitMethod != http.MethodPost && o.SetLimitMethod != http.MethodPut && o.SetLimitMethod != http.MethodPatch:
		return nil, fmt.Errorf("method %q of limit calls: want POST, PUT or PATCH", o.SetLimitMethod)
	case !(o.RequestsPerSecond > 0 && o.RequestsPerSecond <= 1e4):
		return nil, fmt.Errorf("%v requests per second: want more than 0, at most 10000", o.RequestsPerSecond)
	case o.Timeout < 0:
		return nil, fmt.Errorf("negative timeout %s", o.Timeout)
	}
	base, err := url.Parse(o.BaseURL)
	if err != nil {
		return nil, errors.New("URL can not be read") // err would repeat a password in the URL.
	}
	switch {
	case base.Scheme != "https" && base.Scheme != "http" || base.Hostname() == "":
		return nil, errors.New("URL: want https://host/path")
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("URL: want no user, query or fragment")
	case base.Scheme == "http" && !isLocalHost(base.Hostname()) && !o.AllowPrivate && o.Transport == nil:
		return nil, errors.New("URL: the key would cross the Internet in clear, want https")
	}
	return base, nil
}

// newBreaker is the circuit breaker. What counts is whether eDRV answers: a 4xx is an
// answer, and a call that its caller gave up says nothing.
func newBreaker(onOpen func()) *gobreaker.TwoStepCircuitBreaker[any] {
	return gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name:        "eDRV",
		MaxRequests: 1,
		Timeout:     breakerProbe,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= breakerFailures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errGivenUp) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				onOpen()
			}
		},
	})
}

// Adjust changes the verb of the limit calls and the rate of all calls, as in
// Options, for the calls that have not begun.
func (c *Client) Adjust(setLimitMethod string, requestsPerSecond float64) error {
	opts := c.opts
	opts.SetLimitMethod, opts.RequestsPerSecond = setLimitMethod, requestsPerSecond
	if _, err := checkOptions(&opts); err != nil {
		return fmt.Errorf("eDRV client: %w", err)
	}
	c.method.Store(&opts.SetLimitMethod)
	c.gate.allow(opts.RequestsPerSecond, time.Now())
	return nil
}

// Stats is the state of the client at one moment, for metrics.
type Stats struct {
	WaitingCuts   int
	WaitingRaises int
	WaitingReads  int
	InFlight      int
	Rate          float64       // calls per second that are sent at present
	PausedFor     time.Duration // what is left of eDRV's Retry-After
	BreakerOpen   bool          // calls fail at once
}

// Stats is the state of the client now.
func (c *Client) Stats() Stats {
	s := c.gate.stats(time.Now())
	s.BreakerOpen = c.breaker.State() == gobreaker.StateOpen
	return s
}

// Close ends every call that waits for its turn and refuses those to come. Calls in
// flight end by their own deadline.
func (c *Client) Close() {
	c.gate.close()
	c.http.CloseIdleConnections()
}

// restyLog hands what resty has to say to our logger. It is never given a body: resty's
// debug mode stays off.
type restyLog struct{ log *slog.Logger }

func (l restyLog) Errorf(format string, v ...any) { l.log.Error(fmt.Sprintf(format, v...)) }
func (l restyLog) Warnf(format string, v ...any)  { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l restyLog) Debugf(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }

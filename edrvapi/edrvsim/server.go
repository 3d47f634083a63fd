package edrvsim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options is what a [Server] is made of.
type Options struct {
	World  *World  // owned by the server from now on; reach it through Do
	APIKey string  // the bearer token that calls must carry; "" accepts any
	Speed  float64 // world seconds per second of the clock; 0 is 1

	// LimitMethod is the verb of set_power_limit and its kin, which eDRV's pages
	// do not show. "" is POST; every other verb is answered with 405.
	LimitMethod string

	// WorldTimes puts the world's own times on the wire. Otherwise they are
	// translated to the clock's, so that a client that ages what it reads is
	// right at any speed and whatever Spec.Start is.
	WorldTimes bool

	Webhook       Webhook
	WebhookClient *http.Client  // nil has one made
	SendTimeout   time.Duration // for the client's answer to a webhook, on the clock; 0 is 10 s
}

// Webhook is the endpoint that events go to; without a URL they go nowhere.
type Webhook struct {
	URL           string
	Signing       Signing
	EscapeUnicode bool // bodies with \uXXXX instead of raw UTF-8
}

// Server is an eDRV that speaks HTTP around a [World]. Its clock starts with
// [Server.Run]. All methods may be used from any goroutine.
type Server struct {
	opts   Options
	client *http.Client
	wake   chan struct{} // capacity 1; when full, a wake-up is already under way

	mu      sync.Mutex
	world   *World
	hook    Webhook
	began   time.Time // clock time of the world's start
	running bool

	stop context.CancelFunc // of Start
	done chan error         // result of the Run that Start began; capacity 1
}

// NewServer prepares a server. It starts nothing.
func NewServer(opts Options) *Server {
	opts.Speed = cmp.Or(opts.Speed, 1)
	opts.LimitMethod = cmp.Or(opts.LimitMethod, http.MethodPost)
	opts.SendTimeout = cmp.Or(opts.SendTimeout, 10*time.Second)
	s := &Server{
		opts: opts, client: opts.WebhookClient, world: opts.World, hook: opts.Webhook,
		wake: make(chan struct{}, 1), began: time.Now(),
	}
	if s.client == nil {
		s.client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	}
	return s
}

// Run starts the clock and the webhooks and serves the REST API on ln until ctx
// is done; with a nil ln it serves nothing, for those who mount [Server.Handler]
// elsewhere. Every goroutine has ended when it returns. Run a server once.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.startClock()

	var group sync.WaitGroup
	group.Go(func() { s.drive(ctx, &group) })
	defer group.Wait()
	defer s.client.CloseIdleConnections()
	defer cancel()
	if ln == nil {
		<-ctx.Done()
		return nil
	}
	return serve(ctx, ln, s.Handler())
}

// serve answers requests until ctx is done; requests under way are cut short.
func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	hs := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	var group sync.WaitGroup
	group.Go(func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if hs.Shutdown(grace) != nil {
			hs.Close() //nolint:errcheck // nothing is left to save
		}
	})
	err := hs.Serve(ln)
	cancel()
	group.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the eDRV API: %w", err)
}

// Start runs the server in the background on a free port of the loopback
// address and returns the API's base URL, ".../v1.1". Close ends it.
func (s *Server) Start(ctx context.Context) (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for the eDRV API: %w", err)
	}
	ctx, s.stop = context.WithCancel(ctx)
	s.done = make(chan error, 1)
	go func() { s.done <- s.Run(ctx, ln) }() // awaited by Close
	return "http://" + ln.Addr().String() + "/v1.1", nil
}

// Close ends what Start began and waits for it.
func (s *Server) Close() error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	return <-s.done
}

// Do lets f look at the world, or change it, with the world's time brought up to
// the clock. It holds the server's lock: f must be quick and must not keep w.
func (s *Server) Do(f func(w *World)) {
	s.mu.Lock()
	s.world.Advance(s.worldTime())
	f(s.world)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// TrueState is a snapshot of the truth.
func (s *Server) TrueState() (state TrueState) {
	s.Do(func(w *World) { state = w.TrueState() })
	return state
}

// SetWebhook changes where events go, from the next one on.
func (s *Server) SetWebhook(h Webhook) {
	s.mu.Lock()
	s.hook = h
	s.mu.Unlock()
}

func (s *Server) startClock() {
	s.mu.Lock()
	s.began, s.running = time.Now(), true
	s.mu.Unlock()
}

// worldTime is what the world's time should be. The lock is held.
func (s *Server) worldTime() time.Time {
	if !s.running {
		return s.world.Now()
	}
	return s.world.epoch.Add(time.Duration(float64(time.Since(s.began)) * s.opts.Speed))
}

// onClock is how long a stretch of world time takes.
func (s *Server) onClock(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.opts.Speed)
}

// encoder writes documents for the wire. The lock is held.
func (s *Server) encoder() *encoder {
	e := &encoder{escape: s.hook.EscapeUnicode}
	if !s.opts.WorldTimes {
		epoch, began := s.world.epoch, s.began
		e.stamp = func(t time.Time) time.Time { return began.Add(s.onClock(t.Sub(epoch))) }
	}
	return e
}

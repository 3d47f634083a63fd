package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// The names on the servers.
const (
	Bucket = "headroom"
	Stream = "headroom-events"

	subjects   = "headroom.events.>"
	subjectAll = "headroom.events.all"
	subjectOf  = "headroom.events.site."

	nodeKey  = "node."
	siteKey  = "site."
	stateKey = "state."

	configurationKey = "configuration"
)

// How long events are kept, and how long their ids, by which one that is given
// twice is found out.
const (
	keepEvents = time.Hour
	keepIDs    = 10 * time.Minute
)

// maxSites is how many sites a fleet may have: each reads the stream by a consumer
// of its own, of which the servers would permit 1,000.
const maxSites = 50_000

// DefaultLease survives the time in which three servers find a new leader, 4 to
// 9 s after one was killed, and leaves half a minute for a takeover.
const DefaultLease = 15 * time.Second

// call is how long one exchange with the servers may take.
const call = 2 * time.Second

// Errors of a Fleet.
var (
	// ErrNotConnected says that the servers have not been reached yet.
	ErrNotConnected = errors.New("the NATS servers have not been reached yet")
	// ErrLost says that somebody else owns the site, or may.
	ErrLost = errors.New("the site is not ours any more")
)

// errMoved ends the term of a site that another node is to steer.
var errMoved = errors.New("another node is to steer the site")

// Site is a site to be steered.
type Site struct {
	ID string
	// Load is what it counts when sites are spread: its connectors.
	Load int
}

// Options are what a Fleet is made from.
type Options struct {
	Servers []string // URLs
	Creds   []byte   // a NATS credentials file; nil: none
	Node    string   // name of this machine, unique in the fleet
	Role    string   // for people
	Version string   // of the program, for people
	Logger  *slog.Logger

	// Config is the hash of what a node must have alike with others to share sites
	// with them. It is asked again and again. Nil: there is none.
	Config func() string

	// Lease is how long the sites of a node that is gone stay with it. 0:
	// DefaultLease. All nodes must have the same.
	Lease time.Duration

	// Sites are all sites, the same wherever Config is. It is asked again and again.
	Sites func() []Site
	// Configured is told every configuration that Apply gives to the fleet, the
	// newest first of those that are there. It must not block. Nil: nobody asks.
	Configured func(number uint64, text []byte)
	// Steer steers a site until the context ends. Nil: this node steers none.
	Steer func(ctx context.Context, t *Term) error

	// Registry gets the metrics. Nil: they are not shown.
	Registry prometheus.Registerer

	// Dialer replaces the connection to the servers, for tests.
	Dialer nats.CustomDialer
}

// Fleet is this machine's part of a fleet. It is safe for concurrent use.
type Fleet struct {
	opts     Options
	log      *slog.Logger
	instance string // of this process

	link    atomic.Pointer[link]
	session atomic.Pointer[session]
	status  atomic.Pointer[Status]
	metrics *metrics

	terms sync.WaitGroup
}

// link is what is open at the servers.
type link struct {
	js    jetstream.JetStream
	kv    jetstream.KeyValue
	since time.Time // when the stream was made: numbers of events begin anew with it
	limit int64     // bytes of a message
	saves slots     // states that are under way
	opens slots     // readers of events that are being opened
}

// How much is asked of the servers at the same time. Servers that are behind get no
// further behind: who waits here for a turn saves the newest state once it comes.
const (
	maxSaves = 64
	maxOpens = 16
)

// slots bound how much goes on at the same time.
type slots chan struct{}

// enter waits for a turn; it reports whether there is one. Leave must follow then.
func (s slots) enter(ctx context.Context) bool {
	select {
	case s <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s slots) leave() { <-s }

// New is a fleet that does nothing yet; Run must follow.
func New(opts Options) *Fleet {
	if opts.Lease == 0 {
		opts.Lease = DefaultLease
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Fleet{opts: opts, log: opts.Logger.With("node", opts.Node), instance: rand.Text()}
	if f.opts.Config == nil {
		f.opts.Config = func() string { return "" }
	}
	f.status.Store(&Status{})
	f.metrics = newMetrics(f, opts.Registry)
	return f
}

// Run takes part until the context ends: then it gives its sites back. The error
// says why it cannot even try.
func (f *Fleet) Run(ctx context.Context) error {
	nc, err := connect(&f.opts, f.log)
	if err != nil {
		return err
	}
	defer nc.Close()
	l, err := f.open(ctx, nc)
	if err != nil {
		return nil // the context ended first
	}
	f.link.Store(l)
	f.log.Info("the fleet is reached", "server", nc.ConnectedUrlRedacted())

	// The session outlives the sites, which are given back under it.
	staying, leave := context.WithCancel(context.WithoutCancel(ctx))
	var stay sync.WaitGroup
	stay.Go(func() { f.stay(staying, l, ctx.Done()) })
	if f.opts.Configured != nil {
		stay.Go(func() { f.watchConfiguration(staying, l) })
	}
	f.own(ctx, l)
	f.terms.Wait()
	leave()
	stay.Wait()
	return nil
}

// connect begins to connect; it goes on until it is closed.
func connect(opts *Options, log *slog.Logger) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("headroom " + opts.Node), nats.Timeout(call), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectJitter(250*time.Millisecond, 250*time.Millisecond),
		nats.PingInterval(call), nats.MaxPingsOutstanding(2),
		// What waited for a connection is decided on anew: nothing old is sent later.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.Warn("the connection to NATS is lost", "reason", err) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("connected to NATS again", "server", nc.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Debug("NATS", "reason", err) }),
	}
	if opts.Creds != nil {
		options = append(options, nats.UserCredentialBytes(opts.Creds))
	}
	if opts.Dialer != nil {
		options = append(options, nats.SetCustomDialer(opts.Dialer))
	}
	nc, err := nats.Connect(strings.Join(opts.Servers, ","), options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", strings.Join(opts.Servers, ", "), err)
	}
	return nc, nil
}

// open finds bucket and stream, and makes them where they are not there. It
// tries until it can.
func (f *Fleet) open(ctx context.Context, nc *nats.Conn) (*link, error) {
	told := false
	for {
		l, err := f.tryOpen(ctx, nc)
		if err == nil {
			return l, nil
		}
		if !told {
			f.log.Warn("the fleet cannot be reached yet: trying on", "reason", err)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (f *Fleet) tryOpen(ctx context.Context, nc *nats.Conn) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*call)
	defer cancel()
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(call))
	if err != nil {
		return nil, err
	}
	l := &link{js: js, limit: nc.MaxPayload(), saves: make(slots, maxSaves), opens: make(slots, maxOpens)}
	if l.kv, err = f.bucket(ctx, js); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", Bucket, err)
	}
	stream, err := f.stream(ctx, js)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", Stream, err)
	}
	l.since = stream.CachedInfo().Created
	return l, nil
}

// replicas are how many servers have everything. One that is not part of a
// cluster has it alone.
const replicas = 3

func (f *Fleet) bucket(ctx context.Context, js jetstream.JetStream) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, Bucket)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	make := func(n int) (jetstream.KeyValue, error) {
		return js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: Bucket, Description: "Headroom: who steers which site, and what the next must know", Replicas: n, Storage: jetstream.FileStorage,
		})
	}
	return alone(f.log, make)
}

func (f *Fleet) stream(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, Stream)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return stream, err
	}
	make := func(n int) (jetstream.Stream, error) {
		return js.CreateStream(ctx, jetstream.StreamConfig{
			Name: Stream, Description: "Headroom: events of eDRV for the owners of the sites", Subjects: []string{subjects},
			Replicas: n, Storage: jetstream.FileStorage, MaxAge: keepEvents, Duplicates: keepIDs, AllowDirect: true, MaxConsumers: maxSites,
		})
	}
	return alone(f.log, make)
}

// notClustered is what a server without a cluster answers to who wants replicas.
const notClustered = 10074

// alone makes something with all replicas, or with one at a server that has no
// cluster.
func alone[T any](log *slog.Logger, make func(replicas int) (T, error)) (T, error) {
	made, err := make(replicas)
	if e, ok := errors.AsType[*jetstream.APIError](err); ok && e.ErrorCode == notClustered {
		log.Warn("the NATS server has no cluster: what only it has is lost with it")
		return make(1)
	}
	return made, err
}

// swap replaces an entry if it still has the revision; 0: there is none.
func (l *link) swap(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, call)
	defer cancel()
	return l.kv.Update(ctx, key, value, revision)
}

// get reads an entry; it may be behind. Revision 0: there is none.
func (l *link) get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, call)
	defer cancel()
	e, err := l.kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	}
	return e.Value(), e.Revision(), nil
}

// swapped reports whether a swap failed because the entry is another by now.
func swapped(err error) bool {
	return errors.Is(err, jetstream.ErrKeyRevisionMismatch) || errors.Is(err, jetstream.ErrKeyExists)
}

// token writes an id as a part of a key or subject, in which '.' divides and ':'
// is not allowed. No id holds '='.
func token(id string) string { return escaper.Replace(id) }

// untoken reads it back.
func untoken(t string) string { return unescaper.Replace(t) }

var (
	escaper   = strings.NewReplacer(".", "=2E", ":", "=3A")
	unescaper = strings.NewReplacer("=2E", ".", "=3A", ":")
)

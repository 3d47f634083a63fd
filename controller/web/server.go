package web

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/headroom-ev/headroom/policy"
)

// Options are what a Server is built from. Only Sites is needed.
type Options struct {
	// Sites is what is shown and set.
	Sites Sites
	// Token is asked at every write for the token that the write must carry.
	// Nil or an empty answer: writes need none.
	Token func() string
	// Registry is where the metrics of the sites are registered, and what
	// /metrics shows. Nil: one of the server's own.
	Registry *prometheus.Registry
	// Logger gets one line for every write and for what goes wrong. Nil: none.
	Logger *slog.Logger
	// Version of the program.
	Version string
	// Journal yields the records that a query asks for, oldest first. An error
	// ends the answer. Nil: the notes of the site take its place.
	Journal func(ctx context.Context, q JournalQuery) iter.Seq2[json.RawMessage, error]
	// Wiring tells how a connector is wired, by which a max_kw becomes a
	// current. Nil or false: max_kw is refused.
	Wiring func(site, connector string) (policy.Wiring, bool)
	// SampleEvery is the time between two points of the page's chart, which
	// shows the last 360 of them. 0: 10 s.
	SampleEvery time.Duration
	// MaxStreams is how many event streams may be open at a time. 0: 64.
	MaxStreams int
}

// Server serves the admin listener. It is safe for concurrent use.
type Server struct {
	opts    Options
	log     *slog.Logger
	handler http.Handler
	mux     *http.ServeMux
	history *history
	states  encodings
	pages   *pages
	streams chan struct{} // one place for each open event stream
}

// New is a server. It registers the metrics of the sites, and starts nothing:
// the chart has no past unless Run runs.
func New(opts Options) *Server {
	if opts.Token == nil {
		opts.Token = func() string { return "" }
	}
	if opts.Registry == nil {
		opts.Registry = prometheus.NewRegistry()
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.SampleEvery <= 0 {
		opts.SampleEvery = 10 * time.Second
	}
	if opts.MaxStreams <= 0 {
		opts.MaxStreams = 64
	}
	s := &Server{
		opts: opts, log: opts.Logger, mux: http.NewServeMux(),
		history: newHistory(opts.SampleEvery),
		streams: make(chan struct{}, opts.MaxStreams),
	}
	s.pages = newPages(s)
	opts.Registry.MustRegister(&collector{
		sites: opts.Sites, version: opts.Version,
		streams: func() int { return len(s.streams) },
	})
	s.route()
	s.handler = s.secured(s.mux)
	return s
}

// Run takes a sample of every site for the chart every Options.SampleEvery,
// until the context ends.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(s.opts.SampleEvery)
	defer tick.Stop()
	for {
		s.Sample()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Sample takes one sample of every site now.
func (s *Server) Sample() {
	names := s.opts.Sites.Names()
	for _, name := range names {
		if v, ok := s.opts.Sites.View(name); ok {
			s.history.add(name, v)
		}
	}
	s.history.keep(names)
}

// ServeHTTP answers a request. Streams end when the request's context does, so
// the base context of the listener's server must end before it is shut down.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// route says what answers which path.
func (s *Server) route() {
	s.mux.Handle("GET /{$}", s.answer(s.home))
	s.mux.Handle("GET /live", s.answer(s.liveOverview))
	s.mux.Handle("GET /sites/{site}", s.answer(s.sitePage))
	s.mux.Handle("GET /sites/{site}/live", s.answer(s.liveSite))
	s.mux.Handle("GET /assets/{name}", s.answer(serveAsset))

	s.mux.Handle("GET /metrics", promhttp.HandlerFor(s.opts.Registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: 8, EnableOpenMetrics: true,
	}))
	s.mux.Handle("GET /healthz", s.answer(s.healthy))
	s.mux.Handle("GET /readyz", s.answer(s.ready))

	s.mux.Handle("GET /api/v1/sites", s.answer(s.listSites))
	s.mux.Handle("GET /api/v1/sites/{site}", s.answer(s.showSite))
	s.mux.Handle("GET /api/v1/sites/{site}/stream", s.answer(s.streamSite))
	s.mux.Handle("GET /api/v1/sites/{site}/history", s.answer(s.showHistory))
	s.mux.Handle("GET /api/v1/sites/{site}/journal", s.answer(s.showJournal))

	s.mux.Handle("PUT /api/v1/sites/{site}/limits/{name}", s.answer(s.write(s.putLimit)))
	s.mux.Handle("DELETE /api/v1/sites/{site}/limits/{name}", s.answer(s.write(s.deleteLimit)))
	s.mux.Handle("PUT /api/v1/sites/{site}/sessions/{session}", s.answer(s.write(s.putOverride)))
	s.mux.Handle("DELETE /api/v1/sites/{site}/sessions/{session}", s.answer(s.write(s.deleteOverride)))
	s.mux.Handle("PUT /api/v1/sites/{site}/mode", s.answer(s.write(s.putMode)))
}

package controller

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/journal"
	"github.com/headroom-ev/headroom/controller/web"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// Options are what a Controller is built from.
type Options struct {
	Config  *config.Config
	Logger  *slog.Logger
	Version string

	// SampleEvery is the time between two points of the page's chart; 0: 10 s.
	SampleEvery time.Duration

	// Transport replaces the connection to eDRV, for tests.
	Transport http.RoundTripper
	// Listen replaces net.Listen, for tests.
	Listen func(network, address string) (net.Listener, error)
}

// Controller is the daemon: it receives eDRV's webhooks, keeps the models of
// all sites, and steers them.
type Controller struct {
	cfg     *config.Config
	log     *slog.Logger
	version string

	client   *edrvapi.Client
	exec     *executor
	hooks    *webhooks
	registry *prometheus.Registry
	metrics  *web.Metrics
	admin    *web.Server
	journal  *journal.Journal

	sites  []*site
	byName map[string]*site
	// Which site a connector or a station belongs to.
	byConnector, byStation map[string]*site

	webhookListener, adminListener net.Listener
}

// New builds a controller, opens its journal and its listeners. It sends nothing
// and starts nothing; Run must follow, or Close.
func New(opts Options) (c *Controller, err error) {
	c = &Controller{
		cfg: opts.Config, log: opts.Logger, version: opts.Version,
		byName: map[string]*site{}, byConnector: map[string]*site{}, byStation: map[string]*site{},
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.journal, err = journal.Open(journal.Options{Dir: c.cfg.DataDir, Logger: c.log}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.journal.Close()
		}
	}()
	c.registry = prometheus.NewRegistry()
	c.metrics = web.NewMetrics(c.registry, c.siteNames())
	if err := c.buildClient(opts.Transport); err != nil {
		return nil, err
	}
	c.exec = &executor{api: c.client, verdict: c.metrics.Verdict}
	if err := c.buildSites(); err != nil {
		return nil, err
	}
	if err := c.buildWebhooks(); err != nil {
		return nil, err
	}
	c.recordStart()
	c.admin = web.New(web.Options{
		Sites: c, Token: c.cfg.Listen.AdminToken.Reveal, Registry: c.registry, Logger: c.log, Version: c.version,
		Wiring: c.wiring, SampleEvery: opts.SampleEvery, Journal: c.lines,
	})
	hash, err := hex.DecodeString(c.cfg.SHA256)
	if err != nil {
		return nil, fmt.Errorf("hash of the configuration: %w", err)
	}
	c.metrics.ConfigLoaded(time.Now(), hash)
	if opts.Listen == nil {
		opts.Listen = net.Listen
	}
	return c, c.listen(opts.Listen)
}

func (c *Controller) siteNames() []string {
	names := make([]string, len(c.cfg.Sites))
	for i := range c.cfg.Sites {
		names[i] = c.cfg.Sites[i].ID
	}
	return names
}

func (c *Controller) buildClient(transport http.RoundTripper) (err error) {
	e := &c.cfg.EDRV
	clock := &clockWatch{metric: c.metrics.ClockSkew, log: c.log}
	c.client, err = edrvapi.New(edrvapi.Options{
		BaseURL: e.URL, APIKey: e.APIKey.Reveal, SetLimitMethod: string(e.SetLimitMethod),
		RequestsPerSecond: float64(e.RequestsPerSecond) / 1000, Transport: transport, Logger: c.log,
		OnClock: clock.compare,
		Observe: func(op edrvapi.Operation, code string, took time.Duration) {
			c.metrics.Request(string(op), code, took)
		},
	})
	return err
}

func (c *Controller) buildSites() error {
	now := time.Now()
	c.forgetUnknown()
	for i := range c.cfg.Sites {
		settings, err := SiteSettings(&c.cfg.Sites[i], &c.cfg.Control)
		if err != nil {
			return err
		}
		saved, lost := savedOf(c.journal, settings.ID)
		model, err := core.New(settings, saved, now)
		if err != nil {
			return err
		}
		s := newSite(model, len(settings.Connectors), c.exec, c.journal, c.log)
		for _, text := range append(lost, c.journal.Stats().Opened...) {
			s.record(core.Note{At: now, Kind: core.NoteJournal, Alarm: true, Text: text})
		}
		s.observePass = func(took, late time.Duration) { c.metrics.Pass(settings.ID, took, late) }
		c.sites = append(c.sites, s)
		c.byName[settings.ID] = s
		for _, k := range settings.Connectors {
			c.byConnector[k.ID] = s
			c.byStation[k.Station] = s
		}
	}
	return nil
}

// wiring tells how a connector is wired.
func (c *Controller) wiring(site, connector string) (policy.Wiring, bool) {
	for i := range c.cfg.Sites {
		s := &c.cfg.Sites[i]
		for k := range s.Connectors {
			if s.ID == site && s.Connectors[k].ID == connector {
				return s.Connectors[k].Wiring(s.Voltage), true
			}
		}
	}
	return policy.Wiring{}, false
}

func (c *Controller) buildWebhooks() error {
	e := &c.cfg.EDRV
	scheme, err := edrvapi.ParseScheme(string(e.WebhookSigning))
	if err != nil {
		return err
	}
	secrets := make([]string, len(e.WebhookSecrets))
	for i, s := range e.WebhookSecrets {
		secrets[i] = s.Reveal()
	}
	verifier, err := edrvapi.NewVerifier(edrvapi.VerifierConfig{
		Secrets: secrets, Signing: scheme, Tolerance: e.WebhookTolerance, Unsigned: e.InsecureUnsigned,
	})
	if err != nil {
		return err
	}
	c.hooks = &webhooks{
		verifier: verifier, route: c.route, observe: c.metrics.Webhook, log: c.log, bodies: newBodies(),
		kept: &keptIDs{journal: c.journal},
	}
	c.hooks.kept.restore(&c.hooks.ids)
	return nil
}

// route finds the sites that an event is about. One that names nothing of ours
// is not known. Without an event, all sites are meant.
func (c *Controller) route(e *edrvapi.Event) ([]*site, bool) {
	if e == nil {
		return c.sites, true
	}
	var connector, station, session string
	switch {
	case e.Session != nil:
		connector, station = e.Session.Connector, e.Session.Station
	case e.Station != nil:
		station = e.Station.ID
	case e.Action != nil:
		connector, station, session = e.Action.Connector, e.Action.Station, e.Action.Session
	default:
		return nil, true // a type that says nothing to us
	}
	if s, ok := c.byConnector[connector]; ok {
		return []*site{s}, true
	}
	if s, ok := c.byStation[station]; ok {
		return []*site{s}, true
	}
	if connector == "" && station == "" && session != "" {
		return c.sites, true // the model that has the session knows
	}
	return nil, false
}

func (c *Controller) listen(listen func(network, address string) (net.Listener, error)) error {
	var err error
	if c.webhookListener, err = listen("tcp", c.cfg.Listen.Webhooks); err != nil {
		return fmt.Errorf("listen for webhooks: %w", err)
	}
	if c.adminListener, err = listen("tcp", c.cfg.Listen.Admin); err != nil {
		return errors.Join(fmt.Errorf("listen for the admin page: %w", err), c.webhookListener.Close())
	}
	return nil
}

// WebhookAddr and AdminAddr are where the controller listens.
func (c *Controller) WebhookAddr() net.Addr { return c.webhookListener.Addr() }

// AdminAddr is where the page, the API, the metrics and health are served.
func (c *Controller) AdminAddr() net.Addr { return c.adminListener.Addr() }

// maxAdminConnections is for a few pages, each with a stream, and scrapers.
const maxAdminConnections = 256

// stopWithin is how long Run takes to stop at most: the contract allows 10 s.
const stopWithin = 8 * time.Second

// Run steers the sites until the context ends. It returns when everything it
// started has ended.
func (c *Controller) Run(ctx context.Context) error {
	supervisor, err := c.supervisor()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	mux := http.NewServeMux()
	mux.Handle("/webhooks/edrv", c.hooks)
	servers := []*http.Server{
		{
			Handler: mux, ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
			IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
			ConnContext: withGuest,
		},
		{
			Handler: c.admin, ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second,
			IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
			BaseContext: func(net.Listener) context.Context { return ctx }, // streams end with us
		},
	}
	recording, endRecord := context.WithCancel(context.WithoutCancel(ctx))
	defer endRecord()
	recorded := make(chan struct{})
	go func() {
		c.journal.Run(recording)
		close(recorded)
	}()
	var running sync.WaitGroup
	doors := []net.Listener{newDoorman(c.webhookListener, webhookDoor), netutil.LimitListener(c.adminListener, maxAdminConnections)}
	for i, l := range doors {
		running.Go(func() {
			if err := servers[i].Serve(l); !errors.Is(err, http.ErrServerClosed) {
				cancel(fmt.Errorf("serve %s: %w", l.Addr(), err))
			}
		})
	}
	for _, s := range c.sites {
		running.Go(func() { s.run(ctx) })
	}
	running.Go(func() { _ = c.admin.Run(ctx) }) // ends with the context
	running.Go(func() { c.watchGroups(ctx) })
	running.Go(func() { supervisor.run(ctx) })
	c.log.Info("headroom is running", "version", c.version, "webhooks", c.WebhookAddr().String(), "admin", c.AdminAddr().String(),
		"sites", len(c.sites))

	<-ctx.Done()
	c.log.Info("stopping: the chargers keep their limits")
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer done()
	for _, server := range servers {
		if err := server.Shutdown(stop); err != nil {
			c.log.Warn("a connection was cut off", "reason", err)
			_ = server.Close()
		}
	}
	c.client.Close()
	running.Wait()
	c.exec.wait()
	endRecord()
	select { // a disk that hangs is not waited for
	case <-recorded:
	case <-stop.Done():
		c.log.Error("the disk does not answer: the last of the journal is lost")
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Close gives up what New opened, when Run never ran.
func (c *Controller) Close() error {
	c.journal.Close()
	return errors.Join(c.webhookListener.Close(), c.adminListener.Close())
}

// groupsEvery is how often eDRV's load-management groups are looked at.
const groupsEvery = 10 * time.Minute

// watchGroups tells the sites which connectors eDRV's own load management
// steers too.
func (c *Controller) watchGroups(ctx context.Context) {
	wait := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		in := core.Grouped{Connectors: map[string]string{}, Stations: map[string]string{}}
		groups, err := c.client.Groups(ctx)
		if wait = groupsEvery; err != nil {
			wait, in.Failed = time.Minute, err.Error()
			c.log.Warn("eDRV's load-management groups cannot be listed", "reason", err)
		}
		for _, g := range groups.Items {
			name := g.Name
			if name == "" {
				name = g.ID
			}
			for _, id := range g.Connectors {
				in.Connectors[id] = name
			}
			for _, id := range g.Stations {
				in.Stations[id] = name
			}
		}
		for _, s := range c.sites {
			s.inbox.put(in)
		}
	}
}

package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/fleet"
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

	// ConfigFile is where Config came from. A change of it is a reload. Empty:
	// there is none.
	ConfigFile string
	// Reload brings a value when the file is to be read again. Nil: never.
	Reload <-chan os.Signal

	// Lease and Dialer replace those of a fleet, for tests.
	Lease  time.Duration
	Dialer nats.CustomDialer
	// Transport replaces the connection to eDRV, for tests.
	Transport http.RoundTripper
	// Listen replaces net.Listen, for tests.
	Listen func(network, address string) (net.Listener, error)
}

// Controller is the daemon: it receives eDRV's webhooks, keeps the models of
// all sites, and steers them.
type Controller struct {
	log     *slog.Logger
	version string
	file    string
	reload  <-chan os.Signal

	client   *edrvapi.Client
	exec     *executor
	hooks    *webhooks
	local    *mailboxes
	fleet    *fleet.Fleet // nil: this machine steers all sites
	registry *prometheus.Registry
	metrics  *web.Metrics
	admin    *web.Server
	journal  *journal.Journal

	setup   atomic.Pointer[setup]
	refused atomic.Pointer[refusal] // the last reload, if nothing came of it
	regroup chan struct{}           // capacity 1: eDRV's groups are to be asked for again
	shared  chan *fleetText         // capacity 1: the newest configuration of the fleet

	changing sync.Mutex                   // held while setup is replaced
	grouped  atomic.Pointer[core.Grouped] // what was last told of eDRV's groups

	webhookListener, adminListener net.Listener
}

// New builds a controller, opens its journal and its listeners. It sends nothing
// and starts nothing; Run must follow, or Close.
func New(opts Options) (c *Controller, err error) {
	c = &Controller{
		log: opts.Logger, version: opts.Version, file: opts.ConfigFile, reload: opts.Reload, regroup: make(chan struct{}, 1),
		shared: make(chan *fleetText, 1),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.journal, err = journal.Open(journal.Options{Dir: opts.Config.DataDir, Logger: c.log}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.journal.Close()
		}
	}()
	c.registry = prometheus.NewRegistry()
	c.metrics = web.NewMetrics(c.registry, nil)
	if err := c.buildClient(&opts.Config.EDRV, opts.Transport); err != nil {
		return nil, err
	}
	c.exec = &executor{api: c.client, verdict: c.metrics.Verdict}
	c.local = &mailboxes{route: c.route, kept: &keptIDs{journal: c.journal}}
	c.local.kept.restore(&c.local.ids)
	c.hooks = &webhooks{to: c.local, observe: c.metrics.Webhook, log: c.log, bodies: newBodies()}
	c.forgetUnknown(opts.Config)
	if opts.Config.Fleet.IsSet() {
		c.joinFleet(&opts)
	}
	next, err := c.prepare(opts.Config)
	if err != nil {
		return nil, err
	}
	c.use(next)
	c.recordStart(opts.Config)
	c.admin = web.New(web.Options{
		Sites: c, Token: func() string { return c.config().Listen.AdminToken.Reveal() }, Registry: c.registry, Logger: c.log, Version: c.version,
		Wiring: c.wiring, SampleEvery: opts.SampleEvery, Journal: c.lines,
	})
	if opts.Listen == nil {
		opts.Listen = net.Listen
	}
	return c, c.listen(opts.Listen)
}

// config is the configuration in force.
func (c *Controller) config() *config.Config { return c.setup.Load().cfg }

// siteNames are the sites that are steered here, in the order of the
// configuration.
func (c *Controller) siteNames() []string {
	sites := c.setup.Load().sites
	names := make([]string, len(sites))
	for i := range sites {
		names[i] = sites[i].id
	}
	return names
}

func (c *Controller) buildClient(e *config.EDRV, transport http.RoundTripper) (err error) {
	clock := &clockWatch{metric: c.metrics.ClockSkew, log: c.log}
	opts := ClientOptions(e, transport)
	opts.APIKey = func() string { return c.config().EDRV.APIKey.Reveal() }
	opts.Logger, opts.OnClock = c.log, clock.compare
	opts.Observe = func(op edrvapi.Operation, code string, took time.Duration) {
		c.metrics.Request(string(op), code, took)
	}
	c.client, err = edrvapi.New(opts)
	return err
}

// wiring tells how a connector is wired.
func (c *Controller) wiring(site, connector string) (policy.Wiring, bool) {
	sites := c.config().Sites
	for i := range sites {
		s := &sites[i]
		for k := range s.Connectors {
			if s.ID == site && s.Connectors[k].ID == connector {
				return s.Connectors[k].Wiring(s.Voltage), true
			}
		}
	}
	return policy.Wiring{}, false
}

// route finds the sites that an event is about. One that names nothing of ours
// is not known. Without an event, all sites are meant.
func (c *Controller) route(e *edrvapi.Event) ([]*site, bool) {
	now := c.setup.Load()
	if e == nil {
		return now.sites, true
	}
	connector, station, session, says := about(e)
	if !says {
		return nil, true
	}
	if s, ok := now.byConnector[connector]; ok {
		return []*site{s}, true
	}
	if s, ok := now.byStation[station]; ok {
		return []*site{s}, true
	}
	if connector == "" && station == "" && session != "" {
		return now.sites, true // the model that has the session knows
	}
	return nil, false
}

// about is what an event names. Some types of events say nothing to us.
func about(e *edrvapi.Event) (connector, station, session string, says bool) {
	switch {
	case e.Session != nil:
		return e.Session.Connector, e.Session.Station, "", true
	case e.Station != nil:
		return "", e.Station.ID, "", true
	case e.Action != nil:
		return e.Action.Connector, e.Action.Station, e.Action.Session, true
	}
	return "", "", "", false
}

func (c *Controller) listen(listen func(network, address string) (net.Listener, error)) error {
	var err error
	if c.config().Fleet.IsSet() && !c.config().Fleet.Role.TakesWebhooks() {
		c.webhookListener = newNoDoor()
	} else if c.webhookListener, err = listen("tcp", c.config().Listen.Webhooks); err != nil {
		return fmt.Errorf("listen for webhooks: %w", err)
	}
	if c.adminListener, err = listen("tcp", c.config().Listen.Admin); err != nil {
		return errors.Join(fmt.Errorf("listen for the admin page: %w", err), c.webhookListener.Close())
	}
	return nil
}

// WebhookAddr is where webhooks are taken.
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
	for _, s := range c.setup.Load().sites {
		s.begin(ctx, &running)
	}
	running.Go(func() { _ = c.admin.Run(ctx) }) // ends with the context
	if c.steers() {
		running.Go(func() { c.watchGroups(ctx) })
	}
	leaveFleet := c.beFleet(ctx, cancel, &running)
	running.Go(func() { supervisor.run(ctx) })
	c.log.Info("headroom is running", "version", c.version, "webhooks", c.WebhookAddr().String(), "admin", c.AdminAddr().String(),
		"sites", len(c.config().Sites))

	c.reloads(ctx, &running)
	c.log.Info("stopping: the chargers keep their limits")
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer done()
	for _, server := range servers {
		if err := server.Shutdown(stop); err != nil {
			c.log.Warn("a connection was cut off", "reason", err)
			_ = server.Close()
		}
	}
	leaveFleet()
	c.client.Close()
	running.Wait()
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

// askForGroups lets eDRV's groups be asked for soon.
func (c *Controller) askForGroups() {
	select {
	case c.regroup <- struct{}{}:
	default:
	}
}

// watchGroups tells the sites which connectors eDRV's own load management
// steers too.
func (c *Controller) watchGroups(ctx context.Context) {
	wait := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		case <-c.regroup:
		}
		if wait = groupsEvery; len(c.setup.Load().sites) == 0 {
			continue // there is nobody to tell
		}
		in := core.Grouped{Connectors: map[string]string{}, Stations: map[string]string{}}
		groups, err := c.client.Groups(ctx)
		if err != nil {
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
		c.grouped.Store(&in)
		for _, s := range c.setup.Load().sites {
			s.inbox.put(in)
		}
	}
}

package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/fleet"
	"github.com/headroom-ev/headroom/controller/journal"
	"github.com/headroom-ev/headroom/controller/web"
	"github.com/headroom-ev/headroom/edrvapi"
)

// In a fleet, gateways give what eDRV delivers to a stream, and a controller
// steers the sites that it owns, each for as long as its term lasts.

// joinFleet makes this machine a member. It connects to nothing yet.
func (c *Controller) joinFleet(opts *Options) {
	cfg := opts.Config
	o := FleetOptions(cfg)
	o.Version, o.Logger, o.Lease, o.Dialer, o.Registry = c.version, c.log, opts.Lease, opts.Dialer, c.registry
	o.Sites = func() []fleet.Site { return FleetSites(c.config()) }
	o.Config = func() string { return c.config().Shared }
	if cfg.Fleet.HasSites {
		o.Configured = c.configured
	}
	if cfg.Fleet.Role.Steers() {
		o.Steer = c.steer
	}
	c.fleet = fleet.New(o)
	c.hooks.to = &relay{fleet: c.fleet, place: c.placeOf, knows: func() bool { return len(c.config().Sites) > 0 }}
}

// fleetText is a configuration that the fleet was given; nil: none yet.
type fleetText struct {
	number uint64
	text   []byte
}

// configured hands the newest configuration of the fleet to the goroutine of Run.
func (c *Controller) configured(number uint64, text []byte) {
	select {
	case <-c.shared:
	default:
	}
	c.shared <- &fleetText{number, text} // nobody else puts one there
}

// FleetOptions are how a configuration says to reach its fleet.
func FleetOptions(cfg *config.Config) fleet.Options {
	o := fleet.Options{Servers: cfg.Fleet.NATS, Node: cfg.Fleet.Node, Role: string(cfg.Fleet.Role)}
	if creds := cfg.Fleet.Creds.Reveal(); creds != "" {
		o.Creds = []byte(creds)
	}
	return o
}

// FleetSites are the sites of a configuration, with what they count when they are
// spread over machines.
func FleetSites(cfg *config.Config) []fleet.Site {
	sites := make([]fleet.Site, len(cfg.Sites))
	for i := range cfg.Sites {
		sites[i] = fleet.Site{ID: cfg.Sites[i].ID, Load: len(cfg.Sites[i].Connectors)}
	}
	return sites
}

// steers reports whether this machine steers sites.
func (c *Controller) steers() bool { return c.fleet == nil || c.config().Fleet.Role.Steers() }

// beFleet takes part in the fleet, if there is one, until leave is called.
func (c *Controller) beFleet(ctx context.Context, fail context.CancelCauseFunc, running *sync.WaitGroup) (leave func()) {
	if c.fleet == nil {
		return func() {}
	}
	// It is left after the webhooks under way are answered.
	ctx, leave = context.WithCancel(context.WithoutCancel(ctx))
	running.Go(func() {
		if err := c.fleet.Run(ctx); err != nil {
			fail(err)
		}
	})
	return leave
}

// steer steers a site in one term of this machine.
func (c *Controller) steer(ctx context.Context, t *fleet.Term) error {
	s, err := c.adopt(t)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	ctx = s.open(ctx, &running)
	running.Go(func() { t.Events(ctx, func(e fleet.Event) { s.deliver(ctx, e) }) })
	defer func() { // also when the model breaks
		c.letGo(s)
		running.Wait()
		s.calls.Wait()
	}()
	s.run(ctx)
	return nil
}

// adopt builds the model of a site from what its last owner left.
func (c *Controller) adopt(t *fleet.Term) (*site, error) {
	c.changing.Lock()
	defer c.changing.Unlock()
	now, cfg := time.Now(), c.config()
	i, known := c.setup.Load().places[t.Site]
	if !known {
		return nil, fmt.Errorf("no site %q in the configuration of this machine", t.Site)
	}
	settings, err := SiteSettings(&cfg.Sites[i], &cfg.Control)
	if err != nil {
		return nil, err
	}
	saved, lost := savedOf(t, t.Site)
	model, err := core.New(settings, saved, now)
	if err != nil {
		return nil, err
	}
	s := c.newSite(model, len(settings.Connectors), &termBook{journal: c.journal, term: t}, c.log.With("term", t.Number))
	s.scribe.all = true
	s.handled = t.Handled
	if s.meters, err = metersOf(&cfg.Sites[i]); err != nil {
		return nil, err
	}
	note := core.Note{At: now, Kind: core.NoteFleet, Text: fmt.Sprintf("%s steers the site in term %d", cfg.Fleet.Node, t.Number)}
	c.journal.Save(journal.Batch{Entries: []journal.Entry{{At: now, Site: s.id, Kind: string(note.Kind), Text: note.Text}}})
	s.record(note)
	for _, text := range lost {
		s.record(core.Note{At: now, Kind: core.NoteJournal, Alarm: true, Text: text})
	}
	if groups := c.grouped.Load(); groups != nil {
		s.inbox.put(*groups)
	} else {
		c.askForGroups()
	}
	c.metrics.SetSites([]string{s.id})
	return s, c.useSites(func(next *setup) {
		at, _ := slices.BinarySearchFunc(next.sites, s, func(a, b *site) int { return next.places[a.id] - next.places[b.id] })
		next.sites = slices.Insert(next.sites, at, s)
		next.byName[s.id] = s
	})
}

// letGo takes a site whose term is over out of use. Its chargers keep their
// limits.
func (c *Controller) letGo(s *site) {
	c.changing.Lock()
	defer c.changing.Unlock()
	s.end()
	err := c.useSites(func(next *setup) {
		next.sites = slices.DeleteFunc(next.sites, func(other *site) bool { return other == s })
		if next.byName[s.id] == s {
			delete(next.byName, s.id)
		}
	})
	if err != nil {
		c.log.Error("the rate of calls to eDRV stays as it was", "reason", err)
	}
}

// useSites puts a setup with other sites into force. c.changing is held.
func (c *Controller) useSites(change func(next *setup)) error {
	next := *c.setup.Load()
	next.sites, next.byName = slices.Clone(next.sites), maps.Clone(next.byName)
	change(&next)
	err := c.adjustClient(&next)
	c.setup.Store(&next)
	return err
}

// adjustClient lets the client of eDRV be as the setup says. In a fleet the rate
// is the share of the connectors that are steered here: since no site is steered
// twice, the shares of all machines add up to no more than the whole. A machine that
// steers none asks eDRV for nothing.
func (c *Controller) adjustClient(u *setup) error {
	e := &u.cfg.EDRV
	rate := e.RequestsPerSecond.PerSecond()
	if c.fleet != nil {
		rate *= u.share()
	}
	return c.client.Adjust(string(e.SetLimitMethod), rate)
}

// share is the part of all connectors that is steered here; at least one counts.
func (u *setup) share() float64 {
	ours := 0
	for name := range u.byName {
		ours += u.loads[name]
	}
	return float64(max(1, ours)) / float64(max(1, u.load))
}

// deliver puts an event of the stream into the mailbox of the site, and waits
// while that is full: the stream keeps what follows.
func (s *site) deliver(ctx context.Context, e fleet.Event) {
	var in core.Input = missed
	if event, err := edrvapi.DecodeEvent(e.Body); err == nil {
		in = inputOf(&event)
	}
	for !s.inbox.put(in) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.streamed.Store(e.Seq)
}

// termBook is the book of a site in a fleet: what the next owner must know goes
// to all, and the record of what was done here stays in the journal here.
type termBook struct {
	journal *journal.Journal
	term    *fleet.Term
}

// Save keeps the values in the term. Done tells when they are durable there.
func (b *termBook) Save(batch journal.Batch) {
	if len(batch.Entries) > 0 {
		b.journal.Save(journal.Batch{Entries: batch.Entries})
	}
	if len(batch.Values) > 0 || batch.Done != nil {
		b.term.Save(batch.Values, batch.Done)
	}
}

// Stats are those of the journal, with what keeps the term from being saved.
func (b *termBook) Stats() journal.Stats {
	stats := b.journal.Stats()
	if stats.Failed == "" {
		stats.Failed = b.term.Failed()
	}
	return stats
}

// fleetHealth adds what is known of the fleet.
func (c *Controller) fleetHealth(h *web.Health) {
	if c.fleet == nil {
		return
	}
	if len(c.config().Sites) == 0 {
		h.Unready = "the fleet has no configuration that this machine can use: give it one with headroom fleet apply"
	}
	if why := c.fleet.Unready(); why != "" {
		h.Unready = why
	}
	status := c.fleet.Status()
	h.Fleet = &web.FleetHealth{Node: c.config().Fleet.Node}
	for _, n := range status.Nodes {
		h.Fleet.Nodes = append(h.Fleet.Nodes, web.FleetNode{
			Name: n.Name, Role: n.Role, Version: n.Version, Since: n.Since, Sites: n.Sites, Gone: n.Over, OtherConfig: n.Config != c.config().Shared,
		})
	}
	for _, s := range status.Sites {
		h.Fleet.Sites = append(h.Fleet.Sites, web.FleetSite{ID: s.ID, Node: s.Node, Term: s.Term})
	}
}

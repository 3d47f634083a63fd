package controller

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
)

// setup is what one configuration makes of the daemon. It is replaced as a
// whole, and nothing in it changes.
type setup struct {
	cfg   *config.Config
	since time.Time

	sites  []*site // in the order of the configuration
	byName map[string]*site
	// Which site a connector or a station belongs to.
	byConnector, byStation map[string]*site
	// The same in a fleet, for all sites, wherever they are steered.
	ofConnector, ofStation map[string]string
	// In a fleet, the place of each site in the configuration, what it counts, and
	// what all of them do.
	places, loads map[string]int
	load          int
}

// prepared is a setup that is complete, but not in use yet.
type prepared struct {
	setup
	hash     []byte
	verifier *edrvapi.Verifier
	settings map[*site]core.Settings   // of the sites that run already
	meters   map[*site][]*runningMeter // of those too
}

// prepare builds everything that a configuration asks for, and changes nothing.
// Sites that run already are taken along.
func (c *Controller) prepare(cfg *config.Config) (*prepared, error) {
	now := time.Now()
	p := &prepared{
		setup: setup{
			cfg: cfg, since: now,
			byName: map[string]*site{}, byConnector: map[string]*site{}, byStation: map[string]*site{},
			ofConnector: map[string]string{}, ofStation: map[string]string{}, places: map[string]int{}, loads: map[string]int{},
		},
		settings: map[*site]core.Settings{}, meters: map[*site][]*runningMeter{},
	}
	var err error
	if p.hash, err = hex.DecodeString(cfg.SHA256); err != nil {
		return nil, fmt.Errorf("hash of the configuration: %w", err)
	}
	if p.verifier, err = NewVerifier(&cfg.EDRV); err != nil {
		return nil, err
	}
	for i := range cfg.Sites {
		if err := c.prepareSite(p, &cfg.Sites[i], now); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (c *Controller) prepareSite(p *prepared, site *config.Site, now time.Time) error {
	settings, err := SiteSettings(site, &p.cfg.Control)
	if err != nil {
		return err
	}
	s := c.running(site.ID)
	elsewhere := s == nil && c.fleet != nil // or here, once it is taken over
	var saved core.Saved
	var lost []string
	if s == nil && !elsewhere {
		saved, lost = savedOf(c.journal, site.ID)
	}
	model, err := core.New(settings, saved, now) // for a site that runs, only to see that it can be
	if err != nil {
		return err
	}
	meters, err := metersOf(site)
	if err != nil {
		return err
	}
	if c.fleet != nil {
		p.place(site)
	}
	if elsewhere {
		return nil
	}
	if s == nil {
		s = c.newSite(model, len(settings.Connectors), c.journal, c.log)
		for _, text := range append(lost, c.journal.Stats().Opened...) {
			s.record(core.Note{At: now, Kind: core.NoteJournal, Alarm: true, Text: text})
		}
		s.meters = meters
	} else {
		p.settings[s], p.meters[s] = settings, meters
		for _, k := range s.view.Load().Connectors {
			if k.Session != "" { // also one that is removed: what happens to it is still for this site
				p.byConnector[k.ID], p.byStation[k.Station] = s, s
			}
		}
	}
	p.sites = append(p.sites, s)
	p.byName[site.ID] = s
	for _, k := range settings.Connectors {
		p.byConnector[k.ID], p.byStation[k.Station] = s, s
	}
	return nil
}

func (c *Controller) newSite(model *core.Site, connectors int, b book, log *slog.Logger) *site {
	s := newSite(model, connectors, c.exec, b, log)
	s.observePass = func(took, late time.Duration) { c.metrics.Pass(s.id, took, late) }
	return s
}

// running is the site of that name that runs already, or nil.
func (c *Controller) running(name string) *site {
	if now := c.setup.Load(); now != nil {
		return now.byName[name]
	}
	return nil
}

// use puts a setup into force. It cannot fail.
func (c *Controller) use(p *prepared) {
	c.hooks.verifier.Store(p.verifier)
	for s, settings := range p.settings {
		s.inbox.put(core.Configured{Settings: settings}) // before events of new connectors are routed to it
	}
	c.setup.Store(&p.setup)
	c.refused.Store(nil)
	c.metrics.SetSites(c.siteNames())
	c.metrics.ConfigLoaded(p.since, p.hash)
}

// NewVerifier is what tells eDRV's webhooks from forged ones.
func NewVerifier(e *config.EDRV) (*edrvapi.Verifier, error) {
	scheme, err := edrvapi.ParseScheme(string(e.WebhookSigning))
	if err != nil {
		return nil, err
	}
	secrets := make([]string, len(e.WebhookSecrets))
	for i, s := range e.WebhookSecrets {
		secrets[i] = s.Reveal()
	}
	return edrvapi.NewVerifier(edrvapi.VerifierConfig{
		Secrets: secrets, Signing: scheme, Tolerance: e.WebhookTolerance, Unsigned: e.InsecureUnsigned,
	})
}

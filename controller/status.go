package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/journal"
	"github.com/headroom-ev/headroom/controller/web"
)

// The controller is what the web shows and sets.
var _ web.Sites = (*Controller)(nil)

// Names lists the sites in the order of the configuration.
func (c *Controller) Names() []string { return c.siteNames() }

// View is the state of a site.
func (c *Controller) View(name string) (*core.View, bool) {
	s, ok := c.setup.Load().byName[name]
	if !ok {
		return nil, false
	}
	return s.view.Load(), true
}

// Changed returns a channel that is closed at the next change of the view.
func (c *Controller) Changed(name string) <-chan struct{} {
	s, ok := c.setup.Load().byName[name]
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Notes are the newest notes of a site.
func (c *Controller) Notes(name string) []core.Note {
	s, ok := c.setup.Load().byName[name]
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]core.Note(nil), s.notes...)
}

// Set hands an input to the site and waits for the view after it.
func (c *Controller) Set(ctx context.Context, name string, in core.Input) error {
	s, ok := c.setup.Load().byName[name]
	if !ok {
		return fmt.Errorf("no site %q", name)
	}
	changed := c.Changed(name)
	if !s.inbox.put(in) {
		return fmt.Errorf("site %s is overloaded: try again", name)
	}
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lines are the lines of the record that a query asks for.
func (c *Controller) lines(ctx context.Context, q web.JournalQuery) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for line, err := range journal.Lines(ctx, c.config().DataDir, journal.Query{Site: q.Site, Since: q.Since, Kinds: q.Kinds}) {
			if !yield(line, err) {
				return
			}
		}
	}
}

// stuckAfter is how many ticks the owner of a site may miss.
const stuckAfter = 3

// Health is the state of what all sites share.
func (c *Controller) Health() web.Health {
	now, used := time.Now(), c.setup.Load()
	h := web.Health{Webhooks: map[string]uint64{}, Version: c.version, Config: web.ConfigHealth{Since: used.since}}
	if r := c.refused.Load(); r != nil {
		h.Config.Refused, h.Config.RefusedAt = r.why, r.at
	}
	for _, s := range used.sites {
		if late := now.Sub(time.Unix(0, s.moved.Load())); late > stuckAfter*used.cfg.Control.Tick+time.Second {
			h.Stuck = fmt.Sprintf("the loop of site %s has not moved for %s", s.id, late.Round(time.Second))
		}
		if v := s.view.Load(); !v.Synced {
			h.Unready = fmt.Sprintf("site %s: no full list of sessions from eDRV yet", s.id)
			if v.ListFailed != "" {
				h.Unready += ": " + v.ListFailed
			}
		}
	}
	if last := c.hooks.last.Load(); last > 0 {
		h.LastWebhook = time.Unix(0, last)
	}
	for _, result := range hookResults {
		h.Webhooks[result] = c.metrics.Webhooks(result)
	}
	kept := c.journal.Stats()
	h.Journal = web.JournalHealth{
		Failed: kept.Failed, Lines: kept.Lines, Lost: kept.Lost, Waiting: kept.Waiting, Durable: kept.Durable, Refused: kept.Refused, Last: kept.Last,
	}
	c.fleetHealth(&h)
	stats := c.client.Stats()
	h.APIDown, h.APIWaiting = stats.BreakerOpen, stats.WaitingCuts+stats.WaitingRaises+stats.WaitingReads
	return h
}

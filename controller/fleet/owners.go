package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// siteEntry is what site.SITE holds. Its revision is the term.
type siteEntry struct {
	Node    string `json:"node"` // empty: the site was given back
	Session string `json:"session"`
}

// owners is what a node knows of who owns what, and what it does about it. One
// goroutine has it, but for the terms that run.
type owners struct {
	f     *Fleet
	l     *link
	nodes map[string]*seenNode
	sites map[string]seenSite
	whole bool // all entries have been seen once

	terms map[string]*holding // of this node, by site
	ended chan string         // sites whose term is over; capacity: one wake-up for each slot
	slots chan struct{}       // takeovers that run at the same time

	members []string // who can steer, sorted
	listed  []Site
	plan    map[string]string // site to node, made from the two
	settled time.Time         // when sites may move to spread them
	changed bool              // since the status was made
}

// seenNode is the entry of a node, and when it was last seen to be renewed.
type seenNode struct {
	entry nodeEntry
	rev   uint64
	at    time.Time
}

type seenSite struct {
	entry siteEntry
	rev   uint64
}

// holding is a term of this node.
type holding struct {
	cancel context.CancelCauseFunc
	after  time.Time // not again before, where it went wrong; zero: it runs
}

const (
	lookEvery = 250 * time.Millisecond
	// lookSoon is how soon one look follows for all that has happened meanwhile: it
	// goes through all sites.
	lookSoon = 20 * time.Millisecond
	// settle is how long nobody may have come or gone before sites move to spread
	// them. Sites without an owner do not wait for it.
	settle = time.Second
	// takeovers is how many sites one node takes over at the same time.
	takeovers = 16
	// shun is how long a node leaves alone a site that it failed to steer.
	shun = 10 * time.Second
)

// own steers what is to be steered by this node until the context ends, and gives
// it back then. A node that steers nothing only looks on.
func (f *Fleet) own(ctx context.Context, l *link) {
	o := newOwners(f, l)
	for ctx.Err() == nil {
		if err := o.watch(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("the entries of the fleet cannot be watched: trying again", "reason", err)
			wait(ctx, 500*time.Millisecond)
		}
	}
	for len(o.terms) > 0 {
		for site, h := range o.terms {
			if h.after.IsZero() {
				h.cancel(errLeft)
			} else {
				delete(o.terms, site)
			}
		}
		if len(o.terms) > 0 {
			delete(o.terms, <-o.ended)
		}
	}
}

func newOwners(f *Fleet, l *link) *owners {
	return &owners{
		f: f, l: l, nodes: map[string]*seenNode{}, sites: map[string]seenSite{}, terms: map[string]*holding{},
		ended: make(chan string, takeovers), slots: make(chan struct{}, takeovers),
	}
}

var errWatch = errors.New("the watch ended")

// watch follows the entries until the context ends or they cannot be followed.
func (o *owners) watch(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := o.l.kv.WatchFiltered(ctx, []string{nodeKey + "*", siteKey + "*"})
	if err != nil {
		return err
	}
	defer w.Stop() //nolint:errcheck // it ends with the context
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var soon <-chan time.Time // something happened
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-w.Updates():
			if !open {
				return errWatch
			}
			if e == nil {
				o.whole = true
			} else {
				o.saw(e, time.Now())
			}
		case site := <-o.ended:
			o.over(site)
		case <-soon:
			soon = nil
			o.look(ctx, time.Now())
			continue
		case <-look.C:
		}
		if soon == nil && o.whole {
			soon = time.After(lookSoon)
		}
	}
}

// saw takes an entry.
func (o *owners) saw(e jetstream.KeyValueEntry, now time.Time) {
	o.changed = true
	if name, ok := strings.CutPrefix(e.Key(), nodeKey); ok {
		var entry nodeEntry
		if err := json.Unmarshal(e.Value(), &entry); err != nil {
			o.f.log.Error("an entry of a node cannot be read", "key", e.Key(), "reason", err)
			return
		}
		if old := o.nodes[untoken(name)]; old == nil || e.Revision() > old.rev {
			o.nodes[untoken(name)] = &seenNode{entry: entry, rev: e.Revision(), at: now}
		}
		return
	}
	name, _ := strings.CutPrefix(e.Key(), siteKey)
	var entry siteEntry
	if err := json.Unmarshal(e.Value(), &entry); err != nil {
		o.f.log.Error("an entry of a site cannot be read", "key", e.Key(), "reason", err)
		return
	}
	if e.Revision() > o.sites[untoken(name)].rev {
		o.sites[untoken(name)] = seenSite{entry, e.Revision()}
	}
}

// over takes note that a term of this node has ended.
func (o *owners) over(site string) {
	if h := o.terms[site]; h != nil {
		h.after = time.Now()
	}
	o.f.metrics.owned.Store(int64(o.running()))
}

func (o *owners) running() (n int) {
	for _, h := range o.terms {
		if h.after.IsZero() {
			n++
		}
	}
	return n
}

// look decides on everything from what is known.
func (o *owners) look(ctx context.Context, now time.Time) {
	sites := o.f.opts.Sites()
	o.spread(sites, now)
	if o.changed {
		o.publish(sites)
	}
	s := o.f.session.Load()
	if s == nil || s.ctx.Err() != nil || o.f.opts.Steer == nil {
		return
	}
	o.endSilent(ctx, now)
	for _, site := range sites {
		o.decide(s, site, now)
	}
	for id, h := range o.terms {
		if _, known := o.plan[id]; !known && h.after.IsZero() {
			h.cancel(errMoved) // it is in no configuration any more
		}
	}
}

// steering are the nodes that can steer sites, sorted. Those with another
// configuration do not count: they may know other sites, and spread them in
// another way, so that a site could be nobody's. So it is wanted by both, and
// stays with whoever has it until they have the same.
func (o *owners) steering() []string {
	var names []string
	config := o.f.opts.Config()
	for name, n := range o.nodes {
		if n.entry.Steers && !n.entry.Over && (n.entry.Config == config || name == o.f.opts.Node) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// spread makes a new plan where members or sites are others.
func (o *owners) spread(sites []Site, now time.Time) {
	members := o.steering()
	moved := !slices.Equal(members, o.members)
	if moved {
		o.settled = now.Add(settle)
	}
	if moved || !slices.Equal(sites, o.listed) {
		o.members, o.listed, o.changed = members, sites, true
		o.plan = assign(sites, members)
	}
}

// endSilent ends the sessions of nodes that have not been renewed for a lease. It
// fails where one was renewed and this node is only slow to see it.
func (o *owners) endSilent(ctx context.Context, now time.Time) {
	for name, n := range o.nodes {
		if n.entry.Over || name == o.f.opts.Node || now.Sub(n.at) < o.f.opts.Lease {
			continue
		}
		gone := n.entry
		gone.Over = true
		rev, err := o.l.swap(ctx, nodeKey+token(name), encode(&gone), n.rev)
		if err != nil {
			n.at = now.Add(-o.f.opts.Lease + lookEvery*2) // look again soon
			o.f.log.Debug("the session of a silent node is not ended", "silent", name, "reason", err)
			continue
		}
		o.nodes[name], o.changed = &seenNode{entry: gone, rev: rev, at: now}, true
		o.f.metrics.ended.Inc()
		o.f.log.Warn("a node has been silent for a lease: its sites are free", "silent", name, "session", gone.Session)
	}
}

// decide begins or ends the term of one site.
func (o *owners) decide(s *session, site Site, now time.Time) {
	h := o.terms[site.ID]
	runs := h != nil && h.after.IsZero()
	ours := o.plan[site.ID] == o.f.opts.Node
	switch {
	case runs && !ours && !now.Before(o.settled):
		h.cancel(errMoved)
	case runs || !ours || h != nil && now.Before(h.after):
	case !o.free(s, site.ID):
	default:
		select {
		case o.slots <- struct{}{}:
		default:
			return // at the next look
		}
		ctx, cancel := context.WithCancelCause(s.ctx)
		o.terms[site.ID] = &holding{cancel: cancel}
		o.f.metrics.owned.Store(int64(o.running()))
		from := o.sites[site.ID]
		o.f.terms.Go(func() {
			o.f.hold(ctx, o.l, s, site, from, func() { <-o.slots })
			cancel(nil)
			o.ended <- site.ID
		})
	}
}

// free reports whether a site has no owner whose session may still last. One that
// this session owns without steering it is free too: its answer did not come.
func (o *owners) free(s *session, site string) bool {
	owner := o.sites[site]
	if owner.rev == 0 || owner.entry.Node == "" || owner.entry.Session == s.entry.Session {
		return true
	}
	n := o.nodes[owner.entry.Node]
	return n == nil || n.entry.Over || n.entry.Session != owner.entry.Session
}

// hold takes a site over, steers it, and gives it back. Ready is called once the
// takeover is done, or failed.
func (f *Fleet) hold(ctx context.Context, l *link, s *session, site Site, from seenSite, ready func()) {
	begun := time.Now()
	log := f.log.With("site", site.ID)
	key := siteKey + token(site.ID)
	number, err := l.swap(ctx, key, encode(&siteEntry{Node: f.opts.Node, Session: s.entry.Session}), from.rev)
	if err != nil {
		ready()
		log.Debug("not taken over", "reason", err)
		return
	}
	t, err := f.claim(ctx, l, site, number)
	ready()
	if err == nil {
		f.metrics.takeovers.Inc()
		f.metrics.takeover.Observe(time.Since(begun).Seconds())
		log.Info("steering the site", "term", number, "from", cmp.Or(from.entry.Node, "nobody"), "saved", t.at)
		f.metrics.terms.WithLabelValues(site.ID).Set(float64(number))
		err = f.steer(ctx, t)
		t.close()
		f.metrics.terms.DeleteLabelValues(site.ID)
	}
	why := context.Cause(ctx)
	if why == nil {
		why = err
	}
	log.Info("not steering the site any more", "term", number, "reason", why)
	if why == err && err != nil { // it went wrong here: not again at once
		wait(ctx, shun)
	}
	// Nothing of ours is under way any more, so that the next owner need not wait.
	free, cancel := context.WithTimeout(context.WithoutCancel(ctx), call)
	defer cancel()
	if _, err := l.swap(free, key, encode(&siteEntry{}), number); err != nil && !swapped(err) {
		log.Warn("the site is not given back: the next owner waits for the lease to end", "reason", err)
	}
}

// steer keeps one bad site from stopping the others.
func (f *Fleet) steer(ctx context.Context, t *Term) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.begin(ctx, cancel)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("steering failed: %v", r)
			f.metrics.failures.Inc()
			f.log.Error("a mistake in headroom, please report it", "site", t.Site, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	err = f.opts.Steer(ctx, t)
	if lost := context.Cause(ctx); errors.Is(lost, ErrLost) {
		return lost
	}
	return err
}

// publish makes what is known readable.
func (o *owners) publish(sites []Site) {
	o.changed = false
	st := &Status{Whole: true}
	for _, name := range slices.Sorted(maps.Keys(o.nodes)) {
		st.Nodes = append(st.Nodes, o.nodes[name].status(name))
	}
	for _, site := range sites {
		st.Sites = append(st.Sites, o.sites[site.ID].status(site.ID, o.nodes))
	}
	o.f.status.Store(st)
}

package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Status is who is in the fleet and who steers what.
type Status struct {
	// Whole tells that everything has been seen; before that nothing is known.
	Whole bool         `json:"-"`
	Nodes []NodeStatus `json:"nodes"` // by name
	Sites []SiteStatus `json:"sites"` // as configured, or by name
}

// NodeStatus is one machine of the fleet.
type NodeStatus struct {
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	Version string    `json:"version"`
	Config  string    `json:"config"` // hash of what all nodes must have alike
	Session string    `json:"session"`
	Since   time.Time `json:"since"` // of the session, by the clock of the node
	Sites   int       `json:"sites"` // that it steered when it last told
	Over    bool      `json:"over"`  // it left, or was silent for a lease
}

// SiteStatus is who steers one site. Without an owner, Node is empty.
type SiteStatus struct {
	ID   string `json:"id"`
	Node string `json:"node"`
	Term uint64 `json:"term"`
}

// Keep keeps these sites alone, in this order: one that nobody ever steered has
// no entry, and one that is gone has one still.
func (s *Status) Keep(sites []Site) {
	known := make(map[string]SiteStatus, len(s.Sites))
	for _, site := range s.Sites {
		known[site.ID] = site
	}
	s.Sites = make([]SiteStatus, len(sites))
	for i, site := range sites {
		s.Sites[i] = known[site.ID]
		s.Sites[i].ID = site.ID
	}
}

func (n *seenNode) status(name string) NodeStatus {
	e := &n.entry
	return NodeStatus{
		Name: name, Role: e.Role, Version: e.Version, Config: e.Config, Session: e.Session, Since: e.Since, Sites: e.Sites, Over: e.Over,
	}
}

func (s seenSite) status(id string, nodes map[string]*seenNode) SiteStatus {
	out := SiteStatus{ID: id, Term: s.rev}
	if n := nodes[s.entry.Node]; n != nil && !n.entry.Over && n.entry.Session == s.entry.Session {
		out.Node = s.entry.Node
	}
	return out
}

// Status is what this node knows. It must not be changed.
func (f *Fleet) Status() *Status { return f.status.Load() }

// Unready says why this node cannot do its part, or is empty.
func (f *Fleet) Unready() string {
	switch {
	case f.link.Load() == nil:
		return ErrNotConnected.Error()
	case f.session.Load() == nil:
		return "this node has no session in the fleet"
	}
	return ""
}

// visit finds the bucket without taking part in the fleet. Done must be called.
func visit(ctx context.Context, opts *Options) (l *link, done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*call)
	defer cancel()
	nc, err := connect(opts, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			nc.Close()
		}
	}()
	for !nc.IsConnected() {
		if !wait(ctx, 20*time.Millisecond) {
			return nil, nil, errors.Join(ErrNotConnected, nc.LastError())
		}
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(call))
	if err != nil {
		return nil, nil, err
	}
	l = &link{js: js, limit: nc.MaxPayload()}
	if l.kv, err = js.KeyValue(ctx, Bucket); err != nil {
		return nil, nil, fmt.Errorf("bucket %s: %w", Bucket, err)
	}
	return l, nc.Close, nil
}

// Read asks the servers for the status of a fleet, without taking part in it.
func Read(ctx context.Context, opts Options) (*Status, error) {
	l, done, err := visit(ctx, &opts)
	if err != nil {
		return nil, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, 5*call)
	defer cancel()
	o := newOwners(New(opts), nil)
	w, err := l.kv.WatchFiltered(ctx, []string{nodeKey + "*", siteKey + "*"})
	if err != nil {
		return nil, err
	}
	defer w.Stop() //nolint:errcheck // the connection is closed
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case e, open := <-w.Updates():
			if open && e != nil {
				o.saw(e, time.Now())
				continue
			}
		}
		break
	}
	var sites []Site
	for id := range o.sites {
		sites = append(sites, Site{ID: id})
	}
	slices.SortFunc(sites, func(a, b Site) int { return strings.Compare(a.ID, b.ID) })
	o.publish(sites)
	return o.f.Status(), nil
}

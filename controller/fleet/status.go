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
	Whole bool
	Nodes []NodeStatus // by name
	Sites []SiteStatus // as configured, or by name
}

// NodeStatus is one machine of the fleet.
type NodeStatus struct {
	Name, Role, Version, Config string
	Session                     string
	Since                       time.Time // of the session, by the clock of the node
	Sites                       int       // that it steered when it last told
	Over                        bool      // it left, or was silent for a lease
}

// SiteStatus is who steers one site. Without an owner, Node is empty.
type SiteStatus struct {
	ID, Node string
	Term     uint64
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

// Read asks the servers for the status of a fleet, without taking part in it.
func Read(ctx context.Context, opts Options) (*Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*call)
	defer cancel()
	nc, err := connect(&opts, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	for !nc.IsConnected() {
		if !wait(ctx, 20*time.Millisecond) {
			return nil, errors.Join(ErrNotConnected, nc.LastError())
		}
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(call))
	if err != nil {
		return nil, err
	}
	kv, err := js.KeyValue(ctx, Bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", Bucket, err)
	}
	o := newOwners(New(opts), nil)
	w, err := kv.WatchFiltered(ctx, []string{nodeKey + "*", siteKey + "*"})
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

package replay

import (
	"fmt"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/controller"
	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/policy"
)

// Site is one site of a configuration, ready for the engine.
type Site struct {
	ID   string
	File string // the configuration
	Zone *time.Location
	Rule policy.Rule // of the configuration

	tree       *policy.Tree
	options    policy.Options
	circuits   []circuit // in the order of the tree
	connectors []connector
	byID       map[string]int
	volts      int64 // between phase and neutral
}

// circuit is one circuit with all that limits it.
type circuit struct {
	limits policy.Limits
	base   policy.Load // of it and all below
}

// connector is one outlet.
type connector struct {
	core.Connector
	circuit int            // in the tree
	order   []policy.Phase // of the site, in the order of its own L1, L2, L3
}

// File is a configuration that was read, and its name.
type File struct {
	Name   string
	Config *config.Config
}

// SiteOf is the site of a configuration with the given id, or its only one
// where the id is empty.
func SiteOf(file File, id string) (*Site, error) {
	cfg := file.Config
	ids := make([]string, len(cfg.Sites))
	for i := range cfg.Sites {
		ids[i] = cfg.Sites[i].ID
		if id == ids[i] || id == "" && len(cfg.Sites) == 1 {
			return newSite(file, &cfg.Sites[i])
		}
	}
	if id == "" {
		return nil, usage("%s has %d sites: choose one with --site: %s", file.Name, len(ids), strings.Join(ids, ", "))
	}
	return nil, usage("%s has no site %q: it has %s", file.Name, id, strings.Join(ids, ", "))
}

func newSite(file File, c *config.Site) (*Site, error) {
	set, err := controller.SiteSettings(c, &file.Config.Control)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name, err)
	}
	specs := make([]policy.CircuitSpec, len(set.Circuits))
	for i, k := range set.Circuits {
		specs[i] = policy.CircuitSpec{ID: k.ID, Parent: k.Parent}
	}
	tree, err := policy.NewTree(specs)
	if err != nil {
		return nil, fmt.Errorf("%s: site %s: %w", file.Name, set.ID, err)
	}
	s := &Site{
		ID: set.ID, File: file.Name, Zone: set.Zone, Rule: set.Rule, tree: tree,
		options:  policy.Options{Rotate: set.Timing.Rotate, MinOn: set.MinOn, ResumeAfter: set.Timing.ResumeAfter},
		circuits: make([]circuit, tree.Len()), byID: make(map[string]int, len(set.Connectors)), volts: int64(c.Voltage),
	}
	base := make([]policy.Load, tree.Len())
	for i := range set.Circuits {
		k := &set.Circuits[i]
		at, _ := tree.Index(k.ID)
		base[at] = k.Base
		s.circuits[at].limits = policy.Limits{Configured: k.Limit, Margin: k.Margin, Windows: k.Windows}
	}
	tree.AddUp(base)
	for at := range base {
		s.circuits[at].base = base[at]
	}
	for i := range set.Connectors {
		at, _ := tree.Index(set.Connectors[i].Circuit)
		s.connectors = append(s.connectors, connector{Connector: set.Connectors[i], circuit: at, order: c.Connectors[i].Phases.Order()})
		s.byID[set.Connectors[i].ID] = i
	}
	return s, nil
}

// label is the connector's name for people.
func (c *connector) label() string {
	if c.Name != "" && c.Name != c.ID {
		return c.Name + " (" + c.ID + ")"
	}
	return c.ID
}

// circuitNow is what holds on one circuit at one time.
type circuitNow struct {
	limit     policy.Load // margin and base load not taken off
	source    policy.Source
	permitted policy.Load // what its connectors may draw together
}

// limitsAt is what holds on every circuit at the time t.
func (s *Site) limitsAt(t time.Time) []circuitNow {
	out := make([]circuitNow, len(s.circuits))
	for k := range s.circuits {
		c := &s.circuits[k]
		limit, source := c.limits.At(t, s.Zone)
		out[k] = circuitNow{limit, source, c.limits.Margin.Under(limit).Minus(c.base)}
	}
	return out
}

// nextChange is when a limit next changes after t; the zero time: not within a
// week.
func (s *Site) nextChange(t time.Time) time.Time {
	var next time.Time
	for k := range s.circuits {
		if at, ok := s.circuits[k].limits.NextChange(t, s.Zone); ok && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

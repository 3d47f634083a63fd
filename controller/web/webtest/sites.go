package webtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/web"
	"github.com/headroom-ev/headroom/policy"
)

// Sites are what a daemon would show. All methods may be called at any time.
type Sites struct {
	mu      sync.Mutex
	names   []string
	depots  map[string]*Depot
	views   map[string]*core.View
	changed map[string]chan struct{}
	health  web.Health
	taken   []core.Input
	refuse  error
}

var _ web.Sites = (*Sites)(nil)

// New are sites with the names, at the time now. They are calm.
func New(now time.Time, names ...string) *Sites {
	s := &Sites{
		names: names, depots: map[string]*Depot{}, views: map[string]*core.View{}, changed: map[string]chan struct{}{},
		health: web.Health{LastWebhook: now, Webhooks: map[string]uint64{"accepted": 1204, "duplicate": 3}, Version: "v1.2.3"},
	}
	for _, name := range names {
		s.depots[name] = newDepot(name, now)
		s.views[name] = s.depots[name].view()
		s.changed[name] = make(chan struct{})
	}
	return s
}

// Depot changes the script of a site, which shows from the next Step on.
func (s *Sites) Depot(site string, change func(*Depot)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.depots[site])
}

// Step lets time pass at all sites.
func (s *Sites) Step(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, depot := range s.depots {
		depot.step(d)
		if !depot.Silent {
			s.health.LastWebhook = depot.Now
		}
		s.publish(name, depot.view())
	}
}

// Edit publishes a changed copy of the view of a site.
func (s *Sites) Edit(site string, change func(*core.View)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := *s.views[site]
	v.Circuits, v.Connectors, v.Limits = slices.Clone(v.Circuits), slices.Clone(v.Connectors), slices.Clone(v.Limits)
	change(&v)
	s.publish(site, &v)
}

func (s *Sites) publish(site string, v *core.View) {
	s.views[site] = v
	close(s.changed[site])
	s.changed[site] = make(chan struct{})
}

// Remove takes a site away, as a reload would.
func (s *Sites) Remove(site string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = slices.DeleteFunc(slices.Clone(s.names), func(name string) bool { return name == site })
	delete(s.views, site)
	delete(s.depots, site)
	close(s.changed[site])
	s.changed[site] = make(chan struct{})
}

// SetHealth changes what all sites share.
func (s *Sites) SetHealth(change func(*web.Health)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.health)
}

// Refuse makes Set fail.
func (s *Sites) Refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = err
}

// Taken are the inputs that were set.
func (s *Sites) Taken() []core.Input {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

// Names lists the sites.
func (s *Sites) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.names)
}

// View is the state of a site.
func (s *Sites) View(site string) (*core.View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.views[site]
	return v, ok
}

// Changed is closed at the next change.
func (s *Sites) Changed(site string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed[site]
}

// Notes are what happened at a site.
func (s *Sites) Notes(site string) []core.Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.depots[site]; d != nil {
		return slices.Clone(d.notes)
	}
	return nil
}

// Health is what all sites share.
func (s *Sites) Health() web.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

// Set takes an input at once.
func (s *Sites) Set(ctx context.Context, site string, in core.Input) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.taken = append(s.taken, in)
	d := s.depots[site]
	switch in := in.(type) {
	case core.ModeSet:
		d.Mode = in.Mode
		d.Note(core.NoteState, false, "site %s is in mode %s", site, in.Mode)
	case core.LimitSet:
		d.setLimit(in)
	case core.LimitEnded:
		d.limits = slices.DeleteFunc(d.limits, func(l core.LimitView) bool { return l.Name == in.Name })
		d.Note(core.NoteLimit, false, "external limit %s ended", in.Name)
	case core.OverrideSet:
		d.override[in.Session] = true
	case core.OverrideEnded:
		delete(d.override, in.Session)
	default:
		return fmt.Errorf("unexpected input %T", in)
	}
	s.publish(site, d.view())
	return nil
}

func (d *Depot) setLimit(in core.LimitSet) {
	x := &in.Limit
	l := core.LimitView{Name: x.Name, Circuit: in.Circuit, Until: x.Until, State: "active"}
	if x.Limit.Power < policy.Unlimited {
		l.KW = new(float64(x.Limit.Power) / float64(policy.Kilowatt))
	}
	if x.Limit.Amps[0] < policy.Unlimited {
		l.Amps = new(float64(x.Limit.Amps[0]) / float64(policy.Ampere))
	}
	if x.Fallback.Power < policy.Unlimited {
		l.FallbackW = new(float64(x.Fallback.Power) / float64(policy.Watt))
	}
	if !x.From.IsZero() {
		l.From, l.State = new(x.From), "pending"
	}
	d.limits = slices.DeleteFunc(d.limits, func(have core.LimitView) bool { return have.Name == x.Name })
	d.limits = append(d.limits, l)
	d.Note(core.NoteLimit, false, "external limit %s on %s until %s", x.Name, in.Circuit, x.Until.Format(time.TimeOnly))
}

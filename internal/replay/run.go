package replay

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// never is a time after the end of every recording, in milliseconds.
const never = math.MaxInt64 / 2

// run is one replay: a site, a rule, a kind of car.
type run struct {
	site   *Site
	rule   policy.Rule
	car    Car
	step   int64 // ms
	stays  []stay
	epoch  time.Time
	tally  *tally
	engine *policy.Engine
	world  policy.World
	plan   policy.Plan

	now     int64
	next    int // of stays, the next to be plugged in
	queue   []*stay
	there   []*present // that want energy, by connector
	limits  []circuitNow
	changes int64 // when a limit changes
	review  int64 // when the plan may change by itself
}

// play goes from event to event until everybody has left.
func (r *run) play(ctx context.Context, progress func(done, total int)) error {
	r.engine = policy.NewEngine(r.site.tree, r.rule, r.site.options)
	r.queue = byPlugIn(r.stays)
	r.now = r.queue[0].plugged
	r.changes, r.review = r.now, never
	for events := 0; r.next < len(r.queue) || len(r.there) > 0; events++ {
		if events%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			progress(r.next, len(r.queue))
		}
		if r.now >= r.changes {
			r.updateLimits()
		}
		r.leave()
		r.plugIn()
		r.decide()
		until := r.nextEvent()
		r.tally.pass(r, until)
		for _, p := range r.there {
			p.deliver(until - r.now)
		}
		r.now = until
	}
	progress(len(r.queue), len(r.queue))
	return nil
}

// byPlugIn is the stays in the order in which they are plugged in, or turned
// away.
func byPlugIn(stays []stay) []*stay {
	list := make([]*stay, len(stays))
	for i := range stays {
		list[i] = &stays[i]
	}
	slices.SortStableFunc(list, func(a, b *stay) int { return int(min(1, max(-1, a.plugged-b.plugged))) })
	return list
}

// at is a time of the recording.
func (r *run) at(ms int64) time.Time { return r.epoch.Add(time.Duration(ms) * time.Millisecond) }

func (r *run) updateLimits() {
	r.limits = r.site.limitsAt(r.at(r.now))
	r.changes = never
	if next := r.site.nextChange(r.at(r.now)); !next.IsZero() {
		r.changes = max(r.now+1, since(r.epoch, next))
	} else if len(r.site.circuits) > 0 && r.site.scheduled() {
		r.changes = r.now + (7 * 24 * time.Hour).Milliseconds() // look again
	}
}

// scheduled reports whether any limit depends on the time.
func (s *Site) scheduled() bool {
	return slices.ContainsFunc(s.circuits, func(c circuit) bool { return len(c.limits.Windows) > 0 })
}

// leave takes out who is served or has to go.
func (r *run) leave() {
	r.there = slices.DeleteFunc(r.there, func(p *present) bool {
		gone := p.left == 0 || p.departure <= r.now
		if gone {
			r.tally.end(p)
		}
		return gone
	})
}

// plugIn lets in who comes now.
func (r *run) plugIn() {
	for ; r.next < len(r.queue) && r.queue[r.next].plugged <= r.now; r.next++ {
		st := r.queue[r.next]
		if st.turnedAway() || st.need == 0 {
			r.tally.absent(st)
			continue
		}
		p := arrive(st, &r.site.connectors[st.connector], r.car)
		p.waits.add(st.plugged-st.arrival, true)
		at, _ := slices.BinarySearchFunc(r.there, st.connector, func(p *present, c int) int { return p.connector - c })
		r.there = slices.Insert(r.there, at, p)
	}
}

// decide asks the engine, and lets cars draw what it gives them.
func (r *run) decide() {
	r.review = never
	if len(r.there) == 0 {
		return
	}
	now := r.at(r.now)
	r.fillWorld()
	r.engine.Decide(now, &r.world, &r.plan)
	for i, p := range r.there {
		level := r.plan.Allocations[i].Level
		p.turn = p.turn.After(now, level)
		r.tally.order(p, level)
		p.take(level, r.car)
	}
	if at := r.plan.Review; !at.IsZero() {
		r.review = since(r.epoch, at.Add(time.Millisecond-1)) // not before it
	}
}

// fillWorld describes the site to the engine.
func (r *run) fillWorld() {
	w := &r.world
	n := len(r.site.circuits)
	w.Permitted = append(w.Permitted[:0], make([]policy.Load, n)...)
	w.ArrivalReserve = append(w.ArrivalReserve[:0], make([]policy.Load, n)...)
	for k := range r.limits {
		w.Permitted[k] = r.limits[k].permitted
	}
	w.Sessions = w.Sessions[:0]
	for _, p := range r.there {
		p.turn.Served = p.delivered()
		w.Sessions = append(w.Sessions, r.site.claim(p, r.epoch))
	}
}

// claim is a car as the engine sees it.
func (s *Site) claim(p *present, epoch time.Time) policy.Session {
	c := &s.connectors[p.connector]
	claim := policy.Session{
		Key: p.connector, ID: p.ID, Circuit: c.circuit, Wiring: p.wiring, Kind: c.Kind,
		Min: p.min, Max: p.most, CanPause: c.CanPause, UsesLess: p.lent, Tier: c.Tier, Weight: c.Weight,
		Since: epoch.Add(time.Duration(p.plugged) * time.Millisecond), Leaves: p.Departure, Turn: p.turn,
		Need: policy.MilliwattHours((p.left + microjoules - 1) / microjoules),
	}
	if p.lent {
		claim.Uses = p.uses()
	}
	if p.Tier != nil {
		claim.Tier = *p.Tier
	}
	if p.Weight > 0 {
		claim.Weight = p.Weight
	}
	return claim
}

// nextEvent is when anything next changes.
func (r *run) nextEvent() int64 {
	next := r.changes
	if r.next < len(r.queue) {
		next = min(next, r.queue[r.next].plugged)
	}
	if len(r.there) == 0 {
		return next
	}
	next = min(next, (r.now/r.step+1)*r.step)
	if r.review > r.now {
		next = min(next, r.review)
	}
	for _, p := range r.there {
		next = min(next, p.departure, r.now+p.change(r.car))
	}
	return next
}

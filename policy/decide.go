package policy

import (
	"cmp"
	"slices"
	"time"
)

// Options are the settings of an Engine that do not change while it lives.
type Options struct {
	// Rotate is how long a session keeps its turn while others wait.
	Rotate time.Duration
	// MinOn is how long a session charges at least before one that never
	// charged may take its place.
	MinOn time.Duration
	// ResumeAfter is how long a session that was paused stays paused.
	ResumeAfter time.Duration
}

// Engine decides who gets what on one tree of circuits by one rule. It keeps
// working memory, and nothing else, between decisions: the same World at the
// same time gives the same Plan whatever was decided before and whatever the
// order of the sessions. It is not safe for concurrent use.
type Engine struct {
	tree *Tree
	rule Rule
	opt  Options

	fill   filler
	left   []Load // per circuit, what may still be given when everybody has 0
	room   []Load // per circuit, scratch: what is left at some point of a decision
	low    []int64
	high   []int64
	floors []Load
	idle   []Load

	admitted []*Session // in the order of their keys
	place    []int      // their places in World.Sessions
	shares   []Share
	order    []int // admitted, by tier and key

	candidates []candidate
	best       []bool
}

// NewEngine returns an engine for the tree and the rule.
func NewEngine(tree *Tree, rule Rule, opt Options) *Engine {
	return &Engine{tree: tree, rule: rule, opt: opt}
}

// Tree is the circuits that the engine decides on.
func (e *Engine) Tree() *Tree { return e.tree }

// Rule is the sharing rule.
func (e *Engine) Rule() Rule { return e.rule }

// Decide fills the plan for the world at the time now, reusing the memory of
// the plan's slices.
func (e *Engine) Decide(now time.Time, w *World, plan *Plan) {
	plan.Allocations = zeroed(plan.Allocations, len(w.Sessions))
	plan.Review = time.Time{}
	for i := range w.Sessions {
		plan.Allocations[i].Key = w.Sessions[i].Key
	}
	e.book(w, plan)
	e.bounds(w, plan)
	e.admit(now, w, plan)
	e.listAdmitted(w, plan)
	e.share(now, plan)
	if e.lend(plan) {
		e.share(now, plan)
	}
	e.handOutRest(plan)
	e.conclude(w, plan)
}

// book sets what is left on every circuit after all that the engine cannot
// decide: sessions that are held, and what idle connectors may begin to draw.
func (e *Engine) book(w *World, plan *Plan) {
	n := e.tree.Len()
	e.left, e.floors, e.idle = zeroed(e.left, n), zeroed(e.floors, n), zeroed(e.idle, n)
	plan.Covered, plan.Booked = zeroed(plan.Covered, n), zeroed(plan.Booked, n)
	for _, b := range w.Held {
		plan.Booked[b.Circuit] = plan.Booked[b.Circuit].Plus(b.Wiring.At(b.Level))
	}
	for _, b := range w.Idle {
		e.idle[b.Circuit] = e.idle[b.Circuit].Plus(b.Wiring.At(b.Level))
	}
	for i := range w.Sessions {
		s := &w.Sessions[i]
		e.floors[s.Circuit] = e.floors[s.Circuit].Plus(s.Wiring.At(s.Floor))
	}
	e.tree.AddUp(plan.Booked)
	e.tree.AddUp(e.idle)
	e.tree.AddUp(e.floors)
	for i := range n {
		all := e.floors[i].Plus(e.idle[i]).Plus(plan.Booked[i])
		plan.Covered[i] = all.Fits(w.Permitted[i])
		reserve := e.idle[i]
		if !plan.Covered[i] {
			reserve = reserve.Tightest(w.ArrivalReserve[i])
		}
		plan.Booked[i] = plan.Booked[i].Plus(reserve)
		e.left[i] = w.Permitted[i].Minus(plan.Booked[i])
	}
}

// bounds sets the least and the most of every session. Where the floors of all
// connectors fit, a session's floor is booked whatever it is given, so giving
// less would help nobody.
func (e *Engine) bounds(w *World, plan *Plan) {
	e.low, e.high = resize(e.low, len(w.Sessions)), resize(e.high, len(w.Sessions))
	for i := range w.Sessions {
		s := &w.Sessions[i]
		if s.Max < s.Min {
			e.low[i], e.high[i] = 0, 0
			continue
		}
		low, step := int64(s.Min), int64(s.Kind.step())
		if e.floorBooked(s, plan) {
			low = max(low, int64(s.Floor))
		}
		e.high[i] = int64(s.Max) / step * step
		e.low[i] = min((low+step-1)/step*step, e.high[i])
	}
}

func (e *Engine) floorBooked(s *Session, plan *Plan) bool {
	for c := s.Circuit; c >= 0; c = e.tree.parent[c] {
		if !plan.Covered[c] {
			return false
		}
	}
	return true
}

// listAdmitted lists the sessions that do not wait, by key.
func (e *Engine) listAdmitted(w *World, plan *Plan) {
	e.admitted, e.place = e.admitted[:0], e.place[:0]
	for i := range w.Sessions {
		if plan.Allocations[i].Reason.Code != ReasonWaiting {
			e.place = append(e.place, i)
		}
	}
	byKey := func(a, b int) int { return cmp.Compare(w.Sessions[a].Key, w.Sessions[b].Key) }
	if !slices.IsSortedFunc(e.place, byKey) {
		slices.SortFunc(e.place, byKey)
	}
	for _, i := range e.place {
		e.admitted = append(e.admitted, &w.Sessions[i])
	}
}

// share gives every admitted session a level between its low and high by the
// rule, tier by tier.
func (e *Engine) share(now time.Time, plan *Plan) {
	e.shares = zeroed(e.shares, len(e.admitted))
	e.rule.Shares(now, e.admitted, e.shares)
	e.order = resize(e.order, len(e.admitted))
	for i := range e.order {
		e.order[i] = i
	}
	byTier := func(a, b int) int { return cmp.Compare(e.shares[b].Tier, e.shares[a].Tier) }
	if !slices.IsSortedFunc(e.order, byTier) {
		slices.SortStableFunc(e.order, byTier)
	}
	e.leaveMinimums()
	for from := 0; from < len(e.order); {
		to := from + 1
		for to < len(e.order) && byTier(e.order[from], e.order[to]) == 0 {
			to++
		}
		if tier := e.order[from:to]; len(tier) == 1 {
			e.fillOne(tier[0], plan)
		} else {
			e.fillTier(tier, plan)
		}
		from = to
	}
}

// leaveMinimums sets e.room to what is left when every admitted session has
// its least.
func (e *Engine) leaveMinimums() {
	e.room = zeroed(e.room, e.tree.Len())
	for k, s := range e.admitted {
		e.room[s.Circuit] = e.room[s.Circuit].Plus(s.Wiring.At(Milliamps(e.low[e.place[k]])))
	}
	e.tree.AddUp(e.room)
	for i := range e.room {
		e.room[i] = e.left[i].Minus(e.room[i])
	}
}

// fillOne gives one session all that the circuits above it have room for.
func (e *Engine) fillOne(k int, plan *Plan) {
	s, i := e.admitted[k], e.place[k]
	more, bound := e.roomFor(s, e.high[i]-e.low[i])
	step := int64(s.Kind.step())
	more = max(0, more) / step * step
	e.take(s, more)
	plan.Allocations[i].Level = Milliamps(e.low[i] + more)
	plan.Allocations[i].Reason = reasonOf(bound)
}

// roomFor is by how much the session's level can rise, at most most, and the
// constraint that keeps it from rising more, or unbound.
func (e *Engine) roomFor(s *Session, most int64) (more int64, bound int) {
	more, bound = most, unbound
	costs := s.Wiring.costs()
	for c := s.Circuit; c >= 0; c = e.tree.parent[c] {
		for r, k := range costs {
			if k == 0 {
				continue
			}
			if fits := floorDiv(capacityOf(&e.room[c], r), k); fits < more {
				more, bound = fits, c*resPerCkt+r
			}
		}
	}
	return more, bound
}

// take books more of a session's level on all circuits above it.
func (e *Engine) take(s *Session, more int64) {
	load := s.Wiring.At(Milliamps(more))
	for c := s.Circuit; c >= 0; c = e.tree.parent[c] {
		e.room[c] = e.room[c].Minus(load)
	}
}

// fillTier gives the sessions of one tier what e.room has left, by
// water-filling.
func (e *Engine) fillTier(tier []int, plan *Plan) {
	f := &e.fill
	f.tree = e.tree
	f.items = f.items[:0]
	back := zeroed(e.idle, e.tree.Len()) // the scratch of book is free again
	for _, k := range tier {
		s, i := e.admitted[k], e.place[k]
		back[s.Circuit] = back[s.Circuit].Plus(s.Wiring.At(Milliamps(e.low[i])))
		f.items = append(f.items, item{
			circuit: s.Circuit, cost: s.Wiring.costs(), lo: e.low[i], hi: e.high[i],
			weight: min(max(1, e.shares[k].Weight), maxWeight), offset: int64(e.shares[k].Offset),
		})
	}
	e.tree.AddUp(back)
	for c := range back {
		e.room[c] = e.room[c].Plus(back[c])
	}
	f.fill(e.room)
	used := zeroed(back, e.tree.Len())
	for n, k := range tier {
		s, i := e.admitted[k], e.place[k]
		step := int64(s.Kind.step())
		level := Milliamps(max(f.items[n].x/step*step, e.low[i]))
		plan.Allocations[i].Level = level
		plan.Allocations[i].Reason = reasonOf(f.items[n].bound)
		used[s.Circuit] = used[s.Circuit].Plus(s.Wiring.At(level))
	}
	e.tree.AddUp(used)
	for c := range used {
		e.room[c] = e.room[c].Minus(used[c])
	}
	e.idle = used
}

// handOutRest gives away what rounding down left over, one step at a time and
// lowest key first, until nobody can take another step.
func (e *Engine) handOutRest(plan *Plan) {
	for round, given := 0, true; given; round++ {
		given = false
		for _, k := range e.order {
			s, i := e.admitted[k], e.place[k]
			a := &plan.Allocations[i]
			step := int64(s.Kind.step())
			if int64(a.Level)+step > e.high[i] {
				continue
			}
			more, _ := e.roomFor(s, step)
			if more < step {
				continue
			}
			if round > 1 { // what others cannot use at all
				more, _ = e.roomFor(s, e.high[i]-int64(a.Level))
				more = more / step * step
			}
			a.Level += Milliamps(more)
			e.take(s, more)
			given = true
		}
	}
}

// lend lowers the most of every session that draws clearly less than it was
// given, where that helps somebody who is short. It reports whether it did.
func (e *Engine) lend(plan *Plan) bool {
	lent, short := false, false
	for k, s := range e.admitted {
		i := e.place[k]
		a := &plan.Allocations[i]
		short = short || a.Reason.Code == ReasonCircuit && !(s.UsesLess && s.Uses <= a.Level)
		lent = lent || s.UsesLess && s.Uses < a.Level
	}
	if !lent || !short {
		return false
	}
	for k, s := range e.admitted {
		if i := e.place[k]; s.UsesLess {
			step := int64(s.Kind.step())
			e.high[i] = min(e.high[i], max(e.low[i], (int64(s.Uses)+step-1)/step*step))
		}
	}
	return true
}

// conclude books the levels and completes the reasons.
func (e *Engine) conclude(w *World, plan *Plan) {
	sharers := resize(e.fill.first, e.tree.Len()*resPerCkt)
	clear(sharers)
	e.fill.first = sharers
	given := zeroed(e.floors, e.tree.Len())
	for k, s := range e.admitted {
		i := e.place[k]
		a := &plan.Allocations[i]
		a.Power = s.Wiring.Power(a.Level)
		given[s.Circuit] = given[s.Circuit].Plus(s.Wiring.At(max(a.Level, e.bookedFloor(s, plan))))
		if int64(a.Level) >= int64(s.Max)/int64(s.Kind.step())*int64(s.Kind.step()) {
			a.Reason = Reason{Code: ReasonMaximum, Circuit: -1}
		} else if s.UsesLess && int64(a.Level) == e.high[i] {
			a.Reason = Reason{Code: ReasonUsesLess, Circuit: -1}
		} else if a.Reason.Circuit >= 0 {
			sharers[a.Reason.Circuit*resPerCkt+int(a.Reason.Resource)]++
		}
	}
	e.tree.AddUp(given)
	for c := range given {
		plan.Booked[c] = plan.Booked[c].Plus(given[c])
	}
	for i := range plan.Allocations {
		if r := &plan.Allocations[i].Reason; r.Code == ReasonCircuit && r.Circuit >= 0 {
			r.Sharers = sharers[r.Circuit*resPerCkt+int(r.Resource)]
		}
	}
	e.floors = given
}

func (e *Engine) bookedFloor(s *Session, plan *Plan) Milliamps {
	if e.floorBooked(s, plan) {
		return s.Floor
	}
	return 0
}

// reasonOf names the constraint that stopped a session.
func reasonOf(bound int) Reason {
	if bound == unbound {
		return Reason{Code: ReasonMaximum, Circuit: -1}
	}
	return Reason{Code: ReasonCircuit, Circuit: bound / resPerCkt, Resource: Resource(bound % resPerCkt)}
}

// zeroed returns s with length n and zero values, reusing its memory.
func zeroed[T any](s []T, n int) []T {
	s = resize(s, n)
	clear(s)
	return s
}

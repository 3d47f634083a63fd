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

	claims  []claim // of all sessions, by circuit and key
	left    []Load  // per circuit, what may still be given when everybody has 0
	room    []Load  // per circuit, what is left at some point of a decision
	sum     []Load  // per circuit, scratch
	covered []bool  // per circuit, whether the floors below it are booked on it
	floored []bool  // per circuit, whether they are on it or on one above it
	lends   bool    // whether any session uses less than it was given
	places  []int32 // counting sort

	admitted []*Session // those that do not wait, in the order of the claims
	shares   []Share    // what the rule says of them
	oneTier  bool       // whether they are all of the same tier
	balances bool       // whether any share has a Balance
	tiers    []int      // of every claim
	order    []int32    // claims that do not wait, by tier
	tier     []claim    // those of one tier
	fill     filler

	candidates []candidate
	best       []bool
	inOrder    []int       // candidates, in the order in which they are tried
	waiting    []int       // candidates without a place, by the circuit in the way
	ends       []time.Time // of turns below a circuit
}

// NewEngine returns an engine for the tree and the rule.
func NewEngine(tree *Tree, rule Rule, opt Options) *Engine {
	return &Engine{tree: tree, rule: rule, opt: opt, fill: filler{tree: tree, block: blockSize}}
}

// Tree is the circuits that the engine decides on.
func (e *Engine) Tree() *Tree { return e.tree }

// Rule is the sharing rule.
func (e *Engine) Rule() Rule { return e.rule }

// Options are the engine's settings.
func (e *Engine) Options() Options { return e.opt }

// Decide fills the plan for the world at the time now, reusing the memory of
// the plan's slices.
func (e *Engine) Decide(now time.Time, w *World, plan *Plan) {
	plan.Review = time.Time{}
	e.gather(now, w, plan)
	e.book(w, plan)
	e.admit(now, w, plan)
	e.ask(now, w)
	e.share()
	if e.lend(w) {
		e.share()
	}
	if e.balance() {
		e.share()
	}
	e.handOutRest()
	e.conclude(plan)
}

// gather makes a claim of every session, grouped by circuit and within a
// circuit by key, and adds up the floors of every circuit.
func (e *Engine) gather(now time.Time, w *World, plan *Plan) {
	e.sum = zeroed(e.sum, e.tree.Len())
	e.claims = resize(e.claims, len(w.Sessions))
	plan.Allocations = resize(plan.Allocations, len(w.Sessions))
	e.lends = false
	sorted := e.group(w)
	for i := range w.Sessions {
		s := &w.Sessions[i]
		at := e.places[s.Circuit]
		e.places[s.Circuit]++
		c := &e.claims[at]
		*c = claim{
			circuit: int32(s.Circuit), cost: s.Wiring.costs(), session: int32(i), bound: unbound,
			lo: int32(s.Min), hi: int32(s.Max), floor: int32(s.Floor), step: int32(s.Kind.step()),
			resting: e.rankOf(now, s) == rankResting,
		}
		e.lends = e.lends || s.UsesLess
		if c.floor > 0 {
			c.addTo(&e.sum[c.circuit], c.floor)
		}
		plan.Allocations[i] = Allocation{Key: s.Key}
	}
	if !sorted {
		slices.SortFunc(e.claims, func(a, b claim) int {
			return cmp.Or(cmp.Compare(a.circuit, b.circuit), cmp.Compare(w.Sessions[a.session].Key, w.Sessions[b.session].Key))
		})
	}
}

// group sets e.places to where the claims of each circuit begin, and reports
// whether the sessions are sorted by key.
func (e *Engine) group(w *World) (sorted bool) {
	e.places = zeroed(e.places, e.tree.Len())
	sorted = true
	for i := range w.Sessions {
		e.places[w.Sessions[i].Circuit]++
		sorted = sorted && (i == 0 || w.Sessions[i-1].Key < w.Sessions[i].Key)
	}
	begin := int32(0)
	for i, n := range e.places {
		e.places[i], begin = begin, begin+n
	}
	return sorted
}

// book sets what is left on every circuit after all that the engine cannot
// decide: sessions that are held, and what idle connectors may begin to draw.
func (e *Engine) book(w *World, plan *Plan) {
	n := e.tree.Len()
	e.left, e.room = zeroed(e.left, n), zeroed(e.room, n)
	e.covered, e.floored = resize(e.covered, n), resize(e.floored, n)
	plan.Covered, plan.Booked = zeroed(plan.Covered, n), zeroed(plan.Booked, n)
	idle, floors := e.room, e.sum // as gather left it
	for _, b := range w.Held {
		plan.Booked[b.Circuit] = plan.Booked[b.Circuit].Plus(b.Wiring.At(b.Level))
	}
	for _, b := range w.Idle {
		idle[b.Circuit] = idle[b.Circuit].Plus(b.Wiring.At(b.Level))
	}
	e.tree.AddUp(plan.Booked)
	e.tree.AddUp(idle)
	e.tree.AddUp(floors)
	for i := range n {
		all := floors[i].Plus(idle[i]).Plus(plan.Booked[i])
		plan.Covered[i] = all.Fits(w.Permitted[i])
		e.covered[i] = plan.Covered[i]
		e.floored[i] = plan.Covered[i] || e.tree.parent[i] >= 0 && e.floored[e.tree.parent[i]]
		reserve := idle[i]
		if !plan.Covered[i] {
			reserve = reserve.Tightest(w.ArrivalReserve[i])
		}
		plan.Booked[i] = plan.Booked[i].Plus(reserve)
		e.left[i] = w.Permitted[i].Minus(plan.Booked[i])
	}
}

// bounds sets the least and the most of a claim. Where the floors of all
// connectors fit, a session's floor is booked whatever it is given, so giving
// one that charges less would help nobody.
func (e *Engine) bounds(c *claim) {
	if !e.floored[c.circuit] {
		c.floor = 0
	}
	c.hi -= c.hi % c.step
	c.lo = roundUp(c.lo, c.step)
	if c.hi < c.lo { // it can only wait
		c.lo, c.hi = 0, 0
		return
	}
	c.most = c.hi
	c.lo = min(max(c.lo, roundUp(c.floor, c.step)), c.hi)
}

// bookFloors books what the claims are booked at beyond the most that they can
// be given: the floor of one that waits, or the part of it above a maximum.
func (e *Engine) bookFloors(plan *Plan) {
	floors := zeroed(e.sum, e.tree.Len())
	for i := range e.claims {
		if c := &e.claims[i]; c.floor > c.hi {
			c.addTo(&floors[c.circuit], c.floor-c.hi)
			c.floor = c.hi
		}
	}
	e.tree.AddUp(floors)
	for i := range floors {
		if e.covered[i] {
			e.left[i] = e.left[i].Minus(floors[i])
			plan.Booked[i] = plan.Booked[i].Plus(floors[i])
		}
	}
}

// roundUp is the multiple of the step at or above the level.
func roundUp(level, step int32) int32 { return level + (step-level%step)%step }

// ask has the rule say how every claim that does not wait follows the common
// level.
func (e *Engine) ask(now time.Time, w *World) {
	e.admitted, e.order = e.admitted[:0], e.order[:0]
	for i := range e.claims {
		if c := &e.claims[i]; !c.waits {
			e.admitted = append(e.admitted, &w.Sessions[c.session])
			e.order = append(e.order, int32(i))
		}
	}
	e.shares = zeroed(e.shares, len(e.admitted))
	e.rule.Shares(now, e.admitted, e.shares)
	e.oneTier, e.balances = true, false
	for k, i := range e.order {
		share := &e.shares[k]
		e.claims[i].follow(*share)
		e.oneTier = e.oneTier && share.Tier == e.shares[0].Tier
		e.balances = e.balances || share.Balance > 0
	}
	if !e.oneTier {
		e.sortTiers()
	}
}

// sortTiers puts the claims of higher tiers first.
func (e *Engine) sortTiers() {
	e.tiers = resize(e.tiers, len(e.claims))
	for k, i := range e.order {
		e.tiers[i] = e.shares[k].Tier
	}
	slices.SortStableFunc(e.order, func(a, b int32) int { return cmp.Compare(e.tiers[b], e.tiers[a]) })
}

// share gives every claim that does not wait a level between its bounds, tier by
// tier.
func (e *Engine) share() {
	if e.oneTier && len(e.order) == len(e.claims) { // nothing to pick: solve in place
		e.fill.claims = e.claims
		e.fill.fill(e.left)
		e.room = zeroed(e.room, e.tree.Len())
		for i := range e.claims {
			c := &e.claims[i]
			c.roundDown()
			c.addTo(&e.room[c.circuit], c.x)
		}
		e.leaveRest()
		return
	}
	for _, i := range e.order {
		e.claims[i].x = e.claims[i].lo
	}
	e.leave()
	for from := 0; from < len(e.order); {
		to := from + 1
		for to < len(e.order) && (e.oneTier || e.tiers[e.order[to]] == e.tiers[e.order[from]]) {
			to++
		}
		if tier := e.order[from:to]; len(tier) == 1 {
			e.fillOne(&e.claims[tier[0]])
		} else {
			e.fillTier(tier)
		}
		from = to
	}
}

// leave sets e.room to what is left when the claims that do not wait have their
// levels.
func (e *Engine) leave() {
	e.room = zeroed(e.room, e.tree.Len())
	for _, i := range e.order {
		c := &e.claims[i]
		c.addTo(&e.room[c.circuit], c.x)
	}
	e.leaveRest()
}

// leaveRest turns what e.room has as given on the circuits into what is left.
func (e *Engine) leaveRest() {
	e.tree.AddUp(e.room)
	for i := range e.room {
		e.room[i] = e.left[i].Minus(e.room[i])
	}
}

// addTo adds what the claim loads its circuit with at a level.
func (c *claim) addTo(l *Load, level int32) {
	l.Amps[L1] += Milliamps(c.cost[L1] * level)
	l.Amps[L2] += Milliamps(c.cost[L2] * level)
	l.Amps[L3] += Milliamps(c.cost[L3] * level)
	l.Power += Milliwatts(int64(c.cost[resPower]) * int64(level))
}

// roundDown brings the level to its step.
func (c *claim) roundDown() { c.x = max(c.x-c.x%c.step, c.lo) }

// fillOne gives one claim all that the circuits above it have room for.
func (e *Engine) fillOne(c *claim) {
	more, bound := e.roomFor(c, c.hi-c.lo)
	more = max(0, more) / c.step * c.step
	e.take(c, more)
	c.x, c.bound = c.lo+more, int32(bound)
}

// fillTier gives the claims of one tier what e.room has left, by water-filling.
func (e *Engine) fillTier(tier []int32) {
	back := zeroed(e.sum, e.tree.Len())
	f := &e.fill
	e.tier = e.tier[:0]
	for _, i := range tier { // sorted stably: still grouped by circuit
		c := &e.claims[i]
		c.addTo(&back[c.circuit], c.lo)
		e.tier = append(e.tier, *c)
	}
	f.claims = e.tier
	e.tree.AddUp(back)
	for i := range back {
		e.room[i] = e.room[i].Plus(back[i])
	}
	f.fill(e.room)
	used := zeroed(back, e.tree.Len())
	for k, i := range tier {
		c := &e.claims[i]
		c.x, c.bound = f.claims[k].x, f.claims[k].bound
		c.roundDown()
		c.addTo(&used[c.circuit], c.x)
	}
	e.tree.AddUp(used)
	for i := range used {
		e.room[i] = e.room[i].Minus(used[i])
	}
}

// roomFor is by how much the claim's level can rise, at most most, and the
// constraint that keeps it from rising more, or unbound.
func (e *Engine) roomFor(c *claim, most int32) (more int32, bound int) {
	more, bound = most, unbound
	for at := int(c.circuit); at >= 0; at = e.tree.parent[at] {
		for r, k := range c.cost {
			if k == 0 || e.room[at].of(r) >= int64(k)*int64(more) {
				continue
			}
			more, bound = int32(floorDiv(e.room[at].of(r), int64(k))), at*resources+r
		}
	}
	return more, bound
}

// take books more of a claim's level on all circuits above it.
func (e *Engine) take(c *claim, more int32) {
	var load Load
	c.addTo(&load, more)
	for at := int(c.circuit); at >= 0; at = e.tree.parent[at] {
		e.room[at] = e.room[at].Minus(load)
	}
}

// handOutRest gives away what rounding down left over, one step at a time and
// higher tiers first, until nobody can take another step. What stopped a claim
// before stays its bound: the rest is too little to go round.
func (e *Engine) handOutRest() {
	rest := e.order // room only shrinks: who is passed over once stays so
	for round := 0; len(rest) > 0; round++ {
		again := rest[:0] // in the place of those looked at already
		for _, i := range rest {
			c := &e.claims[i]
			if c.x+c.step > c.hi {
				continue
			}
			if b := int(c.bound); b >= 0 && e.room[b/resources].of(b%resources) < int64(c.cost[b%resources])*int64(c.step) {
				continue // what stopped it is still full
			}
			most := c.step
			if round > 1 { // what others cannot use at all
				most = c.hi - c.x
			}
			more, _ := e.roomFor(c, most)
			if more = max(0, more) / c.step * c.step; more > 0 {
				c.x += more
				e.take(c, more)
				again = append(again, i)
			}
		}
		rest = again
	}
}

// lend lowers the most of every claim that uses clearly less than it was
// given, where that helps somebody who is short. It reports whether it did.
func (e *Engine) lend(w *World) bool {
	if !e.lends {
		return false
	}
	lent, short := false, false
	for _, i := range e.order {
		c := &e.claims[i]
		s := &w.Sessions[c.session]
		less := s.UsesLess && s.Uses < Milliamps(c.x)
		lent = lent || less
		short = short || c.bound != unbound && !less
	}
	if !lent || !short {
		return false
	}
	for _, i := range e.order {
		c := &e.claims[i]
		if s := &w.Sessions[c.session]; s.UsesLess {
			c.hi = min(c.hi, max(c.lo, roundUp(int32(s.Uses), c.step)))
		}
	}
	return true
}

// conclude writes the allocations with their reasons and books them.
func (e *Engine) conclude(plan *Plan) {
	given := zeroed(e.sum, e.tree.Len())
	sharers := zeroed(e.places, e.tree.Len()*resources)
	e.places = sharers
	for i := range e.claims {
		c := &e.claims[i]
		if c.waits {
			continue
		}
		c.addTo(&given[c.circuit], c.x)
		if c.bound != unbound && c.x < c.hi {
			sharers[c.bound]++
		}
	}
	for i := range e.claims {
		c := &e.claims[i]
		if c.waits {
			continue
		}
		a := &plan.Allocations[c.session]
		a.Level = Milliamps(c.x)
		a.Power = Milliwatts(int64(c.cost[resPower]) * int64(c.x))
		switch {
		case c.x >= c.most:
			a.Reason = Reason{Code: ReasonMaximum, Circuit: -1}
		case c.x >= c.hi:
			a.Reason = Reason{Code: ReasonUsesLess, Circuit: -1}
		default:
			a.Reason = reasonOf(int(c.bound))
			a.Reason.Sharers = int(sharers[c.bound])
		}
	}
	e.tree.AddUp(given)
	for i := range given {
		plan.Booked[i] = plan.Booked[i].Plus(given[i])
	}
}

// reasonOf names the constraint that stopped a session.
func reasonOf(bound int) Reason {
	if bound == unbound {
		return Reason{Code: ReasonMaximum, Circuit: -1}
	}
	return Reason{Code: ReasonCircuit, Circuit: bound / resources, Resource: Resource(bound % resources)}
}

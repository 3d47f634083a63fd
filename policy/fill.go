package policy

import (
	"math"
)

// The solver shares what circuits permit among claims by water-filling: a
// common level rises, every claim follows it by its own weight and offset
// between its own bounds, and a claim stops when a circuit above it, on a
// phase it uses or in total power, is full. The result is the weighted max-min
// fair allocation: nobody can have more without somebody with less having
// less.
//
// The level is followed from event to event instead of in steps. There are
// three kinds: a claim leaves its lower bound, a claim reaches its upper bound,
// a circuit is full. The first two come from sorted lists. The third comes from
// a heap of constraints ordered by a level that each can certainly carry; such
// a promise only grows when claims stop, so an entry is corrected when it comes
// to the top and never before. With n claims and m circuits the cost is that of
// sorting n numbers, plus the depth of the tree for each claim, plus log m for
// each correction.
//
// Where all claims load their circuits alike, uniform.go does the same without
// events.
//
// All arithmetic is in integers: levels in milliamperes, the common level in
// fractions of 1/levelScale of a milliampere for each unit of weight.

// unbound marks a claim that no circuit holds back.
const unbound = -1

type claimState uint8

const (
	pending claimState = iota // at its lower bound, above the common level
	active                    // follows the common level
	stopped
)

// claim is one participant of the water-filling. The claims of a circuit stand
// together, in the order of the tree. A claim fills a cache line.
type claim struct {
	circuit int32
	cost    [resources]int32 // what a milliampere of level costs
	lo, hi  int32            // bounds of the level in mA
	x       int32            // the level reached
	weight  int32            // 1 … maxWeight
	offset  int32            // mA added to weight × common level
	bound   int32            // the constraint that stopped it, or unbound
	state   claimState

	waits   bool
	resting bool  // was paused a moment ago
	step    int32 // resolution of the level in mA
	most    int32 // its own maximum
	floor   int32 // what is booked for it whatever it is given, on covered circuits
	session int32 // place in World.Sessions
}

// at is the level of the claim when the common level is l, within its bounds.
func (c *claim) at(l int64) int32 {
	v := (int64(c.weight)*l)>>levelShift + int64(c.offset)
	return int32(min(int64(c.hi), max(int64(c.lo), v)))
}

// leaves is the common level at which the claim passes its level x.
func (c *claim) leaves(x int32) int64 {
	n := (int64(x) - int64(c.offset)) << levelShift
	q := n / int64(c.weight)
	if q*int64(c.weight) < n {
		q++ // round up, also below zero
	}
	return q
}

// constraint is one resource of one circuit.
type constraint struct {
	cap  int64 // what may flow
	used int64 // what claims at rest use, and the offsets of active ones
	rate int64 // Σ weight × cost of active claims
	pend int64 // Σ weight × cost of pending claims
	key  int64 // the common level that can certainly be carried
	live bool  // it can still become full
}

// queue is a part of filler.queued: the pending claims below a circuit, by the
// level at which they begin to rise.
type queue struct{ at, to int32 }

// filler holds the solver's working memory, kept from call to call so that the
// steady state allocates nothing.
type filler struct {
	tree   *Tree
	claims []claim
	cons   []constraint // circuit × resources + resource
	up     []int        // for each circuit, the nearest one at or above it with a live constraint, or -1
	first  []int32      // claims first[i] … first[i+1] hang on circuit i
	leave  []event
	reach  []event
	spare  []event // scratch of sortByLevel
	heap   []int32
	most   []int64 // see uniform.go

	pending []queue // of each circuit, in queued, where it was asked for
	queued  []event
	later   []event
}

// fill sets x and bound of every claim. The claims are grouped by circuit.
// capacity has one entry for each circuit of the tree; every claim at its lower
// bound should fit, and is left there where it does not.
func (f *filler) fill(capacity []Load) {
	f.index()
	if f.uniform(capacity) {
		return
	}
	f.prepare(capacity)
	f.sortEvents()
	li, ri := 0, 0
	for {
		for li < len(f.leave) && f.claims[f.leave[li].claim].state != pending {
			li++
		}
		for ri < len(f.reach) && f.claims[f.reach[ri].claim].state == stopped {
			ri++
		}
		if ri == len(f.reach) {
			return // everybody stopped
		}
		leave, reach, full := int64(math.MaxInt64), f.reach[ri].level, int64(math.MaxInt64)
		if li < len(f.leave) {
			leave = f.leave[li].level
		}
		if len(f.heap) > 0 {
			full = f.cons[f.heap[0]].key
		}
		switch {
		case leave <= reach && leave <= full:
			f.activate(&f.claims[f.leave[li].claim])
		case reach <= full:
			c := &f.claims[f.reach[ri].claim]
			f.stop(c, c.hi, unbound)
		default:
			f.correct()
		}
	}
}

// index notes where the claims of each circuit begin.
func (f *filler) index() {
	n := f.tree.Len()
	f.first = resize(f.first, n+1)
	at := 0
	for i := range n {
		f.first[i] = int32(at)
		for at < len(f.claims) && int(f.claims[at].circuit) == i {
			at++
		}
	}
	f.first[n] = int32(at)
}

// prepare books every claim at its lower bound and keeps only the constraints
// that can become full at all.
func (f *filler) prepare(capacity []Load) {
	n := f.tree.Len()
	f.cons = zeroed(f.cons, n*resources)
	f.up = resize(f.up, n)
	f.pending, f.queued = zeroed(f.pending, n), f.queued[:0]
	for i := range f.claims {
		c := &f.claims[i]
		c.state, c.x, c.bound = pending, c.lo, unbound
		open := c.lo < c.hi
		if !open {
			c.state = stopped
		}
		for r, k := range c.cost {
			if k == 0 {
				continue
			}
			cn := &f.cons[int(c.circuit)*resources+r]
			cn.used += int64(k) * int64(c.lo)
			cn.key += int64(k) * int64(c.hi) // key holds the most that can flow until sortEvents
			if open {
				cn.pend += int64(k) * int64(c.weight)
			}
		}
	}
	for i := n - 1; i >= 0; i-- {
		if p := f.tree.parent[i]; p >= 0 {
			for r := range resources {
				from, to := &f.cons[i*resources+r], &f.cons[p*resources+r]
				to.used += from.used
				to.pend += from.pend
				to.key += from.key
			}
		}
	}
	for i := range n {
		f.up[i] = unbound
		if p := f.tree.parent[i]; p >= 0 {
			f.up[i] = f.up[p]
		}
		for r := range resources {
			cn := &f.cons[i*resources+r]
			cn.cap = capacity[i].of(r)
			if cn.live = cn.key > cn.cap && cn.pend > 0; cn.live {
				f.up[i] = i
			}
		}
	}
}

// sortEvents lists where claims leave their lower and reach their upper bound,
// and orders the constraints by a level that each can carry from the start.
func (f *filler) sortEvents() {
	f.leave, f.reach, f.heap = f.leave[:0], f.reach[:0], f.heap[:0]
	start := int64(math.MaxInt64)
	for i := range f.claims {
		c := &f.claims[i]
		if c.state == stopped {
			continue
		}
		l := c.leaves(c.lo)
		start = min(start, l)
		f.leave = append(f.leave, event{l, int32(i)})
		f.reach = append(f.reach, event{c.leaves(c.hi), int32(i)})
	}
	f.leave, f.spare = sortByLevel(f.leave, f.spare)
	f.reach, f.spare = sortByLevel(f.reach, f.spare)
	for i := range f.cons {
		if cn := &f.cons[i]; cn.live {
			cn.key = start + levelFor(cn.cap-cn.used, cn.pend)
			f.heap = append(f.heap, int32(i))
		}
	}
	for i := len(f.heap)/2 - 1; i >= 0; i-- {
		f.sink(i)
	}
}

// activate lets a claim follow the common level.
func (f *filler) activate(c *claim) {
	c.state = active
	for at := f.up[c.circuit]; at >= 0; at = f.above(at) {
		for r, k := range c.cost {
			if cn := &f.cons[at*resources+r]; k != 0 && cn.live {
				cn.used += int64(k) * int64(c.offset-c.lo)
				cn.rate += int64(k) * int64(c.weight)
				cn.pend -= int64(k) * int64(c.weight)
			}
		}
	}
}

// stop fixes a claim at level x because of the given constraint.
func (f *filler) stop(c *claim, x int32, bound int) {
	for at := f.up[c.circuit]; at >= 0; at = f.above(at) {
		for r, k := range c.cost {
			cn := &f.cons[at*resources+r]
			if k == 0 || !cn.live {
				continue
			}
			if c.state == active {
				cn.used += int64(k) * int64(x-c.offset)
				cn.rate -= int64(k) * int64(c.weight)
			} else {
				cn.pend -= int64(k) * int64(c.weight)
			}
		}
	}
	c.state, c.x, c.bound = stopped, x, int32(bound)
}

// above is the next circuit with a live constraint on the way to the root.
func (f *filler) above(circuit int) int {
	if p := f.tree.parent[circuit]; p >= 0 {
		return f.up[p]
	}
	return unbound
}

// correct looks at the constraint on top of the heap. Either it can carry
// more than promised, then it moves down; or it is full, then everybody below
// it stops.
func (f *filler) correct() {
	at := int(f.heap[0])
	cn := &f.cons[at]
	if cn.rate == 0 && cn.pend == 0 {
		f.pop()
		return
	}
	exact := int64(math.MaxInt64) // as if no pending claim ever rose
	if cn.rate > 0 {
		exact = levelFor(cn.cap-cn.used, cn.rate)
	}
	carries := exact
	if cn.pend > 0 && exact > cn.key {
		slack := cn.cap - cn.used - usedBy(cn.rate, cn.key)
		carries = max(cn.key+levelFor(slack, cn.rate+cn.pend), min(exact, f.nextLeave(at/resources)))
	}
	if carries > cn.key {
		cn.key = carries
		f.sink(0)
		return
	}
	f.pop()
	level := min(exact, cn.key)
	circuit, r := at/resources, at%resources
	for i := f.first[circuit]; i < f.first[f.tree.end[circuit]]; i++ {
		c := &f.claims[i]
		switch {
		case c.state == stopped || c.cost[r] == 0:
		case c.state == pending:
			f.stop(c, c.lo, at)
		default:
			f.stop(c, c.at(level), at)
		}
	}
}

// nextLeave is the level at which the next pending claim below the circuit
// starts to rise: up to there every load on the circuit is linear.
func (f *filler) nextLeave(circuit int) int64 {
	q := &f.pending[circuit]
	if q.to == 0 {
		f.later = f.later[:0]
		for i := f.first[circuit]; i < f.first[f.tree.end[circuit]]; i++ {
			if c := &f.claims[i]; c.state == pending {
				f.later = append(f.later, event{c.leaves(c.lo), i})
			}
		}
		f.later, f.spare = sortByLevel(f.later, f.spare)
		q.at = int32(len(f.queued))
		f.queued = append(f.queued, f.later...)
		q.to = int32(len(f.queued))
	}
	for ; q.at < q.to; q.at++ {
		if e := &f.queued[q.at]; f.claims[e.claim].state == pending {
			return e.level
		}
	}
	return math.MaxInt64
}

func (f *filler) pop() {
	f.cons[f.heap[0]].live = false
	last := len(f.heap) - 1
	f.heap[0] = f.heap[last]
	f.heap = f.heap[:last]
	if last > 0 {
		f.sink(0)
	}
}

// sink restores the heap below position i.
func (f *filler) sink(i int) {
	h := f.heap
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && f.cons[h[child+1]].key < f.cons[h[child]].key {
			child++
		}
		if f.cons[h[i]].key <= f.cons[h[child]].key {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

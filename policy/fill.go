package policy

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// The solver shares what circuits permit among items by water-filling: a
// common level rises, every item follows it by its own weight and offset
// between its own bounds, and an item stops when a circuit above it, on a
// phase it uses or in total power, is full. The result is the weighted max-min
// fair allocation: nobody can have more without somebody with less having
// less.
//
// The level is followed from event to event instead of in steps. There are
// three kinds: an item leaves its lower bound, an item reaches its upper
// bound, a circuit is full. The first two come from sorted lists. The third
// comes from a heap of constraints ordered by a level that each can certainly
// carry; such a promise only grows when items stop, so an entry is corrected
// when it comes to the top and never before. With n items and m circuits the
// cost is that of sorting n numbers, plus the depth of the tree for each item,
// plus log m for each correction.
//
// All arithmetic is in integers: levels in milliamperes, the common level in
// fractions of 1/levelScale of a milliampere for each unit of weight.

// levelShift and levelScale set the resolution of the common level. Levels of
// items and their offsets stay below 2^21 mA (2,097 A per phase), so a common
// level stays below maxLevel and its product with a weight below 2^62.
const (
	levelShift = 20
	levelScale = 1 << levelShift
	maxWeight  = 1 << levelShift
	maxLevel   = 1 << (levelShift + 22)
)

// resources of a circuit: one for each phase in milliamperes, one for the
// total power in milliwatts.
const (
	resPower  = 3
	resPerCkt = 4
)

// unbound marks an item that no circuit holds back.
const unbound = -1

type itemState uint8

const (
	itemPending itemState = iota // at its lower bound, below the common level
	itemActive                   // follows the common level
	itemDone                     // stopped
)

// item is one participant of the water-filling.
type item struct {
	circuit int
	cost    [resPerCkt]int64 // what a milliampere of level costs
	state   itemState
	lo, hi  int64 // bounds of the level in mA
	weight  int64 // 1 … maxWeight
	offset  int64 // mA added to weight × common level
	x       int64 // the level reached
	bound   int   // the constraint that stopped it, or unbound
}

// at is the level of the item when the common level is l, within its bounds.
func (it *item) at(l int64) int64 {
	return min(it.hi, max(it.lo, (it.weight*l)>>levelShift+it.offset))
}

// leaves is the common level at which the item passes its level x.
func (it *item) leaves(x int64) int64 {
	n := (x - it.offset) << levelShift
	q := n / it.weight
	if q*it.weight < n {
		q++ // round up, also below zero
	}
	return q
}

// constraint is one resource of one circuit.
type constraint struct {
	cap  int64 // what may flow
	used int64 // what items at rest use, and the offsets of active ones
	rate int64 // Σ weight × coefficient of active items
	pend int64 // Σ weight × coefficient of pending items
	key  int64 // the common level that can certainly be carried
	live bool  // it can still become full
}

type event struct {
	level int64
	item  int32
}

// filler holds the solver's working memory, kept from call to call so that the
// steady state allocates nothing.
type filler struct {
	tree    *Tree
	items   []item
	cons    []constraint // circuit × resPerCkt + resource
	up      []int        // for each circuit, the nearest one at or above it with a live constraint, or -1
	first   []int        // items sorted by circuit: first[i] … first[i+1] hang on circuit i
	byCkt   []int32
	leave   []event
	reach   []event
	heap    []int32
	rounded []int32
}

// fill sets x and bound of every item. capacity has one entry for each circuit
// of the tree; every item at its lower bound must fit.
func (f *filler) fill(capacity []Load) {
	f.prepare(capacity)
	f.sortEvents()
	li, ri := 0, 0
	for {
		leave, reach, full := int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MaxInt64)
		for li < len(f.leave) && f.items[f.leave[li].item].state != itemPending {
			li++
		}
		if li < len(f.leave) {
			leave = f.leave[li].level
		}
		for ri < len(f.reach) && f.items[f.reach[ri].item].state == itemDone {
			ri++
		}
		if ri < len(f.reach) {
			reach = f.reach[ri].level
		}
		if len(f.heap) > 0 {
			full = f.cons[f.heap[0]].key
		}
		switch {
		case leave == math.MaxInt64 && reach == math.MaxInt64:
			return // everybody stopped
		case leave <= reach && leave <= full:
			f.activate(&f.items[f.leave[li].item])
		case reach <= full:
			it := &f.items[f.reach[ri].item]
			f.stop(it, it.hi, unbound)
		default:
			f.correct(leave)
		}
	}
}

// prepare books every item at its lower bound and keeps only the constraints
// that can become full at all.
func (f *filler) prepare(capacity []Load) {
	n := f.tree.Len()
	f.cons = resize(f.cons, n*resPerCkt)
	f.up = resize(f.up, n)
	clear(f.cons)
	for i := range f.items {
		it := &f.items[i]
		it.state, it.x, it.bound = itemPending, it.lo, unbound
		for r, k := range it.cost {
			if k != 0 {
				c := &f.cons[it.circuit*resPerCkt+r]
				c.used += k * it.lo
				c.key += k * it.hi // key holds Σ hi until sortEvents
				if it.lo < it.hi {
					c.pend += k * it.weight
				}
			}
		}
		if it.lo >= it.hi {
			it.state = itemDone
		}
	}
	for i := n - 1; i >= 0; i-- {
		if p := f.tree.parent[i]; p >= 0 {
			for r := range resPerCkt {
				from, to := &f.cons[i*resPerCkt+r], &f.cons[p*resPerCkt+r]
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
		for r := range resPerCkt {
			c := &f.cons[i*resPerCkt+r]
			c.cap = capacityOf(&capacity[i], r)
			if c.live = c.key > c.cap && c.pend > 0; c.live {
				f.up[i] = i
			}
		}
	}
	f.groupByCircuit()
}

func capacityOf(l *Load, r int) int64 {
	if r == resPower {
		return int64(l.Power)
	}
	return int64(l.Amps[r])
}

// groupByCircuit orders the items by circuit, so that those below a circuit
// stand together.
func (f *filler) groupByCircuit() {
	n := f.tree.Len()
	f.first = resize(f.first, n+1)
	clear(f.first)
	for i := range f.items {
		f.first[f.items[i].circuit+1]++
	}
	for i := range n {
		f.first[i+1] += f.first[i]
	}
	f.byCkt = resize(f.byCkt, len(f.items))
	for i := len(f.items) - 1; i >= 0; i-- {
		c := f.items[i].circuit + 1
		f.first[c]--
		f.byCkt[f.first[c]] = int32(i)
	}
	for i := range n { // shift back: first[c+1] is now the start of c
		f.first[i] = f.first[i+1]
	}
	f.first[n] = len(f.items)
}

// sortEvents lists where items leave their lower and reach their upper bound,
// and orders the constraints by a level that each can carry from the start.
func (f *filler) sortEvents() {
	f.leave, f.reach, f.heap = f.leave[:0], f.reach[:0], f.heap[:0]
	start := int64(math.MaxInt64)
	for i := range f.items {
		it := &f.items[i]
		if it.state == itemDone {
			continue
		}
		l := it.leaves(it.lo)
		start = min(start, l)
		f.leave = append(f.leave, event{l, int32(i)})
		f.reach = append(f.reach, event{it.leaves(it.hi), int32(i)})
	}
	byLevel := func(a, b event) int { return cmp.Compare(a.level, b.level) }
	slices.SortFunc(f.leave, byLevel)
	slices.SortFunc(f.reach, byLevel)
	for i := range f.cons {
		if c := &f.cons[i]; c.live {
			c.key = start + levelFor(c.cap-c.used, c.pend)
			f.heap = append(f.heap, int32(i))
		}
	}
	for i := len(f.heap)/2 - 1; i >= 0; i-- {
		f.sink(i)
	}
}

// activate lets an item follow the common level.
func (f *filler) activate(it *item) {
	it.state = itemActive
	for c := f.up[it.circuit]; c >= 0; c = f.above(c) {
		for r, k := range it.cost {
			if k != 0 {
				cn := &f.cons[c*resPerCkt+r]
				cn.used += k * (it.offset - it.lo)
				cn.rate += k * it.weight
				cn.pend -= k * it.weight
			}
		}
	}
}

// stop fixes an item at level x because of the given constraint.
func (f *filler) stop(it *item, x int64, bound int) {
	for c := f.up[it.circuit]; c >= 0; c = f.above(c) {
		for r, k := range it.cost {
			if k != 0 {
				cn := &f.cons[c*resPerCkt+r]
				if it.state == itemActive {
					cn.used += k * (x - it.offset)
					cn.rate -= k * it.weight
				} else {
					cn.pend -= k * it.weight
				}
			}
		}
	}
	it.state, it.x, it.bound = itemDone, x, bound
}

// above is the next circuit with a live constraint on the way to the root.
func (f *filler) above(c int) int {
	if p := f.tree.parent[c]; p >= 0 {
		return f.up[p]
	}
	return unbound
}

// correct looks at the constraint on top of the heap. Either it can carry
// more than promised, then it moves down; or it is full, then everybody below
// it stops. nextLeave is the level at which the next pending item anywhere
// starts to rise: up to there every load is linear.
func (f *filler) correct(nextLeave int64) {
	at := int(f.heap[0])
	c := &f.cons[at]
	if c.rate == 0 && c.pend == 0 {
		f.pop()
		return
	}
	exact := int64(math.MaxInt64) // as if no pending item ever rose
	if c.rate > 0 {
		exact = levelFor(c.cap-c.used, c.rate)
	}
	carries := exact
	if c.pend > 0 && exact > c.key {
		slack := c.cap - c.used - usedBy(c.rate, c.key)
		carries = max(c.key+levelFor(slack, c.rate+c.pend), min(exact, nextLeave))
	}
	if carries > c.key {
		c.key = carries
		f.sink(0)
		return
	}
	f.pop()
	level := min(exact, c.key)
	ckt, r := at/resPerCkt, at%resPerCkt
	for i := f.first[ckt]; i < f.first[f.tree.end[ckt]]; i++ {
		it := &f.items[f.byCkt[i]]
		switch {
		case it.state == itemDone || it.cost[r] == 0:
		case it.state == itemPending:
			f.stop(it, it.lo, at)
		default:
			f.stop(it, it.at(level), at)
		}
	}
}

func (f *filler) pop() {
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

// levelFor is the common level at which items of the given rate together use
// no more than amount: amount × levelScale / rate, rounded down and kept
// within ±maxLevel. The product can pass 64 bits on sites of many thousand
// connectors.
func levelFor(amount, rate int64) int64 {
	if amount>>(62-levelShift) == 0 {
		return min(maxLevel, amount<<levelShift/rate)
	}
	neg := amount < 0
	if neg {
		amount = -amount
	}
	level := int64(maxLevel)
	if hi, lo := bits.Mul64(uint64(amount), levelScale); hi < uint64(rate) {
		q, rem := bits.Div64(hi, lo, uint64(rate))
		if neg && rem != 0 {
			q++
		}
		level = int64(min(q, maxLevel))
	}
	if neg {
		return -level
	}
	return level
}

// usedBy is what items of the given rate use together at a common level,
// rounded up: rate × level / levelScale.
func usedBy(rate, level int64) int64 {
	neg := level < 0
	if neg {
		level = -level
	}
	hi, lo := bits.Mul64(uint64(rate), uint64(level))
	q := int64(hi<<(64-levelShift) | lo>>levelShift)
	if neg {
		return -q
	}
	if lo&(levelScale-1) != 0 {
		q++
	}
	return q
}

// floorDiv is a/b rounded towards minus infinity, for b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if q*b > a {
		q--
	}
	return q
}

// resize returns s with length n, reusing its memory.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

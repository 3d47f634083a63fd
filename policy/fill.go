package policy

import "math"

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
// each correction. piece.go has in which order of place this is done.
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
	free int64 // what may flow, less what claims at rest use and the offsets of active ones
	rate int64 // Σ weight × cost of active claims
	pend int64 // Σ weight × cost of pending claims
}

// node is what the solver knows of a circuit, all in one place: two cache lines.
type node struct {
	cons     [resources]constraint
	above    int32 // the nearest circuit above it with a live constraint, or -1
	from, to int32 // the claims below it
	pending  queue // the pending ones of them, where they were asked for
	live     uint8 // one bit for each constraint that can still become full
}

// promise is a common level that a constraint can certainly carry. It stands in
// the heap itself, which can then be kept in order without a look at the nodes.
type promise struct {
	level      int64
	constraint int32
}

// queue is a part of filler.queued: the pending claims below a circuit, by the
// level at which they begin to rise.
type queue struct{ at, to int32 }

// filler holds the solver's working memory, kept from call to call so that the
// steady state allocates nothing.
type filler struct {
	tree   *Tree
	claims []claim
	state  []claimState // of every claim; apart from it, because events ask for it in no order, and this fits a cache
	first  []int32      // claims first[i] … first[i+1] hang on circuit i
	nodes  []node       // of every circuit
	up     []int32      // for each circuit, the nearest one at or above it with a live constraint, or -1
	rise   []Load       // for each circuit, what the claims below it can rise by together from their lower bounds
	most   []int64      // see uniform.go

	block         int32 // how many claims are a block; see piece.go
	pieces        []piece
	leave, reach  []event   // of all pieces
	heap          []promise // likewise
	start         int64     // where the common level begins
	queued, later []event
	spare         []event // scratch of sortByLevel
	touched       int32   // see piece.go
}

// fill sets x and bound of every claim. The claims are grouped by circuit.
// capacity has one entry for each circuit of the tree; every claim at its lower
// bound should fit, and is left there where it does not.
func (f *filler) fill(capacity []Load) {
	if alike := f.index(); alike {
		f.uniform(capacity)
		return
	}
	f.prepare(capacity)
	f.cut()
	for i := 0; i < len(f.pieces); i = f.after(i) {
		f.raise(i, never)
	}
}

// index notes where the claims of each circuit begin, and reports whether all
// claims load their circuits alike.
func (f *filler) index() (alike bool) {
	n := f.tree.Len()
	f.first = resize(f.first, n+1)
	next := 0 // the first circuit not yet reached
	alike = true
	for i := range f.claims {
		c := &f.claims[i]
		alike = alike && c.cost == f.claims[0].cost
		for ; next <= int(c.circuit); next++ {
			f.first[next] = int32(i)
		}
	}
	for ; next <= n; next++ {
		f.first[next] = int32(len(f.claims))
	}
	return alike
}

// prepare books every claim at its lower bound and keeps only the constraints
// that can become full at all.
func (f *filler) prepare(capacity []Load) {
	n := f.tree.Len()
	f.nodes, f.rise, f.up = zeroed(f.nodes, n), zeroed(f.rise, n), resize(f.up, n)
	f.state, f.queued, f.start = zeroed(f.state, len(f.claims)), f.queued[:0], never
	for i := range f.claims {
		c := &f.claims[i]
		c.x, c.bound = c.lo, unbound
		if c.lo >= c.hi {
			f.state[i] = stopped
		} else {
			f.start = min(f.start, c.leaves(c.lo))
		}
		f.nodes[c.circuit].book(c)
		c.addTo(&f.rise[c.circuit], c.hi-c.lo)
	}
	f.tree.AddUp(f.rise)
	for i := n - 1; i > 0; i-- {
		if p := f.tree.parent[i]; p >= 0 {
			f.nodes[p].add(&f.nodes[i])
		}
	}
	for i := range n {
		nd := &f.nodes[i]
		nd.from, nd.to = f.first[i], f.first[f.tree.end[i]]
		nd.above = unbound
		if p := f.tree.parent[i]; p >= 0 {
			nd.above = f.up[p]
		}
		f.up[i] = nd.above
		for r := range nd.cons {
			cn := &nd.cons[r]
			cn.free += capacity[i].of(r)
			if f.rise[i].of(r) > cn.free && cn.pend > 0 {
				nd.live |= 1 << r
				f.up[i] = int32(i)
			}
		}
	}
}

// book adds a claim at its lower bound.
func (nd *node) book(c *claim) {
	for r, k := range c.cost {
		nd.cons[r].free -= int64(k) * int64(c.lo)
		if c.lo < c.hi {
			nd.cons[r].pend += int64(k) * int64(c.weight)
		}
	}
}

// add adds what is booked below.
func (nd *node) add(below *node) {
	for r := range nd.cons {
		nd.cons[r].free += below.cons[r].free
		nd.cons[r].pend += below.cons[r].pend
	}
}

// isLive reports whether resource r can still become full.
func (nd *node) isLive(r int) bool { return nd.live>>r&1 != 0 }

// activate lets claim i follow the common level.
func (f *filler) activate(i int32) {
	c := &f.claims[i]
	for at := f.up[c.circuit]; at >= 0; at = f.nodes[at].above {
		nd := &f.nodes[at]
		for r, k := range c.cost {
			if cn := &nd.cons[r]; k != 0 && nd.isLive(r) {
				cn.free -= int64(k) * int64(c.offset-c.lo)
				cn.rate += int64(k) * int64(c.weight)
				cn.pend -= int64(k) * int64(c.weight)
			}
		}
	}
	f.state[i] = active
}

// stop fixes claim i at level x because of the given constraint.
func (f *filler) stop(i, x, bound int32) {
	c, was := &f.claims[i], f.state[i]
	for at := f.up[c.circuit]; at >= 0; at = f.nodes[at].above {
		nd := &f.nodes[at]
		for r, k := range c.cost {
			cn := &nd.cons[r]
			if k == 0 || !nd.isLive(r) {
				continue
			}
			if was == active {
				cn.free -= int64(k) * int64(x-c.offset)
				cn.rate -= int64(k) * int64(c.weight)
			} else {
				cn.pend -= int64(k) * int64(c.weight)
			}
		}
	}
	f.state[i], c.x, c.bound = stopped, x, bound
}

// correct looks at the constraint on top of a piece's heap. Either it can carry
// more than promised, then it moves down; or it is full, then everybody below
// it stops.
func (f *filler) correct(p *piece) {
	heap := &p.heap
	h := *heap
	key, at := h[0].level, int(h[0].constraint)
	nd, r := &f.nodes[at/resources], at%resources
	cn := &nd.cons[r]
	if cn.rate == 0 && cn.pend == 0 {
		f.pop(heap)
		return
	}
	exact := int64(math.MaxInt64) // as if no pending claim ever rose
	if cn.rate > 0 {
		exact = levelFor(cn.free, cn.rate)
	}
	carries := exact
	if cn.pend > 0 && exact > key {
		slack := cn.free - usedBy(cn.rate, key)
		carries = max(key+levelFor(slack, cn.rate+cn.pend), min(exact, f.nextLeave(p, nd)))
	}
	if carries > key {
		h[0].level = carries
		sink(h, 0)
		return
	}
	f.pop(heap)
	level := min(exact, key)
	for i := nd.from; i < nd.to; i++ {
		c := &f.claims[i]
		switch {
		case f.state[i] == stopped || c.cost[r] == 0:
		case f.state[i] == pending:
			f.stop(i, c.lo, int32(at))
		default:
			f.stop(i, c.at(level), int32(at))
		}
	}
}

// nextLeave is the level at which the next pending claim below a circuit of a piece
// starts to rise: up to there every load on the circuit is linear.
func (f *filler) nextLeave(p *piece, nd *node) int64 {
	if p.end != 0 { // its blocks know theirs
		return f.nextLeaveOf(p)
	}
	q := &nd.pending
	if q.to == 0 {
		f.later = f.later[:0]
		for i := nd.from; i < nd.to; i++ {
			if c := &f.claims[i]; f.state[i] == pending {
				f.later = append(f.later, event{c.leaves(c.lo), i})
			}
		}
		f.spare = sortByLevel(f.later, f.spare)
		q.at = int32(len(f.queued))
		f.queued = append(f.queued, f.later...)
		q.to = int32(len(f.queued))
	}
	for ; q.at < q.to; q.at++ {
		if e := &f.queued[q.at]; f.state[e.claim] == pending {
			return e.level
		}
	}
	return math.MaxInt64
}

// pop takes the top off a heap: its constraint plays no part any more.
func (f *filler) pop(heap *[]promise) {
	h := *heap
	at := h[0].constraint
	f.nodes[at/resources].live &^= 1 << (at % resources)
	last := len(h) - 1
	h[0] = h[last]
	*heap = h[:last]
	if last > 0 {
		sink(h[:last], 0)
	}
}

// sink restores the heap below position i.
func sink(h []promise, i int) {
	moved := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].level < h[child].level {
			child++
		}
		if moved.level <= h[child].level {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = moved
}

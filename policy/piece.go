package policy

import "math"

// Events come in the order of their levels, which is no order of place. On a
// site of a million sessions neither claims nor circuits fit a cache, and the
// solver would wait for memory at every event. But what happens below one
// circuit concerns what happens below another only by way of the circuits above
// both, and those carry what they promise whatever happens. So the site is cut
// into blocks of neighbours that fit a cache. Each is worked off by itself as
// far as the circuits above it promise, then these are corrected, and so on.

// blockSize is how many claims are worked off together at most: with their
// events and circuits they stay in a second-level cache of 512 KiB.
const blockSize = 2000

// never is the level of an event that does not come.
const never = math.MaxInt64

// piece is a part of the site: a block, or a circuit that is more than one, with
// its parts behind it in filler.pieces.
type piece struct {
	first, end   int       // the pieces that belong to it, up to end; 0: it is a block
	leave, reach []event   // of its claims, in order
	heap         []promise // of the circuit, or of those that have all their claims in the block
}

// stretch is claims and circuits that follow each other, up to to and until.
type stretch struct {
	from, to    int32
	first, last int
}

// cut divides the site into pieces.
func (f *filler) cut() {
	f.pieces = f.pieces[:0]
	f.leave, f.reach = reserve(f.leave, len(f.claims)), reserve(f.reach, len(f.claims))
	f.heap = reserve(f.heap, f.tree.Len()*resources)
	var open stretch
	for i := 0; i < f.tree.Len(); i = f.tree.end[i] {
		f.cutBelow(i, &open)
	}
	f.closeBlock(&open)
}

// cutBelow cuts circuit i and those below it. What is not yet a whole block
// stays open.
func (f *filler) cutBelow(i int, open *stretch) {
	end := f.tree.end[i]
	if f.first[end]-f.first[i] <= f.block {
		f.extend(open, stretch{from: f.first[i], to: f.first[end], first: i, last: end})
		return
	}
	at := unbound
	if f.nodes[i].live != 0 {
		f.closeBlock(open)
		at = len(f.pieces)
		f.pieces = append(f.pieces, piece{heap: f.promises(i, i+1)})
	}
	for from := f.first[i]; from < f.first[i+1]; from += f.block {
		f.extend(open, stretch{from: from, to: min(from+f.block, f.first[i+1]), first: i + 1, last: i + 1})
	}
	for c := i + 1; c < end; c = f.tree.end[c] {
		f.cutBelow(c, open)
	}
	if at != unbound {
		f.closeBlock(open)
		f.pieces[at].first, f.pieces[at].end = at+1, len(f.pieces)
	}
}

// extend adds what follows to the open block, or begins another.
func (f *filler) extend(open *stretch, s stretch) {
	if s.to-open.from > f.block {
		f.closeBlock(open)
	}
	if open.from == open.to {
		*open = s
	}
	open.to, open.last = s.to, s.last
}

// closeBlock makes a piece of the open block.
func (f *filler) closeBlock(open *stretch) {
	if open.from == open.to {
		return
	}
	begin := len(f.leave)
	for i := open.from; i < open.to; i++ {
		if f.state[i] != stopped {
			c := &f.claims[i]
			f.leave = append(f.leave, event{c.leaves(c.lo), i})
			f.reach = append(f.reach, event{c.leaves(c.hi), i})
		}
	}
	p := piece{leave: f.leave[begin:], reach: f.reach[begin:], heap: f.promises(open.first, open.last)}
	f.spare = sortByLevel(p.leave, f.spare)
	f.spare = sortByLevel(p.reach, f.spare)
	f.pieces = append(f.pieces, p)
	*open = stretch{from: open.to, to: open.to}
}

// promises makes a heap of what the circuits from first up to last carry from
// the start.
func (f *filler) promises(first, last int) []promise {
	begin := len(f.heap)
	for i := first; i < last; i++ {
		nd := &f.nodes[i]
		for r, cn := range nd.cons {
			if nd.isLive(r) {
				f.heap = append(f.heap, promise{f.start + levelFor(cn.free, cn.pend), int32(i*resources + r)})
			}
		}
	}
	h := f.heap[begin:]
	for i := len(h)/2 - 1; i >= 0; i-- {
		sink(h, i)
	}
	return h
}

// raise lets the common level rise in piece i until it is at to, or everybody
// has stopped.
func (f *filler) raise(i int, to int64) {
	p := &f.pieces[i]
	if p.end == 0 {
		f.raiseBlock(p, to)
		return
	}
	for {
		full := p.full()
		for k := i + 1; k < p.end; k = f.after(k) {
			f.raise(k, min(to, full))
		}
		if full > to || full == never {
			return
		}
		f.correct(p)
	}
}

// nextLeaveOf is the level of the next claim to leave its lower bound in all that
// belongs to a piece.
func (f *filler) nextLeaveOf(p *piece) int64 {
	next := int64(never)
	for i := p.first; i < p.end; i++ {
		next = min(next, f.next(&f.pieces[i].leave, active))
	}
	return next
}

// after is the piece that follows piece i and all that belong to it.
func (f *filler) after(i int) int { return max(i+1, f.pieces[i].end) }

// raiseBlock works off the events of a block.
func (f *filler) raiseBlock(p *piece, to int64) {
	if len(f.pieces) > 1 { // else all is in the cache
		f.touch(p.leave, to)
		f.touch(p.reach, to)
	}
	for {
		leave, reach, full := f.next(&p.leave, active), f.next(&p.reach, stopped), p.full()
		switch {
		case reach == never || min(leave, reach, full) > to:
			return
		case leave <= reach && leave <= full:
			f.activate(p.leave[0].claim)
		case reach <= full:
			i := p.reach[0].claim
			f.stop(i, f.claims[i].hi, unbound)
		default:
			f.correct(p)
		}
	}
}

// touch reads the claims of the events up to a level. Nothing depends on these reads,
// so that many are under way together, where the events would wait for each. The
// sum means nothing: it is kept so that the compiler keeps the reads.
func (f *filler) touch(events []event, to int64) {
	for i := range events {
		if events[i].level > to {
			return
		}
		f.touched += f.claims[events[i].claim].weight
	}
}

// full is the lowest level at which one of the piece's circuits may be full.
func (p *piece) full() int64 {
	if len(p.heap) == 0 {
		return never
	}
	return p.heap[0].level
}

// next is the level of the next event whose claim is not yet in the state that
// it leads to, or past that; never if there is none.
func (f *filler) next(events *[]event, to claimState) int64 {
	for e := *events; len(e) > 0; e = e[1:] {
		if f.state[e[0].claim] < to {
			*events = e
			return e[0].level
		}
	}
	*events = nil
	return never
}

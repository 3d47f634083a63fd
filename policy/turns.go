package policy

import (
	"cmp"
	"slices"
	"time"
)

// When not everybody can have the minimum, the largest set that fits charges
// and the others wait. Turns make that fair over time:
//
//   - A session keeps its turn for Options.Rotate, then makes room for those
//     who waited longest, and among them for those who were served least.
//   - One that draws next to nothing, because its car is full or asleep, keeps
//     its turn for Options.MinOn only: enough to see whether it wakes up.
//   - One that never charged is started early, in the place of one that
//     charged for Options.MinOn, because many cars fall asleep when they are
//     offered nothing for minutes.
//   - One that waited for a whole turn and still does not fit, because it needs
//     more phases or a higher minimum than others, has room kept for it.
//   - One that was paused rests for Options.ResumeAfter. Together with MinOn
//     that bounds how often a car is started.
//   - One that cannot pause is never made to wait.

// rank orders sessions when they compete for a place.
type rank uint8

const (
	rankMust    rank = iota // cannot pause
	rankFresh               // began its turn less than MinOn ago, or keeps on
	rankTurn                // within its turn
	rankOverdue             // waited for a whole turn
	rankNew                 // never charged
	rankWaiting
	rankEnded   // its turn is over, or it does not use it
	rankResting // was paused a moment ago
)

// exactUpTo is the number of competing sessions up to which the largest set is
// searched for exactly. Above, two greedy orders are tried.
const exactUpTo = 14

// candidate is a session that competes for a place.
type candidate struct {
	s    *Session
	c    *claim // its lower bound is what a place costs
	rank rank
	able bool // would fit if turns did not count
	in   bool // has a place
}

// admit sets the bounds of every claim, and gives its session a place or makes
// it wait.
func (e *Engine) admit(now time.Time, w *World, plan *Plan) {
	e.room = zeroed(e.room, e.tree.Len())
	over := false // whether any floor is above what the claim can be given
	for i := range e.claims {
		c := &e.claims[i]
		e.bounds(c)
		if c.hi == 0 {
			c.waits = true
			plan.Allocations[c.session].Reason = Reason{Code: ReasonWaiting, Circuit: -1}
		} else if c.resting {
			c.lo, c.hi, c.waits = 0, 0, true
			until := w.Sessions[c.session].Turn.Since.Add(e.opt.ResumeAfter)
			a := &plan.Allocations[c.session]
			a.Reason, a.Queue = Reason{Code: ReasonResting, Circuit: -1}, Queue{Position: 1, Expected: until}
			plan.Review = earlier(plan.Review, until)
		}
		c.addTo(&e.room[c.circuit], c.lo)
		over = over || c.floor > c.hi
	}
	if over {
		e.bookFloors(plan)
	}
	e.leaveRest() // when every session has its least
	if !slices.ContainsFunc(e.room, overfull) {
		return
	}
	e.candidates = e.candidates[:0]
	for i := range e.claims {
		if c := &e.claims[i]; c.hi > 0 && e.short(c) {
			s := &w.Sessions[c.session]
			e.candidates = append(e.candidates, candidate{s: s, c: c, rank: e.rankOf(now, s)})
		}
	}
	e.compete()
	e.queueOthers(now, plan)
	e.bookFloors(plan)
}

// overfull reports whether less than nothing is left.
func overfull(left Load) bool { return !Load{}.Fits(left) }

// short reports whether a circuit above the claim cannot carry all minimums.
func (e *Engine) short(c *claim) bool {
	for at := int(c.circuit); at >= 0; at = e.tree.parent[at] {
		if overfull(e.room[at]) {
			return true
		}
	}
	return false
}

func (e *Engine) rankOf(now time.Time, s *Session) rank {
	if !s.CanPause {
		return rankMust
	}
	took := now.Sub(s.Turn.Since)
	switch {
	case s.Turn.Running && (s.KeepsOn || took < min(e.opt.MinOn, e.opt.Rotate)):
		return rankFresh
	case s.Turn.Running && took < e.opt.Rotate && !s.idle():
		return rankTurn
	case s.Turn.Running:
		return rankEnded
	case s.Turn.Since.IsZero():
		return rankNew
	case took >= e.opt.Rotate:
		return rankOverdue
	case s.Turn.Starts == 0:
		return rankNew
	case took < e.opt.ResumeAfter:
		return rankResting
	}
	return rankWaiting
}

// compete chooses which candidates charge.
func (e *Engine) compete() {
	list := e.candidates
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.s.Tier, a.s.Tier), a.s.Turn.Since.Compare(b.s.Turn.Since),
			cmp.Compare(a.s.Turn.Served, b.s.Turn.Served), cmp.Compare(a.s.Key, b.s.Key))
	})
	for i := range list { // nobody has a place yet
		e.place(list[i].c, -1)
	}
	must, turn, overdue := upTo(list, rankMust), upTo(list, rankTurn), upTo(list, rankOverdue)
	for i := range list[:must] {
		e.give(&list[i])
	}
	for i := range list[turn:overdue] {
		list[turn+i].able = e.fits(&list[turn+i])
	}
	if !e.giveAll(list[must:turn]) { // a limit fell: turns do not count
		e.giveMost(list[must:])
		return
	}
	e.giveOverdue(list[turn:overdue])
	e.giveMost(list[overdue:])
	e.startNew(list[overdue:], list[must:turn])
}

// power is what the claim's lower bound costs.
func (c *claim) power() int64 { return int64(c.cost[resPower]) * int64(c.lo) }

// upTo is the number of candidates of rank r or before, in a sorted list.
func upTo(list []candidate, r rank) int {
	n, _ := slices.BinarySearchFunc(list, r+1, func(c candidate, r rank) int { return cmp.Compare(c.rank, r) })
	return n
}

// placeCosts is what a place takes of circuit i: the least that the claim is
// given, less the floor that it is booked at while it waits.
func (e *Engine) placeCosts(c *claim, i int) int32 {
	if e.covered[i] {
		return c.lo - c.floor
	}
	return c.lo
}

// place takes a claim's place from the circuits above it, or gives it back.
func (e *Engine) place(c *claim, sign int32) {
	for i := int(c.circuit); i >= 0; i = e.tree.parent[i] {
		var load Load
		c.addTo(&load, sign*e.placeCosts(c, i))
		e.room[i] = e.room[i].Minus(load)
	}
}

// inTheWayOf is the constraint that leaves least of the room that a place for
// the claim takes, or unbound where there is room.
func (e *Engine) inTheWayOf(c *claim) int {
	bound, most := unbound, int64(0)
	for i := int(c.circuit); i >= 0; i = e.tree.parent[i] {
		costs := int64(e.placeCosts(c, i))
		for r, k := range c.cost {
			if k == 0 || costs == 0 {
				continue
			}
			if lacks := costs - floorDiv(e.room[i].of(r), int64(k)); lacks > most {
				bound, most = i*resources+r, lacks
			}
		}
	}
	return bound
}

func (e *Engine) fits(c *candidate) bool { return e.inTheWayOf(c.c) == unbound }

func (e *Engine) give(c *candidate) {
	c.in = true
	e.place(c.c, 1)
}

func (e *Engine) takeBack(c *candidate) {
	c.in = false
	e.place(c.c, -1)
}

// giveAll gives all of them a place, or none where not all fit.
func (e *Engine) giveAll(list []candidate) bool {
	for i := range list {
		if !e.fits(&list[i]) {
			for k := range list[:i] {
				e.takeBack(&list[k])
			}
			return false
		}
		e.give(&list[i])
	}
	return true
}

// giveOverdue gives places to those who waited for a whole turn. For one that
// does not fit now but will, room is kept.
func (e *Engine) giveOverdue(list []candidate) {
	for i := range list {
		c := &list[i]
		if e.fits(c) {
			e.give(c)
		} else if c.able {
			e.place(c.c, 1)
		}
	}
}

// giveMost gives places to as many as fit; among equally large sets to those
// who come first.
func (e *Engine) giveMost(list []candidate) {
	if len(list) <= exactUpTo {
		e.best = zeroed(e.best, len(list))
		e.search(list, 0, 0, -1)
		for i := range list {
			if e.best[i] {
				e.give(&list[i])
			}
		}
		return
	}
	e.inOrder = e.inOrder[:0]
	for i := range list {
		e.inOrder = append(e.inOrder, i)
	}
	first := e.giveInOrder(list)
	e.takeAllBack(list)
	slices.SortStableFunc(e.inOrder, func(a, b int) int {
		return cmp.Compare(list[a].c.power(), list[b].c.power())
	})
	if e.giveInOrder(list) > first {
		return
	}
	e.takeAllBack(list)
	slices.Sort(e.inOrder)
	e.giveInOrder(list)
}

func (e *Engine) takeAllBack(list []candidate) {
	for i := range list {
		if list[i].in {
			e.takeBack(&list[i])
		}
	}
}

// search tries all sets of candidates from i on, in the order that finds the
// preferred one of equally large sets first, and keeps the largest in e.best.
// It returns the size of the largest found so far.
func (e *Engine) search(list []candidate, i, size, best int) int {
	if size+len(list)-i <= best {
		return best
	}
	if i == len(list) {
		for k := range list {
			e.best[k] = list[k].in
		}
		return size
	}
	if e.fits(&list[i]) {
		e.give(&list[i])
		best = e.search(list, i+1, size+1, best)
		e.takeBack(&list[i])
	}
	return e.search(list, i+1, size, best)
}

// giveInOrder gives a place to whoever fits, in the order of e.inOrder, and
// counts.
func (e *Engine) giveInOrder(list []candidate) int {
	n := 0
	for _, i := range e.inOrder {
		if e.fits(&list[i]) {
			e.give(&list[i])
			n++
		}
	}
	return n
}

// startNew starts sessions that never charged in the place of those that
// charged for MinOn, longest first.
func (e *Engine) startNew(list, turns []candidate) {
	for i := range list {
		c := &list[i]
		if c.in || c.rank != rankNew {
			continue
		}
		e.inOrder = e.inOrder[:0] // who went
		for k := 0; k < len(turns) && !e.fits(c); k++ {
			if turns[k].in && turns[k].rank == rankTurn && turns[k].s.Tier <= c.s.Tier {
				e.takeBack(&turns[k])
				e.inOrder = append(e.inOrder, k)
			}
		}
		if e.fits(c) {
			e.give(c)
		}
		for _, k := range slices.Backward(e.inOrder) { // whoever need not have gone
			if e.fits(&turns[k]) {
				e.give(&turns[k])
			}
		}
	}
}

// queueOthers marks those without a place as waiting, with the circuit that is
// in the way, their place in its queue, and when a turn ends there.
func (e *Engine) queueOthers(now time.Time, plan *Plan) {
	e.waiting = e.waiting[:0]
	for i := range e.candidates {
		c := &e.candidates[i]
		if c.in {
			continue
		}
		c.c.waits = true
		c.c.bound = int32(e.inTheWayOf(c.c))
		c.c.hi = 0
		e.waiting = append(e.waiting, i)
	}
	slices.SortStableFunc(e.waiting, func(a, b int) int {
		return cmp.Compare(e.candidates[a].inTheWay(), e.candidates[b].inTheWay())
	})
	position := 0
	for k, i := range e.waiting { // queue after queue
		c := &e.candidates[i]
		if circuit := c.inTheWay(); k == 0 || circuit != e.candidates[e.waiting[k-1]].inTheWay() {
			position = 0
			e.turnsOf(now, circuit)
		}
		position++
		a := &plan.Allocations[c.c.session]
		a.Reason, a.Queue = reasonOf(int(c.c.bound)), Queue{Position: position, Expected: e.turnEnds(now, position, c.rank)}
		a.Reason.Code = ReasonWaiting
		plan.Review = earlier(plan.Review, a.Queue.Expected)
	}
}

// inTheWay is the circuit that one without a place waits for, or -1.
func (c *candidate) inTheWay() int { return reasonOf(int(c.c.bound)).Circuit }

// turnsOf sets e.ends to when the turns below the circuit end, soonest first.
func (e *Engine) turnsOf(now time.Time, circuit int) {
	e.ends = e.ends[:0]
	for i := range e.candidates {
		c := &e.candidates[i]
		if !c.in || c.rank == rankMust || c.s.KeepsOn && c.rank == rankFresh || circuit >= 0 && !e.tree.Within(int(c.c.circuit), circuit) {
			continue
		}
		began, turn := now, e.opt.Rotate
		if c.s.Turn.Running {
			began = c.s.Turn.Since
		}
		if c.s.idle() {
			turn = min(turn, e.opt.MinOn)
		}
		e.ends = append(e.ends, began.Add(turn))
	}
	slices.SortFunc(e.ends, time.Time.Compare)
}

// turnEnds is when the nth turn of e.ends is over for one of that rank, counting
// round and round; zero where nobody has a turn that ends. One that never
// charged need not wait for the end of a turn, only for MinOn of it.
func (e *Engine) turnEnds(now time.Time, nth int, r rank) time.Time {
	if len(e.ends) == 0 {
		return time.Time{}
	}
	rounds := (nth - 1) / len(e.ends)
	end := e.ends[(nth-1)%len(e.ends)].Add(time.Duration(rounds) * e.opt.Rotate)
	if r == rankNew {
		end = end.Add(min(0, e.opt.MinOn-e.opt.Rotate))
	}
	if end.Before(now) {
		return now
	}
	return end
}

// earlier is the earlier of two times of which either may be unset.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

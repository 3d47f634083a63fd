package policy

import "math"

// Events come in the order of their levels, which is no order of place. On a
// site of a million sessions neither claims nor circuits fit a cache, and the
// solver would wait for memory at every event: for the claim, and when that has
// come, for its circuit. It reads some events ahead instead: many reads on which
// nothing depends yet are under way together, and take little longer than one.

// never is the level of an event that does not come.
const never = math.MaxInt64

// ahead is how many events are looked at together. What they need should not
// drive what others need out of the first-level cache.
const ahead = 32

// fitsCache is a number of claims that stay in the second-level cache, all that
// is known of them: reading ahead would save nothing.
const fitsCache = 4000

// agenda is a list of sorted events that are worked off.
type agenda struct {
	events []event      // those not yet looked at
	read   [ahead]event // the next ones, where they concerned anybody when looked at
	at, to int          // what is left of read
}

// claim is the one that the next event is about.
func (a *agenda) claim() int32 { return a.read[a.at].claim }

// next is the level of the next event whose claim is not yet in the state that
// it leads to, or past that; never if there is none.
func (f *filler) next(a *agenda, to claimState) int64 {
	for {
		for ; a.at < a.to; a.at++ {
			if e := &a.read[a.at]; f.state[e.claim] < to {
				return e.level
			}
		}
		if len(a.events) == 0 {
			return never
		}
		f.look(a, to)
	}
}

// look takes the next events.
func (f *filler) look(a *agenda, to claimState) {
	events := a.events[:min(ahead, len(a.events))]
	a.events, a.at, a.to = a.events[len(events):], 0, 0
	for i := range events {
		a.read[a.to] = events[i]
		if f.state[events[i].claim] < to { // counted, so that no branch is guessed wrong
			a.to++
		}
	}
	if len(f.claims) > fitsCache {
		f.touch(a.read[:a.to])
	}
}

// touch reads what the events will need. The sum means nothing: it is kept so
// that the compiler keeps the reads.
func (f *filler) touch(events []event) {
	var circuits [ahead]int32
	for i := range events {
		circuits[i] = f.claims[events[i].claim].circuit
	}
	for _, c := range circuits[:len(events)] {
		nd := &f.nodes[c]
		f.touched += nd.cons[0].rate + int64(nd.live) // from both of its cache lines
	}
}

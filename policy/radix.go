package policy

import (
	"cmp"
	"math/bits"
	"slices"
)

// event is a common level at which something happens to a claim.
type event struct {
	level int64
	claim int32
}

const (
	// radixBits is the size of a digit: its counters stay in the first-level cache.
	radixBits = 11
	// radixFrom is how many events it takes until clearing the counters pays: below,
	// a stable insertion sort takes half the time and less.
	radixFrom = 48
)

// sortByLevel sorts events by level, digit by digit from the lowest, and keeps
// those of the same level in order. It needs as many events of scratch memory,
// and returns that. Its time is linear, and it is spared what a comparison sort
// pays most for: branches that nobody can guess.
func sortByLevel(events, scratch []event) (spare []event) {
	if len(events) < radixFrom {
		slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.level, b.level) })
		return scratch
	}
	scratch = resize(scratch, len(events))
	least, most := events[0].level, events[0].level
	for i := range events {
		least, most = min(least, events[i].level), max(most, events[i].level)
	}
	from, to := events, scratch
	for shift := 0; shift < bits.Len64(uint64(most-least)); shift += radixBits {
		var next [1 << radixBits]int32 // where the next event with that digit goes
		digit := func(e *event) uint64 { return uint64(e.level-least) >> shift % (1 << radixBits) }
		for i := range from {
			next[digit(&from[i])]++
		}
		at := int32(0)
		for d, n := range next {
			next[d], at = at, at+n
		}
		for i := range from {
			d := digit(&from[i])
			to[next[d]] = from[i]
			next[d]++
		}
		from, to = to, from
	}
	if &from[0] != &events[0] {
		copy(events, from)
	}
	return scratch
}

package policy

import (
	"math/bits"
	"slices"
)

// levelShift and levelScale set the resolution of the common level. Levels of
// claims and their offsets stay below maxOffset, and a claim's weight below
// maxWeight. A common level stays below maxLevel, and its product with a weight
// below 2^62.
const (
	levelShift = 20
	levelScale = 1 << levelShift
	maxWeight  = 1 << levelShift
	maxLevel   = 1 << (levelShift + 22)
	maxOffset  = 1 << 29 // mA
)

// follow sets how the claim follows the common level. A share that would take
// it from one bound to the other outside of what the solver can reckon with is
// brought to where it can.
func (c *claim) follow(share Share) {
	const reach = maxLevel >> (levelShift + 1) // mA for each unit of weight
	weight := min(max(1, share.Weight, int64(c.hi)/reach+1), maxWeight)
	offset := min(max(int64(share.Offset), int64(c.hi)-weight*reach, -maxOffset), int64(c.lo)+weight*reach, maxOffset)
	c.weight, c.offset = int32(weight), int32(offset)
}

// resources of a circuit: one for each phase in milliamperes, one for the
// total power in milliwatts.
const (
	resPower  = 3
	resources = 4
)

// of is the part of the load that resource r limits.
func (l *Load) of(r int) int64 {
	if r == resPower {
		return int64(l.Power)
	}
	return int64(l.Amps[r])
}

// levelFor is the common level at which claims of the given rate together use
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

// usedBy is what claims of the given rate use together at a common level,
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

// reserve returns s empty, with room for n more.
func reserve[T any](s []T, n int) []T { return slices.Grow(s[:0], n) }

// zeroed returns s with length n and zero values, reusing its memory.
func zeroed[T any](s []T, n int) []T {
	s = resize(s, n)
	clear(s)
	return s
}

package policy

// Where all claims load their circuits alike, in the same proportion of phases
// and power, each circuit has one constraint that is the tightest, and what a
// circuit leaves to a claim does not depend on the circuits above it. So each
// circuit finds the common level that fills it by itself, from the leaves up,
// and a claim stops at the lowest of those above it. A full circuit's level is
// found by narrowing a bracket in passes over its claims, which stand together
// in memory; a circuit that cannot become full costs nothing.

// uniform fills the claims this way.
func (f *filler) uniform(capacity []Load) {
	if len(f.claims) == 0 {
		return
	}
	cost := f.claims[0].cost
	n := f.tree.Len()
	f.most = zeroed(f.most, n) // the most that can flow, of a milliampere's cost
	for i := range f.claims {
		c := &f.claims[i]
		c.x, c.bound = c.hi, unbound
		f.most[c.circuit] += int64(c.hi)
	}
	for i := n - 1; i >= 0; i-- {
		limit, r := tightest(&capacity[i], &cost)
		if f.most[i] > limit {
			f.most[i] = f.lower(i, r, limit)
		}
		if p := f.tree.parent[i]; p >= 0 {
			f.most[p] += f.most[i]
		}
	}
}

// tightest is the sum of levels that a circuit can carry, and the resource that
// sets it.
func tightest(capacity *Load, cost *[resources]int32) (limit int64, resource int) {
	limit = Unlimited
	for r, k := range cost {
		if k == 0 {
			continue
		}
		if l := floorDiv(capacity.of(r), int64(k)); l < limit {
			limit, resource = l, r
		}
	}
	return limit, resource
}

// lower stops the claims below circuit i at the common level at which their
// levels together make the limit, and returns what they then make: less by
// rounding, or more where the lower bounds do not fit.
func (f *filler) lower(i, resource int, limit int64) (sum int64) {
	claims := f.claims[f.first[i]:f.first[f.tree.end[i]]]
	level := fillingLevel(claims, limit)
	for k := range claims {
		c := &claims[k]
		if x := max(c.lo, c.at(level)); x < c.x {
			c.x, c.bound = x, int32(i*resources+resource)
		}
		sum += int64(c.x)
	}
	return sum
}

// fillingLevel is a common level at which the levels of the claims, each at most
// its x, make the limit, less at most the milliampere that each may lose by
// rounding. Where there are many, some of them tell where to look.
func fillingLevel(claims []claim, limit int64) int64 {
	weights, offsets := int64(0), int64(0)
	for k := range claims {
		weights += int64(claims[k].weight)
		offsets += int64(claims[k].offset)
	}
	guess := levelFor(limit-offsets, weights) // right if nobody is at a bound
	if len(claims) > manyClaims {
		guess = narrow(claims, sampled, limit/sampled, guess)
	}
	return narrow(claims, 1, limit, guess)
}

// Of more than manyClaims claims, one of so many is looked at first.
const manyClaims, sampled = 4000, 64

// narrow finds the level for every stride-th claim from a guess. It narrows a bracket
// by Newton's steps: exact where the load is linear around the guess.
func narrow(claims []claim, stride int, limit, guess int64) int64 {
	below, above := int64(-maxLevel), int64(maxLevel)
	for above-below > 1 {
		sum, rate := loadAt(claims, stride, guess)
		if left := limit - sum; left >= 0 && left <= int64(len(claims)/stride) {
			return guess
		}
		var next int64
		switch {
		case rate > 0:
			next = guess + levelFor(limit-sum, rate)
		case sum > limit:
			next = guess - max(1, abs(guess))
		default:
			next = guess + max(1, abs(guess))
		}
		if sum <= limit {
			below, next = guess, max(next, guess+1)
		} else {
			above, next = guess, min(next, guess-1)
		}
		if next <= below || next >= above {
			next = below + (above-below)/2
		}
		guess = next
	}
	return below
}

// loadAt is the sum of the levels of every stride-th claim at a common level, and the
// weight of those that follow it.
func loadAt(claims []claim, stride int, level int64) (sum, rate int64) {
	for k := 0; k < len(claims); k += stride {
		c := &claims[k]
		v := (int64(c.weight)*level)>>levelShift + int64(c.offset)
		switch {
		case v <= int64(c.lo):
			v = int64(c.lo)
		case v >= int64(c.x):
			v = int64(c.x)
		default:
			rate += int64(c.weight)
		}
		sum += v
	}
	return sum, rate
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

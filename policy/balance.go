package policy

// A circuit whose phases are loaded unevenly is full when one phase is full, and
// what the others could carry is lost. A rule that is after energy, and not after
// equal currents, prefers those sessions that bring most energy for each ampere
// of a scarce phase: one on three phases of which one is full brings three times
// as much as one on the full phase alone. The engine shares once to see which
// phases become full, moves the offsets by Share.Balance, and shares again.
//
// The best possible one-step allocation is a linear program. This delivers as much or
// more, at the cost of two solutions instead of one, but less where every car is on
// two phases: docs/performance.md has the figures.

// balance moves the offsets and reports whether it moved any.
func (e *Engine) balance() bool {
	if !e.balances {
		return false
	}
	moved := false
	k := 0
	for i := range e.claims {
		c := &e.claims[i]
		if c.waits {
			continue
		}
		share := e.shares[k]
		k++
		if share.Balance > 0 {
			more := share.Balance * Milliamps(e.gain(c)) / full
			share.Offset += more
			c.follow(share)
			moved = moved || more > 0
		}
	}
	return moved
}

// full is the gain of a session with as many phases that have room as phases
// that have none.
const full = 1000

// gain is, in ‰, the phases with room for the claim's maximum for each phase
// without. A phase with room for half of it counts by half, so that the gain does
// not jump. Where the total power is full no phase has room.
func (e *Engine) gain(c *claim) int64 {
	var phases, free int64
	for p := L1; p <= L3; p++ {
		if c.cost[p] == 0 {
			continue
		}
		phases += full
		room := int64(c.most)
		for at := int(c.circuit); at >= 0; at = e.tree.parent[at] {
			left := &e.room[at]
			room = min(room, int64(left.Amps[p]), int64(left.Power)/int64(c.cost[resPower]))
		}
		free += max(0, room) * full / int64(c.most)
	}
	return full * free / max(full, phases-free)
}

package commission

import (
	"fmt"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/ledger"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// longest is how long a run takes at most: limits of the schedule that begin
// within it hold from the start.
const longest = time.Hour

// room is what the circuits leave for the connector under test. It is the
// ledger of the daemon, in which every other connector is booked at the most
// that its charger would let it draw.
type room struct {
	set      *core.Settings
	tree     *policy.Tree
	books    []ledger.Connector
	ledger   *ledger.Ledger
	frame    ledger.Frame
	tested   int               // index of the connector under test
	low      map[int]bool      // connectors that are booked below their maximum
	sessions map[string]string // by connector, at the beginning
	orders   uint64
}

func newRoom(set *core.Settings, tested int, now time.Time) (*room, error) {
	specs := make([]policy.CircuitSpec, len(set.Circuits))
	for i, c := range set.Circuits {
		specs[i] = policy.CircuitSpec{ID: c.ID, Parent: c.Parent}
	}
	tree, err := policy.NewTree(specs)
	if err != nil {
		return nil, fmt.Errorf("site %s: %w", set.ID, err)
	}
	r := &room{set: set, tree: tree, tested: tested, low: map[int]bool{}, sessions: map[string]string{}}
	for i := range set.Connectors {
		c := &set.Connectors[i]
		k, ok := tree.Index(c.Circuit)
		if !ok {
			return nil, fmt.Errorf("site %s: connector %s hangs on the unknown circuit %q", set.ID, c.ID, c.Circuit)
		}
		r.books = append(r.books, book(c, k))
	}
	r.frame = ledger.Frame{
		Permitted: r.permitted(now), Covered: make([]bool, tree.Len()), Reserve: make([]policy.Load, tree.Len()),
	}
	for k := range r.frame.Covered {
		r.frame.Covered[k] = true // every connector counts at its bound, charging or idle
	}
	r.open(now)
	return r, nil
}

// open makes the ledger anew.
func (r *room) open(now time.Time) {
	r.ledger = ledger.New(r.tree, r.books, ledger.Timing{Settle: r.set.Timing.Settle, Verdict: r.set.Timing.VerdictTimeout})
	r.ledger.FallbackInForce(r.tested, !r.set.Connectors[r.tested].InstallFallback)
	r.ledger.Adopt(r.tested)
	r.frame.Now = now
	r.ledger.Open(r.frame)
}

// permitted is what all connectors below each circuit may draw during the run.
func (r *room) permitted(now time.Time) []policy.Load {
	base := make([]policy.Load, r.tree.Len())
	limits := make([]policy.Load, r.tree.Len())
	for i := range r.set.Circuits {
		c := &r.set.Circuits[i]
		k, _ := r.tree.Index(c.ID)
		base[k] = c.Base
		all := policy.Limits{Configured: c.Limit, Windows: c.Windows}
		limit, _ := all.At(now, r.set.Zone)
		for at := now; ; {
			next, ok := all.NextChange(at, r.set.Zone)
			if !ok || next.Sub(now) > longest {
				break
			}
			later, _ := all.At(next, r.set.Zone)
			limit, at = limit.Tightest(later), next
		}
		limits[k] = c.Margin.Under(limit)
	}
	r.tree.AddUp(base)
	for k := range limits {
		limits[k] = limits[k].Minus(base[k])
	}
	return limits
}

// neighbours are the connectors that share a circuit with the one under test.
func (r *room) neighbours() (all []int) {
	root := r.books[r.tested].Circuit
	for r.tree.Parent(root) >= 0 {
		root = r.tree.Parent(root)
	}
	for i := range r.books {
		if i != r.tested && r.tree.Within(r.books[i].Circuit, root) {
			all = append(all, i)
		}
	}
	return all
}

// permits reports whether a level may be ordered now, and what is in the way.
func (r *room) permits(level policy.Milliamps, now time.Time) (bool, ledger.Obstacle) {
	r.frame.Now = now
	r.ledger.Open(r.frame)
	r.ledger.Lapse(now)
	return r.ledger.Permits(r.tested, level)
}

// most is the highest level to which the connector under test may be ordered.
func (r *room) most() policy.Milliamps {
	level, _ := r.ledger.Room(r.tested)
	return min(level, r.books[r.tested].Max)
}

// under is the highest level up to the given one that may be ordered now. The
// lowest that can be in force always may.
func (r *room) under(level policy.Milliamps, now time.Time) policy.Milliamps {
	for _, l := range []policy.Milliamps{level, r.most(), r.ledger.InDoubt(r.tested)} {
		if ok, _ := r.permits(l, now); ok && l <= level && l >= r.books[r.tested].Min {
			return l
		}
	}
	return r.ledger.Knows(r.tested).Least
}

// bounded books a neighbour at what its charger says that it allows.
func (r *room) bounded(i int, level policy.Milliamps, now time.Time) {
	if level < r.books[i].Max {
		r.books[i].Max, r.books[i].Fallback = level, min(level, r.books[i].Fallback)
		r.low[i] = true
		r.open(now)
	}
}

// arrived takes in a session at another connector. A new one where less than
// the maximum is booked may draw more than that: it reports that.
func (r *room) arrived(s *edrvapi.Session, now time.Time) bool {
	if s.Status != edrvapi.SessionStarted || r.sessions[s.Connector] == s.ID {
		return false
	}
	for i := range r.set.Connectors {
		if r.set.Connectors[i].ID == s.Connector && r.low[i] {
			delete(r.low, i)
			r.books[i] = book(&r.set.Connectors[i], r.books[i].Circuit)
			r.open(now)
			return true
		}
	}
	return false
}

func book(c *core.Connector, circuit int) ledger.Connector {
	return ledger.Connector{Circuit: circuit, Wiring: c.Wiring, Min: c.Min, Max: c.Max, Fallback: c.Fallback, Settle: c.Settle}
}

// send books an order that is about to be sent.
func (r *room) send(level policy.Milliamps) (id uint64) {
	r.orders++
	r.ledger.Send(r.tested, r.orders, level)
	return r.orders
}

func (r *room) name(circuit int) string {
	if circuit < 0 {
		return "?"
	}
	return r.tree.ID(circuit)
}

package config

import (
	"errors"

	"github.com/headroom-ev/headroom/policy"
)

// Wiring says which phases of the site a connector's own L1, L2 and L3 are wired
// to, in that order. L2L3L1 is a three-phase connector rotated by one: a
// one-phase car on it draws from the site's L2. The zero Wiring has no phase.
type Wiring struct {
	order [3]policy.Phase
	count uint8
}

// WiredTo is the wiring to the given phases, in order. It panics on a phase
// given twice, which is a mistake in the program: files are read by the decoder.
func WiredTo(phases ...policy.Phase) Wiring {
	var w Wiring
	for _, p := range phases {
		if p > policy.L3 || !w.add(p) {
			panic("config: a phase that is wired twice, or is none")
		}
	}
	return w
}

// add wires the connector's next phase, unless the phase is taken.
func (w *Wiring) add(p policy.Phase) bool {
	if w.Set().Has(p) {
		return false
	}
	w.order[w.count] = p
	w.count++
	return true
}

// Set is the phases without their order.
func (w Wiring) Set() policy.Phases { return policy.On(w.order[:w.count]...) }

// Order is the phases in the order of the connector's own.
func (w Wiring) Order() []policy.Phase { return w.order[:w.count:w.count] }

// Count is the number of phases, 0 to 3.
func (w Wiring) Count() int { return int(w.count) }

// String names the phases in order: "L2L3L1".
func (w Wiring) String() string {
	var s string
	for _, p := range w.Order() {
		s += p.String()
	}
	return s
}

var errWiring = errors.New("a phase stands there twice")

// parseWiring reads one to three different phases, each as L1, L2 or L3.
func parseWiring(text string) (Wiring, error) {
	var w Wiring
	for len(text) > 0 {
		if len(text) < 2 || text[0] != 'L' || text[1] < '1' || text[1] > '3' {
			return Wiring{}, errForm
		}
		if !w.add(policy.Phase(text[1] - '1')) {
			return Wiring{}, errWiring
		}
		text = text[2:]
	}
	if w.count == 0 {
		return Wiring{}, errForm
	}
	return w, nil
}

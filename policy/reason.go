package policy

import (
	"fmt"
	"strings"
)

// Code says in one word why a session is given what it is given. The codes are
// a closed list: they appear in the API.
type Code uint8

const (
	ReasonMaximum  Code = iota // it has its own maximum
	ReasonCircuit              // a circuit above it is full
	ReasonWaiting              // not everybody can have the minimum; it waits
	ReasonUsesLess             // it draws less than its share; the rest is lent
	ReasonResting              // it was paused a moment ago and may not charge again yet
)

var codeNames = [...]string{"maximum", "circuit", "waiting", "uses_less", "resting"}

// Waits reports whether the session is given nothing for now and will be given
// something later.
func (c Code) Waits() bool { return c == ReasonWaiting || c == ReasonResting }

// String is the code as the API writes it.
func (c Code) String() string { return codeNames[c] }

// Resource is what of a circuit is full: one phase, or the total power.
type Resource uint8

const (
	OnL1 Resource = iota
	OnL2
	OnL3
	OnPower
)

// String is "L1", "L2", "L3" or "power".
func (r Resource) String() string {
	if r == OnPower {
		return "power"
	}
	return Phase(r).String()
}

// Reason is why a session is given its level, with the evidence.
type Reason struct {
	Code     Code
	Resource Resource // what of the circuit is full
	Circuit  int      // the circuit that holds it back, or -1
	Sharers  int      // how many sessions share what is full, this one included
}

// Text puts the reason into words. how says by which rule a full circuit is
// shared, such as "equally".
func (r Reason) Text(t *Tree, how string) string {
	switch {
	case r.Code == ReasonMaximum:
		return "its own maximum"
	case r.Code == ReasonResting:
		return "was paused a moment ago; it may charge again soon"
	case r.Code == ReasonUsesLess:
		return "draws less than its share, the rest is lent"
	case r.Circuit < 0:
		return "its maximum is below its minimum"
	}
	var b strings.Builder
	b.WriteString(t.ID(r.Circuit))
	b.WriteString(" is full ")
	if r.Resource == OnPower {
		b.WriteString("in total power")
	} else {
		b.WriteString("on " + r.Resource.String())
	}
	switch {
	case r.Code == ReasonWaiting:
		b.WriteString(" even at the minimum; waits for its turn")
	case r.Sharers > 1:
		fmt.Fprintf(&b, "; shared %s among %d", how, r.Sharers)
	}
	return b.String()
}

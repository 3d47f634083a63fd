package core

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Chain says link by link why a connector has what it has, for people: first
// what the site knows of its charger, then why the engine decided as it did,
// and last what would give it more, in lines that begin with "if". The engine's
// part is written when it is asked for, because most views are never read.
type Chain struct {
	before []string
	basis  *policy.Basis // shared by all chains of a view; nil: the engine did not decide
	at     int           // of the basis' sessions
}

// ChainOf is a chain of the given lines.
func ChainOf(lines ...string) Chain { return Chain{before: lines} }

// Lines is the chain, one link each. It may be asked for from any goroutine.
func (c Chain) Lines() []string {
	if c.basis == nil {
		return slices.Clone(c.before)
	}
	return slices.Concat(c.before, c.basis.Chain(c.at))
}

// MarshalJSON writes the chain as an array of strings.
func (c Chain) MarshalJSON() ([]byte, error) {
	return json.Marshal(append([]string{}, c.Lines()...))
}

// basis is a copy of the last decision and of what it rests on.
func (s *Site) basis() *policy.Basis {
	connectors := s.set.Connectors
	world := &policy.World{Permitted: slices.Clone(s.world.Permitted), Sessions: slices.Clone(s.world.Sessions)}
	b := &policy.Basis{
		Tree: s.tree, Rule: s.engine.Rule(), Options: s.engine.Options(), Now: s.now, Zone: s.set.Zone, World: world,
		Plan:     &policy.Plan{Allocations: slices.Clone(s.plan.Allocations), Booked: slices.Clone(s.plan.Booked), Covered: slices.Clone(s.plan.Covered)},
		Circuits: make([]policy.CircuitBasis, len(s.circuits)),
		Name:     func(i int) string { return connectors[world.Sessions[i].Key].label() },
	}
	for k := range s.circuits {
		c := &s.circuits[k]
		b.Circuits[k] = policy.CircuitBasis{Limit: c.limit, Source: c.source, Margin: c.limits.Margin, Base: c.baseBelow}
	}
	return b
}

// chain is that of connector i. at is its place in the basis, or -1.
func (s *Site) chain(i, at int, b *policy.Basis, reason ReasonView) Chain {
	ses := s.connectors[i].session
	if ses == nil {
		return ChainOf(reason.Text)
	}
	c := Chain{before: s.standing(i, ses)}
	if at >= 0 && reason.Code == b.Plan.Allocations[at].Reason.Code.String() {
		c.basis, c.at = b, at
	} else {
		c.before = slices.Insert(c.before, 0, reason.Text)
		if remedy, ok := remedies[reason.Code]; ok {
			c.before = append(c.before, remedy)
		}
	}
	return c
}

// remedies says what would give a session more on which the engine does not
// decide.
var remedies = map[string]string{
	"offline":        "if its station comes online again, orders reach it",
	"group":          "if it is taken out of eDRV's load-management group, Headroom steers it",
	"uncontrollable": "if its charger takes orders again, it has its share: see eDRV's log of the station",
	"disobeys":       "if it keeps to its limit again, it has its share: have its charger looked at",
	"mute":           "if its charger answers orders again, it has its share: see eDRV's log of the station",
	"foreign":        "if nobody else sets its limit any more, Headroom steers it again",
	"doubt":          "if its charger confirms a limit, it has its share",
}

// standing is what the site knows of a session beside what the engine sees:
// its reading, orders, and what keeps orders back.
func (s *Site) standing(i int, ses *session) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	set, knows := s.connectors[i].set, s.ledger.Knows(i)
	shown := func(level policy.Milliamps) string {
		if set.Kind == policy.DC {
			return powerOf(set, level).String()
		}
		return level.String()
	}
	if o := ses.override; o != (Override{}) {
		add("an operator set for it: %s", o)
	}
	switch r := &ses.reading; {
	case !r.known:
		add("no reading yet: it counts at %s, the most it may draw", shown(s.ledger.Bound(i)))
	case !r.fresh(s.now, s.set.Timing.ReportStale):
		add("its last reading is %s old: it counts at %s, the most it may draw", s.now.Sub(r.at).Round(time.Second), shown(s.ledger.Bound(i)))
	}
	if knows.Waiting > 0 {
		add("an order for %s is on its way since %s; until its charger answers it counts at %s",
			shown(knows.Newest), ses.ordered.In(s.set.Zone).Format(time.TimeOnly), shown(s.ledger.Bound(i)))
	}
	for _, timer := range []struct {
		what string
		ends time.Time
	}{
		{"it was raised a moment ago: the next raise", ses.raisedAt.Add(s.set.Timing.RaiseEvery)},
		{"its last orders failed: the next order", ses.holdOff},
	} {
		if s.now.Before(timer.ends) {
			add("%s goes out at %s at the earliest", timer.what, timer.ends.In(s.set.Zone).Format(time.TimeOnly))
		}
	}
	for k := s.connectors[i].circuit; k >= 0; k = s.tree.Parent(k) {
		if text := s.circuits[k].overloadText(); text != "" {
			add("%s", text)
		}
	}
	if s.ladder.state != Normal {
		add("the site is in state %s, so nobody is raised: %s", s.ladder.state, s.ladder.why)
	}
	return lines
}

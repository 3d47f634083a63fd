package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Basis is a decision with all that it rests on, for people to read. Nothing
// in it is changed.
type Basis struct {
	Tree    *Tree
	Rule    Rule
	Options Options
	Now     time.Time
	Zone    *time.Location // of times in texts; nil: UTC
	World   *World
	Plan    *Plan
	// Circuits is where World.Permitted comes from, in the order of the Tree;
	// nil: not known.
	Circuits []CircuitBasis
	// Name is what people call session i of the World; nil: its ID.
	Name func(i int) string
}

// CircuitBasis is where that comes from which a circuit permits: its limit,
// less the margin, less the base load.
type CircuitBasis struct {
	Limit  Load
	Source Source // of the limit
	Margin Margin
	Base   Load // of the circuit and all below it
}

// Chain says why session i of the World has what it has, link by link: what it
// is given; what counts for it; its turn, where turns are taken; every circuit
// from its connector up, with what is used there of what is permitted, and which
// one holds it back; who shares that; and what would give it more, each such
// line beginning with "if". The cost is that of the circuits above it and one
// look at each session.
func (b *Basis) Chain(i int) []string {
	chain := []string{b.given(i), b.standing(i)}
	if line := b.turn(i); line != "" {
		chain = append(chain, line)
	}
	s := &b.World.Sessions[i]
	for c := s.Circuit; c >= 0; c = b.Tree.Parent(c) {
		chain = append(chain, b.circuit(i, c))
	}
	if line := b.sharers(i); line != "" {
		chain = append(chain, line)
	}
	return append(chain, b.more(i)...)
}

func (b *Basis) name(i int) string {
	if b.Name != nil {
		return b.Name(i)
	}
	return b.World.Sessions[i].ID
}

// level is a session's level as it is ordered: in amperes, or for DC in watts.
func (s *Session) level(level Milliamps) string {
	if s.Kind == DC {
		return s.Wiring.Power(level).String()
	}
	return level.String()
}

// given is what the session has, and the bounds of that.
func (b *Basis) given(i int) string {
	s, a := &b.World.Sessions[i], &b.Plan.Allocations[i]
	has := "waits and is given nothing"
	switch {
	case a.Level > 0 && s.Kind == DC:
		has = "is given " + a.Power.String()
	case a.Level > 0:
		has = fmt.Sprintf("is given %s on %s, %s in all", a.Level, s.Wiring.Phases, a.Power)
	case !a.Reason.Code.Waits():
		has = "is given nothing"
	}
	text := fmt.Sprintf("%s %s; its minimum is %s, its own maximum %s", b.name(i), has, s.level(s.Min), s.level(s.Max))
	if !s.CanPause {
		text += "; it cannot pause"
	}
	if s.UsesLess {
		text += "; it draws less, with a margin " + s.level(s.Uses)
	}
	return text
}

// standing is what the rule may go by.
func (b *Basis) standing(i int) string {
	s := &b.World.Sessions[i]
	text := fmt.Sprintf("rule %s: shared %s; tier %d, weight %s", b.Rule.Name(), b.Rule.How(), s.Tier, oneDecimal(weightOf(s)))
	if !s.Since.IsZero() {
		text += ", began " + b.clock(s.Since)
	}
	if s.Need > 0 {
		text += ", wants " + oneDecimal(int64(s.Need)/1000) + " kWh"
	}
	if !s.Leaves.IsZero() {
		text += ", leaves " + b.clock(s.Leaves)
	}
	return text
}

// turn is where a session stands in the rotation, where anybody waits.
func (b *Basis) turn(i int) string {
	waits := func(a Allocation) bool { return a.Reason.Code.Waits() }
	t := &b.World.Sessions[i].Turn
	switch {
	case t.Since.IsZero() || !slices.ContainsFunc(b.Plan.Allocations, waits):
		return ""
	case !t.Running:
		return fmt.Sprintf("turn: waits since %s, was started %d times so far", b.clock(t.Since), t.Starts)
	case !b.World.Sessions[i].CanPause:
		return fmt.Sprintf("turn: charges since %s; it cannot pause, so its turn does not end", b.clock(t.Since))
	case b.Options.Rotate <= b.Now.Sub(t.Since):
		return fmt.Sprintf("turn: charges since %s; its turn of %s is over, and who waits where it charges comes first", b.clock(t.Since), b.Options.Rotate)
	}
	return fmt.Sprintf("turn: charges since %s, and may at least until %s unless a limit falls", b.clock(t.Since), b.clock(t.Since.Add(b.Options.Rotate)))
}

// clock is a time in the site's zone, with the date where it is another day.
func (b *Basis) clock(t time.Time) string {
	zone := cmp.Or(b.Zone, time.UTC)
	t, now := t.In(zone), b.Now.In(zone)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// circuit is one link of the chain: a circuit above session i.
func (b *Basis) circuit(i, c int) string {
	var texts []string
	for _, p := range b.parts(i, c) {
		text := p.phases.String() + " "
		if p.phases == 0 {
			text = ""
		}
		text += p.quantity(p.used) + " of " + p.quantity(p.permitted)
		if b.holds(i, c, p) {
			text += ", which holds it back"
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return b.Tree.ID(c) + ": nothing is limited here"
	}
	return b.Tree.ID(c) + ": " + strings.Join(texts, "; ") + b.origin(c)
}

// part is how full a circuit is on some phases that carry the same of the same,
// or in total power.
type part struct {
	phases          Phases // 0: total power
	used, permitted int64
}

// parts is what is limited of a circuit and loaded by session i.
func (b *Basis) parts(i, c int) []part {
	var parts []part
	for r, k := range b.World.Sessions[i].Wiring.costs() {
		p := part{used: b.Plan.Booked[c].of(r), permitted: b.World.Permitted[c].of(r)}
		if k == 0 || p.permitted >= Unlimited {
			continue
		}
		if r == resPower {
			parts = append(parts, p)
			continue
		}
		p.phases = On(Phase(r))
		alike := slices.IndexFunc(parts, func(o part) bool { return o.used == p.used && o.permitted == p.permitted })
		if alike >= 0 {
			parts[alike].phases |= p.phases
		} else {
			parts = append(parts, p)
		}
	}
	return parts
}

// holds reports whether it is that part of the circuit that holds session i
// back.
func (b *Basis) holds(i, c int, p part) bool {
	r := b.Plan.Allocations[i].Reason
	return c == r.Circuit && (p.phases == 0) == (r.Resource == OnPower) && (p.phases == 0 || p.phases.Has(Phase(r.Resource)))
}

// quantity writes an amount of what the part is of.
func (p *part) quantity(v int64) string {
	if p.phases == 0 {
		return Milliwatts(v).String()
	}
	return Milliamps(v).String()
}

// origin says where a circuit's permitted load comes from.
func (b *Basis) origin(c int) string {
	if c >= len(b.Circuits) {
		return ""
	}
	k := &b.Circuits[c]
	text := fmt.Sprintf(" (limit %s by %s", cmp.Or(k.Limit.text(k.Limit), "0"), k.Source)
	if margin := k.Limit.Minus(k.Margin.Under(k.Limit)); margin.text(k.Limit) != "" {
		text += ", less margin " + margin.text(k.Limit)
	}
	if base := k.Base.text(k.Limit); base != "" {
		text += ", less base load " + base
	}
	if k.Margin.Under(k.Limit).Minus(k.Base) != b.World.Permitted[c] {
		text += "; a tighter one is about to hold"
	}
	return text + ")"
}

// text writes those parts of a load that are not 0 and that the limit limits.
func (l Load) text(limit Load) string {
	var parts []string
	if limit.Power < Unlimited && l.Power != 0 {
		parts = append(parts, l.Power.String())
	}
	if l.Amps[L1] == l.Amps[L2] && l.Amps[L2] == l.Amps[L3] {
		if limit.Amps[L1] < Unlimited && l.Amps[L1] != 0 {
			parts = append(parts, l.Amps[L1].String())
		}
		return strings.Join(parts, " and ")
	}
	for p, a := range l.Amps {
		if limit.Amps[p] < Unlimited && a != 0 {
			parts = append(parts, Phase(p).String()+" "+a.String())
		}
	}
	return strings.Join(parts, " and ")
}

// mostNamed is how many neighbours a chain names.
const mostNamed = 8

// sharers names the other sessions on what holds session i back, and what is
// booked there for others.
func (b *Basis) sharers(i int) string {
	reason := b.Plan.Allocations[i].Reason
	if reason.Circuit < 0 {
		return ""
	}
	on := int(reason.Resource)
	rest := b.Plan.Booked[reason.Circuit].of(on)
	var first []int // of the others, those who have most
	others := 0
	for k := range b.World.Sessions {
		s := &b.World.Sessions[k]
		if !b.Tree.Within(s.Circuit, reason.Circuit) || s.Wiring.costs()[on] == 0 {
			continue
		}
		load := s.Wiring.At(b.booked(k, reason.Circuit))
		rest -= load.of(on)
		if k == i {
			continue
		}
		others++
		if at, _ := slices.BinarySearchFunc(first, k, b.byLevel); at < mostNamed {
			first = slices.Insert(first[:min(len(first), mostNamed-1)], at, k)
		}
	}
	var also []string
	for _, k := range first {
		also = append(also, b.name(k)+" "+b.World.Sessions[k].level(b.Plan.Allocations[k].Level))
	}
	if more := others - len(first); more > 0 {
		also = append(also, fmt.Sprintf("%d more", more))
	}
	if rest > 0 {
		p := part{used: rest}
		if reason.Resource != OnPower {
			p.phases = On(Phase(reason.Resource))
		}
		also = append(also, p.quantity(rest)+" for connectors that stand idle or are not steered")
	}
	if len(also) == 0 {
		return "nobody else is on it"
	}
	return "also on it: " + strings.Join(also, ", ")
}

// byLevel puts sessions that have more first.
func (b *Basis) byLevel(x, y int) int {
	return cmp.Or(cmp.Compare(b.Plan.Allocations[y].Level, b.Plan.Allocations[x].Level),
		cmp.Compare(b.World.Sessions[x].Key, b.World.Sessions[y].Key))
}

// booked is what session k is booked at on a circuit above it.
func (b *Basis) booked(k, circuit int) Milliamps {
	level := b.Plan.Allocations[k].Level
	if b.Plan.Covered[circuit] {
		level = max(level, b.World.Sessions[k].Floor)
	}
	return level
}

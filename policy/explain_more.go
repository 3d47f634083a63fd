package policy

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// more says what would give session i more.
func (b *Basis) more(i int) []string {
	s, a := &b.World.Sessions[i], &b.Plan.Allocations[i]
	switch {
	case a.Reason.Code == ReasonMaximum:
		return []string{"if its own maximum were higher, it could ask for more"}
	case a.Reason.Code == ReasonUsesLess:
		return []string{"if its car draws up to what it is given, its whole share comes back"}
	case a.Reason.Code == ReasonWaiting && a.Queue.Position == 0: // no level fits between its bounds
		return []string{"if its own maximum were its minimum or more, it could charge"}
	case a.Reason.Code == ReasonResting:
		return []string{"if it has rested until " + b.clock(a.Queue.Expected) + ", it may start again"}
	}
	var lines []string
	if a.Reason.Circuit >= 0 {
		lines = append(lines, b.room(i))
	}
	switch {
	case a.Reason.Code == ReasonWaiting && !a.Queue.Expected.IsZero():
		lines = append(lines, fmt.Sprintf("if turns go on as now, it may start at %s: number %d in the queue", b.clock(a.Queue.Expected), a.Queue.Position))
	case a.Reason.Code == ReasonCircuit:
		if better := favours(b.Rule, b.Now, s); len(better) > 0 {
			lines = append(lines, "if it had "+strings.Join(better, " or ")+", the rule would give it more of what is there")
		}
	}
	return lines
}

// room says how much session i could have if what holds it back did not.
func (b *Basis) room(i int) string {
	s, a := &b.World.Sessions[i], &b.Plan.Allocations[i]
	more, there, next := s.Max-a.Level, "", ""
	for c := s.Circuit; c >= 0; c = b.Tree.Parent(c) {
		for _, p := range b.parts(i, c) {
			where := b.Tree.ID(c) + " in total power"
			per := s.Wiring.perMilliamp()
			if p.phases != 0 {
				where, per = b.Tree.ID(c)+" on "+p.phases.String(), 1
			}
			if b.holds(i, c, p) {
				there = where
			} else if left := p.permitted - p.used; left < per*int64(more) {
				more, next = Milliamps(max(0, floorDiv(left, per))), where
			}
		}
	}
	switch {
	case more < s.Kind.step() || a.Level+more < s.Min:
		return "if there were room at " + there + " and at " + next + ", it could have more"
	case a.Reason.Code == ReasonWaiting:
		return "if there were room at " + there + " for its minimum of " + s.level(s.Min) + ", it would start"
	case next != "":
		return "if there were room at " + there + ", it could have up to " + s.level(more) + " more; then there is no more at " + next
	}
	return "if there were room at " + there + ", it could have up to " + s.level(more) + " more, all that it can take"
}

// favours is what would make the rule prefer a session to its like.
func favours(rule Rule, now time.Time, s *Session) []string {
	var better []string
	try := func(what string, change func(*Session)) {
		other := *s
		change(&other)
		other.Key++
		var out [2]Share
		rule.Shares(now, []*Session{s, &other}, out[:])
		of, is := out[1], out[0]
		if of.Tier > is.Tier || of.Tier == is.Tier && (of.Weight > is.Weight || of.Offset > is.Offset) {
			better = append(better, what)
		}
	}
	try("a higher tier", func(o *Session) { o.Tier++ })
	try("a higher weight", func(o *Session) { o.Weight = 2 * int(weightOf(s)) })
	try("come earlier", func(o *Session) { o.Since = s.Since.Add(-time.Hour) })
	try("to leave earlier", func(o *Session) { o.Leaves = cmp.Or(s.Leaves, now.Add(24*time.Hour)).Add(-time.Hour) })
	return better
}

package core

import (
	"fmt"
	"slices"

	"github.com/headroom-ev/headroom/edrvapi"
)

// What eDRV answers in a scenario.

// about reports whether the words name the connector, or nothing at all.
func about(words []string, connector string) bool {
	for _, w := range words {
		if w == connector {
			return true
		}
	}
	return len(words) == 0
}

func (p *player) replies(outcome string, to func(a asked, connector string) bool) []Input {
	kinds := map[string]Outcome{"queued": Queued, "not-sent": NotSent, "refused": Refused, "unclear": Unclear, "dropped": Dropped, "not-saved": NotSaved}
	var inputs []Input
	var rest []asked
	for _, a := range p.unanswered {
		var id uint64
		var c call
		switch e := a.effect.(type) {
		case SendOrder:
			id, c = e.ID, call{connector: e.Connector, session: e.Session, limit: e.Limit}
		case InstallFallback:
			id, c = e.ID, call{connector: e.Connector, limit: e.Limit}
		}
		if !to(a, c.connector) {
			rest = append(rest, a)
			continue
		}
		r := Reply{ID: id, Outcome: kinds[outcome], Message: "as the scenario has it"}
		if r.Outcome == Queued || r.Outcome == Unclear {
			p.actions++
			c.action, c.created = fmt.Sprintf("a%d", p.actions), p.now
			p.pending = append(p.pending, c)
		}
		if r.Outcome == Queued {
			r.Action = c.action
		}
		inputs = append(inputs, r)
	}
	p.unanswered = rest
	return inputs
}

func (p *player) verdicts(accepted bool, of []string) []Input {
	var inputs []Input
	var rest []call
	for _, c := range p.pending {
		if !about(of, c.connector) && !slices.Contains(of, c.action) {
			rest = append(rest, c)
			continue
		}
		in := ActionSeen{Verdict: Rejected, Action: edrvapi.Action{
			ID: c.action, Kind: edrvapi.ActionSetLimit, Session: c.session, Connector: c.connector, Limit: edrvapi.Some(c.limit), ResponseText: "Rejected",
			CreatedAt: c.created,
		}}
		if accepted {
			in.Verdict = Accepted
		}
		inputs = append(inputs, in)
	}
	p.pending = rest
	return inputs
}

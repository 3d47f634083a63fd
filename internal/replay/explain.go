package replay

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Question asks what the engine says of one moment of a recording.
type Question struct {
	File      File
	Recording *Recording
	Site      string    // needed where the configuration has several
	Session   string    // empty: all that are there
	At        time.Time // zero: when most sessions are there, during the one asked for
}

// Answer is the engine's plan for the sessions that stand at a connector at one
// time, as if they had all just come: each wants its maximum and all of its
// energy, and nobody has had a turn yet.
type Answer struct {
	At          time.Time    `json:"at"`
	Site        string       `json:"site"`
	Share       string       `json:"share"`
	Allocations []Allocation `json:"allocations"`

	there int
}

// Allocation is what one session is given, and why. An AC session has its
// target in amperes per phase, a DC session in watts.
type Allocation struct {
	Session   string   `json:"session"`
	Connector string   `json:"connector"`
	Amps      *float64 `json:"target_a,omitempty"`
	Watts     *float64 `json:"target_w,omitempty"`
	Waiting   bool     `json:"waiting"`
	Reason    Reason   `json:"reason"`
	Chain     []string `json:"chain"`

	target string
}

// Reason is what the engine says in short.
type Reason struct {
	Code    string `json:"code"`
	Circuit string `json:"circuit"`
	Text    string `json:"text"`
}

// Explain asks the engine.
func Explain(q Question) (*Answer, error) {
	site, err := SiteOf(q.File, q.Site)
	if err != nil {
		return nil, err
	}
	epoch := epochOf(q.Recording.Sessions)
	stays, err := site.staysOf(q.Recording, epoch)
	if err != nil {
		return nil, err
	}
	among := span{0, never}
	if q.Session != "" {
		i := slices.IndexFunc(stays, func(st stay) bool { return st.ID == q.Session })
		switch {
		case i < 0:
			return nil, fmt.Errorf("%s has no session %q", q.Recording.File, q.Session)
		case stays[i].turnedAway():
			return nil, fmt.Errorf("session %s left before its connector %s was free", q.Session, stays[i].Connector)
		}
		among = span{stays[i].plugged, stays[i].departure}
	}
	at := busiest(stays, among)
	if !q.At.IsZero() {
		at = since(epoch, q.At)
		if q.Session != "" && (at < among.from || at >= among.to) {
			return nil, fmt.Errorf("session %s is at its connector from %s to %s, not at %s", q.Session,
				clockIn(site.Zone, epoch, among.from), clockIn(site.Zone, epoch, among.to), q.At.In(site.Zone).Format(time.RFC3339))
		}
	}
	return site.explain(stays, epoch, at, q.Session)
}

func clockIn(zone *time.Location, epoch time.Time, ms int64) string {
	return epoch.Add(time.Duration(ms) * time.Millisecond).In(zone).Format(time.RFC3339)
}

// busiest is the first time, within a span, at which most sessions are plugged
// in.
func busiest(stays []stay, among span) int64 {
	type edge struct{ at, step int64 }
	var edges []edge
	for i := range stays {
		if st := &stays[i]; !st.turnedAway() {
			edges = append(edges, edge{st.plugged, 1}, edge{st.departure, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.step, b.step)) })
	at, there, most := among.from, int64(0), int64(-1)
	for i, e := range edges {
		there += e.step
		last := i+1 == len(edges) || edges[i+1].at > e.at
		if last && e.at >= among.from && e.at < among.to && there > most {
			at, most = e.at, there
		}
	}
	return at
}

// explain is the answer for the time at, for one session or all.
func (s *Site) explain(stays []stay, epoch time.Time, at int64, only string) (*Answer, error) {
	now := epoch.Add(time.Duration(at) * time.Millisecond).In(s.Zone)
	basis := s.decide(stays, epoch, at)
	out := &Answer{At: now, Site: s.ID, Share: s.Rule.Name(), Allocations: []Allocation{}, there: len(basis.World.Sessions)}
	for i := range basis.World.Sessions {
		session, a := &basis.World.Sessions[i], &basis.Plan.Allocations[i]
		if only != "" && session.ID != only {
			continue
		}
		r := Reason{Code: a.Reason.Code.String(), Text: a.Reason.Text(s.tree, s.Rule.How())}
		if a.Reason.Circuit >= 0 {
			r.Circuit = s.tree.ID(a.Reason.Circuit)
		}
		line := Allocation{
			Session: session.ID, Connector: s.connectors[session.Key].ID, Waiting: a.Reason.Code.Waits(),
			Reason: r, Chain: basis.Chain(i),
		}
		if session.Kind == policy.DC {
			line.Watts, line.target = new(float64(a.Power)/1000), a.Power.String()
		} else {
			line.Amps, line.target = new(float64(a.Level)/1000), a.Level.String()
		}
		out.Allocations = append(out.Allocations, line)
	}
	return out, nil
}

// decide is the engine's decision on those who are there, with its basis.
func (s *Site) decide(stays []stay, epoch time.Time, at int64) *policy.Basis {
	r := &run{site: s, rule: s.Rule, car: Real, epoch: epoch, now: at}
	r.updateLimits()
	for i := range stays {
		if st := &stays[i]; !st.turnedAway() && st.plugged <= at && at < st.departure {
			r.there = append(r.there, arrive(st, &s.connectors[st.connector], r.car))
		}
	}
	slices.SortFunc(r.there, func(a, b *present) int { return a.connector - b.connector })
	r.fillWorld()
	engine := policy.NewEngine(s.tree, s.Rule, s.options)
	engine.Decide(r.at(at), &r.world, &r.plan)
	b := &policy.Basis{
		Tree: s.tree, Rule: s.Rule, Options: s.options, Now: r.at(at), Zone: s.Zone, World: &r.world, Plan: &r.plan,
		Name: func(i int) string {
			return r.there[i].ID + " at " + s.connectors[r.there[i].connector].label()
		},
	}
	for k := range s.circuits {
		b.Circuits = append(b.Circuits, policy.CircuitBasis{
			Limit: r.limits[k].limit, Source: r.limits[k].source, Margin: s.circuits[k].limits.Margin, Base: s.circuits[k].base,
		})
	}
	return b
}

// WriteTable writes the answer for people.
func (a *Answer) WriteTable(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s at %s, rule %s: %d sessions are there\n", a.Site, a.At.Format(time.RFC3339), a.Share, a.there)
	for i := range a.Allocations {
		line := &a.Allocations[i]
		fmt.Fprintf(w, "\n%s  %s  %s  %s: %s\n", line.Session, line.Connector, line.target, line.Reason.Code, line.Reason.Text)
		for _, link := range line.Chain {
			_, err = fmt.Fprintf(w, "  %s\n", link)
		}
	}
	return err
}

package simulate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
)

const (
	// maxFailures is for how many sites a failure is shrunk and shown.
	maxFailures = 3
	// shrinkFor is how much virtual time may go into making them shorter, all
	// together: a tenth of what a year of sites takes.
	shrinkFor = 4 * SiteLength
)

// traceFor is how much of what came before a failure is shown, at most, in no
// more than traceLines lines.
const (
	traceFor   = 10 * time.Minute
	traceLines = 60
)

// failures tells of the sites that failed soonest: their traces are the shortest to
// begin with, and the cheapest to make shorter.
func failures(ctx context.Context, sites []outcome, o Options) []Failure {
	failed := []*outcome{}
	for i := range sites {
		if len(sites[i].violations) > 0 {
			failed = append(failed, &sites[i])
		}
	}
	slices.SortStableFunc(failed, func(a, b *outcome) int { return cmp.Compare(a.violations[0].At, b.violations[0].At) })
	failed = failed[:min(len(failed), maxFailures)]
	shown := make([]Failure, len(failed))
	var workers sync.WaitGroup
	for k, s := range failed {
		workers.Go(func() {
			if shown[k] = s.failure(); !o.FailFast {
				shown[k] = shrink(ctx, s, o, shrinkFor/time.Duration(len(failed)))
			}
		})
	}
	workers.Wait()
	return shown
}

// shrink finds the fewest faults that break the same invariant at the same
// site no later, as far as it gets in some virtual time, and tells what happened
// before.
func shrink(ctx context.Context, s *outcome, o Options, within time.Duration) Failure {
	best := s.violations[0]
	faults := slices.DeleteFunc(slices.Clone(o.Faults), func(name string) bool { return *s.seen.Faults[name] == [4]uint64{} })
	var spent time.Duration
	for part := max(1, len(faults)/2); part > 0 && len(faults) > 0; part /= 2 {
		for from := 0; from < len(faults) && spent < within && ctx.Err() == nil; {
			fewer := slices.Delete(slices.Clone(faults), from, min(from+part, len(faults)))
			spent += best.At
			if v, ok := breaks(s.job, o, fewer, best); ok {
				faults, best = fewer, v
			} else {
				from += part
			}
		}
	}
	f := s.failure()
	f.At, f.Text = best.At.String(), best.Text
	f.Faults, f.Trace = faults, trace(s.job, o, faults, best)
	return f
}

// breaks reports whether fewer faults break the same invariant no later.
func breaks(j job, o Options, faults []string, want Violation) (Violation, bool) {
	o.Faults = faults
	p, err := stage(j, o)
	if err != nil {
		return Violation{}, false
	}
	p.runTo(epoch.Add(want.At))
	if want.At == j.length {
		p.rig.check.recovered(p.end)
	}
	for _, v := range p.rig.check.violations {
		if v.Invariant == want.Invariant {
			return v, true
		}
	}
	return Violation{}, false
}

// trace is what the site heard and did before a violation, of the connector it
// names or of all.
func trace(j job, o Options, faults []string, v Violation) []string {
	o.Faults = faults
	p, err := stage(j, o)
	if err != nil {
		return nil
	}
	about := ""
	for _, c := range p.scene.Settings.Connectors {
		if slices.Contains(strings.Fields(v.Text), c.ID) {
			about = c.ID
		}
	}
	var lines []string
	keep := func(now time.Time, line string) {
		if at := now.Sub(epoch); line != "" && at > v.At-traceFor && (about == "" || strings.Contains(line+" ", about+" ")) {
			lines = append(lines, at.Round(time.Millisecond).String()+"  "+line)
		}
	}
	told, effect := p.rig.told, p.rig.Effect
	p.rig.told = func(now time.Time, in core.Input) {
		keep(now, heard(in))
		told(now, in)
	}
	p.rig.Effect = func(now time.Time, e core.Effect) {
		keep(now, done(e))
		effect(now, e)
	}
	p.runTo(epoch.Add(v.At))
	return lines[max(0, len(lines)-traceLines):]
}

// heard puts an input into words, if it matters.
func heard(in core.Input) string {
	switch in := in.(type) {
	case core.SessionSeen:
		s := &in.Session
		line := fmt.Sprintf("→ session %s at %s : %s", s.ID, s.Connector, s.Status)
		if s.Report.Power.Known {
			line += fmt.Sprintf(", draws %d W", s.Report.Power.Value/1000)
		}
		return line
	case core.StationSeen:
		return fmt.Sprintf("→ station %s online: %t", in.Station, in.Online)
	case core.ActionSeen:
		verdicts := [...]string{core.Requested: "requested", core.Accepted: "accepted", core.Rejected: "rejected"}
		return fmt.Sprintf("→ action %s at %s : %s, %s", in.Action.ID, in.Action.Connector, in.Action.Limit.Value, verdicts[in.Verdict])
	case core.Reply:
		return fmt.Sprintf("→ reply to %d: %s action %s %s", in.ID, in.Outcome, in.Action, in.Message)
	case core.Listed:
		return fmt.Sprintf("→ list of %d sessions %s", len(in.Sessions), in.Failed)
	case core.LimitSet:
		return fmt.Sprintf("→ limit %s on %s until %s", in.Limit.Limit, in.Circuit, in.Limit.Until.Sub(epoch))
	}
	return ""
}

// done puts an effect into words, if it matters.
func done(e core.Effect) string {
	limit := func(l edrvapi.Limit, raise bool) string {
		if raise {
			return l.String() + " (raise)"
		}
		return l.String()
	}
	switch e := e.(type) {
	case core.SendOrder:
		return fmt.Sprintf("← order %d to %s : %s", e.ID, e.Connector, limit(e.Limit, e.Raise))
	case core.InstallFallback:
		return fmt.Sprintf("← fallback %d to %s : %s", e.ID, e.Connector, e.Limit)
	case core.Note:
		if e.Kind != core.NoteOrder {
			return "  " + e.Text
		}
	}
	return ""
}

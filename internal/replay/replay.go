package replay

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/internal/replay/optimum"
	"github.com/headroom-ev/headroom/internal/replay/picture"
	"github.com/headroom-ev/headroom/policy"
)

// Options are a replay.
type Options struct {
	Files     []File
	Recording *Recording
	Site      string   // needed where a configuration has several
	Shares    []string // rules, in order; none: the one of each configuration
	Step      time.Duration
	Car       Car
	Timelines bool // keep what a picture needs
	// Progress is told what is going on and how far it is, from 0 to 1.
	Progress func(what string, part float64)
}

// The shortest and the longest step.
const (
	shortestStep = time.Second
	longestStep  = 24 * time.Hour
)

// Report is the answer: the runs in the order of configurations and rules, and
// what somebody who knew the future could have delivered on the first
// configuration's site.
type Report struct {
	Runs    []Run   `json:"runs"`
	Optimum Optimum `json:"optimum"`
	// Optima are those of all configurations, in order.
	Optima []Optimum `json:"optima"`

	recording *Recording
	timelines []*picture.Timeline
	zone      *time.Location
}

// Optimum is the most energy that can be delivered within the limits.
type Optimum struct {
	Config       string  `json:"config"`
	Site         string  `json:"site"`
	DeliveredKWh float64 `json:"delivered_kwh"`
	Delivered    float64 `json:"delivered_ratio"`
	// Exact is false where it is only an upper bound.
	Exact bool `json:"exact"`
}

// Replay runs every rule on every configuration's site.
func Replay(ctx context.Context, o Options) (*Report, error) {
	if o.Step < shortestStep || o.Step > longestStep {
		return nil, usage("a step of %s: want one from %s to %s", o.Step, shortestStep, longestStep)
	}
	out := &Report{Runs: []Run{}, Optima: []Optimum{}, recording: o.Recording}
	runs, err := o.runs()
	if err != nil {
		return nil, err
	}
	for i, r := range runs {
		what := r.rule.Name()
		if len(o.Files) > 1 {
			what = r.site.File + " " + what
		}
		if err := r.play(ctx, func(done, total int) { o.progress(what, i, len(runs), done, total) }); err != nil {
			return nil, err
		}
		result := r.tally.result()
		result.Config, result.Site, result.Share, result.Car = r.site.File, r.site.ID, r.rule.Name(), r.car.String()
		out.Runs = append(out.Runs, result)
		out.timelines = append(out.timelines, r.tally.line)
	}
	for i, r := range runs {
		if i > 0 && r.site == runs[i-1].site {
			continue
		}
		best := r.optimum(func(done, total int) { o.progress("optimum", len(runs), len(runs)+1, done, total) })
		out.Optima = append(out.Optima, best)
	}
	out.Optimum, out.zone = out.Optima[0], runs[0].site.Zone
	return out, nil
}

// runs prepares all of them, so that mistakes show before anything is run.
func (o *Options) runs() ([]*run, error) {
	epoch := epochOf(o.Recording.Sessions)
	var runs []*run
	for _, file := range o.Files {
		site, err := SiteOf(file, o.Site)
		if err != nil {
			return nil, err
		}
		stays, err := site.staysOf(o.Recording, epoch)
		if err != nil {
			return nil, err
		}
		rules, err := rulesNamed(o.Shares, site.Rule)
		if err != nil {
			return nil, err
		}
		for _, rule := range rules {
			r := &run{site: site, rule: rule, car: o.Car, step: o.Step.Milliseconds(), stays: stays, epoch: epoch, tally: &tally{site: site}}
			if o.Timelines {
				last := slices.MaxFunc(stays, func(a, b stay) int { return a.Departure.Compare(b.Departure) })
				r.tally.line = picture.NewTimeline(epoch.In(site.Zone), last.Departure)
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}

func (o *Options) progress(what string, i, n, done, total int) {
	if o.Progress != nil {
		o.Progress(what, (float64(i)+float64(done)/float64(max(1, total)))/float64(n))
	}
}

// rulesNamed is the rules with the names, or the given one for no name.
func rulesNamed(names []string, own policy.Rule) ([]policy.Rule, error) {
	if len(names) == 0 {
		return []policy.Rule{own}, nil
	}
	var rules []policy.Rule
	for _, name := range names {
		rule, err := policy.RuleNamed(strings.TrimSpace(name))
		if err != nil {
			return nil, usage("%v", err)
		}
		if slices.ContainsFunc(rules, func(r policy.Rule) bool { return r.Name() == rule.Name() }) {
			return nil, usage("rule %s is named twice", rule.Name())
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// optimum is the most energy that the site of the run could have delivered.
func (r *run) optimum(progress func(done, total int)) Optimum {
	s := r.site
	site := &optimum.Site{Volts: s.volts, Periods: r.periods()}
	for c := range s.circuits {
		site.Parents = append(site.Parents, s.tree.Parent(c))
	}
	var demands []optimum.Demand
	var requested policy.MilliwattHours
	for i := range r.stays {
		st := &r.stays[i]
		requested += st.Energy
		if st.turnedAway() {
			continue
		}
		d := optimum.Demand{
			From: st.plugged, To: st.departure, Need: int64(st.Energy),
			Most: int64(st.wiring.Power(st.most)), Circuit: s.connectors[st.connector].circuit,
		}
		for p := range d.Phases {
			d.Phases[p] = st.wiring.Phases.Has(policy.Phase(p))
		}
		demands = append(demands, d)
	}
	best := optimum.Most(site, demands, progress)
	delivered := policy.MilliwattHours(best.Delivered)
	return Optimum{s.File, s.ID, kwh(delivered), ratio(float64(delivered), float64(requested)), best.Exact}
}

// periods is the limits over the whole recording.
func (r *run) periods() []optimum.Period {
	var periods []optimum.Period
	end := int64(0)
	for i := range r.stays {
		end = max(end, r.stays[i].departure)
	}
	for r.now, r.changes = 0, 0; r.now < end; r.now = r.changes {
		r.updateLimits()
		period := optimum.Period{From: r.now, Limits: make([]optimum.Limit, len(r.limits))}
		for k := range r.limits {
			l := &r.limits[k].permitted
			period.Limits[k] = optimum.Limit{
				Amps: [3]int64{int64(l.Amps[0]), int64(l.Amps[1]), int64(l.Amps[2])}, Power: int64(l.Power),
			}
		}
		periods = append(periods, period)
	}
	return periods
}

// String names a report's recording, for people.
func (rec *Recording) String() string {
	first, last := rec.Sessions[0].Arrival, rec.Sessions[0].Departure
	for i := range rec.Sessions {
		s := &rec.Sessions[i]
		if s.Arrival.Before(first) {
			first = s.Arrival
		}
		if s.Departure.After(last) {
			last = s.Departure
		}
	}
	return fmt.Sprintf("%s: %d sessions, %s to %s", filepath.Base(rec.File), len(rec.Sessions), first.Format("2006-01-02 15:04"), last.Format("2006-01-02 15:04"))
}

package simulate

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// Result sums up a simulation.
type Result struct {
	SiteHours  float64           `json:"site_hours"`
	Steps      uint64            `json:"steps"`
	FaultTotal uint64            `json:"faults_total"`
	Faults     map[string]uint64 `json:"faults"`

	OverLimitEpisodes int     `json:"over_limit_episodes"` // without a listed cause
	OverLimitSeconds  float64 `json:"over_limit_seconds"`
	// ExcusedSeconds is how long circuits carried more than their limits for
	// each of the listed Causes.
	ExcusedSeconds map[string]float64 `json:"excused_seconds"`

	LedgerViolations int            `json:"ledger_violations"` // of any invariant but I3, which the line above counts
	Violations       map[string]int `json:"violations"`        // by invariant
	ServedRatio      float64        `json:"served_ratio"`      // energy delivered, of what the cars could have taken while they stayed
	servable         float64        // kWh
	Orders           uint64         `json:"orders"`

	// Reached counts how often each fault struck in each state, and Ladder how
	// often the site went from one state to another.
	Reached    map[string]map[string]uint64 `json:"reached"`
	Ladder     map[string]uint64            `json:"ladder"`
	NotReached []string                     `json:"not_reached"` // of a long run that is to reach them all

	SeedsFailed []uint64  `json:"seeds_failed"`
	Failures    []Failure `json:"failures"`
}

// Failure is the first broken invariant of a site, with the shortest trace
// that shows it.
type Failure struct {
	Seed      uint64   `json:"seed"` // of the run
	Site      string   `json:"site"`
	At        string   `json:"at"` // since the beginning
	Invariant string   `json:"invariant"`
	Text      string   `json:"text"`
	Faults    []string `json:"faults,omitempty"` // that are needed for it
	Trace     []string `json:"trace,omitempty"`
}

// OK reports whether nothing was violated and everything was reached.
func (r *Result) OK() bool {
	return r.LedgerViolations == 0 && r.OverLimitSeconds == 0 && len(r.NotReached) == 0 && len(r.SeedsFailed) == 0
}

// longRun is from how many hours on a simulation with all faults is to reach
// every fault in every state.
const longRun = 8760 * time.Hour

var states = []core.State{core.Normal, core.Hold, core.Floor, core.Alarm}

// sum adds up the outcomes of all sites.
func sum(sites []outcome, o Options) *Result {
	r := &Result{
		Faults: map[string]uint64{}, ExcusedSeconds: map[string]float64{}, Violations: map[string]int{},
		Reached: map[string]map[string]uint64{}, Ladder: map[string]uint64{}, SeedsFailed: []uint64{}, NotReached: []string{}, Failures: []Failure{},
	}
	for _, name := range FaultNames() {
		r.Faults[name], r.Reached[name] = 0, map[string]uint64{}
	}
	var total time.Duration
	var delivered, servable float64
	for i := range sites {
		s := &sites[i]
		total += s.played
		r.Steps += s.steps
		r.Orders += s.orders
		delivered += s.totals.DeliveredWh
		servable += s.totals.ServableWh
		r.OverLimitEpisodes += s.seen.Episodes
		r.OverLimitSeconds += s.seen.Over.Seconds()
		for cause, d := range s.seen.Excused {
			r.ExcusedSeconds[cause] += d.Seconds()
		}
		for _, v := range s.violations {
			r.Violations[v.Invariant]++
			if v.Invariant != "I3" {
				r.LedgerViolations++
			}
		}
		if len(s.violations) > 0 && !slices.Contains(r.SeedsFailed, s.run) {
			r.SeedsFailed = append(r.SeedsFailed, s.run)
		}
		r.reach(s.seen)
	}
	r.servable, r.ServedRatio = servable, 1 // of nothing
	if r.SiteHours = total.Hours(); servable > 0 {
		r.ServedRatio = delivered / servable
	}
	if total >= longRun && o.Sites == nil && slices.Equal(o.Faults, FaultNames()) {
		r.missing()
	}
	return r
}

// reach adds what one site exercised.
func (r *Result) reach(s *Seen) {
	for name, in := range s.Faults {
		for k, n := range in {
			if n > 0 {
				r.Faults[name] += n
				r.Reached[name][states[k].String()] += n
				r.FaultTotal += n
			}
		}
	}
	for from := range s.Edges {
		for to, n := range s.Edges[from] {
			if n > 0 {
				r.Ladder[states[from].String()+" → "+states[to].String()] += n
			}
		}
	}
}

// missing lists the faults that never struck in some state, and the steps of
// the ladder that were never taken.
func (r *Result) missing() {
	for _, name := range FaultNames() {
		for _, state := range states {
			if r.Reached[name][state.String()] == 0 {
				r.NotReached = append(r.NotReached, name+" in "+state.String())
			}
		}
	}
	for _, edge := range []string{"hold → normal", "normal → hold", "normal → floor", "hold → floor", "floor → hold", "floor → alarm", "alarm → floor"} {
		if r.Ladder[edge] == 0 {
			r.NotReached = append(r.NotReached, edge)
		}
	}
}

// WriteTable writes the result for people.
func (r *Result) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "site-hours\t%.0f\n", r.SiteHours)
	fmt.Fprintf(t, "steps of the core\t%d\n", r.Steps)
	fmt.Fprintf(t, "orders\t%d\n", r.Orders)
	fmt.Fprintf(t, "faults\t%d of %d kinds\n", r.FaultTotal, len(r.Faults))
	fmt.Fprintf(t, "ledger violations\t%d\n", r.LedgerViolations)
	fmt.Fprintf(t, "over a limit\t%.0f s in %d episodes\n", r.OverLimitSeconds, r.OverLimitEpisodes)
	for _, cause := range Causes {
		fmt.Fprintf(t, "  excused, because %s\t%.0f s\n", cause, r.ExcusedSeconds[cause])
	}
	if r.servable > 0 {
		fmt.Fprintf(t, "energy served\t%.1f %% of what the cars could have taken\n", 100*r.ServedRatio)
	} else {
		fmt.Fprintf(t, "energy served\tno car came\n")
	}
	fmt.Fprintf(t, "state ladder\t%s\n", counts(r.Ladder))
	for _, name := range r.NotReached {
		fmt.Fprintf(t, "never reached\t%s\n", name)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range r.Failures {
		if err := r.Failures[i].write(w); err != nil {
			return err
		}
	}
	return nil
}

// failure tells of the first violation of a site, without a trace.
func (s *outcome) failure() Failure {
	v := s.violations[0]
	return Failure{Seed: s.run, Site: s.name, At: v.At.String(), Invariant: v.Invariant, Text: v.Text}
}

func (f *Failure) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "\n%s is broken at %s of %s, seed %d: %s\n", f.Invariant, f.At, f.Site, f.Seed, f.Text)
	if err != nil || f.Trace == nil {
		return err
	}
	_, err = fmt.Fprintf(w, "with the faults %s; what came before it:\n  %s\n",
		strings.Join(f.Faults, ","), strings.Join(f.Trace, "\n  "))
	return err
}

func counts(m map[string]uint64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(parts, ", ")
}

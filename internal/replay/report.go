package replay

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	var table bytes.Buffer
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "rule\tdelivered\t\tserved\tpeak\tover limit\twait p95\tlongest\tJain\torders\tper session·h\t")
	file := ""
	for i := range r.Runs {
		run := &r.Runs[i]
		if len(r.Optima) > 1 && run.Config != file {
			file = run.Config
			fmt.Fprintf(t, "%s\t\t\t\t\t\t\t\t\t\t\t\n", file)
		}
		fmt.Fprintf(t, "%s\t%.1f kWh\t%s\t%s\t%.1f kW\t%s\t%s\t%s\t%.3f\t%d\t%.2f\t\n", run.Share, run.DeliveredKWh, percent(run.Delivered, 2),
			percent(run.FullyServed, 1), run.PeakKW, clock(run.OverLimit), clock(run.WaitP95), clock(run.LongestWait), run.Jain, run.Orders, run.OrdersPer)
		if i+1 == len(r.Runs) || r.Runs[i+1].Config != run.Config {
			best := r.optimumOf(run.Config)
			fmt.Fprintf(t, "%s\t%.1f kWh\t%s\t\t\t\t\t\t\t\t\t\n", bound(best), best.DeliveredKWh, percent(best.Delivered, 2))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s; %s cars\n\n", r.recording, r.Runs[0].Car)
	for line := range strings.Lines(table.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n")) // no spaces for empty cells
	}
	return r.notes(w)
}

func bound(o *Optimum) string {
	if o.Exact {
		return "optimum"
	}
	return "optimum*"
}

// notes says what the table cannot.
func (r *Report) notes(w io.Writer) error {
	first := &r.Runs[0]
	_, err := fmt.Fprintf(w, "\n%.1f kWh were asked for. The optimum knows the future and has no minimums, turns or tails.\n", first.RequestedKWh)
	for i := range r.Optima {
		if !r.Optima[i].Exact {
			_, err = fmt.Fprintln(w, "* An upper bound: limits cross there, and the looser ones were dropped.")
			break
		}
	}
	if first.Queued+first.TurnedAway > 0 {
		_, err = fmt.Fprintf(w, "%d sessions found their connector taken and stood in line; %d more left before it was free.\n", first.Queued, first.TurnedAway)
	}
	return err
}

func (r *Report) optimumOf(file string) *Optimum {
	for i := range r.Optima {
		if r.Optima[i].Config == file {
			return &r.Optima[i]
		}
	}
	return &r.Optimum
}

func percent(v float64, decimals int) string {
	return fmt.Sprintf("%.*f %%", decimals, 100*v)
}

// clock writes seconds as people do: 0 s, 15m, 2h05m.
func clock(seconds float64) string {
	d := time.Duration(math.Round(seconds)) * time.Second
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", (d+time.Minute/2)/time.Minute)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%dh%02dm", d/time.Hour, cmp.Or(d%time.Hour/time.Minute, 0))
}

package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// table prints figures beside their bounds, and remembers whether all held.
type table struct {
	out   io.Writer
	noisy bool // the machine is: what depends on its speed is printed, and not judged
	ok    bool
}

func newTable(out io.Writer, noisy bool) *table { return &table{out: out, noisy: noisy, ok: true} }

func (t *table) head(format string, args ...any) { fmt.Fprintf(t.out, "\n"+format+"\n", args...) }

// most prints a figure that may be as high as its bound.
func (t *table) most(name string, v, bound float64, unit string) {
	t.line(name, v, "≤", bound, unit, v <= bound, false)
}

// least prints a figure that may be as low as its bound.
func (t *table) least(name string, v, bound float64, unit string) {
	t.line(name, v, "≥", bound, unit, v >= bound, false)
}

// soon is most for a figure that depends on how fast the machine is just now.
func (t *table) soon(name string, v, bound float64, unit string) {
	t.line(name, v, "≤", bound, unit, v <= bound, t.noisy)
}

// inTime is least for such a figure.
func (t *table) inTime(name string, v, bound float64, unit string) {
	t.line(name, v, "≥", bound, unit, v >= bound, t.noisy)
}

func (t *table) line(name string, v float64, sign string, bound float64, unit string, held, forgiven bool) {
	verdict := "ok"
	switch {
	case !held && forgiven:
		verdict = "broken, on a noisy machine"
	case !held:
		verdict, t.ok = "BROKEN", false
	}
	fmt.Fprintf(t.out, "  %-36s %10.4g %s %-8g %-12s %s\n", name, v, sign, bound, unit, verdict)
}

// note prints a figure without a bound.
func (t *table) note(name string, v float64, unit string) {
	fmt.Fprintf(t.out, "  %-36s %10.4g            %s\n", name, v, unit)
}

// quantile is the part q, from 0 to 1, of sorted times, in milliseconds; 0 where
// there are none.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := min(len(sorted)-1, int(q*float64(len(sorted))))
	return sorted[i].Seconds() * 1e3
}

func sorted(all ...[]time.Duration) []time.Duration {
	out := slices.Concat(all...)
	slices.Sort(out)
	return out
}

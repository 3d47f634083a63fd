package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// live shows a demo on the terminal: one line that is redrawn every second, or
// a line every few seconds where nothing can be redrawn, and events as they
// come.
type live struct {
	out      io.Writer
	terminal bool
	start    time.Time
	lines    int
	engaged  bool
	cars     int
	cuts     uint64
	raises   uint64
}

// everyLine is how many seconds lie between two lines where nothing can be
// redrawn.
const everyLine = 5

func newLive(o Options) *live {
	return &live{out: o.Out, terminal: o.Terminal, start: time.Now()}
}

// show writes what has happened since the last call, and where things stand.
func (l *live) show(s edrvsim.TrueState, v *core.View) {
	charging := 0
	for _, c := range s.Connectors {
		if c.Car {
			charging++
		}
	}
	cuts, raises := v.Counters.Sent(core.Lower), v.Counters.Sent(core.Raise)
	var news []string
	if charging != l.cars {
		news = append(news, fmt.Sprintf("cars %d → %d", l.cars, charging))
	}
	if v.Engaged != l.engaged {
		news = append(news, map[bool]string{true: "congestion: steering", false: "no congestion"}[v.Engaged])
	}
	if cuts > l.cuts {
		news = append(news, fmt.Sprintf("%d cut", cuts-l.cuts))
	}
	if raises > l.raises {
		news = append(news, fmt.Sprintf("%d raised", raises-l.raises))
	}
	l.lines++
	l.cars, l.engaged, l.cuts, l.raises = charging, v.Engaged, cuts, raises
	line := l.line(s, v, charging)
	switch {
	case l.terminal:
		fmt.Fprintf(l.out, "\r\x1b[K%s  %s", line, strings.Join(news, ", "))
	case l.lines%everyLine == 0 || len(news) > 0:
		fmt.Fprintf(l.out, "%s  %s\n", line, strings.Join(news, ", "))
	}
}

// line is where things stand: what the site truly draws of what it may.
func (l *live) line(s edrvsim.TrueState, v *core.View, cars int) string {
	grid := s.Circuits[0]
	const width = 24
	filled := min(width, int(grid.Watts/grid.LimitWatts*width+0.5))
	return fmt.Sprintf("%5s  %s%s %5.1f of %.0f kW  committed %5.1f kW  %2d cars  %s",
		time.Since(l.start).Round(time.Second), strings.Repeat("█", filled), strings.Repeat("░", width-filled),
		grid.Watts/1000, grid.LimitWatts/1000, (v.Circuits[0].CommittedW+v.Circuits[0].BaseLoadW)/1000, cars, v.State)
}

// summary writes how the demo went.
func (l *live) summary(s edrvsim.TrueState, v *core.View) {
	t := s.Totals
	delivered := t.DeliveredWh // to those that left
	for _, c := range s.Connectors {
		delivered += c.EnergyWh
	}
	fmt.Fprintf(l.out, "\n\n%d cars came, %d left, %d found no free post; %d sessions, %.1f kWh delivered\n",
		t.Arrived, t.Departed, t.TurnedAway, t.Sessions, delivered/1000)
	fmt.Fprintf(l.out, "orders: %d that lower, %d that raise; %d confirmed, %d rejected, %d without an answer\n",
		v.Counters.Sent(core.Lower), v.Counters.Sent(core.Raise), v.Counters.Accepted(), v.Counters.Rejected(), v.Counters.Unanswered())
	for _, c := range s.Circuits {
		fmt.Fprintf(l.out, "%-8s peak %s, over its limit for %s\n", c.ID, peak(c), c.Trace.Over.Round(time.Millisecond))
	}
	if overLimit(s) {
		fmt.Fprintln(l.out, "\nThe true power of the site PASSED a limit.")
	} else {
		fmt.Fprintln(l.out, "\nThe true power of the site never passed a limit.")
	}
}

// peak is the highest true load in the units of the circuit's limit.
func peak(c edrvsim.TrueCircuit) string {
	var parts []string
	if c.LimitWatts > 0 {
		parts = append(parts, fmt.Sprintf("%.1f of %.0f kW", c.Trace.PeakWatts/1000, c.LimitWatts/1000))
	}
	if c.LimitAmps > 0 {
		parts = append(parts, fmt.Sprintf("%.1f of %.0f A", max(c.Trace.PeakAmps[0], c.Trace.PeakAmps[1], c.Trace.PeakAmps[2]), c.LimitAmps))
	}
	return strings.Join(parts, ", ")
}

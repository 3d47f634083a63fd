package web

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/policy"
)

// circuitRow is a circuit as the page shows it.
type circuitRow struct {
	ID, Source string
	Depth      int // below the grid connection, for the indent: at most 5
	Bars       []bar
	Limited    bool // one of the bars has a limit
	FailSafe   bool
	Over       string // how long it was over its limit; empty: never
	Peak       string // where it stands with its peak; empty: it has none
	Overload   string // what is left of its overload budget; empty: all, or it has none
}

func circuitRows(v *core.View) []circuitRow {
	rows := make([]circuitRow, len(v.Circuits))
	depth := make(map[string]int, len(v.Circuits))
	for i := range v.Circuits {
		c := &v.Circuits[i]
		if c.Parent != "" {
			depth[c.ID] = depth[c.Parent] + 1
		}
		rows[i] = circuitRow{ID: c.ID, Source: sourceText(c.LimitSource), Depth: min(depth[c.ID], 5), Bars: barsOf(c), FailSafe: c.FailSafe}
		if rows[i].Limited = slices.ContainsFunc(rows[i].Bars, func(b bar) bool { return b.Limit != nil }); !rows[i].Limited {
			rows[i].Source = "no limit of its own"
		}
		if c.Peak != nil {
			rows[i].Peak = peakText(c.Peak)
		}
		rows[i].Overload = overloadText(c)
		if c.OverSeconds > 0 {
			rows[i].Over = "over it for " + strconv.FormatFloat(math.Ceil(c.OverSeconds), 'f', 0, 64) + " s so far"
		}
	}
	return rows
}

// connectorRow is a connector as the page shows it.
type connectorRow struct {
	Part    string // id of the element
	ID      string
	Name    string
	Where   string
	Station string

	State     string // class of the style sheet
	StateText string
	StateHelp string
	Session   string
	Short     string // the end of the session's id, which tells sessions apart
	Since     *when
	Place     int   // in the queue; 0: it does not wait
	Waits     *when // since when

	Draw     string
	DrawnAt  *when
	DrawHelp string
	Use      string // what is drawn of what may be drawn, in percent; empty: not known
	Energy   string

	Limit     string
	Next      string // what the order on its way asks for; empty: none
	Target    string
	May       string
	Fallback  string
	LimitHelp string

	Why      string
	Chain    []string // how its limit came about
	More     []string // what would give it more
	Path     []step   // the circuits it is fed by
	Override bool
	Unit     string // of its limit: A or kW
}

// step is one circuit between the grid and a connector.
type step struct {
	Circuit string
	Full    []string // how full it is, in every respect that has a limit
	Binds   bool
}

func connectorRows(v *core.View) []connectorRow {
	rows := make([]connectorRow, len(v.Connectors))
	for i := range v.Connectors {
		rows[i] = connectorRowOf(v, &v.Connectors[i])
		rows[i].Part = "c" + strconv.Itoa(i)
	}
	return rows
}

func connectorRowOf(v *core.View, c *core.ConnectorView) connectorRow {
	l := levelsOf(c)
	r := connectorRow{
		ID: c.ID, Name: label(c), Where: c.Circuit + " · " + c.Phases, Station: c.Station, Session: c.Session,
		Draw: unknown, Energy: energy(c.EnergyWh), Target: l.text(l.target), Fallback: l.write(l.fallback),
		Limit: l.text(l.confirmed), May: l.write(l.committed), Why: c.Reason.Text,
		Path: pathOf(v, c), Override: c.Override, Unit: "A",
	}
	r.Chain, r.More = chainOf(c.Chain)
	if c.InWatts != nil {
		r.Unit = "kW"
	}
	if c.Since != nil {
		r.Since = at(*c.Since, "since")
	}
	if c.Queue != nil {
		r.Place, r.Waits = c.Queue.Position, at(c.Queue.Since, "since")
	}
	if c.MeasuredW != nil {
		r.Draw = kilowatts(*c.MeasuredW)
		if c.Committed > 0 && c.Session != "" {
			r.Use = strconv.FormatFloat(100*min(1, max(0, *c.MeasuredW/c.Committed)), 'f', 1, 64) + "%"
		}
	} else {
		r.DrawHelp = "No fresh reading: it is counted at " + kilowatts(c.Committed) + ", the most it may draw."
	}
	if c.MeasuredAt != nil && c.Session != "" {
		r.DrawnAt = at(*c.MeasuredAt, "age")
	}
	r.describeLimit(c, &l)
	r.describeState(c)
	return r
}

// chainOf is why a connector has what it has, and what would give it more.
func chainOf(c core.Chain) (chain, more []string) {
	for _, line := range c.Lines() {
		if strings.HasPrefix(line, "if ") {
			more = append(more, line)
		} else {
			chain = append(chain, line)
		}
	}
	return chain, more
}

// describeLimit says what limit is in force and what it is becoming.
func (r *connectorRow) describeLimit(c *core.ConnectorView, l *levels) {
	if c.Session == "" {
		r.Limit, r.Draw, r.DrawHelp = r.May, "–", "No car is charging here."
		r.LimitHelp = "Without a session it is booked at " + r.May + "."
		return
	}
	r.LimitHelp = "The limit that the charger confirmed. At most it may draw " + r.May + "."
	if l.confirmed == nil {
		r.LimitHelp = "The charger has not confirmed a limit. At most it may draw " + r.May + "."
	}
	if l.inFlight != nil {
		r.Next = l.write(*l.inFlight)
		r.LimitHelp += " An order for " + r.Next + " is on its way; the charger has not answered yet."
	}
	r.Short = c.Session
	if n := len(r.Short); n > 8 {
		r.Short = "…" + r.Short[n-6:]
	}
}

// describeState says what the connector is doing, in a word.
func (r *connectorRow) describeState(c *core.ConnectorView) {
	set := func(class, text, help string) { r.State, r.StateText, r.StateHelp = class, text, help }
	switch state := sessionState(c); {
	case !c.Online:
		set("offline", "Offline", "eDRV has no connection to its station. It keeps the last limit.")
	case state == "":
		set("free", "Free", "No car is charging here.")
	case uncontrollable(c):
		set("unsteered", "Not steered", "Orders do not reach it or are not followed. The others make room for it.")
	case state == sessionWaiting:
		set("waiting", "Waiting", "There is not enough power for everybody's minimum. It waits for its turn.")
	case state == sessionUnknown:
		set("unknown", "No reading", "No fresh reading. It is counted at the most it may draw.")
	case state == sessionIdle:
		set("idle", "Not drawing", "The car draws nothing, though it may: it may be full, or asleep.")
	default:
		set("charging", "Charging", "The car is charging.")
	}
}

// label is the name of a connector for people.
func label(c *core.ConnectorView) string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

// pathOf are the circuits that feed a connector, from the grid down, each with
// what is full of it.
func pathOf(v *core.View, c *core.ConnectorView) []step {
	var path []step
	for id := c.Circuit; id != "" && len(path) < len(v.Circuits); {
		k := slices.IndexFunc(v.Circuits, func(x core.CircuitView) bool { return x.ID == id })
		if k < 0 {
			break
		}
		path = append(path, stepOf(&v.Circuits[k], c))
		id = v.Circuits[k].Parent
	}
	slices.Reverse(path)
	return path
}

func stepOf(k *core.CircuitView, c *core.ConnectorView) step {
	var full []string
	for _, b := range barsOf(k) {
		if b.Limit != nil && (b.Label == "Power" || strings.Contains(c.Phases, b.Label)) {
			full = append(full, fmt.Sprintf("%s %s of %s", b.Label, decimal(b.Most()/unitOf(&b)), b.LimitText()))
		}
	}
	if len(full) == 0 {
		full = []string{"no limit of its own"}
	}
	return step{Circuit: k.ID, Full: full, Binds: k.ID == c.Reason.Circuit}
}

// unitOf is by what a value of the bar is divided to be written.
func unitOf(b *bar) float64 {
	if b.Label == "Power" {
		return 1000
	}
	return 1
}

// queued is a session that waits.
type queued struct {
	Position int
	Name     string
	Since    *when
	Expected *when
}

// waitingRows are the waiting sessions, the next first.
func waitingRows(v *core.View) []queued {
	var rows []queued
	for i := range v.Connectors {
		c := &v.Connectors[i]
		if c.Queue == nil {
			continue
		}
		q := queued{Position: c.Queue.Position, Name: label(c), Since: at(c.Queue.Since, "since")}
		if c.Queue.Expected != nil {
			q.Expected = at(*c.Queue.Expected, "left")
		}
		rows = append(rows, q)
	}
	slices.SortStableFunc(rows, func(a, b queued) int { return a.Position - b.Position })
	return rows
}

// limitRow is an external limit as the page shows it.
type limitRow struct {
	Name, Circuit, Text, State, After string
	From, Until                       *when
}

func limitRows(v *core.View) []limitRow {
	rows := make([]limitRow, len(v.Limits))
	for i, l := range v.Limits {
		rows[i] = limitRow{Name: l.Name, Circuit: l.Circuit, State: l.State, Until: at(l.Until, "left")}
		switch {
		case l.KW != nil:
			rows[i].Text = kilowatts(*l.KW * float64(policy.Kilowatt/policy.Watt))
		case l.Amps != nil:
			rows[i].Text = amperes(*l.Amps) + " per phase"
		default:
			rows[i].Text = unknown
		}
		if l.From != nil {
			rows[i].From = at(*l.From, "left")
		}
		if l.FallbackW != nil {
			rows[i].After = kilowatts(*l.FallbackW)
		}
	}
	return rows
}

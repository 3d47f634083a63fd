package core

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// TestScenarios plays the dialogues in testdata: what happens to a site, and
// what it does. Regenerate with -rewrite, and commit a changed answer only when
// its cause is understood.
//
// Commands, one line each:
//
//	site … [breaker=mcb:63A]
//	site meter=base:40kW|circuit:40kW peak=15m:50kW …
//	meter 12kW|failed|nonsense                      a reading of the meter
//	reload connectors=2 limit=50kW …                as site, while it runs
//	site limit=100kW [circuits=row:grid:63A,…] [connectors=3] [circuit=row] [max=32] [fallback=6] [kind=dc] [rule=…] [engage=…] [mode=…] [installed] [cannot-pause] [watts] [capped] [settle=20s] [hedge=0]
//	list [c0=s0 c1=s1 …] [offline=c2] [failed]     the answer to List
//	started c0 s0 | belated c0 s0 | report s0 11kW [16A] [L1L2] [ahead=1h] | ended s0 | fetched s0 ended|gone|started
//	reply queued|not-sent|refused|unclear|dropped [c0 …]   to the calls that wait for one
//	accept|reject [c0|a1 …]                         verdicts on orders and fallbacks that wait for one
//	again                                           the last verdicts, doubled
//	pass 60s                                        time goes by, tick by tick; a call without a reply ends unclear after 20 s
//	sleep 60s                                       the machine sleeps
//	offline|online c0 · limit dso grid 60kW 10m · unlimit dso · group c0 NAME · foreign s0 20A · override s0 max=10|tier=2|off
//	state                                           the table of the site
//	why c0                                          its chain of reasons
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		p := &player{t: t, now: time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC), waiting: map[string]string{}}
		p.start = p.now
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			words := strings.Fields(d.Cmd + " " + args(d))
			return p.play(words)
		})
	})
}

func args(d *datadriven.TestData) string {
	var out []string
	for _, a := range d.CmdArgs {
		if len(a.Vals) > 0 {
			out = append(out, a.Key+"="+strings.Join(a.Vals, ","))
		} else {
			out = append(out, a.Key)
		}
	}
	return strings.Join(out, " ")
}

// player plays one scenario.
type player struct {
	t          *testing.T
	start, now time.Time
	site       *Site
	unanswered []asked // calls without a reply
	waiting    map[string]string
	pending    []call  // calls that were queued and have no verdict
	told       []Input // the last verdicts
	actions    int
}

// restart builds the site anew from what it keeps.
func (p *player) restart() {
	saved := Saved{At: p.now}
	for i := range p.site.connectors {
		saved.Records = append(saved.Records, p.site.record(i))
	}
	site, err := New(p.site.set, saved, p.now)
	if err != nil {
		p.t.Fatal(err)
	}
	p.site = site
}

// asked is a call that has no reply yet.
type asked struct {
	effect Effect
	at     time.Time
}

// replyWithin is how long a call takes at most: what has no reply by then may
// have happened.
const replyWithin = 20 * time.Second

// call is one that eDRV queued.
type call struct {
	action, connector, session string
	limit                      edrvapi.Limit
	created                    time.Time
}

func (p *player) play(words []string) string {
	rest := words[1:]
	switch words[0] {
	case "site":
		p.build(rest)
		return p.step(Grouped{})
	case "restart":
		p.restart()
		return p.step(Grouped{})
	case "reload":
		return p.step(Configured{Settings: p.settings(rest)})
	case "meter":
		return p.step(readingOf(rest[0]))
	case "list":
		return p.step(p.list(rest))
	case "started":
		return p.step(SessionSeen{p.session(rest[1], rest[0], edrvapi.SessionStarted)})
	case "belated": // of a session that began before the last list, and was not in it
		seen := p.session(rest[1], rest[0], edrvapi.SessionStarted)
		seen.ChargingStart = p.now.Add(-10 * time.Minute)
		return p.step(SessionSeen{seen})
	case "ended":
		return p.step(SessionSeen{p.session(rest[0], p.connectorOf(rest[0]), edrvapi.SessionEnded)})
	case "report":
		s := p.session(rest[0], p.connectorOf(rest[0]), edrvapi.SessionStarted)
		s.UpdatedAt = p.now
		if last := rest[len(rest)-1]; strings.HasPrefix(last, "ahead=") { // by a clock that is wrong
			d, _ := time.ParseDuration(last[len("ahead="):])
			s.UpdatedAt = p.now.Add(d)
			rest = rest[:len(rest)-1]
		}
		s.Report = edrvapi.Report{At: s.UpdatedAt, Power: edrvapi.Some(edrvapi.Milliwatts(watts(rest[1])))}
		if len(rest) > 2 {
			s.Report.Current = edrvapi.Some(edrvapi.Milliamps(amperes(rest[2])))
		}
		return p.step(SessionSeen{s})
	case "fetched":
		s := p.session(rest[0], p.connectorOf(rest[0]), map[string]edrvapi.SessionStatus{"ended": edrvapi.SessionEnded, "started": edrvapi.SessionStarted}[rest[1]])
		return p.step(Fetched{Session: rest[0], Gone: rest[1] == "gone", Found: s})
	case "reply":
		return p.step(p.replies(rest[0], func(_ asked, connector string) bool { return about(rest[1:], connector) })...)
	case "accept", "reject":
		p.told = p.verdicts(words[0] == "accept", rest)
		return p.step(p.told...)
	case "again":
		return p.step(p.told...)
	case "pass":
		d, _ := time.ParseDuration(rest[0])
		var out strings.Builder
		for end := p.now.Add(d); p.now.Before(end); {
			p.now = minTime(p.now.Add(p.site.set.Timing.Tick), end)
			out.WriteString(p.step(p.replies("unclear", func(a asked, _ string) bool { return p.now.Sub(a.at) >= replyWithin })...))
		}
		return out.String()
	case "sleep":
		d, _ := time.ParseDuration(rest[0])
		p.now = p.now.Add(d)
		return p.step(Tick{})
	case "journal":
		return p.step(Journaled{Failed: strings.Join(rest, " ")})
	case "offline", "online":
		return p.step(StationSeen{Station: "st-" + rest[0], Online: words[0] == "online"})
	case "limit":
		d, _ := time.ParseDuration(rest[3])
		return p.step(LimitSet{Circuit: rest[1], Limit: policy.External{Name: rest[0], Until: p.now.Add(d), Limit: load(rest[2]), Fallback: policy.NoLimit()}})
	case "unlimit":
		return p.step(LimitEnded{Name: rest[0]})
	case "group":
		return p.step(Grouped{Connectors: map[string]string{rest[0]: rest[1]}})
	case "foreign":
		p.actions++
		return p.step(ActionSeen{Verdict: Accepted, Action: edrvapi.Action{
			ID: fmt.Sprintf("foreign%d", p.actions), Kind: edrvapi.ActionSetLimit, Session: rest[0], Connector: p.connectorOf(rest[0]),
			Limit: edrvapi.Some(edrvapi.InAmperes(edrvapi.Milliamps(amperes(rest[1])))),
		}})
	case "override":
		return p.step(p.override(rest[0], rest[1]))
	case "state":
		return p.table()
	case "why":
		return strings.Join(p.site.View().Connectors[p.site.byConnector[rest[0]]].Chain.Lines(), "\n") + "\n"
	}
	return "unknown command"
}

// readingOf is what came of reading the meter.
func readingOf(what string) Metered {
	switch what {
	case "failed":
		return Metered{Meter: "main", Failed: "connection refused"}
	case "nonsense":
		return Metered{Meter: "main", Failed: "it tells NaN", Nonsense: true}
	}
	return Metered{Meter: "main", Power: watts(what)}
}

// build makes the site that the words describe.
func (p *player) build(words []string) {
	var err error
	if p.site, err = New(p.settings(words), Saved{}, p.now); err != nil {
		p.t.Fatal(err)
	}
}

// settings are those that the words describe.
func (p *player) settings(words []string) Settings {
	opts := map[string]string{"limit": "100kW", "connectors": "3", "max": "32", "fallback": "6", "rule": "equal", "circuit": "grid", "hedge": "30"}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		opts[key] = value
	}
	rule, err := policy.RuleNamed(opts["rule"])
	if err != nil {
		p.t.Fatal(err)
	}
	hedge, _ := strconv.Atoi(opts["hedge"])
	margin := policy.Margin{PerMille: 50}
	set := Settings{
		ID: "depot", Zone: time.UTC, Rule: rule, CutHedge: int64(hedge) * 10, MinOn: 5 * time.Minute,
		Engage: map[string]Engage{"measured": EngageMeasured, "always": EngageAlways}[opts["engage"]],
		Mode:   map[string]Mode{"observe": Observe}[opts["mode"]],
		Timing: Timing{
			Tick: 5 * time.Second, Resync: time.Minute, ReportStale: 90 * time.Second, VerdictTimeout: 2 * time.Minute, Settle: 5 * time.Second,
			RaiseEvery: 30 * time.Second, DisengageAfter: time.Minute, Rotate: 15 * time.Minute, ResumeAfter: 10 * time.Minute,
			Reassert: 5 * time.Minute, RecoverAfter: 2 * time.Minute,
		},
		Circuits: []Circuit{{ID: "grid", Limit: load(opts["limit"]), Margin: margin}},
	}
	if opts["circuits"] != "" {
		for _, c := range strings.Split(opts["circuits"], ",") {
			part := strings.Split(c, ":")
			set.Circuits = append(set.Circuits, Circuit{ID: part[0], Parent: part[1], Limit: load(part[2]), Margin: margin})
		}
	}
	if opts["window"] != "" {
		set.Circuits[0].Windows = []policy.Window{window(opts["window"])}
	}
	n, _ := strconv.Atoi(opts["connectors"])
	_, installed := opts["installed"]
	_, mustCharge := opts["cannot-pause"]
	for i := range n {
		c := Connector{
			ID: fmt.Sprintf("c%d", i), Name: fmt.Sprintf("c%d", i), Station: fmt.Sprintf("st-c%d", i), Circuit: opts["circuit"],
			Wiring: policy.Wiring{Phases: policy.AllPhases, Volts: 230}, Min: 6000, Max: amperes(opts["max"]), Fallback: amperes(opts["fallback"]),
			InstallFallback: !installed, CanPause: !mustCharge,
		}
		_, c.Watts = opts["watts"]
		_, c.Capped = opts["capped"]
		c.Settle, _ = time.ParseDuration(opts["settle"])
		if opts["kind"] == "dc" {
			c.Kind, c.MinPower, c.MaxPower, c.FallbackPower = policy.DC, watts("5kW"), watts(opts["max"]), watts(opts["fallback"])
			c.Min, c.Max, c.Fallback = c.Wiring.LevelAbove(c.MinPower), c.Wiring.LevelAbove(c.MaxPower), c.Wiring.LevelAbove(c.FallbackPower)
		}
		set.Connectors = append(set.Connectors, c)
	}
	if measures, most, ok := strings.Cut(opts["meter"], ":"); ok {
		set.Meters = []Meter{{Name: "main", Whole: measures == "circuit", Volts: 230, Stale: 30 * time.Second, Frozen: 5 * time.Minute, Max: 200 * policy.Kilowatt}}
		set.Circuits[0].Meter = "main"
		set.Circuits[0].Base = policy.Symmetric(policy.Wiring{Phases: policy.AllPhases, Volts: 230}.LevelAbove(watts(most)), watts(most))
	}
	if device, rating, ok := strings.Cut(opts["breaker"], ":"); ok {
		set.Circuits[0].Protection = Protection{
			Device: map[string]Device{"mcb": MCB, "mccb": MCCB, "gg": FuseGG, "transformer": Transformer}[device], Rating: load(rating),
		}
	}
	if length, power, ok := strings.Cut(opts["peak"], ":"); ok {
		window, err := time.ParseDuration(length)
		if err != nil {
			p.t.Fatal(err)
		}
		set.Circuits[0].Peak = Peak{Window: window, Power: watts(power)}
	}
	return set
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (p *player) session(id, connector string, status edrvapi.SessionStatus) edrvapi.Session {
	return edrvapi.Session{ID: id, Connector: connector, Station: "st-" + connector, Status: status, ChargingStart: p.now}
}

func (p *player) connectorOf(session string) string {
	if i, ok := p.site.bySession[session]; ok {
		return p.site.connectors[i].set.ID
	}
	return "c0"
}

func (p *player) list(words []string) Listed {
	in := Listed{Began: p.now}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "failed":
			in.Failed = "HTTP 503"
		case "offline":
			in.Stations = append(in.Stations, edrvapi.Station{ID: "st-" + value, Online: edrvapi.Some(false)})
		default:
			s := p.session(value, key, edrvapi.SessionStarted)
			s.ChargingStart = p.start
			in.Sessions = append(in.Sessions, s)
		}
	}
	return in
}

func (p *player) override(session, what string) Input {
	key, value, _ := strings.Cut(what, "=")
	switch key {
	case "max":
		return OverrideSet{Session: session, Override: Override{Max: new(amperes(value))}}
	case "tier":
		tier, _ := strconv.Atoi(value)
		return OverrideSet{Session: session, Override: Override{Tier: &tier}}
	}
	return OverrideEnded{Session: session}
}

// step hands inputs to the site and tells what it does.
func (p *player) step(inputs ...Input) string {
	var b strings.Builder
	for _, e := range p.site.Step(p.now, inputs...) {
		at := p.now.Sub(p.start)
		switch e := e.(type) {
		case SendOrder:
			how := "lower"
			if e.Raise {
				how = "raise"
			}
			fmt.Fprintf(&b, "%s order %s: %s (%s)\n", at, e.Connector, e.Limit, how)
			p.unanswered = append(p.unanswered, asked{e, p.now})
		case TakeBack:
			for _, a := range p.unanswered {
				if o, ok := a.effect.(SendOrder); ok && o.ID == e.ID {
					fmt.Fprintf(&b, "%s take back %s: %s\n", at, o.Connector, o.Limit)
				}
			}
		case InstallFallback:
			fmt.Fprintf(&b, "%s fallback %s: %s\n", at, e.Connector, e.Limit)
			p.unanswered = append(p.unanswered, asked{e, p.now})
		case List:
			fmt.Fprintf(&b, "%s list\n", at)
		case Fetch:
			fmt.Fprintf(&b, "%s fetch %s\n", at, e.Session)
		case Excursion:
			fmt.Fprintf(&b, "%s excursion: %s\n", at, e)
		case Note:
			if e.Kind == NoteOrder && !e.Alarm && !strings.Contains(e.Text, "rejects") && !strings.Contains(e.Text, "may") {
				continue // the order itself tells it
			}
			mark := "-"
			if e.Alarm {
				mark = "!"
			}
			fmt.Fprintf(&b, "%s %s %s\n", at, mark, e.Text)
		}
	}
	return b.String()
}

// table is the state of the site, as the API has it.
func (p *player) table() string {
	var b strings.Builder
	v := p.site.View()
	fmt.Fprintf(&b, "%s engaged=%t failsafe=%t\n", v.State, v.Engaged, v.FailSafe)
	for _, c := range v.Circuits {
		limit := "-"
		if c.LimitW != nil {
			limit = fmt.Sprintf("%.1f kW", *c.LimitW/1000)
		} else if c.Phases[0].LimitA != nil {
			limit = fmt.Sprintf("%.1f A", *c.Phases[0].LimitA)
		}
		fmt.Fprintf(&b, "%s limit %s (%s) committed %.1f kW %.1f A measured %.1f kW\n", c.ID, limit, c.LimitSource, c.CommittedW/1000, c.Phases[0].CommittedA, c.MeasuredW/1000)
	}
	for _, m := range v.Meters {
		fmt.Fprintf(&b, "meter %s: base load %.1f kW %s%s\n", m.Name, v.Circuits[0].BaseLoadW/1000, m.Why, m.Suspect)
	}
	for _, c := range v.Circuits {
		if c.Peak != nil {
			fmt.Fprintf(&b, "%s mean %.1f kW, paced to %.1f kW, month %s W\n", c.ID, c.Peak.MeanW/1000, *c.Peak.PacedW/1000, optional(c.Peak.MonthW))
		}
	}
	for _, c := range v.Circuits {
		if c.Overload != nil {
			fmt.Fprintf(&b, "%s overload budget %.1f %% %s\n", c.ID, *c.Overload*100, c.OverloadAction)
		}
	}
	for _, c := range v.Connectors {
		target, confirmed, inFlight, committed := (*float64)(nil), (*float64)(nil), (*float64)(nil), 0.0
		if c.InAmperes != nil {
			target, confirmed, inFlight, committed = c.InAmperes.Target, c.InAmperes.Confirmed, c.InAmperes.InFlight, c.InAmperes.Committed
		} else {
			target, confirmed, inFlight, committed = c.InWatts.Target, c.InWatts.Confirmed, c.InWatts.InFlight, c.InWatts.Committed
		}
		fmt.Fprintf(&b, "%s %s target %s confirmed %s in flight %s committed %g: %s\n", c.ID, c.Session, optional(target), optional(confirmed), optional(inFlight), committed, c.Reason.Text)
	}
	return b.String()
}

func optional(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%g", *v)
}

func amperes(s string) policy.Milliamps {
	v, _ := strconv.ParseFloat(strings.TrimSuffix(s, "A"), 64)
	return policy.Milliamps(v * 1000)
}

func watts(s string) policy.Milliwatts {
	v, _ := strconv.ParseFloat(strings.TrimSuffix(s, "kW"), 64)
	return policy.Milliwatts(v * 1e6)
}

// window reads "08:05-09:00:30kW".
func window(s string) policy.Window {
	var fromHour, fromMinute, toHour, toMinute int
	var limit string
	if _, err := fmt.Sscanf(s, "%d:%d-%d:%d:%s", &fromHour, &fromMinute, &toHour, &toMinute, &limit); err != nil {
		panic(err)
	}
	w := policy.Window{From: fromHour*60 + fromMinute, To: toHour*60 + toMinute, Limit: load(limit)}
	for day := range w.Days {
		w.Days[day] = true
	}
	return w
}

func load(s string) policy.Load {
	l := policy.NoLimit()
	if strings.HasSuffix(s, "kW") {
		l.Power = watts(s)
	} else {
		l.Amps = policy.Symmetric(amperes(s), 0).Amps
	}
	return l
}

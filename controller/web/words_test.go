package web

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
)

// plain is a site without anything to say of it.
func plain() *core.View {
	return &core.View{
		ID: "depot", State: "normal", Mode: "enforce", Share: "first_come", FailSafe: true, Synced: true,
		Circuits: []core.CircuitView{
			{
				ID: "grid", LimitW: new(100e3), BaseLoadW: 10e3, MeasuredW: 50e3, CommittedW: 80e3, FailSafe: true,
				Phases: []core.PhaseView{{Phase: "L1", LimitA: new(145.0), BaseLoadA: 14, MeasuredA: 70, CommittedA: 116}},
			},
			{ID: "row", Parent: "grid", FailSafe: true, Phases: []core.PhaseView{{Phase: "L1", LimitA: new(63.0)}}},
		},
		Connectors: []core.ConnectorView{{
			ID: "k", Name: "A1", Circuit: "row", Phases: "L1", Online: true, Session: "s",
			MeasuredW: new(3000.0), InAmperes: &core.InAmperes{Confirmed: new(16.0), Committed: 16}, Reason: core.ReasonView{Code: "maximum"},
		}},
	}
}

func TestHeadline(t *testing.T) {
	const safe = "If every connection were lost now, the chargers' own fallback limits would keep the site within its limits."
	for _, c := range []struct {
		name        string
		change      func(*core.View, *Health)
		level, text string
		more        string
	}{
		{"calm", func(*core.View, *Health) {}, "ok", "Safe. Nothing is congested.", "What the chargers may draw fits every limit. " + safe},
		{"congested", func(v *core.View, _ *Health) { v.Engaged = true }, "ok", "Safe. The site is congested, and its power is being shared.", safe},
		{
			"fallbacks do not fit", func(v *core.View, _ *Health) { v.FailSafe, v.Circuits[1].FailSafe = false, false },
			"ok", "Safe. Nothing", "Not fail-safe: the chargers' fallback limits do not fit row.",
		},
		{"fallbacks not confirmed", func(v *core.View, _ *Health) { v.FailSafe = false }, "ok", "Safe. Nothing", "not every charger has confirmed its fallback"},
		{
			"committed too much", func(v *core.View, _ *Health) { v.Circuits[0].CommittedW = 90100 },
			"warn", "Being reduced: grid may have to carry 100.1 kW, its limit is 100.0 kW.", "The next pass orders",
		},
		{"committed too much, orders under way", func(v *core.View, _ *Health) {
			v.Circuits[0].CommittedW, v.Connectors[0].InAmperes.InFlight = 95e3, new(6.0)
		}, "warn", "Being reduced", "1 order is on the way to the chargers."},
		{
			"over on a phase", func(v *core.View, _ *Health) { v.Circuits[1].Phases[0].MeasuredA = 64 },
			"alarm", "Over the limit: row on L1 carries 64.0 A, its limit is 63.0 A.", "The next pass orders",
		},
		{"over in power, worse", func(v *core.View, _ *Health) {
			v.Circuits[1].Phases[0].MeasuredA, v.Circuits[0].MeasuredW = 64, 110e3
		}, "alarm", "Over the limit: grid carries 120.0 kW", ""},
		{
			"over, observing", func(v *core.View, _ *Health) { v.Circuits[0].MeasuredW, v.Mode = 95e3, "observe" },
			"alarm", "Over the limit", "Nothing is done about it",
		},
		{"nothing allowed, something flows", func(v *core.View, _ *Health) { v.Circuits[0].LimitW = new(0.0) }, "alarm", "Over the limit: grid carries 60.0 kW, its limit is 0.0 kW.", ""},
		{
			"hold", func(v *core.View, _ *Health) { v.State, v.StateWhy = "hold", "eDRV's API does not answer: timeout" },
			"warn", "On hold: limits are lowered, but none is raised.", "eDRV's API does not answer: timeout. What the chargers may draw fits every limit. " + safe,
		},
		{
			"hold, committed too much", func(v *core.View, _ *Health) { v.State, v.StateWhy, v.Circuits[0].CommittedW = "hold", "why?", 90100 },
			"warn", "On hold", "Why? grid may have to carry 100.1 kW, its limit is 100.0 kW. The next pass orders",
		},
		{"over, with what is not known", func(v *core.View, _ *Health) {
			v.Circuits[0].MeasuredW, v.Connectors[0].MeasuredW, v.Meters = 95e3, nil, []core.MeterView{{Name: "main"}}
		}, "alarm", "Over the limit", "1 session without a fresh reading, counted at the most they may draw; meter main is lost, so the base load counts at the most that it can draw. The next"},
		{"floor", func(v *core.View, _ *Health) { v.State, v.StateWhy = "floor", "why?" }, "alarm", "Every charger is held at its fallback", "Why? "},
		{"alarm", func(v *core.View, _ *Health) { v.State, v.StateWhy = "alarm", "" }, "alarm", "Alarm: somebody", safe},
		{"starting", func(v *core.View, _ *Health) { v.Synced, v.State = false, "hold" }, "warn", "Starting: eDRV has not yet told", ""},
		{"observing", func(v *core.View, _ *Health) { v.Mode = "observe" }, "warn", "Only observing", ""},
		{"stuck", func(_ *core.View, h *Health) { h.Stuck = "the loop has not moved" }, "alarm", "Headroom does not decide any more.", "The loop has not moved. The chargers keep"},
	} {
		v, h := plain(), &Health{}
		c.change(v, h)
		got := headlineOf(v, h)
		require.Equal(t, c.level, got.Level, c.name)
		require.Contains(t, got.Text, c.text, c.name)
		require.Contains(t, got.More, c.more, c.name)
		require.NotEmpty(t, got.Word, c.name)
	}
}

func TestFacts(t *testing.T) {
	v := plain()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	find := func(h *Health, name string) fact {
		for _, f := range factsOf(v, h) {
			if f.Name == name {
				return f
			}
		}
		t.Fatal(name)
		return fact{}
	}
	require.Equal(t, "none yet", find(&Health{}, "Last webhook").Text)
	require.Equal(t, now, find(&Health{LastWebhook: now}, "Last webhook").At.At)
	require.Contains(t, find(&Health{Webhooks: map[string]uint64{"accepted": 7, "unauthorized": 2, "unreadable": 1}}, "Last webhook").Help, "3 of 10 could not")
	require.Equal(t, "does not answer, 1 call waiting", find(&Health{APIDown: true, APIWaiting: 1}, "eDRV API").Text)
	require.Equal(t, "none yet", find(&Health{}, "Last full list").Text)
	require.Equal(t, "1 charging", find(&Health{}, "Sessions").Text)
	require.Equal(t, "none", find(&Health{}, "Congestion").Text)
	v.Engaged, v.FailSafe, v.State = true, false, "floor"
	require.Equal(t, "shared: first come", find(&Health{}, "Congestion").Text)
	require.Equal(t, levelWarn, find(&Health{}, "Fail-safe").Level)
	require.Equal(t, levelAlarm, find(&Health{}, "State").Level)
	v.Connectors[0].Session = ""
	require.Equal(t, "none", find(&Health{}, "Sessions").Text)
	require.Equal(t, levelOK, find(&Health{}, "Journal").Level)
	full := find(&Health{Journal: JournalHealth{Failed: "no space left on device", Lost: 2}}, "Journal")
	require.Equal(t, levelAlarm, full.Level)
	require.Equal(t, "No space left on device. Nothing is raised until it can be written; limits are lowered as ever. 2 lines could not be kept.", full.Help)
}

// TestNotes: the newest come first, and not all of them.
func TestNotes(t *testing.T) {
	notes := make([]core.Note, 100)
	for i := range notes {
		notes[i].Text = string(rune('A' + i%26))
	}
	notes[99].Text = "newest"
	rows := noteRows(notes)
	require.Len(t, rows, shownNotes)
	require.Equal(t, "newest", rows[0].Text)
}

func TestUnits(t *testing.T) {
	require.Equal(t, "74.2 kW", kilowatts(74_249))
	require.Equal(t, "0.0 A", amperes(-0.01))
	require.Equal(t, unknown, kilowatts(math.NaN()))
	require.Equal(t, unknown, amperes(math.Inf(1)))
	require.Equal(t, unknown, energy(nil))
	require.Equal(t, "1.3 kWh", energy(new(1260.0)))
	require.Equal(t, "1 session", count(1, "session"))
	require.Equal(t, "0 sessions", count(0, "session"))
	l := levelsOf(&core.ConnectorView{})
	require.Equal(t, unknown, l.text(l.confirmed))
	require.Equal(t, unknown, l.write(l.committed), "a connector without levels is not shown as 0")
}

func TestBars(t *testing.T) {
	b := bar{Label: "L1", Limit: new(100.0), Base: 20, Drawn: 30, May: 60, write: amperes}
	require.Equal(t, []string{"20.00%", "30.00%", "50.00%", "30.00%", "100.00%", ""}, []string{b.BaseEnd(), b.DrawnWidth(), b.FlowEnd(), b.RestWidth(), b.LimitAt(), b.PastWidth()})
	require.Equal(t, "20.0 A", b.FreeText())
	require.InDelta(t, 0.8, b.Load(), 1e-9)
	b.May = 180
	require.Equal(t, []string{"50.00%", "50.00%", "0.0 A"}, []string{b.LimitAt(), b.PastWidth(), b.FreeText()})
	require.True(t, b.MayPass())
	require.False(t, b.Over())
	b.Limit = nil
	require.Equal(t, []string{"", "", "no limit", "no limit"}, []string{b.LimitAt(), b.PastWidth(), b.LimitText(), b.FreeText()})
	require.Contains(t, b.Sentence(), "no limit")
	empty := bar{write: kilowatts}
	require.Equal(t, "0%", empty.FlowEnd())
}

func TestConnectorRows(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*core.ConnectorView)
		state  string
		row    func(*testing.T, connectorRow)
	}{
		{"charging", func(*core.ConnectorView) {}, "Charging", func(t *testing.T, r connectorRow) {
			require.Equal(t, []string{"3.0 kW", "16.0 A", "16.0 A", "", "A"}, []string{r.Draw, r.Limit, r.May, r.Next, r.Unit})
		}},
		{"order on its way", func(c *core.ConnectorView) { c.InAmperes.InFlight = new(10.0) }, "Charging", func(t *testing.T, r connectorRow) {
			require.Equal(t, "10.0 A", r.Next)
			require.Contains(t, r.LimitHelp, "An order for 10.0 A is on its way")
		}},
		{"limit not known", func(c *core.ConnectorView) { c.InAmperes.Confirmed = nil }, "Charging", func(t *testing.T, r connectorRow) {
			require.Equal(t, unknown, r.Limit)
		}},
		{"no reading", func(c *core.ConnectorView) { c.MeasuredW, c.Committed = nil, 3680 }, "No reading", func(t *testing.T, r connectorRow) {
			require.Equal(t, unknown, r.Draw)
			require.Contains(t, r.DrawHelp, "counted at 3.7 kW")
		}},
		{"asleep", func(c *core.ConnectorView) { c.MeasuredW = new(3.0) }, "Not drawing", nil},
		{"offline", func(c *core.ConnectorView) { c.Online = false }, "Offline", nil},
		{"not followed", func(c *core.ConnectorView) { c.Reason.Code = "group" }, "Not steered", nil},
		{"waiting", func(c *core.ConnectorView) { c.Queue = &core.QueueView{Position: 3} }, "Waiting", func(t *testing.T, r connectorRow) {
			require.Equal(t, 3, r.Place)
		}},
		{"free", func(c *core.ConnectorView) { c.Session, c.Name = "", "" }, "Free", func(t *testing.T, r connectorRow) {
			require.Equal(t, []string{"k", "–", "16.0 A"}, []string{r.Name, r.Draw, r.Limit})
		}},
		{"dc", func(c *core.ConnectorView) {
			c.InAmperes, c.InWatts = nil, &core.InWatts{Confirmed: new(50e3), Committed: 50e3, Fallback: 5e3}
		}, "Charging", func(t *testing.T, r connectorRow) {
			require.Equal(t, []string{"50.0 kW", "5.0 kW", "kW"}, []string{r.Limit, r.Fallback, r.Unit})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := plain()
			c.change(&v.Connectors[0])
			r := connectorRows(v)[0]
			require.Equal(t, c.state, r.StateText)
			require.NotEmpty(t, r.StateHelp)
			if c.row != nil {
				c.row(t, r)
			}
		})
	}
}

// TestPath: the circuits of a connector, from the grid down, also where the
// tree is wrong.
func TestPath(t *testing.T) {
	v := plain()
	v.Connectors[0].Reason.Circuit = "row"
	path := pathOf(v, &v.Connectors[0])
	require.Equal(t, []step{
		{"grid", []string{"Power 90.0 of 100.0 kW", "L1 130.0 of 145.0 A"}, false},
		{"row", []string{"L1 0.0 of 63.0 A"}, true},
	}, path)
	v.Circuits[0].Parent = "row"
	require.Len(t, pathOf(v, &v.Connectors[0]), 2)
	v.Connectors[0].Circuit = "nowhere"
	require.Empty(t, pathOf(v, &v.Connectors[0]))
}

func TestChains(t *testing.T) {
	chain, more := chainOf(core.ChainOf("A1 is given 6 A", "grid: 20 A of 20 A, which holds it back", "if there were room at grid, it could have 4 A more"))
	require.Equal(t, []string{"A1 is given 6 A", "grid: 20 A of 20 A, which holds it back"}, chain)
	require.Equal(t, []string{"if there were room at grid, it could have 4 A more"}, more)
}

func TestSources(t *testing.T) {
	require.Equal(t, "limit set from outside: dso", sourceText("external:dso"))
	require.Equal(t, "limit of this hour, by schedule", sourceText("schedule"))
	require.Equal(t, "something else", sourceText("something else"))
	rows := circuitRows(plain())
	require.Equal(t, 1, rows[1].Depth)
}

func TestLimitRows(t *testing.T) {
	v := plain()
	now := time.Now()
	v.Limits = []core.LimitView{
		{Name: "a", KW: new(60.0), Until: now, From: &now, State: "pending", FallbackW: new(80e3)},
		{Name: "b", Amps: new(63.0), Until: now, State: "active"},
		{Name: "c", Until: now},
	}
	rows := limitRows(v)
	require.Equal(t, []string{"60.0 kW", "63.0 A per phase", unknown}, []string{rows[0].Text, rows[1].Text, rows[2].Text})
	require.Equal(t, "80.0 kW", rows[0].After)
	require.NotNil(t, rows[0].From)
}

func TestWaitingRows(t *testing.T) {
	v := plain()
	v.Connectors = append(v.Connectors, v.Connectors[0])
	v.Connectors[0].Queue = &core.QueueView{Position: 2, Since: time.Now()}
	v.Connectors[1].Queue = &core.QueueView{Position: 1, Since: time.Now(), Expected: new(time.Now())}
	rows := waitingRows(v)
	require.Equal(t, []int{1, 2}, []int{rows[0].Position, rows[1].Position})
	require.NotNil(t, rows[0].Expected)
	require.Nil(t, rows[1].Expected)
}

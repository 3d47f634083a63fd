package web

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// What the operators' own things have to say: meters, external limits, the
// configuration.

// meterFacts are one for each meter.
func meterFacts(v *core.View) []fact {
	facts := make([]fact, len(v.Meters))
	for i, m := range v.Meters {
		f := fact{Name: "Meter " + m.Name, Text: unknown, Level: levelOK, Help: "It measures the base load: what draws power beside the chargers."}
		if m.Measures == "circuit" {
			f.Help = "It measures all that the circuit carries. The base load is what the chargers do not report of it."
		}
		if m.MeasuredW != nil {
			f.Text = kilowatts(*m.MeasuredW)
		}
		if m.At != nil {
			f.At = at(*m.At, "age")
		}
		switch {
		case !m.Known:
			f.Text, f.Level = "lost: "+m.Why, levelWarn
			f.Help += " Nothing it says counts now: the base load is taken to be the most that the configuration says."
		case m.Suspect != "":
			f.Text, f.Level = "disagrees with the chargers: "+m.Suspect, levelAlarm
		}
		facts[i] = f
	}
	return facts
}

// externalFact tells of the external limits, where there are any.
func externalFact(v *core.View) (f fact, any bool) {
	var expired []string
	active := 0
	for i := range v.Limits {
		switch l := &v.Limits[i]; l.State {
		case "active":
			active++
		case "fallback":
			expired = append(expired, fmt.Sprintf("%s expired: its fallback of %s holds", l.Name, kilowatts(*l.FallbackW)))
		}
	}
	f = fact{
		Name: "External limits", Text: fmt.Sprintf("%d in force", active),
		Help: "Limits that somebody set from outside, such as the grid operator. One that expired is not renewed: its fallback holds until it is renewed or ended.",
	}
	if len(expired) > 0 {
		f.Text, f.Level = strings.Join(expired, "; "), levelWarn
	}
	return f, len(v.Limits) > 0
}

// notTaken is the text by which an operator knows a broken reload.
const notTaken = "The changed configuration is not taken"

func configFact(h *Health) fact {
	f := fact{Name: "Configuration", Text: "in force", Help: "When the configuration that is in force was read."}
	if !h.Config.Since.IsZero() {
		f.At = at(h.Config.Since, "since")
	}
	if h.Config.Refused != "" {
		f.Text, f.Level, f.At = notTaken+": "+firstLine(h.Config.Refused), levelWarn, at(h.Config.RefusedAt, "since")
		f.Help = "The file has mistakes or changes what needs a restart. Nothing of it is in force; the configuration from before is."
	}
	return f
}

// firstLine is the first line of a text, and how many more there are.
func firstLine(text string) string {
	first, rest, more := strings.Cut(text, "\n")
	if !more {
		return first
	}
	return fmt.Sprintf("%s (and %d more)", first, 1+strings.Count(rest, "\n"))
}

// lostMeter is the first meter that is lost.
func lostMeter(v *core.View) (core.MeterView, bool) {
	return firstMeter(v, func(m core.MeterView) bool { return !m.Known })
}

// suspectMeter is the first meter that disagrees with the chargers.
func suspectMeter(v *core.View) (core.MeterView, bool) {
	return firstMeter(v, func(m core.MeterView) bool { return m.Suspect != "" })
}

func firstMeter(v *core.View, is func(core.MeterView) bool) (core.MeterView, bool) {
	if k := slices.IndexFunc(v.Meters, is); k >= 0 {
		return v.Meters[k], true
	}
	return core.MeterView{}, false
}

// peakText says where a circuit stands with its peak.
func peakText(p *core.PeakView) string {
	text := fmt.Sprintf("mean of these %s %s, to stay below %s", lengthText(p.Window), kilowatts(p.MeanW), kilowatts(p.TargetW))
	if p.MonthW != nil {
		text += fmt.Sprintf("; highest of the month %s", kilowatts(*p.MonthW))
	}
	return text
}

// overloadText says what is left of the overload budget of a circuit, and what
// is done about it; empty: nothing is used.
func overloadText(c *core.CircuitView) string {
	if c.Overload == nil || *c.Overload >= 1 {
		return ""
	}
	text := fmt.Sprintf("overload budget %.0f %%", math.Floor(100**c.Overload))
	if does := overloadActions[c.OverloadAction]; does != "" {
		text += ": " + does
	}
	return text
}

// overloadActions say what is done about a drained overload budget.
var overloadActions = map[string]string{
	"hold": "nobody is raised", "shed": "nobody is raised, and what passed its rating is taken off",
	"floor": "everybody to the fallback", "alarm": "what protects it may trip",
}

func lengthText(seconds float64) string {
	return fmt.Sprintf("%g min", (time.Duration(seconds) * time.Second).Minutes())
}

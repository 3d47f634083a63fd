package web

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/headroom-ev/headroom/controller/core"
)

// How much an operator should care, as a class of the style sheet.
const (
	levelOK    = "ok"
	levelWarn  = "warn"
	levelAlarm = "alarm"
)

// headline answers the first question: is the site safe now?
type headline struct {
	Level string
	Word  string // for the title of the window
	Text  string
	More  string
}

// headlineOf finds the worst that is to be said of a site.
func headlineOf(v *core.View, h *Health) headline {
	out := condition(v, h)
	if out.More != "" {
		out.More += " "
	}
	if v.FailSafe {
		out.More += "If every connection were lost now, the chargers' own fallback limits would keep the site within its limits."
	} else {
		out.More += notFailSafe(v)
	}
	return out
}

func condition(v *core.View, h *Health) headline {
	over, overs := worst(v, (*bar).Over)
	lost, meterLost := lostMeter(v)
	liar, disagrees := suspectMeter(v)
	passing, passes := worst(v, (*bar).MayPass)
	within := "What the chargers may draw fits every limit."
	if passes {
		within = fmt.Sprintf("%s may have to carry %s, its limit is %s. ", passing.where(), passing.MostText(), passing.LimitText()) + remedy(v)
	}
	switch {
	case h.Stuck != "":
		return headline{
			levelAlarm, "Not deciding", "Headroom does not decide any more.",
			sentence(h.Stuck) + " The chargers keep their last limits. What is shown may be out of date.",
		}
	case overs:
		return headline{
			levelAlarm, "Over the limit",
			fmt.Sprintf("Over the limit: %s carries %s, its limit is %s.", over.where(), over.FlowText(), over.LimitText()),
			supposed(v) + remedy(v),
		}
	case v.State == core.Alarm.String():
		return headline{levelAlarm, "Alarm", "Alarm: somebody has to look at this.", sentence(v.StateWhy)}
	case v.State == core.Floor.String():
		return headline{levelAlarm, "At the fallback", "Every charger is held at its fallback limit.", sentence(v.StateWhy)}
	case !v.Synced:
		return headline{
			levelWarn, "Starting", "Starting: eDRV has not yet told which sessions are running.",
			strings.TrimPrefix(sentence(v.ListFailed)+" Until then every charger counts at the most it may draw, and no order is sent.", " "),
		}
	case v.State == core.Hold.String():
		return headline{levelWarn, "On hold", "On hold: limits are lowered, but none is raised.", sentence(v.StateWhy) + " " + within}
	case h.Config.Refused != "":
		return headline{levelWarn, "Configuration", notTaken + ": the one before stays in force.", firstLine(h.Config.Refused) + ". " + within}
	case meterLost:
		return headline{
			levelWarn, "Meter lost", "Meter " + lost.Name + " is lost: the chargers make room for the most that the base load can draw.",
			sentence(lost.Why) + " " + within,
		}
	case disagrees:
		return headline{
			levelWarn, "Meter disagrees", "Meter " + liar.Name + " and the reports of the chargers disagree.",
			sentence(liar.Suspect) + " The worse of both counts. " + within,
		}
	case v.Mode == core.Observe.String():
		return headline{levelWarn, "Only observing", "Only observing: Headroom decides and records, but sends no orders.", ""}
	case passes:
		return headline{
			levelWarn, "Being reduced",
			fmt.Sprintf("Being reduced: %s may have to carry %s, its limit is %s.", passing.where(), passing.MostText(), passing.LimitText()),
			remedy(v),
		}
	case v.Engaged:
		return headline{
			levelOK, "Safe", "Safe. The site is congested, and its power is being shared.",
			within,
		}
	}
	return headline{levelOK, "Safe", "Safe. Nothing is congested.", within}
}

// supposed says what of a load is not measured, but the most that it can be.
func supposed(v *core.View) string {
	var why []string
	if n := countSessions(v)[sessionUnknown]; n > 0 {
		why = append(why, count(n, "session")+" without a fresh reading, counted at the most they may draw")
	}
	if m, lost := lostMeter(v); lost {
		why = append(why, fmt.Sprintf("meter %s is lost, so the base load counts at the most that it can draw", m.Name))
	}
	if len(why) == 0 {
		return ""
	}
	return sentence(strings.Join(why, "; ")) + " "
}

// sentence makes a sentence of words, and leaves eDRV as it is written.
func sentence(words string) string {
	first, size := utf8.DecodeRuneInString(words)
	if size == 0 {
		return ""
	}
	if !strings.HasPrefix(words, "eDRV") {
		words = string(unicode.ToUpper(first)) + words[size:]
	}
	if strings.ContainsAny(words[len(words)-1:], ".?!") {
		return words
	}
	return words + "."
}

// remedy says what is being done about too much load.
func remedy(v *core.View) string {
	if v.Mode == core.Observe.String() {
		return "Nothing is done about it: Headroom only observes this site."
	}
	orders := 0
	for i := range v.Connectors {
		if inFlight(&v.Connectors[i]) {
			orders++
		}
	}
	if orders == 0 {
		return "The next pass orders what can be reduced."
	}
	return fmt.Sprintf("%s on the way to the chargers.", isAre(orders, "order"))
}

func isAre(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " is"
	}
	return fmt.Sprintf("%d %ss are", n, thing)
}

// notFailSafe says why a site is not fail-safe.
func notFailSafe(v *core.View) string {
	var circuits []string
	for i := range v.Circuits {
		if !v.Circuits[i].FailSafe {
			circuits = append(circuits, v.Circuits[i].ID)
		}
	}
	if len(circuits) > 0 {
		return "Not fail-safe: the chargers' fallback limits do not fit " + strings.Join(circuits, ", ") + "."
	}
	return "Not fail-safe: not every charger has confirmed its fallback limit yet."
}

// place is a bar and the circuit it belongs to.
type place struct {
	bar
	circuit string
}

// where names the place: "grid on L1".
func (p *place) where() string {
	if p.Label == "Power" {
		return p.circuit
	}
	return p.circuit + " on " + p.Label
}

// worst is the fullest of the bars for which is holds, and whether there is
// one.
func worst(v *core.View, is func(*bar) bool) (place, bool) {
	var out place
	found := false
	for i := range v.Circuits {
		for _, b := range barsOf(&v.Circuits[i]) {
			if is(&b) && (!found || b.Load() > out.Load()) {
				out, found = place{b, v.Circuits[i].ID}, true
			}
		}
	}
	return out, found
}

// stateHelp explains the states of a site.
var stateHelp = map[string]string{
	"normal": "Limits are lowered and raised as needed.",
	"hold":   "Something is wrong or not known: limits are lowered, but none is raised.",
	"floor":  "Every charger is ordered to its fallback limit.",
	"alarm":  "Headroom can not mend this by itself.",
}

// sourceText says who set a limit.
func sourceText(source string) string {
	name, external := strings.CutPrefix(source, "external:")
	switch {
	case external:
		return "limit set from outside: " + name
	case source == "schedule":
		return "limit of this hour, by schedule"
	case source == "config":
		return "limit by configuration"
	}
	return source
}

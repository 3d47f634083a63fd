package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headroom-ev/headroom/controller/core"
)

// fact is one thing that is to be known of a site, beside its headline.
type fact struct {
	Name, Text, Help string
	Level            string // empty: nothing to say
	At               *when
}

// Wide reports whether it is trouble that needs a line of its own to be said.
func (f fact) Wide() bool { return (f.Level == levelWarn || f.Level == levelAlarm) && len(f.Text) > 30 }

func factsOf(v *core.View, h *Health) []fact {
	facts := []fact{
		stateFact(v), congestionFact(v), failSafeFact(v), sessionsFact(v),
		webhookFact(v, h), apiFact(h), listFact(v), journalFact(h),
	}
	facts = append(facts, meterFacts(v)...)
	if f, any := externalFact(v); any {
		facts = append(facts, f)
	}
	return append(facts, configFact(h))
}

// Brief are the facts for the overview.
func (d *siteData) Brief() []fact {
	var brief []fact
	for _, f := range d.Facts {
		if slices.Contains([]string{"State", "Sessions", "Fail-safe", "Last webhook"}, f.Name) {
			brief = append(brief, f)
		}
	}
	return brief
}

func stateFact(v *core.View) fact {
	f := fact{Name: "State", Text: v.State, Help: stateHelp[v.State], At: at(v.StateSince, "since"), Level: levelOK}
	switch v.State {
	case core.Hold.String():
		f.Level = levelWarn
	case core.Floor.String(), core.Alarm.String():
		f.Level = levelAlarm
	}
	return f
}

func congestionFact(v *core.View) fact {
	if !v.Engaged {
		return fact{Name: "Congestion", Text: "none", Help: "All cars together can not pass a limit: no order is needed."}
	}
	return fact{
		Name: "Congestion", Text: "shared: " + strings.ReplaceAll(v.Share, "_", " "),
		Help: "The cars could pass a limit, so the power is shared among them, by the sharing rule that is named.",
	}
}

func failSafeFact(v *core.View) fact {
	f := fact{
		Name: "Fail-safe", Text: "yes", Level: levelOK,
		Help: "Whether the site stays within its limits when every connection is lost: each charger then goes on by its fallback limit.",
	}
	if !v.FailSafe {
		f.Text, f.Level = "no", levelWarn
	}
	return f
}

func sessionsFact(v *core.View) fact {
	counts := countSessions(v)
	words := map[string]string{sessionUnknown: "without a reading", sessionIdle: "not drawing"}
	var parts []string
	for _, state := range sessionStates {
		if n := counts[state]; n > 0 {
			word := words[state]
			if word == "" {
				word = state
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	return fact{
		Name: "Sessions", Text: strings.Join(parts, ", "),
		Help: "Cars at the " + count(len(v.Connectors), "connector") + " of this site.",
	}
}

func webhookFact(v *core.View, h *Health) fact {
	f := fact{
		Name: "Last webhook", Text: "none yet",
		Help: "When eDRV last reported something by itself, such as a session or a reading.",
	}
	if !h.LastWebhook.IsZero() {
		f.Text, f.At = "", at(h.LastWebhook, "age")
	}
	if strings.Contains(v.StateWhy, "webhook") {
		f.Level = levelWarn
	}
	if bad := h.Webhooks["unauthorized"] + h.Webhooks["unreadable"] + h.Webhooks["too_large"]; bad > 0 {
		f.Help += fmt.Sprintf(" %d of %d could not be accepted: a wrong signature, too large, or unreadable.", bad, total(h.Webhooks))
	}
	return f
}

func total(counts map[string]uint64) (sum uint64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

func apiFact(h *Health) fact {
	f := fact{Name: "eDRV API", Text: "answers", Level: levelOK, Help: "Orders go to the chargers through eDRV's API."}
	if h.APIDown {
		f.Text, f.Level = "does not answer", levelAlarm
		f.Help += " Calls are suspended, and tried again from time to time."
	}
	if h.APIWaiting > 0 {
		f.Text += ", " + count(h.APIWaiting, "call") + " waiting"
	}
	return f
}

func listFact(v *core.View) fact {
	f := fact{
		Name: "Last full list", Text: "none yet", Level: levelWarn,
		Help: "When eDRV was last asked for all running sessions, which finds what webhooks missed.",
	}
	if !v.Listed.IsZero() {
		f.Text, f.Level, f.At = "", "", at(v.Listed, "age")
	}
	return f
}

func journalFact(h *Health) fact {
	f := fact{
		Name: "Journal", Text: "written", Level: levelOK,
		Help: "What was ordered and why, on the disk. A raise is recorded before it is sent.",
	}
	if h.Journal.Failed != "" {
		f.Text, f.Level = "cannot be written", levelAlarm
		f.Help = sentence(h.Journal.Failed) + " Nothing is raised until it can be written; limits are lowered as ever."
	}
	if lost := h.Journal.Lost; lost > 0 {
		f.Help += " " + count(int(lost), "line") + " could not be kept."
	}
	return f
}

// noteRow is an event as the page shows it.
type noteRow struct {
	At    *when
	Kind  string
	Alarm bool
	Text  string
}

// shownNotes is how many events the page shows.
const shownNotes = 60

// noteRows are the newest events, the newest first.
func noteRows(notes []core.Note) []noteRow {
	rows := make([]noteRow, 0, shownNotes)
	for _, n := range slices.Backward(notes) {
		if len(rows) == shownNotes {
			break
		}
		rows = append(rows, noteRow{At: at(n.At, "clock"), Kind: string(n.Kind), Alarm: n.Alarm, Text: n.Text})
	}
	return rows
}

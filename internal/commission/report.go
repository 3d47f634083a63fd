package commission

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Meaning is what a default limit means while a session has one of its own.
type Meaning string

// The meanings, as the configuration writes them.
const (
	Unknown Meaning = "unknown" // the car drew too little to tell
	Floor   Meaning = "floor"   // the session's limit replaces it
	Ceiling Meaning = "ceiling" // it holds beside the session's limit
)

// Report is what a run measured.
type Report struct {
	Site         string    `json:"site"`
	Connector    string    `json:"connector"`
	Name         string    `json:"name"`
	Session      string    `json:"session"`
	Began        time.Time `json:"began"`
	Before       string    `json:"before"` // what the charger allowed at the beginning
	Most         string    `json:"most"`   // the highest that was to be ordered
	Unit         string    `json:"unit,omitempty"`
	Rejects      []string  `json:"rejects,omitempty"` // units
	Phases       int       `json:"phases,omitempty"`  // that the car uses
	Installed    bool      `json:"fallback_installed"`
	DefaultLimit Meaning   `json:"default_limit"`
	Schedule     string    `json:"schedule,omitempty"`  // what the charger stated under a limit above its default
	CanPause     *bool     `json:"can_pause,omitempty"` // none: not tried
	ResumeS      float64   `json:"resume_seconds,omitempty"`
	SettleS      float64   `json:"settle_seconds,omitempty"` // only where it is longer than configured
	Steps        []*Step   `json:"steps"`
	Findings     []string  `json:"findings,omitempty"`
	Restored     string    `json:"restored"`

	ordered bool
	settle  time.Duration // configured
	kind    policy.Kind
}

// Ordered reports whether anything was ordered.
func (r *Report) Ordered() bool { return r.ordered }

// Finding adds something that an operator should know.
func (r *Report) Finding(format string, args ...any) {
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

func (r *Report) cannotPause(why string) {
	r.CanPause = new(false)
	r.Finding("it cannot pause: %s", why)
}

// conclude draws what the steps say together.
func (r *Report) conclude() {
	rejected := 0
	for _, s := range r.Steps {
		if s.Verdict == "rejected" && s.Name != "pause" {
			rejected++
		}
		if s.Verdict == "none" {
			r.Finding("no verdict on %s: headroom will take the charger for one that may not answer", s.Order)
		}
		if s.cut && s.Changed != nil && s.late > r.settle {
			r.SettleS = max(r.SettleS, math.Ceil(s.by.Seconds()))
		}
	}
	if rejected > 0 && len(r.Rejects) == 0 && r.Unit != "" {
		r.Finding("it rejects some orders, and takes them when they are repeated")
	}
	if r.DefaultLimit == Ceiling {
		r.Finding("its default limit caps every session: no more than the fallback can ever be drawn here")
	}
}

// quirk is a key of a connector and its value.
type quirk struct{ key, value string }

// quirks are the keys that the configuration needs because of what was measured.
func (r *Report) quirks() (all []quirk) {
	if r.kind == policy.AC && r.Unit == "power" {
		all = append(all, quirk{"unit", "power"})
	}
	if r.CanPause != nil && !*r.CanPause {
		all = append(all, quirk{"can_pause", "false"})
	}
	if r.DefaultLimit == Ceiling {
		all = append(all, quirk{"default_limit", "ceiling"})
	}
	if r.SettleS > 0 {
		all = append(all, quirk{"settle", strconv.FormatFloat(r.SettleS, 'f', -1, 64) + "s"})
	}
	return all
}

// WriteYAML writes the keys to put at the connector in the configuration.
func (r *Report) WriteYAML(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured at %s by \"headroom commission\", %s.\n", r.Name, r.Began.UTC().Format(time.RFC3339))
	all := r.quirks()
	if len(all) == 0 {
		b.WriteString("# It behaves as the defaults have it: no key is needed.\n")
	} else {
		fmt.Fprintf(&b, "# Put these keys at connector %q of site %s.\n", r.Connector, r.Site)
	}
	for _, q := range all {
		fmt.Fprintf(&b, "%s: %s\n", q.key, q.value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteTable writes the report for people, and the keys below it.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s, session %s; it allowed %s before\n\n", r.Name, r.Session, r.Before)
	fmt.Fprintln(t, "step\torder\tverdict\tdraw changed after\tdraw then")
	for _, s := range r.Steps {
		verdict := s.Verdict
		if s.Verdict != "none" {
			verdict = fmt.Sprintf("%s in %.1f s", s.Verdict, s.TookS)
		}
		changed := "-"
		if s.Changed != nil {
			changed = fmt.Sprintf("%.0f to %.0f s", s.Changed.After, s.Changed.By)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.1f kW\n", s.Name, s.Order, verdict, changed, s.DrawW/1000)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("\n")
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-15s %s\n", what+":", fmt.Sprintf(format, args...))
	}
	line("unit", "%s", orUnknown(r.Unit))
	if r.Phases > 0 {
		line("phases", "the car uses %d", r.Phases)
	}
	switch {
	case r.CanPause == nil:
		line("pause", "not tried")
	case *r.CanPause:
		line("pause", "yes; it resumes within %.0f s", r.ResumeS)
	default:
		line("pause", "no")
	}
	line("default limit", "%s", r.DefaultLimit)
	line("put back", "%s", r.Restored)
	for _, f := range r.Findings {
		line("note", "%s", f)
	}
	b.WriteString("\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	return r.WriteYAML(w)
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

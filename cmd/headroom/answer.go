package main

import (
	"encoding/json"
	"io"

	"github.com/headroom-ev/headroom/internal/replay"
)

// answer is what a command found out.
type answer interface {
	// WriteTable writes it for people.
	WriteTable(w io.Writer) error
}

// inFormat writes an answer as a table, or as JSON for programs.
func inFormat(format string, w io.Writer, a answer) error {
	if format == "json" {
		return writeJSON(w, a)
	}
	return a.WriteTable(w)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// progress shows how far something is, where somebody looks, until end.
func (env *environment) progress() (show func(what string, part float64), end func()) {
	if isTerminal(env.stderr) {
		return replay.ProgressOn(env.stderr)
	}
	return nil, func() {}
}

package replay

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// ErrUsage is behind every error that is a mistake on the command line.
var ErrUsage = errors.New("wrong usage")

// usage is an error that is a mistake on the command line.
func usage(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }
func (e *usageError) Is(target error) bool {
	return target == ErrUsage
}

// Mistake is one thing to mend in a file of sessions.
type Mistake struct {
	File      string
	Line, Col int    // from 1; the header is line 1
	Key       string // the column's name in the header; empty: the whole line
	Message   string
}

// String is file:line:col: key: message, on one line.
func (m Mistake) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", m.File, m.Line, m.Col, cmp.Or(m.Key, "(line)"), m.Message)
}

// Mistakes are those of one file, in its order. As an error it holds at least
// one.
type Mistakes []Mistake

// mostShown is how many mistakes are written out. A file in another format has
// one in every line.
const mostShown = 100

// Error joins the mistakes, one a line.
func (ms Mistakes) Error() string {
	shown := ms[:min(len(ms), mostShown)]
	lines := make([]string, 0, len(shown)+1)
	for _, m := range shown {
		lines = append(lines, m.String())
	}
	if more := len(ms) - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf("%s: and %d more", ms[0].File, more))
	}
	return strings.Join(lines, "\n")
}

// asError is nil where there is no mistake.
func (ms Mistakes) asError() error {
	if len(ms) == 0 {
		return nil
	}
	return ms
}

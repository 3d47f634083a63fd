package replay

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Session is one line of a recording: a car that came, wanted energy, and left.
type Session struct {
	ID        string
	Connector string    // empty: any free one that fits
	Arrival   time.Time // whole milliseconds
	Departure time.Time
	Energy    policy.MilliwattHours
	// The most that its car takes, on each phase and in all; 0: as much as the
	// connector gives.
	MaxCurrent policy.Milliamps
	MaxPower   policy.Milliwatts
	// PhaseCount is how many phases its car uses, the connector's first ones; On
	// says which where the file names them. Both 0: all of the connector's.
	PhaseCount int
	On         policy.Phases
	Tier       *int // nil: the connector's
	Weight     int  // in thousandths; 0: the connector's

	line, col int // of the connector, in the file
}

// Recording is a file of sessions.
type Recording struct {
	File     string
	Sessions []Session // in the order of the file
}

// The columns of a recording. The first ones must be there.
var (
	columns  = []string{"session", "connector", "arrival", "departure", "energy_kwh", "max_amps", "max_kw", "phases", "tier", "weight"}
	required = 5
)

// ReadRecording reads the file at path. The error is [Mistakes] where the file
// could be read.
func ReadRecording(path string) (*Recording, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return ParseRecording(path, data)
}

// ParseRecording reads the bytes of a file. name is the file's name in
// messages. The error is always [Mistakes].
func ParseRecording(name string, data []byte) (*Recording, error) {
	p := &parser{file: name, first: map[string]int{}}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.FieldsPerRecord = -1
	r.TrimLeadingSpace = true
	r.ReuseRecord = true
	header, err := r.Read()
	switch {
	case errors.Is(err, io.EOF):
		p.mistake(1, 1, "", "is empty: want the header %s", strings.Join(columns[:required], ","))
	case err != nil:
		p.broken(err)
	default:
		p.header(r, header)
	}
	for len(p.mistakes) == 0 || p.place != nil {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.broken(err)
			break
		}
		p.record(r, fields)
	}
	if len(p.mistakes) == 0 && len(p.sessions) == 0 {
		p.mistake(1, 1, "", "has a header and no sessions")
	}
	slices.SortStableFunc(p.mistakes, func(a, b Mistake) int { return cmp.Or(a.Line-b.Line, a.Col-b.Col) })
	return &Recording{File: name, Sessions: p.sessions}, p.mistakes.asError()
}

// parser reads one file and collects its mistakes.
type parser struct {
	file     string
	place    map[string]int // of each column in a line; nil: the header cannot be used
	width    int
	first    map[string]int // the line in which a session's id stands
	sessions []Session
	mistakes Mistakes
}

func (p *parser) mistake(line, col int, key, format string, args ...any) {
	p.mistakes = append(p.mistakes, Mistake{p.file, line, col, key, fmt.Sprintf(format, args...)})
}

// broken records that the file is not CSV from some place on.
func (p *parser) broken(err error) {
	line, col := 1, 1
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		line, col, err = e.Line, e.Column, e.Err
	}
	p.mistake(line, col, "", "is not CSV: %v", err)
}

// header notes the place of each column. What is wrong with it makes the rest
// unreadable, unless a column is merely unknown.
func (p *parser) header(r *csv.Reader, fields []string) {
	place := make(map[string]int, len(fields))
	usable := true
	for i, name := range fields {
		name = strings.TrimSpace(name)
		line, col := r.FieldPos(i)
		switch _, again := place[name]; {
		case again:
			p.mistake(line, col, name, "stands there twice")
			usable = false
		case !slices.Contains(columns, name):
			p.mistake(line, col, clip(name), "is no known column: known are %s", strings.Join(columns, ", "))
		}
		place[name] = i
	}
	for _, name := range columns[:required] {
		if _, ok := place[name]; !ok {
			p.mistake(1, 1, name, "is missing: the header must have %s", strings.Join(columns[:required], ","))
			usable = false
		}
	}
	if usable {
		p.place, p.width = place, len(fields)
	}
}

// record reads one line.
func (p *parser) record(r *csv.Reader, fields []string) {
	line, _ := r.FieldPos(0)
	if len(fields) != p.width {
		p.mistake(line, 1, "", "has %d fields, the header has %d", len(fields), p.width)
		return
	}
	before := len(p.mistakes)
	f := &fieldReader{parser: p, line: line, fields: fields, cols: make(map[string]int, len(fields))}
	for name, i := range p.place {
		_, f.cols[name] = r.FieldPos(i)
	}
	s := Session{
		ID: f.text("session"), Connector: f.text("connector"), Arrival: f.time("arrival"), Departure: f.time("departure"),
		Energy:     policy.MilliwattHours(f.quantity("energy_kwh", kilowattHours)),
		MaxCurrent: policy.Milliamps(f.quantity("max_amps", amperes)),
		MaxPower:   policy.Milliwatts(f.quantity("max_kw", kilowatts)),
		Tier:       f.tier(), Weight: int(f.quantity("weight", weights)),
		line: line, col: max(1, f.cols["connector"]),
	}
	s.PhaseCount, s.On = f.phases()
	if first, again := p.first[s.ID]; again && s.ID != "" {
		f.mistake("session", "%q is there already: first in line %d", clip(s.ID), first)
	} else {
		p.first[s.ID] = line
	}
	if s.ID == "" {
		f.mistake("session", "is empty: every session needs an id")
	}
	if before == len(p.mistakes) {
		f.stay(&s)
	}
	if before == len(p.mistakes) {
		p.sessions = append(p.sessions, s)
	}
}

// longestStay guards against a wrong year.
const longestStay = 366 * 24 * time.Hour

func (f *fieldReader) stay(s *Session) {
	switch stay := s.Departure.Sub(s.Arrival); {
	case stay <= 0:
		f.mistake("departure", "is not after arrival")
	case stay > longestStay:
		f.mistake("departure", "is more than a year after arrival")
	}
}

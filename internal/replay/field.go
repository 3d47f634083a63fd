package replay

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// fieldReader reads the fields of one line.
type fieldReader struct {
	*parser
	line   int
	fields []string
	cols   map[string]int // where each column's field begins
}

func (f *fieldReader) mistake(column, format string, args ...any) {
	f.parser.mistake(f.line, max(1, f.cols[column]), column, format, args...)
}

// text is the field of a column, empty where the file has no such column.
func (f *fieldReader) text(column string) string {
	i, ok := f.place[column]
	if !ok {
		return ""
	}
	return strings.TrimSpace(f.fields[i])
}

func (f *fieldReader) time(column string) time.Time {
	t, err := time.Parse(time.RFC3339, f.text(column))
	if err != nil {
		f.mistake(column, "want a time such as 2019-05-01T07:30:00-07:00, not %q", clip(f.text(column)))
		return time.Time{}
	}
	if year := t.Year(); year < 1970 || year > 2200 {
		f.mistake(column, "is in the year %d: want one from 1970 to 2200", year)
	}
	return t.Truncate(time.Millisecond)
}

// unit is how a quantity is written, and the bounds that refuse a wrong unit.
type unit struct {
	want     string
	scale    float64 // of the unit in thousandths of the base unit
	least    float64
	most     float64
	optional bool
}

// A truck takes some 1000 kWh; 2000 A and 10 MW are beyond any connector.
var (
	kilowattHours = unit{want: "kilowatt hours such as 12.5", scale: 1e6, least: 0, most: 2000}
	amperes       = unit{want: "amperes on each phase such as 16", scale: 1e3, least: 0.1, most: 2000, optional: true}
	kilowatts     = unit{want: "kilowatts such as 7.4", scale: 1e6, least: 0.001, most: 10_000, optional: true}
	weights       = unit{want: "a weight such as 1 or 2.5", scale: 1e3, least: 0.001, most: 1000, optional: true}
)

// quantity is a number in thousandths of the base unit; 0 where an optional one
// is empty. This is the one gate through which numbers come in.
func (f *fieldReader) quantity(column string, u unit) int64 {
	text := f.text(column)
	if text == "" && u.optional {
		return 0
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || strings.Trim(text, "0123456789.+-eE") != "": // hexadecimal, infinite, not a number
		f.mistake(column, "want %s, not %q", u.want, clip(text))
	case v < u.least || v > u.most:
		f.mistake(column, "is %s: want %s, from %g to %g", text, u.want, u.least, u.most)
	default:
		return int64(math.Round(v * u.scale))
	}
	return 0
}

func (f *fieldReader) tier() *int {
	text := f.text("tier")
	if text == "" {
		return nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < -1000 || v > 1000 {
		f.mistake("tier", "want a whole number from -1000 to 1000, not %q", clip(text))
		return nil
	}
	return &v
}

// phases reads how many phases a car uses, or which: 1, 3, L2, L1L3.
func (f *fieldReader) phases() (int, policy.Phases) {
	text := f.text("phases")
	switch text {
	case "":
		return 0, 0
	case "1", "2", "3":
		return int(text[0] - '0'), 0
	}
	for set := policy.On(policy.L1); set <= policy.AllPhases; set++ {
		if strings.EqualFold(set.String(), text) {
			return set.Count(), set
		}
	}
	f.mistake("phases", "want 1, 2 or 3, or their names such as L2 or L1L3, not %q", clip(text))
	return 0, 0
}

// clip keeps a quoted value readable in a message.
func clip(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

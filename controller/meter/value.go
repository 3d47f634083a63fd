package meter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/policy"
)

// maxAnswer is the most that is read of an answer, in bytes.
const maxAnswer = 64 << 10

// shape says where the numbers are in an answer.
type shape struct {
	field     string
	phases    []string
	unit      config.Unit
	unitField string
}

func shapeOf(c *config.Meter) shape {
	return shape{field: c.Field, phases: c.Phases, unit: c.Unit, unitField: c.UnitField}
}

func nonsense(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrNonsense, fmt.Errorf(format, args...))
}

// read finds the numbers in an answer.
func (s *shape) read(body []byte) (Reading, error) {
	if s.field == "" && len(s.phases) == 0 && s.unitField == "" {
		text := strings.TrimSpace(string(body))
		power, err := milliwatts(strings.Trim(text, `"`), s.unit)
		return Reading{Power: power}, err
	}
	answer, err := decode(body)
	if err != nil {
		return Reading{}, err
	}
	unit := s.unit
	if s.unitField != "" {
		if unit, err = unitAt(answer, s.unitField); err != nil {
			return Reading{}, err
		}
	}
	var texts []string
	for _, path := range s.phases {
		text, err := numberAt(answer, path)
		if err != nil {
			return Reading{}, err
		}
		texts = append(texts, text)
	}
	total := ""
	if s.field != "" || len(s.phases) == 0 {
		if total, err = numberAt(answer, s.field); err != nil {
			return Reading{}, err
		}
	}
	return reading(total, texts, unit)
}

// reading makes one of a total, or the powers of the phases, or both.
func reading(total string, phases []string, unit config.Unit) (r Reading, err error) {
	for p, text := range phases {
		if r.PerPhase[p], err = milliwatts(text, unit); err != nil {
			return Reading{}, fmt.Errorf("phase L%d: %w", p+1, err)
		}
		r.Power += r.PerPhase[p]
		r.Phases = true
	}
	if total != "" {
		r.Power, err = milliwatts(total, unit)
	}
	return r, err
}

// decode reads one JSON value, with its numbers as they are written.
func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, nonsense("the answer is no JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nonsense("something follows the JSON of the answer")
	}
	return v, nil
}

// at is the value at a path such as grid.phases.0.power; the empty path is the
// whole.
func at(v any, path string) (any, error) {
	if path == "" {
		return v, nil
	}
	for key := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			inner, ok := in[key]
			if !ok {
				return nil, nonsense("the answer has no field %s (of %s)", key, path)
			}
			v = inner
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(in) {
				return nil, nonsense("the answer has no item %s (of %s): it is a list of %d", key, path, len(in))
			}
			v = in[i]
		default:
			return nil, nonsense("the answer has nothing below %s (of %s)", key, path)
		}
	}
	return v, nil
}

// numberAt is the text of a number, which some meters write as a text.
func numberAt(v any, path string) (string, error) {
	found, err := at(v, path)
	if err != nil {
		return "", err
	}
	switch found := found.(type) {
	case json.Number:
		return found.String(), nil
	case string:
		return strings.TrimSpace(found), nil
	case nil:
		return "", nonsense("%s is null", path)
	}
	return "", nonsense("%s is no number", path)
}

func unitAt(v any, path string) (config.Unit, error) {
	found, err := at(v, path)
	if err != nil {
		return "", err
	}
	text, _ := found.(string)
	for _, unit := range []config.Unit{config.UnitWatts, config.UnitKilowatts} {
		if strings.EqualFold(text, string(unit)) {
			return unit, nil
		}
	}
	return "", nonsense("the unit %s is %q: want W or kW", path, clip(text))
}

// decimal is a plain number. What ParseFloat takes besides, such as NaN, Inf,
// 0x10 and 1_000, is none.
var decimal = regexp.MustCompile(`^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?$`)

// largest is above the power of any site: a terawatt, in milliwatts.
const largest = 1e15

// milliwatts is the gate through which every reading comes.
func milliwatts(text string, unit config.Unit) (policy.Milliwatts, error) {
	if !decimal.MatchString(text) {
		return 0, nonsense("%q is no number", clip(text))
	}
	v, err := strconv.ParseFloat(text, 64)
	factor := 1e3
	if unit == config.UnitKilowatts {
		factor = 1e6
	}
	if v *= factor; err != nil || math.IsNaN(v) || math.Abs(v) > largest {
		return 0, nonsense("%s %s is too much for any site", clip(text), unit)
	}
	return policy.Milliwatts(math.Round(v)), nil
}

// clip keeps a text of somebody else's readable in a message.
func clip(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

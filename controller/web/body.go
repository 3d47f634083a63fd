package web

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/headroom-ev/headroom/policy"
)

// maxBody is the size of the largest body that is read.
const maxBody = 64 << 10

// The most that can be meant: beyond it is a slip of the keyboard or a wrong
// unit. They are those of the configuration.
const (
	maxKW   = 100_000
	maxAmps = 100_000
	maxAway = 366 * 24 * time.Hour
)

// nameForm is what the name of an external limit may be: it appears in logs,
// in URLs and in limit_source.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// readBody decodes a body strictly: one document, no unknown and no duplicate
// member, names in the right case.
func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refuse(http.StatusBadRequest, "the body is larger than %d KiB", maxBody>>10)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "the body broke off")
	}
	if err := json.Unmarshal(body, into, json.RejectUnknownMembers(true)); err != nil {
		return refuse(http.StatusBadRequest, "the body is not what is expected: %s", inWords(err))
	}
	return nil
}

// inWords says what is wrong with a document without Go's names for it.
func inWords(err error) string {
	if s, ok := errors.AsType[*json.SemanticError](err); ok {
		member := s.JSONPointer.LastToken()
		switch {
		case errors.Is(s.Err, json.ErrUnknownName):
			return fmt.Sprintf("unknown member %q", member)
		case member == "":
			return "want an object"
		case s.GoType == reflect.TypeFor[time.Time]():
			return member + `: want a time such as "2026-01-30T17:00:00+01:00"`
		case s.GoType != nil && s.GoType.Kind() == reflect.String:
			return member + ": want a text"
		case s.GoType != nil && s.GoType.Kind() == reflect.Int:
			return member + ": want a whole number"
		}
		return member + ": want a number"
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(s.Err, jsontext.ErrDuplicateName) {
			return fmt.Sprintf("member %q twice", s.JSONPointer.LastToken())
		}
		return fmt.Sprintf("not JSON (at byte %d)", s.ByteOffset)
	}
	return "unreadable"
}

// thousandths takes a number of the API into the integer world. absent is
// given where it is nil.
func thousandths(name string, v *float64, scale, most float64, absent int64) (int64, error) {
	switch {
	case v == nil:
		return absent, nil
	case math.IsNaN(*v) || *v < 0 || *v > most:
		return 0, refuse(http.StatusUnprocessableEntity, "%s: %v is not between 0 and %v", name, *v, most)
	}
	return int64(math.Round(*v * scale)), nil
}

// milliwatts is a number of kW; none is no limit.
func milliwatts(name string, kw *float64) (policy.Milliwatts, error) {
	v, err := thousandths(name, kw, float64(policy.Kilowatt), maxKW, policy.Unlimited)
	return policy.Milliwatts(v), err
}

// milliamps is a number of A; none is no limit.
func milliamps(name string, amps *float64) (policy.Milliamps, error) {
	v, err := thousandths(name, amps, float64(policy.Ampere), maxAmps, policy.Unlimited)
	return policy.Milliamps(v), err
}

// deadline turns a time of the wall clock into one that is compared by the
// monotonic clock: a jump of the wall clock neither ends nor prolongs it.
func deadline(name string, now time.Time, at *time.Time) (time.Time, error) {
	switch {
	case at == nil:
		return time.Time{}, nil
	case !at.After(now):
		return time.Time{}, refuse(http.StatusUnprocessableEntity, "%s: %s has passed", name, at.Format(time.RFC3339))
	case at.Sub(now) > maxAway:
		return time.Time{}, refuse(http.StatusUnprocessableEntity, "%s: %s is more than a year away", name, at.Format(time.RFC3339))
	}
	return now.Add(at.Sub(now)), nil
}

package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Windows must not depend on the host's time zones.
	"unicode/utf8"

	"github.com/headroom-ev/headroom/policy"
)

var (
	// errForm says that a text has not the form that its leaf wants, which the
	// message states anyway.
	errForm     = errors.New("")
	errNegative = errors.New("it must not be negative")
)

// leaf is how a type without parts is read from its text: a value in the file, or
// a tag default, min or max.
type leaf struct {
	want   string // Completes "want …".
	style  style
	secret bool // The text must not be repeated in a message.
	parse  func(text string, into reflect.Value) error
}

// style is how a leaf is written in YAML.
type style uint8

const (
	asText   style = iota // Plain or quoted.
	asNumber              // A plain number, without quotes.
	asBool                // true or false, without quotes.
)

func (s style) String() string {
	return [...]string{asText: "text", asNumber: "number", asBool: "bool"}[s]
}

// leaves are the types without parts, beside enumerations and strings.
var leaves = map[reflect.Type]leaf{
	reflect.TypeFor[bool]():                  {want: "true or false", style: asBool, parse: parsed(parseBool)},
	reflect.TypeFor[int]():                   {want: "a whole number such as 1", style: asNumber, parse: parsed(parseInt)},
	reflect.TypeFor[Rate]():                  number[Rate]("a number such as 10 or 0.5", 3),
	reflect.TypeFor[Weight]():                number[Weight]("a number such as 1 or 1.5", 3),
	reflect.TypeFor[policy.Milliamps]():      number[policy.Milliamps]("a number of amperes such as 32 or 13.5", 3),
	reflect.TypeFor[policy.Milliwatts]():     number[policy.Milliwatts]("a number of kilowatts such as 150 or 7.4", 6),
	reflect.TypeFor[policy.MilliwattHours](): number[policy.MilliwattHours]("a number of kilowatt hours such as 12", 6),
	reflect.TypeFor[Volts]():                 number[Volts]("a whole number of volts such as 230", 0),
	reflect.TypeFor[time.Duration]():         {want: `a time with its unit such as "5s", "15m" or "1h30m"`, parse: parsed(parseDuration)},
	reflect.TypeFor[Permille]():              {want: `a percentage such as "5%"`, parse: parsed(parsePercent)},
	reflect.TypeFor[Margin]():                {want: `a percentage such as "5%", or {kw: 2}, or {amps: 2}`, parse: parsed(parseMargin)},
	reflect.TypeFor[Days]():                  {want: `days such as "mon-fri" or "sat,sun"`, parse: parsed(parseDays)},
	reflect.TypeFor[Clock]():                 {want: `a time of day from "00:00" to "24:00"`, parse: parsed(parseClock)},
	reflect.TypeFor[Wiring]():                {want: "phases as wired, such as L1, L2L3 or L2L3L1", parse: parsed(parseWiring)},
	reflect.TypeFor[*time.Location]():        {want: "an IANA time zone such as Europe/Berlin", parse: parsed(parseLocation)},
	reflect.TypeFor[Secret](): {
		want:   "${NAME} (an environment variable) or ${file:PATH} as the whole value; a secret itself does not belong into this file",
		secret: true, parse: parsed(parseSecret),
	},
}

// formats are the forms of string fields, by the tag format.
var formats = map[string]leaf{
	"id":       text("an id of up to 64 letters, digits, '-', '_', '.' or ':', which begins with a letter or digit", isID),
	"name":     text("one line of 1 to 64 characters", func(s string) bool { return isLine(s, 64) }),
	"text":     text("one line of text", func(s string) bool { return isLine(s, 4096) }),
	"path":     text("a path", func(s string) bool { return isLine(s, 4096) }),
	"hostport": text("host:port such as 127.0.0.1:9090", isHostPort),
	"url": {
		want:   "a URL with scheme and host and without user, password or fragment, such as https://host/path",
		secret: true, parse: text("", isURL).parse,
	},
}

// leafOf is how a field of a type without parts is read.
func leafOf(t reflect.Type, tag reflect.StructTag) (leaf, bool) {
	if l, ok := leaves[t]; ok {
		return l, true
	}
	if t.Kind() != reflect.String {
		return leaf{}, false
	}
	if values := valuesOf(t); values != nil {
		return text("one of "+strings.Join(values, ", "), func(s string) bool {
			for _, v := range values {
				if v == s {
					return true
				}
			}
			return false
		}), true
	}
	l, ok := formats[tag.Get("format")]
	return l, ok
}

// valuesOf is what a field of an enumeration may say, nil for other types.
func valuesOf(t reflect.Type) []string {
	if e, ok := reflect.Zero(t).Interface().(interface{ Values() []string }); ok {
		return e.Values()
	}
	return nil
}

func parsed[T any](parse func(string) (T, error)) func(string, reflect.Value) error {
	return func(text string, into reflect.Value) error {
		v, err := parse(text)
		if err == nil {
			into.Set(reflect.ValueOf(v))
		}
		return err
	}
}

func number[T ~int64](want string, decimals int) leaf {
	return leaf{want: want, style: asNumber, parse: parsed(func(text string) (T, error) {
		v, err := parseDecimal(text, decimals)
		return T(v), err
	})}
}

func text(want string, ok func(string) bool) leaf {
	return leaf{want: want, parse: func(text string, into reflect.Value) error {
		if !ok(text) {
			return errForm
		}
		into.SetString(text)
		return nil
	}}
}

var (
	decimalForm = regexp.MustCompile(`^(0|[1-9][0-9]*)(?:\.([0-9]+))?$`)
	intForm     = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	isID        = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`).MatchString
)

// parseDecimal converts a decimal number to an integer of its 10^decimals parts,
// exactly.
func parseDecimal(text string, decimals int) (int64, error) {
	m := decimalForm.FindStringSubmatch(text)
	if m == nil {
		if rest, negative := strings.CutPrefix(text, "-"); negative && decimalForm.MatchString(rest) {
			return 0, errNegative
		}
		return 0, errForm
	}
	fraction := strings.TrimRight(m[2], "0")
	if decimals == 0 && fraction != "" {
		return 0, errForm
	}
	if len(fraction) > decimals {
		return 0, fmt.Errorf("it has more than %d decimals", decimals)
	}
	if len(m[1]) > 12 {
		return 0, errors.New("it is too large")
	}
	return strconv.ParseInt(m[1]+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
}

// decimalText writes an integer of 10^decimals parts as a decimal number.
func decimalText(v int64, decimals int) string {
	digits := fmt.Sprintf("%0*d", decimals+1, v)
	whole, fraction := digits[:len(digits)-decimals], strings.TrimRight(digits[len(digits)-decimals:], "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

func parseInt(text string) (int, error) {
	if !intForm.MatchString(text) || len(text) > 10 {
		return 0, errForm
	}
	return strconv.Atoi(text)
}

func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, errForm
	}
	return text == "true", nil
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil || text[0] == '+' || text == "0":
		return 0, errForm
	case text[0] == '-':
		return 0, errNegative
	}
	return d, nil
}

func parsePercent(text string) (Permille, error) {
	digits, ok := strings.CutSuffix(text, "%")
	if !ok {
		return 0, errForm
	}
	v, err := parseDecimal(digits, 1)
	return Permille(v), err
}

func parseMargin(text string) (Margin, error) {
	share, err := parsePercent(text)
	return Margin{Share: share}, err
}

func parseLocation(text string) (*time.Location, error) {
	if text == "" || text == "Local" {
		return nil, errForm
	}
	zone, err := time.LoadLocation(text)
	if err != nil {
		return nil, errForm
	}
	return zone, nil
}

func isLine(s string, most int) bool {
	return s != "" && utf8.RuneCountInString(s) <= most &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || !isLine(s, 300) || strings.ContainsAny(host, " /") {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Hostname() != "" && u.User == nil && u.Fragment == "" && isLine(s, 4096)
}

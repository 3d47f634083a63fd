package edrvsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf16"
)

// object is a JSON object; its keys come out sorted, so bodies are repeatable.
type object = map[string]any

// encoder writes eDRV's documents. The zero encoder keeps the world's times.
type encoder struct {
	stamp  func(time.Time) time.Time // world time to the time on the wire; nil keeps it
	escape bool                      // non-ASCII characters as \uXXXX
}

// Body is the webhook's body with the world's own times.
func (m *Message) Body() []byte { return (&encoder{}).message(m) }

func (e *encoder) message(m *Message) []byte {
	var data any = object{"_id": m.ID}
	switch {
	case m.Session != nil:
		data = e.session(m.Session)
	case m.Action != nil:
		data = e.action(m.Action)
	case m.Station != nil:
		data = e.station(m.Station)
	}
	if m.DataAsText {
		data = string(e.json(data))
	}
	body := e.json(object{
		"_id": m.ID, "data": data, "object": m.object(), "type": m.Type, "createdAt": e.time(m.At),
	})
	if m.Unreadable {
		body = body[:len(body)/2]
	}
	return body
}

// json marshals v, which holds nothing that cannot be marshalled.
func (e *encoder) json(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("edrvsim: cannot render %v: %v", v, err))
	}
	out := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if e.escape {
		out = escapeUnicode(out)
	}
	return out
}

// escapeUnicode writes every character beyond ASCII as \uXXXX in lower case, the
// form in which eDRV says it signs bodies ("Secure Webhooks").
func escapeUnicode(in []byte) []byte {
	var out []byte
	for _, r := range string(in) {
		switch {
		case r < 0x80:
			out = append(out, byte(r))
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

func (e *encoder) at(t time.Time) time.Time {
	if e.stamp != nil {
		t = e.stamp(t)
	}
	return t.UTC()
}

// time is a timestamp in eDRV's form, nil for none.
func (e *encoder) time(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return e.at(t).Format("2006-01-02T15:04:05.000Z")
}

func (e *encoder) oddTime(t time.Time, f TimeForm) any {
	switch f {
	case TimeDots:
		return e.at(t).Format("2006-01-02T15:04.05.00Z")
	case TimeSevenDigits:
		return e.at(t).Format("2006-01-02T15:04:05.0000000Z")
	default:
		return e.time(t)
	}
}

// ref is a reference: an id, nothing, or the object with its id.
func (e *encoder) ref(r Ref) any {
	switch {
	case r.ID == "":
		return nil
	case r.Expanded:
		return object{"_id": r.ID, "active": true}
	default:
		return r.ID
	}
}

func (q Quantity) object() object {
	var unit, value any = q.Unit, q.Value
	if q.Unit == "" {
		unit = nil
	}
	switch {
	case q.Text != "":
		value = q.Text
	case q.Quoted:
		value = strconv.FormatFloat(q.Value, 'f', int(q.Places), 64)
	}
	return object{"value": value, "unit": unit}
}

func (e *encoder) report(r *Report) object {
	out := object{"timestamp": e.oddTime(r.At, r.AtForm)}
	quantity := func(name string, q Quantity) {
		if !q.Missing {
			out[name] = q.object()
		}
	}
	quantity("power", r.Power)
	quantity("current", r.Current)
	quantity("energy_meter", r.Energy)
	quantity("state_of_charge", r.SoC)
	return out
}

// rawReport has the readings of each phase, numbers as text ("Raw Energy Report").
func (e *encoder) rawReport(r *Report) object {
	at := e.oddTime(r.At, r.AtForm)
	var current, voltage, power []object
	reading := func(v float64, unit, phase string) object {
		return object{"value": strconv.FormatFloat(v, 'f', 2, 64), "unit": unit, "phase": phase, "timestamp": at}
	}
	for i, a := range r.PhaseAmps[:r.Phases] {
		phase := "L" + strconv.Itoa(i+1)
		current = append(current, reading(a, "A", phase))
		voltage = append(voltage, reading(r.Volts, "V", phase+"-N"))
		power = append(power, reading(a*r.Volts, "W", phase))
	}
	return object{
		"timestamp": at, "server_timestamp": e.time(r.At), "current": current, "voltage": voltage, "power": power,
		"energy_meter": []object{{"value": strconv.FormatFloat(r.Energy.Value, 'f', 3, 64), "unit": r.Energy.Unit, "timestamp": at}},
	}
}

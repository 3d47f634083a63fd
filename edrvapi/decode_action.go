package edrvapi

import (
	"math"
	"strings"
	"time"
)

// decodeAction decodes one action. An action without an id is unreadable.
func decodeAction(doc []byte) (Action, error) {
	var a Action
	r := newReader(doc)
	defer r.release()
	r.action(&a)
	return a, identified(r, a.ID, "action")
}

func (r *reader) action(a *Action) {
	for name := range r.object() {
		switch string(name) {
		case "_id":
			a.ID = idOf(r.word())
		case "type":
			a.Type = r.text(maxText)
		case "status":
			a.Status = lookup[ActionStatus](actionStatusNames, r.word())
		case "session":
			a.Session = r.ref()
		case "connector":
			a.Connector = r.ref()
		case "chargestation":
			a.Station = r.ref()
		case "data":
			a.Limit = r.limit()
		case "response_data":
			r.response(a)
		case "createdAt":
			a.CreatedAt = r.time()
		case "updatedAt":
			a.UpdatedAt = r.time()
		default:
			r.skip()
		}
	}
	a.Kind = parseActionKind(a.Type)
}

// limit reads the order that an action repeats: {"unit": "current", "limit": 10}.
func (r *reader) limit() Maybe[Limit] {
	var u Unit
	var n float64
	var known bool
	for name := range r.object() {
		switch string(name) {
		case "unit":
			u = parseLimitUnit(r.word())
		case "limit":
			n, known = r.number()
		default:
			r.skip()
		}
	}
	return limitOf(n, known, u)
}

// limitOf is n amperes or watts as a limit, if it is one that could be sent.
func limitOf(n float64, ok bool, u Unit) Maybe[Limit] {
	milli := math.Round(n * 1000)
	if !ok || math.Abs(milli) > maxPower {
		return Maybe[Limit]{}
	}
	l := Limit{Unit: u, Milli: int64(milli)}
	return Maybe[Limit]{Value: l, Known: l.check() == nil}
}

// parseLimitUnit reads eDRV's words for a limit's unit, and OCPP's "A" and "W".
func parseLimitUnit(word []byte) Unit {
	if u := lookup[Unit](unitNames, word); u != UnitUnknown {
		return u
	}
	switch parseUnit(word) {
	case unitA:
		return UnitCurrent
	case unitW:
		return UnitPower
	default:
		return UnitUnknown
	}
}

// response reads response_data: text for people, and the schedule if it holds one.
func (r *reader) response(a *Action) {
	switch r.kind() {
	case '"':
		a.ResponseText = r.text(maxResponse)
	case '{':
		raw := r.value()
		a.ResponseText = cleanText(string(raw[:min(len(raw), 4*maxResponse)]), maxResponse)
		a.Schedule = decodeSchedule(raw)
	default:
		r.skip()
	}
}

// decodeSchedule decodes a composite schedule (eDRV docs, "Composite Schedules"). One
// that can not be read whole is unknown: half a schedule would show a wrong limit.
func decodeSchedule(doc []byte) Maybe[Schedule] {
	var s Schedule
	whole := false
	r := newReader(doc)
	defer r.release()
	for name := range r.object() {
		switch string(name) {
		case "status":
			s.Accepted = strings.EqualFold(string(r.word()), "Accepted")
		case "connectorId":
			n, _ := r.number()
			s.Connector = int(min(max(n, 0), 1e6))
		case "scheduleStart":
			s.Start = r.time()
		case "chargingSchedule":
			whole = r.schedule(&s)
		default:
			r.skip()
		}
	}
	if r.finish() != nil || !whole {
		return Maybe[Schedule]{}
	}
	return Some(s)
}

// schedule reads the schedule itself; false if a part of it can not be read. Its unit
// may come after its periods.
func (r *reader) schedule(s *Schedule) bool {
	var periods []period
	for name := range r.object() {
		switch string(name) {
		case "duration":
			s.Duration = r.seconds().Value
		case "chargingRateUnit":
			s.Unit = parseLimitUnit(r.word())
		case "chargingSchedulePeriod":
			periods = r.periods()
		default:
			r.skip()
		}
	}
	for _, p := range periods {
		l := limitOf(p.limit, p.ok, s.Unit)
		if !l.Known || !p.offset.Known {
			return false
		}
		s.Periods = append(s.Periods, SchedulePeriod{Offset: p.offset.Value, Limit: l.Value})
	}
	return len(periods) > 0 && len(periods) <= maxPeriods
}

// period is one step of a schedule as read, with a limit of yet unknown unit.
type period struct {
	offset Maybe[time.Duration]
	limit  float64
	ok     bool
}

// periods reads the steps of a schedule, one more than are taken at the most.
func (r *reader) periods() []period {
	var list []period
	for range r.array() {
		if len(list) > maxPeriods {
			r.skip()
			continue
		}
		var p period
		for name := range r.object() {
			switch string(name) {
			case "startPeriod":
				p.offset = r.seconds()
			case "limit":
				p.limit, p.ok = r.number()
			default:
				r.skip()
			}
		}
		list = append(list, p)
	}
	return list
}

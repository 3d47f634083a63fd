package edrvapi

import (
	"bytes"
	"strings"
	"time"
)

// MaxEventBytes is the size of the largest webhook body that is decoded. eDRV's own are
// below 20 KiB.
const MaxEventBytes = 256 << 10

// maxEventValues bounds the values in an event; eDRV's own have some hundreds.
const maxEventValues = 20_000

// EventKind says what an event means to a controller. It follows from the event's type
// alone.
type EventKind uint8

// The kinds of event (eDRV docs, "List of Webhook Events"). eDRV adds types at any
// time; those without a kind here are EventOther, and are to be answered like the rest.
const (
	EventOther EventKind = iota
	EventSessionCreated
	EventSessionStarted
	EventSessionUpdated
	EventSessionEnded
	EventSessionCancelled
	EventSessionStartFailed
	EventSessionStopFailed // the session may stay Started although the car is gone
	EventStationOnline
	EventStationOffline
	EventConnectorStatus
	EventActionRequested
	EventActionAccepted
	EventActionRejected
)

var eventKindNames = []string{
	"other", "session_created", "session_started", "session_updated", "session_ended",
	"session_cancelled", "session_start_failed", "session_stop_failed", "station_online", "station_offline",
	"connector_status", "action_requested", "action_accepted", "action_rejected",
}

// String is the kind in snake case, fit for a label.
func (k EventKind) String() string { return nameOf(eventKindNames, k) }

// Event is one webhook delivery. Of Session, Station and Action the one that Kind is
// about is set, and always has an ID; all are nil for EventOther.
type Event struct {
	ID        string // of the event, for dropping duplicates
	Type      string // as eDRV writes it, at most 128 bytes
	Kind      EventKind
	CreatedAt time.Time
	Session   *Session
	Station   *Station
	Action    *Action
}

// DecodeEvent decodes the body of a webhook. It routes on type and not on object, whose
// values eDRV does not list. An unknown type is no error: the event is then EventOther.
//
// An error is always an ErrUnreadable: bad syntax, a duplicate member, invalid UTF-8,
// data after the document, nesting deeper than 32, more than MaxEventBytes or 20 000
// values, no _id, no type, or an event that means something here but whose object has
// no _id.
func DecodeEvent(body []byte) (Event, error) {
	if len(body) > MaxEventBytes {
		return Event{}, unreadable("%d bytes", len(body))
	}
	if !fewValues(body) {
		return Event{}, unreadable("more than %d values", maxEventValues)
	}
	ev, data, err := decodeEnvelope(body)
	if err != nil {
		return Event{}, err
	}
	switch {
	case ev.Kind == EventOther:
	case ev.Kind >= EventActionRequested:
		ev.Action, err = eventAction(data, ev)
	case ev.Kind >= EventStationOnline:
		ev.Station, err = pointer(decodeStation(data))
	default:
		ev.Session, err = pointer(decodeSession(data))
	}
	if err != nil {
		return Event{}, err
	}
	return ev, nil
}

// decodeEnvelope decodes what surrounds data and gives data as it is written. Its type,
// which tells how to decode it, comes after it in eDRV's samples.
func decodeEnvelope(body []byte) (ev Event, data []byte, err error) {
	r := newReader(body)
	defer r.release()
	for name := range r.object() {
		switch string(name) {
		case "_id":
			ev.ID = idOf(r.word())
		case "type":
			ev.Type, ev.Kind = eventType(r.word())
		case "createdAt":
			ev.CreatedAt = r.time()
		case "data":
			data = r.data(body)
		default:
			r.skip()
		}
	}
	if err := identified(r, ev.ID, "event"); err != nil {
		return Event{}, nil, err
	}
	if ev.Type == "" {
		return Event{}, nil, unreadable("event without type")
	}
	return ev, data, nil
}

// data is the next value as it is written in doc; text that holds JSON, as eDRV's
// attribute list has it, is unpacked.
func (r *reader) data(doc []byte) []byte {
	if r.kind() == '"' {
		return append([]byte(nil), r.word()...)
	}
	return r.raw(doc)
}

// eventAction decodes the action of an event. The event's type names it where the
// action does not, and is the charger's verdict where the action lacks a status.
func eventAction(data []byte, ev Event) (*Action, error) {
	a, err := decodeAction(data)
	if err != nil {
		return nil, err
	}
	name, _, _ := cutLast(ev.Type)
	if a.Type == "" {
		a.Type = name
	}
	if a.Kind == ActionOther {
		a.Kind = parseActionKind(name)
	}
	if a.Status == ActionUnknown {
		a.Status = ActionRequested + ActionStatus(ev.Kind-EventActionRequested)
	}
	return &a, nil
}

// eventKinds are the types with a kind of their own.
var eventKinds = map[string]EventKind{
	"session.created":                        EventSessionCreated,
	"session.started":                        EventSessionStarted,
	"session.updated":                        EventSessionUpdated,
	"session.ended":                          EventSessionEnded,
	"session.cancelled":                      EventSessionCancelled,
	"session.start_failure":                  EventSessionStartFailed,
	"session.stop_failure":                   EventSessionStopFailed,
	"chargestation.online":                   EventStationOnline,
	"chargestation.offline":                  EventStationOffline,
	"chargestation.connector_status.updated": EventConnectorStatus,
}

// eventType is the type as text, and its kind.
func eventType(word []byte) (string, EventKind) {
	if kind, known := eventKinds[string(word)]; known {
		return string(word), kind
	}
	name := cleanText(string(word), maxText)
	return name, verdictKind(name)
}

// verdictKind is the kind of an action's event: "<object>.<action>.<verdict>" for an
// action that bears on power. Events of other actions are EventOther.
func verdictKind(eventType string) EventKind {
	action, verdict, found := cutLast(eventType)
	if !found || parseActionKind(action) == ActionOther {
		return EventOther
	}
	switch verdict {
	case "requested":
		return EventActionRequested
	case "accepted":
		return EventActionAccepted
	case "rejected":
		return EventActionRejected
	default:
		return EventOther
	}
}

// cutLast cuts a dotted name before its last part.
func cutLast(name string) (before, last string, found bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

// fewValues reports whether doc holds at most maxEventValues values. Counting commas
// settles it, at the price of counting those in texts too.
func fewValues(doc []byte) bool {
	return len(doc) <= maxEventValues || bytes.Count(doc, []byte(",")) < maxEventValues
}

// pointer is a decoded value as a pointer, nil with an error.
func pointer[T any](v T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return &v, nil
}

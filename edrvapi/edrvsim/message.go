package edrvsim

import (
	"strings"
	"time"
)

// Message is one webhook event, a snapshot of its object at the time of the
// event. Exactly one of Session, Action and Station is set, unless the event
// is of a type that this package does not know.
type Message struct {
	ID   string // the event's _id: the same in retries and duplicates
	Type string // "session.updated"
	At   time.Time

	Session *Session
	Action  *Action
	Station *Station

	Unreadable bool // the body is cut off
	DataAsText bool // data is a string that holds JSON
}

// object is the message's kind of object as eDRV names it: "session", "action".
func (m *Message) object() string {
	switch {
	case m.Session != nil:
		return "session"
	case m.Action != nil:
		return "action"
	default:
		head, _, _ := strings.Cut(m.Type, ".")
		return head
	}
}

func (w *World) emitSession(event string, s *session) {
	s.rec.UpdatedAt = w.at(w.now)
	snapshot := s.rec
	w.emit(s.conn.station, s.conn.station.lanes[sessionLane], &Message{Type: event, Session: &snapshot}, 0)
}

// emitAction announces what became of an order. What is late lets others pass.
func (w *World) emitAction(event string, o *order) {
	snapshot, on := o.action, o.station.lanes[actionLane]
	if o.late > 0 {
		on = w.newLane()
	}
	w.emit(o.station, on, &Message{Type: event, Action: &snapshot}, o.late)
}

// emitStation announces a change of a station. It reports whether the word goes
// out at once: it is not lost, and nothing holds it up.
func (w *World) emitStation(event string, st *station) bool {
	snapshot, on := w.stationRecord(st), st.lanes[stationLane]
	m := &Message{Type: event, Station: &snapshot}
	w.emit(st, on, m, 0)
	d := on.head()
	return d != nil && d.Message == m && !m.Unreadable && d.ready <= w.now+w.spec.Behaviour.HookDelay.Max
}

// emit puts a message in a queue, so much late, and lets the faults of the
// webhook path strike it.
func (w *World) emit(st *station, on *lane, m *Message, late time.Duration) {
	m.ID, m.At = w.newID(), w.at(w.now)
	if w.outbox.state.Disabled || w.hookDown > 0 {
		w.outbox.state.Dropped++
		return
	}
	if w.hits(HookLost, st.id) || m.Type == "session.started" && w.hits(StartedLost, st.id) {
		return
	}
	m.Unreadable = w.hits(BodyUnreadable, st.id)
	m.DataAsText = w.hits(DataAsText, st.id)
	if expanded := w.hits(RefsExpanded, st.id); expanded {
		m.expand()
	}
	b := &w.spec.Behaviour
	delay := late + within(w.habits, b.HookDelay)
	if w.hits(HookDelayed, st.id) {
		delay += within(w.trouble, b.Late)
	}
	if w.hits(HookReordered, st.id) {
		delay += within(w.trouble, Range{b.HookDelay.Max, b.Report.Max})
	}
	w.push(on, m, delay)
	if w.hits(HookDuplicated, st.id) {
		w.push(w.newLane(), m, delay+within(w.trouble, b.Late))
	}
	if w.hits(EventForeign, st.id) {
		w.push(w.newLane(), w.foreignEvent(m), delay)
	}
	if w.hits(EventUnknown, st.id) {
		w.push(w.newLane(), &Message{ID: w.newID(), Type: "chargestation.weather.updated", At: m.At}, delay)
	}
}

func (m *Message) expand() {
	switch {
	case m.Session != nil:
		m.Session.expand()
	case m.Action != nil:
		m.Action.Station.Expanded = true
		m.Action.Connector.Expanded = true
	case m.Station != nil:
		m.Station.Location.Expanded = true
	}
}

func (s *Session) expand() { s.Station.Expanded, s.Connector.Expanded = true, true }

// foreignEvent is m as it would be for a station of another organisation.
func (w *World) foreignEvent(m *Message) *Message {
	out := &Message{ID: w.newID(), Type: m.Type, At: m.At}
	switch {
	case m.Session != nil:
		s := *m.Session
		s.ID, s.Station.ID, s.Connector.ID = w.newID(), w.newID(), w.newID()
		out.Session = &s
	case m.Action != nil:
		a := *m.Action
		a.ID, a.Station.ID, a.Connector.ID = w.newID(), w.newID(), w.newID()
		if a.Session != "" {
			a.Session = w.newID()
		}
		out.Action = &a
	case m.Station != nil:
		st := *m.Station
		st.ID, st.Connectors = w.newID(), nil
		out.Station = &st
	}
	return out
}

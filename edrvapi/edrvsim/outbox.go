package edrvsim

import "time"

// Delivery is one message on its way to the client. Whoever delivers takes it
// with [World.Take] and must give it back with [World.Ack] or [World.Nack].
type Delivery struct {
	Message *Message
	Attempt int // 1 for the first
	ready   time.Duration
	lane    *lane
}

// lane is a queue in which no message overtakes another: eDRV's promise for the
// events of one station.
type lane struct {
	queue []*Delivery
	first int // of the queue; what is before it is gone
	last  time.Duration
	timer timer // the head's readiness
	busy  bool  // the head is with whoever delivers
}

func (l *lane) head() *Delivery {
	if l.first == len(l.queue) {
		return nil
	}
	return l.queue[l.first]
}

func (l *lane) pop() {
	l.queue[l.first] = nil
	l.first++
	if l.first == len(l.queue) || l.first == 256 { // reuse the space in front
		l.queue, l.first = l.queue[:copy(l.queue, l.queue[l.first:])], 0
	}
}

// The lanes of a station. With [HookReordered] on, each kind of event has its
// own, for eDRV promises nothing across types; otherwise all share the first.
const (
	sessionLane = iota
	actionLane
	stationLane
	laneCount
)

// outbox is eDRV's side of one webhook endpoint.
type outbox struct {
	state HookState
	due   []*lane // whose head is ready to go, in order
}

// HookState is the state of the webhook endpoint as eDRV sees it.
type HookState struct {
	Disabled    bool // after too many failures; nothing is sent until Enable
	DisabledAt  time.Time
	FailedInRow int
	Delivered   uint64 // answered with 200
	Failed      uint64 // attempts that were not
	Dropped     uint64 // messages given up, or not sent in an outage or while disabled
	Queued      int    // waiting in the stations' queues
}

func (w *World) newLane() *lane {
	l := &lane{}
	l.timer.fire = func() { w.outbox.due = append(w.outbox.due, l) }
	return l
}

func (w *World) newLanes() [laneCount]*lane {
	l := w.newLane()
	lanes := [laneCount]*lane{l, l, l}
	if w.mayReorder() {
		lanes[actionLane], lanes[stationLane] = w.newLane(), w.newLane()
	}
	return lanes
}

func (w *World) mayReorder() bool {
	if w.rate[HookReordered] > 0 {
		return true
	}
	for _, win := range w.spec.Windows {
		if win.Fault == HookReordered {
			return true
		}
	}
	return false
}

func (w *World) push(l *lane, m *Message, delay time.Duration) {
	l.last = max(l.last, w.now+delay)
	l.queue = append(l.queue, &Delivery{Message: m, ready: l.last, lane: l})
	if len(l.queue)-l.first == 1 {
		w.arm(&l.timer, l.last)
	}
}

// Take hands out the next message that is ready to be sent, nil if none is. The
// station's later messages wait until it is given back.
func (w *World) Take() *Delivery {
	o := &w.outbox
	for len(o.due) > 0 && !o.state.Disabled {
		l := o.due[0]
		o.due = o.due[:copy(o.due, o.due[1:])]
		if d := l.head(); d != nil && !l.busy {
			l.busy = true
			d.Attempt++
			return d
		}
	}
	return nil
}

// Ack says that the client answered 200.
func (w *World) Ack(d *Delivery) {
	w.outbox.state.Delivered++
	w.outbox.state.FailedInRow = 0
	w.release(d)
}

// Nack says that the client did not answer, or not with 200. The message is
// tried again by the schedule of Behaviour.Retry, and holds up its station's
// later ones meanwhile; too many failures in a row disable the endpoint.
func (w *World) Nack(d *Delivery) {
	state, b := &w.outbox.state, &w.spec.Behaviour
	state.Failed++
	state.FailedInRow++
	if b.DisableAfter > 0 && state.FailedInRow >= b.DisableAfter {
		w.disable()
		return
	}
	if d.lane.head() != d {
		return // dropped meanwhile
	}
	if d.Attempt > len(b.Retry) {
		state.Dropped++
		w.release(d)
		return
	}
	d.lane.busy = false
	d.ready = w.now + b.Retry[d.Attempt-1]
	w.arm(&d.lane.timer, d.ready)
}

// release takes a message out of its lane and lets the next one go.
func (w *World) release(d *Delivery) {
	l := d.lane
	if l.head() != d {
		return
	}
	l.busy = false
	l.pop()
	if next := l.head(); next != nil {
		w.arm(&l.timer, max(next.ready, w.now))
	}
}

// disable is eDRV giving up on the endpoint: all that waits is lost.
func (w *World) disable() {
	state := &w.outbox.state
	if state.Disabled {
		return
	}
	state.Disabled, state.DisabledAt = true, w.at(w.now)
	state.Dropped += uint64(w.Hook().Queued)
	for _, st := range w.stations {
		for _, l := range st.lanes {
			w.disarm(&l.timer)
			l.queue, l.first, l.busy = nil, 0, false
		}
	}
	w.outbox.due = w.outbox.due[:0]
}

// Hook is the state of the webhook endpoint.
func (w *World) Hook() HookState {
	state := w.outbox.state
	for _, st := range w.stations {
		for i, l := range st.lanes {
			if i == 0 || l != st.lanes[0] {
				state.Queued += len(l.queue) - l.first
			}
		}
	}
	return state
}

// Enable is an operator switching a disabled endpoint on again.
func (w *World) Enable() {
	w.outbox.state.Disabled = false
	w.outbox.state.FailedInRow = 0
}

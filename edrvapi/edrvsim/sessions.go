package edrvsim

import (
	"slices"
	"time"
)

// session is a session twice over: rec is what eDRV has on record, the rest is
// what the charger knows of its transaction.
type session struct {
	rec  Session
	conn *connector

	limit    Limit  // its own limit in the charger, gone when it ends
	astray   bool   // somebody else set it, or the charger did not do what it said
	foreign  string // the action of somebody else that set it, if one did
	drawTime time.Duration
	meterAt  float64 // register at the start, Wh
}

// book is eDRV's sessions.
type book struct {
	byID  map[string]*session
	live  []*session // created or Started, oldest first
	ended []*session // the newest, oldest first
}

// plug is a car arriving.
func (w *World) plug(c *connector, spec CarSpec) {
	if c.car != nil {
		w.totals.TurnedAway++
		return
	}
	w.totals.Arrived++
	v := newCar(c, spec, w.now)
	v.quirks |= w.built(CarIgnoresPilot, CarOverdraws)
	c.car, c.finished, c.stuck = v, false, false
	w.settle(c)
	if spec.Stay > 0 {
		w.after(spec.Stay, func() {
			if c.car == v {
				w.unplug(c)
			}
		})
	}
	if !spec.Remote || c.awaiting != nil {
		w.startLocally(c, v)
	}
}

// startLocally is the driver's card, or the remote start that was waiting.
func (w *World) startLocally(c *connector, v *car) {
	w.after(within(w.habits, w.spec.Behaviour.Auth), func() {
		switch {
		case c.car != v || c.session != nil:
		case c.station.dark > 0:
			w.startLocally(c, v) // nothing to show the card to: try again
		default:
			w.begin(c)
		}
	})
}

// unplug is a car leaving.
func (w *World) unplug(c *connector) {
	v := c.car
	if v == nil {
		return
	}
	c.accrue(w.now)
	if s := c.session; s != nil {
		w.endTransaction(c, "EVDisconnected", w.hits(SessionZombie, c.id))
	}
	w.countServed(c, v)
	c.car, c.finished, c.stuck = nil, false, false
	w.settle(c)
}

// begin starts a transaction at the charger; eDRV hears of it when it can.
func (w *World) begin(c *connector) {
	s := c.awaiting
	c.awaiting = nil
	if s == nil {
		s = w.newSession(c, c.car.spec)
	}
	c.accrue(w.now)
	c.session, c.finished = s, false
	s.meterAt = c.register
	s.rec.StartedAt, s.rec.MeterStartWh = w.at(w.now), c.register
	w.settle(c)
	w.armReport(c)
	c.station.tell(func() { w.learnStart(s) })
}

func (w *World) newSession(c *connector, car CarSpec) *session {
	now := w.at(w.now)
	return &session{conn: c, rec: Session{
		ID: w.newID(), User: car.User, Station: Ref{ID: c.station.id}, Connector: Ref{ID: c.id},
		Shape: c.station.spec.Shape, Raw: c.station.spec.Raw,
		CreatedAt: now, UpdatedAt: now, Target: car.Target, Meta: car.Meta,
	}}
}

// learnStart is eDRV hearing of a started transaction. Whatever it still
// believes to run at that connector cannot.
func (w *World) learnStart(s *session) {
	for _, old := range slices.Clone(w.book.live) {
		if old != s && old.conn == s.conn {
			w.closeSession(old, Ended, "session.ended", "Other")
		}
	}
	if w.book.byID[s.rec.ID] == nil {
		w.enter(s)
	}
	s.rec.Status = Started
	w.emitSession("session.started", s)
}

func (w *World) enter(s *session) {
	w.totals.Sessions++
	w.book.byID[s.rec.ID] = s
	w.book.live = append(w.book.live, s)
}

// endTransaction stops the transaction at the charger: power off, the session's
// limit gone. A zombie is one whose end eDRV never learns.
func (w *World) endTransaction(c *connector, reason string, zombie bool) {
	s := c.session
	c.accrue(w.now)
	c.session, c.finished = nil, true
	s.limit = Limit{}
	w.disarm(&c.report)
	w.settle(c)
	ended, energy := w.at(w.now), c.register-s.meterAt
	w.after(within(w.habits, w.spec.Behaviour.Finish), func() {
		c.station.tell(func() {
			if zombie {
				w.emitSession("session.stop_failure", s)
				w.after(w.spec.Behaviour.ZombieLife, func() { w.closeSession(s, Ended, "session.ended", "Other") })
				return
			}
			s.rec.EndedAt, s.rec.EnergyWh, s.rec.EnergyPeriod = ended, energy, s.drawTime
			w.closeSession(s, Ended, "session.ended", reason)
		})
	})
}

// closeSession ends a session in eDRV's records, once.
func (w *World) closeSession(s *session, status Status, event, reason string) {
	i := slices.Index(w.book.live, s)
	if i < 0 {
		return
	}
	w.book.live = slices.Delete(w.book.live, i, i+1)
	w.book.ended = append(w.book.ended, s)
	if over := len(w.book.ended) - w.spec.Behaviour.KeepEnded; over > 0 {
		for _, old := range w.book.ended[:over] {
			delete(w.book.byID, old.rec.ID)
		}
		w.book.ended = slices.Delete(w.book.ended, 0, over)
	}
	s.rec.Status, s.rec.StopReason = status, reason
	if status == Ended && s.rec.EndedAt.IsZero() {
		s.rec.EndedAt = w.at(w.now)
	}
	w.emitSession(event, s)
}

// remoteStart is eDRV asking a charger to start a created session.
func (w *World) remoteStart(s *session) {
	c := s.conn
	w.after(w.spec.Behaviour.StartTimeout, func() {
		if s.rec.Status == Created && s.rec.StartedAt.IsZero() {
			if c.awaiting == s {
				c.awaiting = nil
			}
			w.closeSession(s, Cancelled, "session.cancelled", "")
		}
	})
	w.after(within(w.habits, w.spec.Behaviour.Reaction), func() {
		switch {
		case s.rec.Status != Created:
		case !c.station.online || c.session != nil || w.hits(StartFailure, c.id):
			w.emitSession("session.start_failure", s)
		default:
			c.awaiting = s
			if c.car != nil {
				w.begin(c)
			}
		}
	})
}

// remoteStop is eDRV asking a charger to stop a session.
func (w *World) remoteStop(s *session) {
	w.after(within(w.habits, w.spec.Behaviour.Reaction), func() {
		c := s.conn
		switch {
		case s.rec.Status != Started:
		case c.session != s || !c.station.online || w.hits(StopFailure, c.id):
			w.emitSession("session.stop_failure", s)
		default:
			w.endTransaction(c, "Remote", false)
		}
	})
}

// countServed adds a leaving car to the totals.
func (w *World) countServed(c *connector, v *car) {
	most := float64(c.loadAt(min(v.most, c.rating)).mw) / 1e3
	stay := (w.now - v.arrived).Hours()
	w.totals.Departed++
	w.totals.ServableWh += min(v.need, most*stay)
	w.totals.DeliveredWh += v.taken
}

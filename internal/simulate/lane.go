package simulate

import (
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// waiting is a raise that waits for its turn to call eDRV: cuts go first.
type waiting struct {
	order core.SendOrder
	since time.Time
}

// send calls eDRV with an order.
func (r *Rig) send(now time.Time, w waiting) {
	if r.check != nil {
		r.check.ordered(now, w.since, w.order)
	}
	reply := r.World.SetSessionLimit(w.order.Session, simLimit(w.order.Limit))
	r.ordered(w.order.ID, reply)
	r.answer(now.Add(reply.After), replyOf(w.order.ID, reply))
}

// leave sends the raises whose turn has come, also where the process was stopped
// meanwhile: before it takes in anything.
func (r *Rig) leave(now time.Time) {
	if now.Before(r.daemon.waitUntil) {
		return
	}
	for _, w := range r.lane {
		r.send(now, w)
	}
	r.lane = nil
}

// overtake gives up what waits for a connector to which a newer order goes.
func (r *Rig) overtake(now time.Time, e core.SendOrder) {
	r.giveUp(now, func(o *core.SendOrder) bool { return o.Connector == e.Connector })
}

// takeBack gives up a raise that the site does not want any more, if it still waits.
func (r *Rig) takeBack(now time.Time, id uint64) {
	r.giveUp(now, func(o *core.SendOrder) bool { return o.ID == id })
}

func (r *Rig) giveUp(now time.Time, which func(*core.SendOrder) bool) {
	r.lane = slices.DeleteFunc(r.lane, func(w waiting) bool {
		if !which(&w.order) {
			return false
		}
		r.answer(now, core.Reply{ID: w.order.ID, Outcome: core.Dropped, Message: "taken back"})
		return true
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

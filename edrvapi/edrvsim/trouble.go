package edrvsim

import "time"

// startTrouble starts the streams of the faults that are counted per hour.
func (w *World) startTrouble() {
	for _, f := range []Fault{HookOutage, APIOutage, ForeignWriter} {
		w.recur(f, "")
	}
	for _, st := range w.stations {
		w.recur(StationOffline, st.id)
		w.recur(StationReboot, st.id)
		w.recur(StationFlapping, st.id)
	}
	for _, l := range w.spec.Locations {
		w.recur(SitePowerCut, l.ID)
	}
}

// recur lets f strike target again and again, at its rate.
func (w *World) recur(f Fault, target string) {
	rate := w.rate[f]
	if rate <= 0 {
		return
	}
	t := &timer{}
	t.fire = func() {
		if w.rate[f] <= 0 { // EndFaults
			return
		}
		w.strike(f, target, 0)
		w.arm(t, w.now+gap(w.trouble, rate))
	}
	w.arm(t, w.now+gap(w.trouble, rate))
}

// EndFaults sets every rate to zero: nothing new goes wrong. Spells that have
// begun end in their time, and chargers and cars keep their quirks.
func (w *World) EndFaults() { w.rate = [faultCount]float64{} }

// Strike lets a fault strike from now on for d, as a [Window] does.
func (w *World) Strike(f Fault, target string, d time.Duration) {
	w.openWindow(Window{Fault: f, From: w.now, For: d, Target: target})
}

// openWindow begins a scripted fault: a spell strikes once and lasts, a chance
// is a certainty until the window shuts.
func (w *World) openWindow(win Window) {
	left := win.From + win.For - w.now
	if isSpell(win.Fault) {
		w.strike(win.Fault, win.Target, left)
		return
	}
	w.open(win)
	w.after(left, func() {
		w.EndSpans() // what flowed until now flowed with the fault
		w.shut(win)
		if c := w.connOf[win.Target]; c != nil {
			w.settle(c)
		}
	})
}

func isSpell(f Fault) bool { return f >= HookOutage && f <= SitePowerCut }

// strike begins a spell of trouble that lasts d, or as long as such a spell
// usually does if d is zero.
func (w *World) strike(f Fault, target string, d time.Duration) {
	b := &w.spec.Behaviour
	lasts := func(r Range) time.Duration {
		if d > 0 {
			return d
		}
		return within(w.trouble, r)
	}
	if f == ForeignWriter {
		w.foreignWrite()
		return
	}
	w.struck[f]++
	switch f {
	case HookOutage:
		w.hookDown++
		w.after(lasts(b.Outage), func() { w.hookDown-- })
	case APIOutage:
		w.apiDown++
		w.after(lasts(b.Outage), func() { w.apiDown-- })
	case SitePowerCut:
		w.cutPower(target, lasts(b.Cut))
	case StationOffline:
		w.eachStation(target, func(st *station) { w.breakLine(st, lasts(b.Offline)) })
	case StationReboot:
		w.eachStation(target, func(st *station) { w.darken(st, lasts(b.Reboot)) })
	case StationFlapping:
		w.eachStation(target, w.flap)
	default: // a chance, not a spell
	}
}

func (w *World) eachStation(id string, do func(*station)) {
	for _, st := range w.stations {
		if id == "" || st.id == id {
			do(st)
		}
	}
}

// foreignWrite is another system that sets the limit of a running session.
func (w *World) foreignWrite() {
	var running []*session
	for _, s := range w.book.live {
		if s.rec.Status == Started && s.conn.session == s {
			running = append(running, s)
		}
	}
	if len(running) == 0 {
		return
	}
	w.struck[ForeignWriter]++
	s := running[w.trouble.IntN(len(running))]
	limit := Amps(float64(6 + w.trouble.IntN(27)))
	if s.conn.spec.Kind == DC {
		limit = Watts(float64(5+w.trouble.IntN(50)) * 1e3)
	}
	w.issue(&order{kind: sessionLimit, station: s.conn.station, conn: s.conn, session: s, limit: limit, foreign: true})
}

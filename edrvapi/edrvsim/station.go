package edrvsim

import "time"

// station is a charger with its line to eDRV. Several troubles can overlap, so
// each kind is counted and the line is up when none is left.
type station struct {
	spec       StationSpec
	id         string
	def        Limit // station-wide default limit
	connectors []*connector

	online bool // what eDRV sees
	held   bool // scripted offline
	broken int  // spells without a line
	dark   int  // without power, or booting

	backlog  []func()      // what the charger will tell eDRV when the line is back
	orders   []*order      // what eDRV will tell the charger when the line is back
	answered time.Duration // when the newest order is answered: no order overtakes another
	lanes    [laneCount]*lane

	connectedAt, lostAt time.Duration
}

// checkLine notices that a station's line has come or gone.
func (w *World) checkLine(st *station) {
	up := !st.held && st.broken == 0 && st.dark == 0
	if up == st.online {
		return
	}
	st.online = up
	if !up {
		st.lostAt = w.now
		w.emitStation("chargestation.offline", st)
		return
	}
	st.connectedAt = w.now
	told := w.emitStation("chargestation.online", st)
	backlog, orders := st.backlog, st.orders
	st.backlog, st.orders = nil, nil
	for _, tell := range backlog {
		tell()
	}
	w.publishStatus(st)
	for _, o := range orders {
		// Where nobody is told of the return, no client could allow for it.
		if told && w.hits(OfflineLate, st.id) {
			w.after(within(w.trouble, w.spec.Behaviour.Redeliver), func() { w.dispatch(o) })
			continue
		}
		w.dispatch(o)
	}
}

// tell is the charger informing eDRV: now, or when the line is back.
func (st *station) tell(what func()) {
	if st.online {
		what()
		return
	}
	st.backlog = append(st.backlog, what)
}

// publishStatus lets eDRV know the states of a station's connectors.
func (w *World) publishStatus(st *station) {
	changed := false
	for _, c := range st.connectors {
		changed = changed || c.known != c.status
		c.known = c.status
	}
	if changed {
		w.emitStation("chargestation.connector_status.updated", st)
	}
}

// breakLine takes the line away for d.
func (w *World) breakLine(st *station, d time.Duration) {
	st.broken++
	w.checkLine(st)
	w.after(d, func() {
		st.broken--
		w.checkLine(st)
	})
}

// flap loses the line a few times in a row. No session ends by it.
func (w *World) flap(st *station) {
	at := time.Duration(0)
	for range 3 + w.trouble.IntN(4) {
		d := within(w.trouble, w.spec.Behaviour.Flap)
		w.after(at, func() { w.breakLine(st, d) })
		at += 2 * d
	}
}

// darken takes a station's power, or restarts it, for d: nothing flows, the
// line is down, transactions go on afterwards.
func (w *World) darken(st *station, d time.Duration) {
	st.dark++
	w.checkLine(st)
	for _, c := range st.connectors {
		w.settle(c)
	}
	w.after(d, func() {
		st.dark--
		if st.dark > 0 {
			return
		}
		w.boot(st)
		w.checkLine(st)
	})
}

// boot is a charger starting up: it may have lost its sessions' limits.
func (w *World) boot(st *station) {
	for _, c := range st.connectors {
		if s := c.session; s != nil && s.limit.IsSet() {
			forgets := w.shows(c.quirks, ChargerForgets, c.id)
			if forgets {
				w.struck[ChargerForgets]++
			}
			if forgets || w.spec.Behaviour.RebootLosesLimit {
				s.limit = Limit{}
			}
		}
		w.settle(c)
	}
}

// cutPower takes the power of a whole location for d; then all boot together,
// each within a few seconds of the other.
func (w *World) cutPower(location string, d time.Duration) {
	for _, st := range w.stations {
		if location == "" || st.spec.Location == location {
			w.darken(st, d+within(w.trouble, w.spec.Behaviour.Auth))
		}
	}
}

// SitePowerCut takes the power of all of a location's stations for d.
func (w *World) SitePowerCut(at time.Time, location string, d time.Duration) error {
	if _, err := lookup(w.locationOf, "location", location); err != nil {
		return err
	}
	w.script(at, func() {
		w.struck[SitePowerCut]++
		w.cutPower(location, d)
	})
	return nil
}

// stationRecord is what eDRV has on record of a station.
func (w *World) stationRecord(st *station) Station {
	rec := Station{
		ID: st.id, Name: st.spec.Name, Location: Ref{ID: st.spec.Location}, Protocol: st.spec.Protocol,
		Online: st.online, ConnectedAt: w.at(st.connectedAt), LostAt: w.at(st.lostAt),
		Connectors: make([]Connector, len(st.connectors)),
	}
	for i, c := range st.connectors {
		rec.Connectors[i] = w.connectorRecord(c)
	}
	return rec
}

func (w *World) connectorRecord(c *connector) Connector {
	kw := float64(c.rating) / 1e6
	if c.spec.Kind == AC {
		kw = float64(int64(c.rating)*c.volts/1000*int64(len(c.wires))) / 1e6
	}
	return Connector{
		ID: c.id, Station: Ref{ID: c.station.id}, Number: c.number, Status: c.known,
		Kind: c.spec.Kind, Phases: len(c.wires), PowerKW: kw, UpdatedAt: w.at(w.now),
	}
}

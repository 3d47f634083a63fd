package core

// takeBack withdraws the raises that have not left yet and would not be sent
// now: the bounds do not fit any more, or the state forbids raises. Those of a
// session that ends are withdrawn with it.
func (s *Site) takeBack() {
	for i := range s.connectors {
		ses := s.connectors[i].session
		if ses == nil {
			continue
		}
		for _, o := range ses.orders {
			if o.waits() && (s.ladder.state != Normal || s.ledger.Over(i)) {
				s.withdraw(o)
			}
		}
	}
}

// waits reports whether an order is a raise that may not have left yet.
func (o *order) waits() bool { return o.raise && o.reached.IsZero() && !o.takenBack }

func (s *Site) withdraw(o *order) {
	o.takenBack = true
	s.lowers = append(s.lowers, TakeBack{ID: o.id})
}

// takingBack reports whether it will be known at once if the newest order of
// the session was taken back in time.
func (ses *session) takingBack() bool {
	n := len(ses.orders)
	return n > 0 && ses.orders[n-1].takenBack && ses.orders[n-1].reached.IsZero()
}

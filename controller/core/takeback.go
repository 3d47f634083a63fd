package core

// takeBack withdraws the raises that have not left yet and would not be sent
// now: the bounds do not fit any more, or the state forbids raises.
func (s *Site) takeBack() {
	for i := range s.connectors {
		ses := s.connectors[i].session
		if ses == nil {
			continue
		}
		for _, o := range ses.orders {
			waits := o.raise && o.reached.IsZero() && !o.takenBack
			if waits && (s.ladder.state != Normal || s.ledger.Over(i)) {
				o.takenBack = true
				s.lowers = append(s.lowers, TakeBack{ID: o.id})
			}
		}
	}
}

// takingBack reports whether it will be known at once if the newest order of
// the session was taken back in time.
func (ses *session) takingBack() bool {
	n := len(ses.orders)
	return n > 0 && ses.orders[n-1].takenBack && ses.orders[n-1].reached.IsZero()
}

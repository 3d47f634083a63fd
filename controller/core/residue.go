package core

import (
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// A meter that measures a whole circuit sees the chargers too. The base load is
// what is left when they are taken off, and there the reports are late: a car
// that stopped a moment ago is taken off although the meter does not see it any
// more, and the base load looks too small. So the estimate that counts is the
// highest of the last period in which every report is renewed or grows stale.

// residue is the estimate of what a circuit carries beside its chargers.
type residue struct {
	known       bool
	last        policy.Load
	began       time.Time // of the period that runs
	now, before policy.Load
}

// highest is the estimate that counts. It is never below zero.
func (r *residue) highest() policy.Load {
	return atLeast(atLeast(r.now, r.before), policy.Load{})
}

// add takes an estimate.
func (r *residue) add(now time.Time, period time.Duration, l policy.Load) {
	switch age := now.Sub(r.began); {
	case !r.known || age >= 2*period:
		r.began, r.before, r.now = now, l, l
	case age >= period:
		r.began, r.before, r.now = now, r.now, l
	default:
		r.now = atLeast(r.now, l)
	}
	r.known, r.last = true, l
}

// draws is what the chargers below a circuit draw, as far as it is known.
type draws struct {
	least, most policy.Load
	moving      bool // a limit changes, or a session has just begun
	unknown     bool // a session has no fresh reading
}

// drawsBelow adds up what is known of the chargers below circuit k.
func (s *Site) drawsBelow(k int) draws {
	var d draws
	for i := range s.connectors {
		c := &s.connectors[i]
		if !s.tree.Within(c.circuit, k) {
			continue
		}
		bound := c.set.Wiring.At(s.ledger.Bound(i))
		ses := c.session
		switch {
		case ses == nil:
			d.most = d.most.Plus(bound)
		case !ses.reading.fresh(s.now, s.set.Timing.ReportStale):
			d.most = d.most.Plus(bound)
			if s.now.Sub(ses.seenAt) <= s.set.Timing.ReportStale {
				d.moving = true
			} else {
				d.unknown = true
			}
		case s.settledAt(i):
			d.least, d.most = d.least.Plus(ses.reading.load), d.most.Plus(ses.reading.load)
		default:
			d.moving = true
			lowest := c.set.Wiring.At(s.ledger.Knows(i).Least)
			d.least = d.least.Plus(ses.reading.load.Tightest(lowest))
			d.most = d.most.Plus(atLeast(ses.reading.load, bound))
		}
	}
	return d
}

// settledAt reports whether the last reading of connector i was made under the
// limit that is in force.
func (s *Site) settledAt(i int) bool {
	ses, knows := s.connectors[i].session, s.ledger.Knows(i)
	return knows.Waiting == 0 && ses.reading.at.Sub(ses.confirmedAt) >= s.set.Timing.Settle
}

// compare holds a new reading of a meter against the reports of the chargers.
func (s *Site) compare(m *metering) {
	for k := range s.circuits {
		c := &s.circuits[k]
		if c.set.Meter != m.set.Name {
			continue
		}
		d := s.drawsBelow(k)
		upper, estimate := m.beside(d.least), policy.Load{}
		switch {
		case d.moving && !d.unknown && c.residue.known:
			// What changes is the chargers' doing, as far as that can be.
			estimate = atLeast(c.residue.last, m.beside(d.most)).Tightest(upper)
		default:
			estimate = upper
		}
		c.residue.add(s.now, s.set.Timing.ReportStale, estimate)
		if !d.moving && !d.unknown {
			s.suspect(m, c, upper.Power)
		}
	}
}

// beside is the reading without what chargers draw.
func (m *metering) beside(chargers policy.Load) policy.Load {
	if m.phases {
		return m.load().Minus(chargers)
	}
	return m.evenly(m.power - chargers.Power)
}

// How far the meter and the reports may be apart, and for how many readings:
// reports are as old as the chargers make them.
const (
	apart         = 3 * policy.Kilowatt
	apartPerMille = 50
	apartStrikes  = 3
)

// suspect judges what a meter sees beside the sum of the reports. More than the
// base load can draw means that a charger draws more than it reports; less than
// nothing, that the meter is not above all of its chargers, or is frozen.
func (s *Site) suspect(m *metering, c *circuit, residual policy.Milliwatts) {
	m.residual, m.compared = residual, true
	slack := max(apart, m.power*apartPerMille/1000)
	var what string
	switch {
	case residual > c.set.Base.Power+slack:
		what = "a charger draws more than it reports, or the base load can draw more than its max"
	case residual < -m.set.Export-slack:
		what = "chargers report more than it sees: it does not measure all of them, or is frozen"
	}
	if what == "" {
		if m.strikes = max(0, m.strikes-1); m.strikes == 0 && m.suspect != "" {
			m.suspect = ""
			s.note(NoteMeter, Note{Circuit: c.set.ID}, "meter %s and the reports of the chargers agree again", m.set.Name)
		}
		return
	}
	if m.strikes = min(apartStrikes, m.strikes+1); m.strikes == apartStrikes && m.suspect != what {
		m.suspect = what
		s.note(NoteMeter, Note{Alarm: true, Circuit: c.set.ID}, "meter %s sees %s beside what the chargers report: %s", m.set.Name, residual, what)
	}
}

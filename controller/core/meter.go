package core

import (
	"fmt"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// A site meter tells the base load of a circuit. What it says counts only while
// it is fresh and plausible; at all other times the configured most counts.

// metering is what is known of one site meter.
type metering struct {
	set      *Meter
	since    time.Time // when this model began to wait for it
	at       time.Time // when the last reading came; zero: none yet
	changed  time.Time // when a reading last differed from the one before
	power    policy.Milliwatts
	perPhase [3]policy.Milliwatts
	phases   bool   // perPhase is known
	failed   string // why the newest attempt brought no reading
	nonsense bool   // and that the meter is to blame

	why  string // why nothing is known; empty: the last reading counts
	lost bool   // and somebody was told

	// Of a meter that measures the whole circuit: what it sees beside the sum
	// of the reports, and how many readings in a row that was out of range.
	residual policy.Milliwatts
	compared bool
	strikes  int
	suspect  string // what is wrong between the meter and the reports
}

// metered takes what came of reading a site meter.
func (s *Site) metered(in Metered) {
	for k := range s.meters {
		if m := &s.meters[k]; m.set.Name == in.Meter {
			s.takeReading(m, in)
		}
	}
}

func (s *Site) takeReading(m *metering, in Metered) {
	if in.Failed == "" {
		in.Failed = m.implausible(in)
		in.Nonsense = in.Failed != ""
	}
	if m.failed, m.nonsense = in.Failed, in.Nonsense; m.failed == "" {
		if in.Power != m.power || in.PerPhase != m.perPhase || m.at.IsZero() {
			m.changed = s.now
		}
		m.at, m.power, m.perPhase, m.phases = s.now, in.Power, in.PerPhase, in.Phases
		if m.set.Whole {
			s.compare(m)
		}
	}
	if m.trouble(s.now) != m.why || m.failed == "" {
		s.dirty = true
	}
}

// implausible says why a reading can not be one; empty: it can.
func (m *metering) implausible(in Metered) string {
	all := append([]policy.Milliwatts{in.Power}, in.PerPhase[:]...)
	for _, p := range all {
		switch {
		case p > m.set.Max:
			return fmt.Sprintf("it tells %s, more than the %s that it can", p, m.set.Max)
		case p < -m.set.Export-exportSlack:
			if m.set.Export > 0 {
				return fmt.Sprintf("it tells %s, further below zero than the %s that it exports at most", p, m.set.Export)
			}
			return fmt.Sprintf("it tells %s, below zero", p)
		}
	}
	return ""
}

// exportSlack is how far below zero the noise of any meter may be.
const exportSlack = 100 * policy.Watt

// trouble says why nothing is known of what the meter measures; empty: it is
// known.
func (m *metering) trouble(now time.Time) string {
	last := m.at
	if last.IsZero() {
		last = m.since
	}
	stale := now.Sub(last) > m.set.Stale
	switch {
	case m.nonsense:
		return m.failed
	case stale && m.failed != "":
		return fmt.Sprintf("no reading for more than %s: %s", m.set.Stale, m.failed)
	case stale:
		return fmt.Sprintf("no reading for more than %s", m.set.Stale)
	case m.at.IsZero():
		return "no reading yet"
	case m.set.Frozen > 0 && now.Sub(m.changed) > m.set.Frozen:
		return fmt.Sprintf("it has told exactly %s for more than %s: it is frozen", m.power, m.set.Frozen)
	}
	return ""
}

// judgeMeters decides which meters are believed, and tells when that changes.
func (s *Site) judgeMeters() {
	for k := range s.meters {
		m := &s.meters[k]
		m.why = m.trouble(s.now)
		switch waiting := m.at.IsZero() && s.now.Sub(m.since) <= m.set.Stale && !m.nonsense; {
		case m.why == "" && m.lost:
			m.lost = false
			s.note(NoteMeter, Note{}, "meter %s is back: it tells %s", m.set.Name, m.power)
		case m.why != "" && !m.lost && !waiting:
			m.lost = true
			s.note(NoteMeter, Note{Alarm: true}, "meter %s is lost (%s): its base load counts at the configured most", m.set.Name, m.why)
		}
	}
}

// meter is the meter of circuit k, where it has one that is believed.
func (s *Site) meter(k int) *metering {
	for i := range s.meters {
		if m := &s.meters[i]; m.set.Name == s.circuits[k].set.Meter && m.why == "" {
			return m
		}
	}
	return nil
}

// load is the reading as a load. Without a word on the phases it is taken to be
// spread over them evenly.
func (m *metering) load() policy.Load {
	if !m.phases {
		return m.evenly(m.power)
	}
	l := policy.Load{Power: m.power}
	for p, w := range m.perPhase {
		l.Amps[p] = policy.Wiring{Phases: policy.On(policy.L1), Volts: m.set.Volts}.LevelAbove(w)
	}
	return l
}

// atMost is the most that flows on the circuit that the meter measures, of what
// it tells and what the reports do: while these disagree, either may be right,
// and one that tells no phases does not know how the chargers load them.
func (m *metering) atMost(tells, reported policy.Load) policy.Load {
	switch {
	case m.suspect != "":
		return atLeast(tells, reported)
	case !m.phases:
		reported.Power = tells.Power
		return atLeast(m.load(), reported)
	}
	return tells
}

func (m *metering) evenly(p policy.Milliwatts) policy.Load {
	all := policy.Wiring{Phases: policy.AllPhases, Volts: m.set.Volts}
	return policy.Symmetric(all.LevelAbove(p), p)
}

// baseLoads is the base load of every circuit with all below it. A reading
// below zero counts as zero: what the sun gives a cloud takes away faster than
// chargers follow.
func (s *Site) baseLoads() []policy.Load {
	base := make([]policy.Load, len(s.circuits))
	for k := len(base) - 1; k >= 0; k-- {
		c, m := &s.circuits[k], s.meter(k)
		switch {
		case m == nil:
			base[k] = base[k].Plus(c.set.Base)
		case !m.set.Whole:
			base[k] = base[k].Plus(atLeast(m.load(), policy.Load{}))
		case m.suspect != "" && m.residual < 0: // it can not be above its chargers
			base[k] = base[k].Plus(c.set.Base)
		default: // with the base loads of the circuits below it
			base[k] = atLeast(base[k], c.residue.highest())
		}
		if up := s.tree.Parent(k); up >= 0 {
			base[up] = base[up].Plus(base[k])
		}
	}
	return base
}

// atLeast is the greater of two loads, part by part.
func atLeast(l, o policy.Load) policy.Load {
	for p := range l.Amps {
		l.Amps[p] = max(l.Amps[p], o.Amps[p])
	}
	l.Power = max(l.Power, o.Power)
	return l
}

func (m *metering) view() MeterView {
	v := MeterView{Name: m.set.Name, Measures: "base_load", Known: m.why == "" && !m.at.IsZero(), Why: m.why, Suspect: m.suspect}
	if m.set.Whole {
		v.Measures = "circuit"
	}
	if !m.at.IsZero() {
		v.MeasuredW, v.At = new(thousandth(m.power)), new(m.at)
	}
	if m.compared {
		v.ResidualW = new(thousandth(m.residual))
	}
	return v
}

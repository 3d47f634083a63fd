package core

import (
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// reading is what a session drew at its last report.
type reading struct {
	known bool
	taken time.Time // by the charger's clock; only to tell old from new
	stamp time.Time // what the report says of that, which may be in the future
	at    time.Time // when it was received
	power policy.Milliwatts
	load  policy.Load      // the power spread over the phases, as far as is known
	level policy.Milliamps // the highest current on a phase; the most it can be
	uses  int              // how many phases it is known to use; 0: not known
}

// fresh reports whether a reading still says what is drawn.
func (r *reading) fresh(now time.Time, stale time.Duration) bool {
	return r.known && now.Sub(r.at) <= stale
}

// read takes the energy report of a snapshot. What is missing, implausible, or
// no newer than the last one is no reading, and the last one grows stale.
func (s *Site) read(i int, seen *edrvapi.Session, listed bool) {
	c := &s.connectors[i]
	ses := c.session
	if !seen.Report.Power.Known {
		return
	}
	power := policy.Milliwatts(seen.Report.Power.Value)
	if power > c.set.Wiring.Power(c.set.Max)*12/10 {
		s.note(NoteSession, s.about(i), "%s reports %s, more than it can draw: not counted as a reading", c.set.label(), power)
		return
	}
	taken := seen.Report.At
	if taken.IsZero() {
		taken = seen.UpdatedAt
	}
	r := reading{known: true, taken: taken, stamp: taken, at: s.now, power: power}
	ahead := s.isAhead(taken)
	if ahead { // its clock is wrong: only that it is another report can be told
		r.taken = s.now
	}
	switch {
	case !ses.reading.known || taken.IsZero():
	case taken.Equal(ses.reading.stamp), !ahead && !taken.After(ses.reading.taken):
		return // doubled, or overtaken
	}
	if listed { // a list repeats the last report: it is as old as its own time says
		if taken.IsZero() {
			return
		}
		if age := s.now.Sub(taken); age > 0 {
			r.at = taken
		}
	}
	limit, k := s.ledger.Bound(i), s.ledger.Knows(i)
	settled := k.Known && k.Waiting == 0
	if settled {
		limit = k.Confirmed
	}
	one := limit + limit*tolerancePerMille/1000 + toleranceAmps // as far as a charger obeys
	if ses.several {
		one = limit
	}
	var sum bool
	if r.load, r.level, r.uses, sum = spread(c.set, power, &seen.Report, one); sum && settled && s.followed(i) {
		ses.several = true
	}
	ses.reading = r
	if r.uses > 0 {
		if ses.uses != r.uses && (c.set.Watts || ses.noAmps > 0) { // the watts it was told were for other phases
			ses.reassertAt = s.now
		}
		ses.uses = r.uses
	}
	s.wakes(i)
	s.use(i)
	s.obey(i)
}

// mayBeAhead is how far the clocks of eDRV and of chargers may be ahead of ours.
const mayBeAhead = 2 * time.Minute

// isAhead reports whether a time that eDRV tells lies so far in the future that it
// says nothing: taken at its word, it would make all that follows look old.
func (s *Site) isAhead(t time.Time) bool {
	return t.Sub(s.now) > mayBeAhead+max(0, s.clock)
}

// spread says how the power of a reading loads the phases, and how many phases
// it certainly is on (0: not known). The phase values of a raw report settle
// it. Without them, eDRV's single current tells: it is that of one phase, or
// the sum over all. A current as high as the power over one phase means one
// phase, the first that is wired, where one may carry that much; else it is a sum.
// What is not known is taken to be on all phases.
func spread(c *Connector, power policy.Milliwatts, r *edrvapi.Report, mayCarry policy.Milliamps) (load policy.Load, highest policy.Milliamps, uses int, sum bool) {
	load.Power = power
	for p, ph := range r.Phases {
		if ph.Current.Known {
			load.Amps[p] = policy.Milliamps(ph.Current.Value)
			highest = max(highest, load.Amps[p])
			if load.Amps[p] > policy.Ampere {
				uses++
			}
		}
	}
	if uses > 0 {
		return load, highest, uses, false
	}
	one := policy.Wiring{Phases: policy.On(c.First), Volts: c.Wiring.Volts}
	level, single := c.Wiring.LevelAbove(power), one.LevelAbove(power)
	near := func(v policy.Milliamps) bool {
		return r.Current.Known && v > policy.Ampere && 4*policy.Milliamps(r.Current.Value) > 3*v && 4*policy.Milliamps(r.Current.Value) < 5*v
	}
	switch {
	case near(single) && single <= mayCarry:
		return one.At(single), single, 0, false // or a small draw on all of them
	case near(single):
		sum = level < single
	case near(level):
		uses = c.Wiring.Phases.Count()
	}
	load.Amps = c.Wiring.At(level).Amps
	return load, level, uses, sum
}

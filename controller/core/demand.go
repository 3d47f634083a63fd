package core

import (
	"strconv"
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// What a car uses, needs, and when it leaves, as far as that is known. None of
// it says what is safe: it decides who gets the power.

// A car draws clearly less than its limit when it stays below it by this much:
// 2 A or 15 %, whichever is more. What it draws is then booked with a margin of
// 1 A or 10 % on top.
const (
	clearly         = 2 * policy.Ampere
	clearlyPerMille = 150
	spare           = policy.Ampere
	sparePerMille   = 100
)

// usage is what a session was seen to use of what it is given.
type usage struct {
	level policy.Milliamps // the most of the last readings that were low
	low   int              // readings in a row that were clearly below the limit
	flips int              // how often it came back for more
}

// lent reports whether the session uses clearly less than it is given, and
// what it uses, with a margin.
func (u *usage) lent() (policy.Milliamps, bool) {
	// A car that came back for more is believed later each time.
	return u.level + max(spare, u.level*sparePerMille/1000), u.low >= 2<<min(u.flips, 4)
}

// seen takes a reading made under the given limit.
func (u *usage) seen(level, limit policy.Milliamps) {
	margin := max(spare, level*sparePerMille/1000)
	switch {
	case level <= limit-max(clearly, limit*clearlyPerMille/1000):
		if u.low == 0 {
			u.level = 0
		}
		u.level = max(level, u.level-u.level/8) // forgets an old peak slowly
		u.low++
	case level >= limit-margin/2: // it has risen into its margin: it wants more
		if _, lent := u.lent(); lent {
			u.flips++
		}
		u.low = 0
	default:
		u.level = max(level, u.level)
	}
}

// use judges the reading of connector i against the limit in force. A reading
// says nothing while the limit is changing.
func (s *Site) use(i int) {
	c := &s.connectors[i]
	ses := c.session
	knows := s.ledger.Knows(i)
	limit := knows.Confirmed
	if !knows.Known || knows.Unsure() || knows.Waiting > 0 || limit == 0 {
		return
	}
	if s.now.Sub(ses.confirmedAt) < s.settle(c) {
		return
	}
	level := ses.reading.level
	if ses.uses == 0 && full(c.set.Wiring, ses.reading.power, limit) {
		level = limit
	}
	ses.usage.seen(level, limit)
}

// full reports whether a power can be that of a car which draws all of its limit
// on some of the phases: how many it uses is not known.
func full(w policy.Wiring, power policy.Milliwatts, limit policy.Milliamps) bool {
	for n := 1; n < w.Phases.Count(); n++ {
		if all := policy.Milliwatts(int64(limit) * w.Volts * int64(n)); power >= all-all/20 && power <= all+all/20 {
			return true
		}
	}
	return false
}

// The keys of meta_data that say what a driver needs. eDRV leaves meta_data to
// its users; these are headroom's.
const (
	metaEnergy    = "energy_kwh" // that the car is to get in this session
	metaDeparture = "departure"  // RFC 3339
)

// departure is when the session's car leaves: from its meta_data, else from
// eDRV's target, else the usual stay.
func (s *Site) departure(ses *session) time.Time {
	if t, err := time.Parse(time.RFC3339, ses.meta[metaDeparture]); err == nil {
		return t
	}
	if stop := ses.target.EnergyStop; stop.After(ses.began) {
		return stop
	}
	if d := ses.target.Duration; d.Known {
		return ses.began.Add(d.Value)
	}
	return ses.began.Add(s.set.Stay)
}

// need is the energy that the session's car still wants: from its meta_data,
// else from eDRV's target, else the usual energy; less what it got. A car that
// got what was expected and goes on drawing is given an hour's worth more, so
// that a wrong guess does not stop it.
func (s *Site) need(ses *session, c *Connector) policy.MilliwattHours {
	want := s.set.StayEnergy
	if kwh, err := strconv.ParseFloat(ses.meta[metaEnergy], 64); err == nil && kwh > 0 && kwh < 1000 {
		want = policy.MilliwattHours(kwh * float64(policy.KWh))
	} else if e := ses.target.Energy; e.Known {
		want = policy.MilliwattHours(e.Value)
	}
	left := want - ses.turn.Served
	if ses.reading.known && ses.reading.power > 0 {
		left = max(left, policy.MilliwattHours(c.Wiring.Power(c.Min))) // an hour at its minimum
	}
	return max(0, left)
}

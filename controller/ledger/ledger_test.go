package ledger

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/policy"
)

const (
	settle  = 5 * time.Second
	verdict = 120 * time.Second
)

var (
	start  = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	wiring = policy.Wiring{Phases: policy.AllPhases, Volts: 230}
)

func amps(a float64) policy.Milliamps { return policy.Milliamps(a * 1000) }

// site is a ledger of n connectors of 32 A on one circuit, with a fallback of
// 6 A in force, and a frame that permits the given current.
func site(t *testing.T, n int, permitted policy.Milliamps) *Ledger {
	t.Helper()
	tree, err := policy.NewTree([]policy.CircuitSpec{{ID: "grid"}})
	require.NoError(t, err)
	connectors := make([]Connector, n)
	for i := range connectors {
		connectors[i] = Connector{Wiring: wiring, Min: amps(6), Max: amps(32), Fallback: amps(6)}
	}
	l := New(tree, connectors, Timing{Settle: settle, Verdict: verdict})
	for i := range connectors {
		l.FallbackInForce(i, true)
	}
	open(l, start, permitted)
	return l
}

func open(l *Ledger, now time.Time, permitted policy.Milliamps) {
	limit := policy.NoLimit()
	limit.Amps = policy.Symmetric(permitted, 0).Amps
	var floors policy.Milliamps
	for i := range l.entries {
		floors += l.entries[i].fallback
	}
	l.Open(Frame{
		Now: now, Permitted: []policy.Load{limit}, Covered: []bool{floors <= permitted},
		Reserve: []policy.Load{wiring.At(amps(32))}, Keep: []policy.Load{wiring.At(amps(32))},
	})
}

func booked(l *Ledger) policy.Milliamps { return l.Booked()[0].Amps[0] }

func TestNothingIsKnownAtFirst(t *testing.T) {
	tree, err := policy.NewTree([]policy.CircuitSpec{{ID: "grid"}})
	require.NoError(t, err)
	l := New(tree, []Connector{{Wiring: wiring, Max: amps(32), Fallback: amps(6)}}, Timing{})
	require.Equal(t, amps(32), l.Bound(0), "a connector whose fallback nobody has seen is booked at its maximum")
	l.FallbackInForce(0, true)
	require.Equal(t, amps(6), l.Bound(0))
	l.Adopt(0)
	require.Equal(t, amps(32), l.Bound(0), "so is a session that was found")
	require.True(t, l.Knows(0).Unsure())
	l.End(0)
	l.Begin(0)
	require.Equal(t, amps(6), l.Bound(0), "one that begins behind the fallback is at it")
	require.False(t, l.Knows(0).Unsure())
	l.End(0)
	l.FallbackInForce(0, false)
	l.Begin(0)
	require.Equal(t, amps(32), l.Bound(0))
	require.True(t, l.Knows(0).Unsure())
}

func TestSendingReleasesNothingAndConfirmingReleasesAfterSettling(t *testing.T) {
	l := site(t, 2, amps(40))
	l.Begin(0)
	l.Send(0, 1, amps(30))
	l.Accepted(0, 1, amps(30), start)
	require.Equal(t, amps(36), booked(l))
	l.Send(0, 2, amps(10))
	require.Equal(t, amps(30), l.Bound(0), "a cut that was sent counts as nothing")
	l.Accepted(0, 2, amps(10), start.Add(time.Second))
	require.Equal(t, amps(30), l.Bound(0), "the car still follows")
	l.Lapse(start.Add(time.Second + settle - 1))
	require.Equal(t, amps(30), l.Bound(0))
	l.Lapse(start.Add(time.Second + settle))
	require.Equal(t, amps(10), l.Bound(0))
}

// IEC 61851-1 gives a car its time from each change: one that comes while it still
// follows a cut may set it off anew.
func TestACarHasItsTimeFromEachOrder(t *testing.T) {
	at := func(l *Ledger, d time.Duration) policy.Milliamps {
		l.Lapse(start.Add(d))
		return l.Bound(0)
	}
	l := site(t, 2, amps(40))
	l.Begin(0)
	l.Send(0, 1, amps(30))
	l.Accepted(0, 1, amps(30), start)
	l.Send(0, 2, amps(10))
	l.Accepted(0, 2, amps(10), start)
	l.Send(0, 3, amps(12))
	require.Equal(t, amps(30), at(l, 2*settle-1), "it was sent when the car may not have followed the cut yet")
	require.Equal(t, amps(12), at(l, 2*settle))
	l.Accepted(0, 3, amps(12), start.Add(2*settle))
	l.Send(0, 4, amps(8))
	l.Send(0, 5, amps(6))
	l.Accepted(0, 4, amps(8), start.Add(2*settle))
	require.Equal(t, amps(12), at(l, 4*settle-1), "another may come while the car follows")
	require.Equal(t, amps(8), at(l, 4*settle))
}

func TestARaiseNeedsRoomForAllBounds(t *testing.T) {
	l := site(t, 3, amps(40))
	for i := range 3 {
		l.Begin(i)
	}
	ok, _ := l.Permits(0, amps(28))
	require.True(t, ok, "28 and two fallbacks of 6 are 40")
	ok, at := l.Permits(0, amps(28.1))
	require.False(t, ok)
	require.Equal(t, Obstacle{Circuit: 0, Resource: policy.OnL1}, at)
	l.Send(0, 1, amps(28))
	ok, _ = l.Permits(1, amps(6.1))
	require.False(t, ok, "what was sent is spent")
	l.NotSent(0, 1)
	ok, _ = l.Permits(1, amps(28))
	require.True(t, ok, "what certainly was not sent is not")
	room, _ := l.Room(1)
	require.Equal(t, amps(28), room)
}

func TestALostVerdictMayHaveHappened(t *testing.T) {
	l := site(t, 2, amps(40))
	l.Begin(0)
	l.Send(0, 1, amps(20))
	require.Empty(t, l.Lapse(start.Add(verdict)), "it is still on its way to eDRV")
	l.Reached(0, 1, start)
	require.Empty(t, l.Lapse(start.Add(verdict-1)))
	lapsed := l.Lapse(start.Add(verdict))
	require.Equal(t, []Lapsed{{Connector: 0, Order: 1}}, lapsed)
	require.Equal(t, amps(20), l.Bound(0), "a raise counts as done")
	require.True(t, l.Knows(0).Unsure())
	require.Equal(t, amps(6), l.Knows(0).Least)
	open(l, start.Add(verdict), amps(40))
	l.Send(0, 2, amps(10))
	l.Reached(0, 2, start.Add(verdict))
	require.Equal(t, amps(6), l.Knows(0).Least, "the limit in force may be lower than the cut")
	l.Lapse(start.Add(2 * verdict))
	require.Equal(t, amps(20), l.Bound(0), "a cut counts as not done")
	l.Accepted(0, 2, amps(10), start.Add(2*verdict+time.Second))
	l.Lapse(start.Add(2*verdict + time.Minute))
	require.Equal(t, amps(10), l.Bound(0), "a verdict that comes after all settles it")
	require.False(t, l.Knows(0).Unsure())
}

func TestNoOrderLapsesWhileItsStationIsOffline(t *testing.T) {
	l := site(t, 1, amps(40))
	l.Begin(0)
	l.Send(0, 1, amps(20))
	l.Reached(0, 1, start)
	l.Reachable(0, false, start)
	require.Empty(t, l.Lapse(start.Add(24*time.Hour)))
	back := start.Add(24 * time.Hour)
	l.Reachable(0, true, back)
	require.Empty(t, l.Lapse(back.Add(2*verdict-1)), "it may be delivered now")
	require.Len(t, l.Lapse(back.Add(2*verdict)), 1)
}

func TestARestartDoesNotShortenTheWaitForWhatWasQueued(t *testing.T) {
	before := site(t, 1, amps(40))
	before.Begin(0)
	before.Send(0, 1, amps(20))
	before.Reached(0, 1, start)
	before.Reachable(0, false, start)
	before.Reachable(0, true, start)

	l := site(t, 1, amps(40))
	l.Restore(0, before.Record(0), []uint64{7}, start)
	l.Send(0, 8, amps(6))
	l.Accepted(0, 8, amps(6), start)
	require.Empty(t, l.Lapse(start.Add(24*time.Hour)), "its station may be offline")
	heard := start.Add(24 * time.Hour)
	l.Reachable(0, true, heard)
	require.Empty(t, l.Lapse(heard.Add(2*verdict-1)), "it may be delivered now")
	require.Equal(t, amps(20), l.Bound(0))
	require.Equal(t, []Lapsed{{Connector: 0, Order: 7}}, l.Lapse(heard.Add(2*verdict)))
}

func TestVerdictsOutOfOrderLeaveDoubt(t *testing.T) {
	l := site(t, 1, amps(60))
	l.Begin(0)
	l.Send(0, 1, amps(20))
	l.Send(0, 2, amps(10))
	l.Accepted(0, 2, amps(10), start)
	l.Lapse(start.Add(time.Minute))
	require.Equal(t, amps(20), l.Bound(0), "the older order may come after it")
	l.Accepted(0, 1, amps(20), start.Add(time.Minute))
	l.Lapse(start.Add(2 * time.Minute))
	require.Equal(t, amps(20), l.Bound(0))
	require.True(t, l.Knows(0).Unsure(), "either may be in force")
}

func TestWhatCannotRaiseIsAlwaysPermitted(t *testing.T) {
	l := site(t, 2, amps(40))
	l.Adopt(0)
	l.Adopt(1)
	l.frame.Hold = true
	ok, _ := l.Permits(0, amps(6))
	require.True(t, ok, "in doubt, the fallback")
	ok, at := l.Permits(0, amps(7))
	require.False(t, ok)
	require.True(t, at.Hold)
	l.Send(0, 1, amps(6))
	l.Accepted(0, 1, amps(6), start)
	ok, _ = l.Permits(0, 0)
	require.True(t, ok)
}

func TestBelowACircuitThatIsHeldNobodyIsRaised(t *testing.T) {
	l := site(t, 2, amps(40))
	l.Adopt(0)
	l.frame.Held = []bool{true}
	ok, _ := l.Permits(0, amps(6))
	require.True(t, ok, "in doubt, the fallback")
	ok, at := l.Permits(0, amps(7))
	require.False(t, ok)
	require.Equal(t, Obstacle{Hold: true, Circuit: 0}, at)
	l.frame.Held[0] = false
	l.Send(0, 1, amps(6))
	l.Accepted(0, 1, amps(6), start)
	l.Lapse(start.Add(time.Minute))
	ok, _ = l.Permits(0, amps(7))
	require.True(t, ok)
}

func TestWhereTheFallbacksDoNotFitSessionsCountWithoutThem(t *testing.T) {
	l := site(t, 4, amps(20))
	for i := range 3 {
		l.Begin(i)
	}
	open(l, start, amps(20)) // four fallbacks are 24 A
	require.False(t, l.frame.Covered[0])
	for i := range 3 {
		l.Send(i, uint64(i+1), 0)
		l.Accepted(i, uint64(i+1), 0, start)
	}
	l.Lapse(start.Add(settle))
	require.Equal(t, amps(24), booked(l), "the fallbacks are committed all the same")
	room, _ := l.Room(0)
	require.Equal(t, amps(14), room, "20 less the fallback of the idle connector")
	ok, _ := l.Permits(0, amps(14))
	require.True(t, ok)
	require.True(t, l.Excess(0) == policy.Load{})
}

func TestADisobedientChargerIsBookedAtWhatItDraws(t *testing.T) {
	l := site(t, 2, amps(40))
	l.Begin(0)
	l.Disobeys(0, amps(31))
	require.Equal(t, amps(31), l.Bound(0))
	require.True(t, func() bool { ok, _ := l.Permits(1, amps(6)); return ok }())
	l.Begin(1)
	require.False(t, func() bool { ok, _ := l.Permits(1, amps(9.1)); return ok }())
	l.Disobeys(0, 0)
	require.Equal(t, amps(6), l.Bound(0))
}

func TestARaiseWhereTheFallbacksDoNotFitIsNotCountedAsACut(t *testing.T) {
	l := site(t, 2, amps(40))
	for i := range 2 {
		l.connectors[i].Fallback = amps(32) // what these chargers do when nobody steers them
		l.FallbackInForce(i, true)
		l.Begin(i)
	}
	open(l, start, amps(40))
	require.False(t, l.frame.Covered[0])
	for i := range 2 {
		l.Send(i, uint64(1+i), amps(10))
		l.Accepted(i, uint64(1+i), amps(10), start)
	}
	l.Lapse(start.Add(settle))
	l.Send(0, 3, amps(20))
	l.Accepted(0, 3, amps(20), start.Add(settle))
	require.False(t, l.Over(1), "20 and 10 A of 40")
}

// charger is what really happens: orders are carried out in the order in which
// they were sent, or not at all.
type charger struct {
	session bool
	limit   policy.Milliamps // in force
	follows []release        // what the car may still draw, and until when
	queue   []order
	offline bool
}

func (c *charger) draws(now time.Time) policy.Milliamps {
	if !c.session {
		return 0
	}
	most := c.limit
	for _, f := range c.follows {
		if now.Before(f.until) {
			most = max(most, f.level)
		}
	}
	return most
}

// histories is how many random histories are played. A long run:
// go test ./controller/ledger -run Sound -args -histories 10000
var histories = flag.Int("histories", 300, "random histories")

// TestBoundsAreSound plays random histories of one site: orders that are lost,
// late, rejected, carried out without a verdict, verdicts that come doubled and
// out of order, stations that go offline and deliver late. However it goes, the
// ledger never believes less than what is true, and never permits a raise that
// takes the bounds above what is permitted.
func TestBoundsAreSound(t *testing.T) {
	for seed := range *histories {
		r := rand.New(rand.NewPCG(7, uint64(seed)))
		playHistory(t, seed, r)
	}
}

type message struct {
	connector int
	id        uint64
	level     policy.Milliamps
	at        time.Time
	accepted  bool
}

func playHistory(t *testing.T, seed int, r *rand.Rand) {
	const n = 4
	permitted := amps(40 + float64(r.IntN(60)))
	l := site(t, n, permitted)
	chargers := make([]charger, n)
	var verdicts []message
	var id uint64
	now := start
	pace := []time.Duration{20 * time.Second, 2 * time.Second}[seed%2] // of what happens; cars take as long in all histories
	for range 400 {
		now = now.Add(time.Duration(r.Int64N(int64(pace))))
		i := r.IntN(n)
		c := &chargers[i]
		switch r.IntN(10) {
		case 0: // a session begins behind the fallback, or is found with some limit
			if c.session {
				break
			}
			*c = charger{session: true, limit: amps(6), offline: c.offline}
			if r.IntN(3) == 0 {
				c.limit = policy.Milliamps(r.IntN(33)) * 1000
				l.Adopt(i)
			} else {
				l.Begin(i)
			}
		case 1:
			if c.session && r.IntN(4) == 0 {
				*c = charger{offline: c.offline}
				l.End(i)
			}
		case 2:
			c.offline = !c.offline
			l.Reachable(i, !c.offline, now)
			if !c.offline && r.IntN(3) == 0 && c.session { // it restarted: its session limit is lost
				c.limit, c.follows = amps(6), nil
			}
		}
		// Chargers carry out what waits, in order.
		for k := range chargers {
			c := &chargers[k]
			for len(c.queue) > 0 && !c.offline {
				o := c.queue[0]
				if wait := now.Sub(o.sent); wait < verdict*9/10 && r.IntN(3) > 0 {
					break
				}
				c.queue = c.queue[1:]
				accepted := r.IntN(10) > 0
				if accepted {
					c.follows = append(c.follows, release{level: c.draws(now), until: now.Add(settle)}) // it has as long from each change
					c.limit = o.level
				}
				for range r.IntN(3) { // the verdict is lost, sent, or doubled
					verdicts = append(verdicts, message{k, o.id, o.level, now.Add(time.Duration(r.Int64N(int64(3 * pace)))), accepted})
				}
			}
		}
		rest := verdicts[:0]
		for _, v := range verdicts {
			switch {
			case v.at.After(now):
				rest = append(rest, v)
			case v.accepted:
				l.Accepted(v.connector, v.id, v.level, now)
			default:
				l.Rejected(v.connector, v.id)
			}
		}
		verdicts = rest
		if !c.session { // ids of verdicts belong to a session
			kept := verdicts[:0]
			for _, v := range verdicts {
				if v.connector != i {
					kept = append(kept, v)
				}
			}
			verdicts = kept
		}
		for k := range l.entries { // replies come, some of them late
			for _, o := range l.entries[k].orders {
				if o.reached.IsZero() && r.IntN(3) > 0 {
					l.Reached(k, o.id, now)
				}
			}
		}
		l.Lapse(now)
		open(l, now, permitted)
		// Somebody wants a random level at a random connector.
		if i = r.IntN(n); chargers[i].session && len(l.entries[i].orders) < 3 {
			level := policy.Milliamps(r.IntN(33)) * 1000
			if r.IntN(3) == 0 {
				level = amps(6)
			}
			before := booked(l)
			if ok, _ := l.Permits(i, level); ok {
				id++
				raises := level > l.Knows(i).Least && l.Knows(i).Known
				l.Send(i, id, level)
				if raises {
					require.LessOrEqual(t, booked(l), permitted, "seed %d: a raise leaves the bounds above what is permitted", seed)
				} else {
					require.Equal(t, before, booked(l), "seed %d: what cannot raise changes no bound", seed)
				}
				switch r.IntN(8) {
				case 0: // it certainly did not go out
					l.NotSent(i, id)
				case 1: // lost on the way, and nobody knows
				default:
					chargers[i].queue = append(chargers[i].queue, order{id: id, level: level, sent: now})
				}
			}
		}
		var sum policy.Milliamps
		for k := range chargers {
			bound := l.Bound(k)
			sum += bound
			require.GreaterOrEqual(t, bound, chargers[k].draws(now), "seed %d at %s: connector %d may draw more than is booked", seed, now.Sub(start), k)
			if know := l.Knows(k); know.Session {
				require.LessOrEqual(t, know.Least, chargers[k].limit, "seed %d at %s: connector %d may be limited lower", seed, now.Sub(start), k)
			}
		}
		require.Equal(t, sum, booked(l), "seed %d: the sums are out of step", seed)
	}
}

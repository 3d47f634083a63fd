package policy

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var turnOptions = Options{Rotate: 15 * time.Minute, MinOn: 5 * time.Minute, ResumeAfter: 10 * time.Minute}

// crowd is a car park on one circuit, played by the engine in virtual time.
type crowd struct {
	t       *testing.T
	engine  *Engine
	world   World
	plan    Plan
	now     time.Time
	waits   []time.Duration // the longest that each session waited in one go
	since   []time.Time
	energy  []int64 // milliampere-minutes
	lastOn  []time.Time
	restart int // starts sooner than one slot after the one before
}

func newCrowd(t *testing.T, permitted Load, sessions ...Session) *crowd {
	tree, err := NewTree([]CircuitSpec{{ID: "row"}})
	require.NoError(t, err)
	return newCrowdOn(t, NewEngine(tree, equal{}, turnOptions), []Load{permitted}, sessions...)
}

func newCrowdOn(t *testing.T, engine *Engine, permitted []Load, sessions ...Session) *crowd {
	c := &crowd{t: t, engine: engine, now: noon}
	c.world = World{Permitted: permitted, ArrivalReserve: make([]Load, len(permitted)), Sessions: sessions}
	for i := range c.world.Sessions {
		s := &c.world.Sessions[i]
		s.Key = i
		if s.Wiring == (Wiring{}) {
			s.Wiring = Wiring{Phases: AllPhases, Volts: 230}
		}
		if s.Min == 0 {
			s.Min, s.Max = 6000, 32_000
		}
	}
	n := len(sessions)
	c.waits, c.since, c.energy, c.lastOn = make([]time.Duration, n), make([]time.Time, n), make([]int64, n), make([]time.Time, n)
	return c
}

// play decides every minute.
func (c *crowd) play(d time.Duration) {
	for end := c.now.Add(d); c.now.Before(end); c.now = c.now.Add(time.Minute) {
		c.engine.Decide(c.now, &c.world, &c.plan)
		for i := range c.world.Sessions {
			s := &c.world.Sessions[i]
			level := c.plan.Allocations[i].Level
			if level > 0 && !s.Turn.Running {
				if !c.lastOn[i].IsZero() && c.now.Sub(c.lastOn[i]) < turnOptions.Rotate {
					c.restart++
				}
				c.lastOn[i] = c.now
			}
			s.Turn = s.Turn.After(c.now, level)
			s.Turn.Served += MilliwattHours(s.Wiring.Power(level)) / 60
			c.energy[i] += int64(level)
			if level > 0 {
				c.since[i] = time.Time{}
			} else if c.since[i].IsZero() {
				c.since[i] = c.now
			}
			if !c.since[i].IsZero() {
				c.waits[i] = max(c.waits[i], c.now.Add(time.Minute).Sub(c.since[i]))
			}
		}
	}
}

func (c *crowd) charging() (n int) {
	for _, a := range c.plan.Allocations {
		if a.Level > 0 {
			n++
		}
	}
	return n
}

func amps3(a int64) Load {
	l := NoLimit()
	l.Amps = Symmetric(Milliamps(a)*Ampere, 0).Amps
	return l
}

func cars(n int) []Session {
	list := make([]Session, n)
	for i := range list {
		list[i].CanPause = true
	}
	return list
}

// TestHalfOfTheCarsTakeTurns plays eight hours with room for half of the cars:
// by every rule, and whatever has room for half of them.
func TestHalfOfTheCarsTakeTurns(t *testing.T) {
	onPhase := func(list []Session) []Session {
		for i := range list {
			list[i].Wiring = Wiring{Phases: On(Phase(i % 3)), Volts: 230}
		}
		return list
	}
	on := func(list []Session, circuits ...int) []Session {
		for i := range list {
			list[i].Circuit = circuits[i%len(circuits)]
		}
		return list
	}
	circuits := []CircuitSpec{{ID: "grid"}, {ID: "hall", Parent: "grid"}, {ID: "row-a", Parent: "hall"}, {ID: "row-b", Parent: "hall"}, {ID: "yard", Parent: "grid"}}
	tree, err := NewTree(circuits)
	require.NoError(t, err)
	const grid, hall, rowA, rowB, yard = 0, 1, 2, 3, 4
	free := NoLimit()
	for name, c := range map[string]struct {
		permitted []Load
		cars      []Session
	}{
		"one circuit, in amperes":            {[]Load{grid: amps3(30), hall: free, rowA: free, rowB: free, yard: free}, cars(10)},
		"one circuit, in kilowatts":          {[]Load{grid: kw(21), hall: free, rowA: free, rowB: free, yard: free}, cars(10)},
		"an odd number of cars":              {[]Load{grid: amps3(36), hall: free, rowA: free, rowB: free, yard: free}, cars(11)},
		"the rows, each for itself":          {[]Load{grid: free, hall: free, rowA: amps3(18), rowB: amps3(12), yard: amps3(6)}, on(cars(12), rowA, rowB, rowA, rowB, rowA, yard)},
		"the grid, over rows of unlike size": {[]Load{grid: amps3(36), hall: amps3(60), rowA: amps3(63), rowB: amps3(63), yard: amps3(24)}, on(cars(12), rowA, rowB, yard, rowA, rowA, hall)},
		"single phases":                      {[]Load{grid: amps3(12), hall: free, rowA: free, rowB: free, yard: free}, onPhase(cars(12))},
		"single phases behind kilowatts":     {[]Load{grid: free, hall: kw(12), rowA: free, rowB: free, yard: free}, on(onPhase(cars(16)), rowA, rowB)},
		"many cars":                          {[]Load{grid: amps3(120), hall: free, rowA: free, rowB: free, yard: free}, on(cars(40), rowA, rowB, yard)},
	} {
		for _, rule := range rules {
			t.Run(name+"/"+rule.Name(), func(t *testing.T) {
				crowd := newCrowdOn(t, NewEngine(tree, rule, turnOptions), c.permitted, slices.Clone(c.cars)...)
				crowd.play(8 * time.Hour)
				for i := range crowd.energy {
					require.LessOrEqual(t, crowd.waits[i], 2*turnOptions.Rotate, "session %d waited too long", i)
				}
				most, least := slices.Max(crowd.energy), slices.Min(crowd.energy)
				require.LessOrEqual(t, most*100, least*125, "like cars get like energy: %v", crowd.energy)
				require.Zero(t, crowd.restart, "a car is started at most once in a slot")
			})
		}
	}
}

// TestExpectedTimesAreKept compares what waiting cars were told last with when
// they were started.
func TestExpectedTimesAreKept(t *testing.T) {
	for name, list := range map[string][]Session{"like cars": cars(12), "with one that is full": cars(12)} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, amps3(30), list...)
			if name != "like cars" {
				c.world.Sessions[3].UsesLess, c.world.Sessions[3].Uses = true, 1000
			}
			told := make([]time.Time, len(list))
			for range 8 * 60 {
				c.play(time.Minute)
				for i, a := range c.plan.Allocations {
					if a.Level > 0 {
						if !told[i].IsZero() {
							off := c.now.Add(-time.Minute).Sub(told[i]).Abs()
							require.LessOrEqual(t, off, time.Minute, "session %d was told %s", i, told[i])
						}
						told[i] = time.Time{}
						continue
					}
					require.False(t, a.Queue.Expected.Before(c.now.Add(-time.Minute)), "expected in the past")
					require.Positive(t, a.Queue.Position)
					told[i] = a.Queue.Expected
				}
			}
		})
	}
}

func TestAQuarterOfTheCarsTakeTurns(t *testing.T) {
	c := newCrowd(t, amps3(18), cars(12)...)
	c.play(8 * time.Hour)
	for i := range c.waits {
		require.LessOrEqual(t, c.waits[i], 4*turnOptions.Rotate, "session %d waited too long", i)
	}
	require.Zero(t, c.restart)
}

func TestACarThatNeedsThreePhasesIsNotStarvedByThoseThatNeedOne(t *testing.T) {
	list := cars(7)
	for i := range 6 {
		list[i].Wiring = Wiring{Phases: On(Phase(i % 3)), Volts: 230}
	}
	c := newCrowd(t, amps3(8), list...) // one car on each phase, or one on all
	c.play(time.Minute)
	require.Equal(t, 3, c.charging(), "the largest set charges")
	c.play(8 * time.Hour)
	for i := range c.waits {
		require.LessOrEqual(t, c.waits[i], 4*turnOptions.Rotate, "session %d waited too long", i)
		require.NotZero(t, c.energy[i])
	}
}

func TestCarsThatCannotPauseAlwaysCharge(t *testing.T) {
	list := cars(6)
	list[1].CanPause, list[4].CanPause = false, false
	c := newCrowd(t, amps3(18), list...)
	c.play(4 * time.Hour)
	require.Zero(t, c.waits[1])
	require.Zero(t, c.waits[4])
	for _, i := range []int{0, 2, 3, 5} {
		require.NotZero(t, c.energy[i], "the others share the third place")
	}
}

func TestACarThatWakesBadlyIsNotMadeToWaitOnceItCharges(t *testing.T) {
	list := cars(4)
	list[0].KeepsOn = true
	c := newCrowd(t, Symmetric(13_000, Unlimited), list...)
	c.play(time.Hour) // it had to wait for its first turn like the others
	charges := func() bool { return c.plan.Allocations[0].Level > 0 }
	for !charges() {
		c.play(time.Minute)
	}
	for range 6 * 60 {
		c.play(time.Minute)
		require.True(t, charges())
	}
	for i := range 4 {
		require.Positive(t, c.energy[i])
	}
	// A limit that leaves room for one pauses the other; one that leaves room for
	// nobody pauses it too.
	c.world.Permitted[0] = Symmetric(7000, Unlimited)
	c.play(time.Minute)
	require.True(t, charges())
	c.world.Permitted[0] = Symmetric(5000, Unlimited)
	c.play(time.Minute)
	require.False(t, charges())
}

func TestANewCarIsStartedEarly(t *testing.T) {
	c := newCrowd(t, amps3(12), cars(2)...)
	c.play(7 * time.Minute)
	require.Equal(t, 2, c.charging())
	s := Session{Key: 2, Wiring: Wiring{Phases: AllPhases, Volts: 230}, Min: 6000, Max: 32_000, CanPause: true}
	c.world.Sessions = append(c.world.Sessions, s)
	c.waits, c.since, c.energy, c.lastOn = append(c.waits, 0), append(c.since, time.Time{}), append(c.energy, 0), append(c.lastOn, time.Time{})
	c.play(time.Minute)
	require.NotZero(t, c.plan.Allocations[2].Level, "it takes the place of one that charged for a while")
	require.Equal(t, ReasonWaiting, c.plan.Allocations[0].Reason.Code)
	require.Equal(t, 1, c.plan.Allocations[0].Queue.Position)
	require.False(t, c.plan.Allocations[0].Queue.Expected.IsZero())
	require.Contains(t, c.plan.Allocations[0].Reason.Text(c.engine.Tree(), "equally"), "row is full on L1 even at the minimum; waits for its turn")
}

func TestACarThatIsFullKeepsNoPlaceFromTheOthers(t *testing.T) {
	c := newCrowd(t, amps3(12), cars(4)...)
	c.world.Sessions[0].UsesLess, c.world.Sessions[0].Uses = true, 1000
	c.play(8 * time.Hour)
	for i := 1; i < 4; i++ {
		require.Greater(t, c.energy[i], 2*c.energy[0], "the others charge most of the time: %v", c.energy)
	}
	require.NotZero(t, c.energy[0], "it is offered power now and then, in case it wakes up")
	require.LessOrEqual(t, c.waits[0], 3*turnOptions.Rotate)
	require.Zero(t, c.restart)
}

func TestAPausedCarRests(t *testing.T) {
	c := newCrowd(t, amps3(12), cars(2)...)
	c.play(20 * time.Minute)
	c.world.Permitted[0] = amps3(6)
	c.play(2 * time.Minute)
	require.Equal(t, 1, c.charging())
	c.world.Permitted[0] = amps3(64)
	c.play(7 * time.Minute)
	require.Equal(t, 1, c.charging(), "there is room, but it was paused a moment ago")
	c.play(3 * time.Minute)
	require.Equal(t, 2, c.charging())
}

func TestALimitThatFallsIsKeptWhoeversTurnItIs(t *testing.T) {
	c := newCrowd(t, amps3(60), cars(8)...)
	c.play(2 * time.Minute)
	require.Equal(t, 8, c.charging())
	c.world.Permitted[0] = amps3(20)
	c.play(time.Minute)
	require.Equal(t, 3, c.charging())
	c.world.Permitted[0] = amps3(-1)
	c.play(time.Minute)
	require.Zero(t, c.charging())
}

func TestManyCarsTakeTurns(t *testing.T) {
	list := cars(60)
	for i := range 30 {
		list[i].Wiring = Wiring{Phases: On(Phase(i % 3)), Volts: 230}
	}
	c := newCrowd(t, amps3(120), list...)
	c.play(time.Minute)
	require.Equal(t, 40, c.charging(), "30 on one phase use 60 A of each; 10 on three the rest")
	c.play(6 * time.Hour)
	for i := range c.waits {
		require.LessOrEqual(t, c.waits[i], 3*turnOptions.Rotate, "session %d waited too long", i)
	}
}

func TestRulesShareAsTheySay(t *testing.T) {
	tree, err := NewTree([]CircuitSpec{{ID: "grid"}})
	require.NoError(t, err)
	session := func(key int, s Session) Session {
		s.Key, s.Wiring, s.CanPause, s.Min = key, Wiring{Phases: AllPhases, Volts: 230}, true, 6000
		s.Max = max(s.Max, 6000)
		return s
	}
	in := func(d time.Duration) time.Time { return noon.Add(d) }
	for _, c := range []struct {
		rule      string
		permitted int64
		sessions  []Session
		want      []int64 // tenths of an ampere
	}{
		{"equal", 48, []Session{{Max: 32_000}, {Max: 32_000}, {Max: 10_000}}, []int64{190, 190, 100}},
		{"equal", 48, []Session{{Max: 32_000, Weight: 2000}, {Max: 32_000}}, []int64{320, 160}},
		{"proportional", 40, []Session{{Max: 32_000}, {Max: 16_000}, {Max: 16_000}}, []int64{200, 100, 100}},
		{"priority", 50, []Session{{Max: 32_000}, {Max: 32_000, Tier: 1}, {Max: 16_000}}, []int64{90, 320, 90}},
		{"priority", 30, []Session{{Max: 32_000, Tier: 1}, {Max: 32_000, Tier: 1, Weight: 2000}, {Max: 32_000}}, []int64{80, 160, 60}},
		{"first_come", 50, []Session{{Max: 32_000, Since: in(-time.Hour)}, {Max: 32_000, Since: in(-2 * time.Hour)}, {Max: 16_000, Since: in(-time.Minute)}}, []int64{120, 320, 60}},
		{"deadline", 40, []Session{ // 22 kWh in one hour needs all of it; the other has all day
			{Max: 32_000, Need: 22 * KWh, Leaves: in(time.Hour)}, {Max: 32_000, Need: 22 * KWh, Leaves: in(12 * time.Hour)},
		}, []int64{320, 80}},
		{"deadline", 40, []Session{{Max: 32_000}, {Max: 32_000}}, []int64{200, 200}}, // nothing is known of either
		{"deadline", 40, []Session{ // nobody can charge 900 kWh in an hour: no reason to take it from others in a hurry
			{Max: 32_000, Need: 900 * KWh, Leaves: in(time.Hour)}, {Max: 32_000, Need: 25 * KWh, Leaves: in(time.Hour)},
		}, []int64{200, 200}},
		{"deadline", 40, []Session{ // the first wanted to be gone four hours ago
			{Max: 32_000, Need: 22 * KWh, Leaves: in(-4 * time.Hour)}, {Max: 32_000, Need: 22 * KWh, Leaves: in(90 * time.Minute)},
		}, []int64{80, 320}},
	} {
		t.Run(fmt.Sprint(c.rule, c.permitted), func(t *testing.T) {
			rule, err := RuleNamed(c.rule)
			require.NoError(t, err)
			w := World{Permitted: []Load{amps3(c.permitted)}, ArrivalReserve: make([]Load, 1)}
			for i, s := range c.sessions {
				w.Sessions = append(w.Sessions, session(i, s))
			}
			var plan Plan
			NewEngine(tree, rule, turnOptions).Decide(noon, &w, &plan)
			for i, a := range plan.Allocations {
				require.Equal(t, c.want[i], int64(a.Level)/100, "session %d", i)
			}
		})
	}
	_, err = RuleNamed("fair")
	require.EqualError(t, err, `no rule "fair": the rules are equal, proportional, priority, first_come, deadline`)
}

// TestDeadlinePrefersCarsThatUseThePhasesWithRoom: of like urgency, the car on
// three phases gets more of the one that is short, until all are full.
func TestDeadlinePrefersCarsThatUseThePhasesWithRoom(t *testing.T) {
	tree, err := NewTree([]CircuitSpec{{ID: "grid"}})
	require.NoError(t, err)
	one := Session{Key: 0, Wiring: Wiring{Phases: On(L1), Volts: 230}, Min: 6000, Max: 32_000, CanPause: true}
	three := Session{Key: 1, Wiring: Wiring{Phases: AllPhases, Volts: 230}, Min: 6000, Max: 32_000, CanPause: true}
	decide := func(sessions ...Session) []Allocation {
		var plan Plan
		w := World{Permitted: []Load{amps3(32)}, ArrivalReserve: make([]Load, 1), Sessions: sessions}
		NewEngine(tree, deadline{}, turnOptions).Decide(noon, &w, &plan)
		return plan.Allocations
	}
	given := decide(one, three)
	require.Equal(t, Milliamps(6000), given[0].Level)
	require.Equal(t, Milliamps(26_000), given[1].Level)

	two, other := one, one // the other phases are full as well: nothing to prefer
	two.Key, two.Wiring.Phases, other.Key, other.Wiring.Phases = 2, On(L2), 3, On(L3)
	for _, a := range decide(one, three, two, other) {
		require.Equal(t, Milliamps(16_000), a.Level)
	}

	one.Need, one.Leaves = 7*KWh, noon.Add(time.Hour) // it has no time to spare, the other has two hours
	three.Need, three.Leaves = 22*KWh, noon.Add(3*time.Hour)
	require.Equal(t, Milliamps(26_000), decide(one, three)[0].Level)
}

func TestAnUnusedShareIsLentAndComesBack(t *testing.T) {
	tree, err := NewTree([]CircuitSpec{{ID: "grid"}})
	require.NoError(t, err)
	wiring := Wiring{Phases: AllPhases, Volts: 230}
	w := World{Permitted: []Load{amps3(40)}, ArrivalReserve: make([]Load, 1), Sessions: []Session{
		{Key: 0, Wiring: wiring, Min: 6000, Max: 32_000, CanPause: true, UsesLess: true, Uses: 9_000},
		{Key: 1, Wiring: wiring, Min: 6000, Max: 32_000, CanPause: true},
	}}
	e := NewEngine(tree, equal{}, turnOptions)
	var plan Plan
	e.Decide(noon, &w, &plan)
	require.Equal(t, Milliamps(9_000), plan.Allocations[0].Level)
	require.Equal(t, Milliamps(31_000), plan.Allocations[1].Level)
	require.Equal(t, "draws less than its share, the rest is lent", plan.Allocations[0].Reason.Text(tree, "equally"))
	require.Equal(t, "grid is full on L1", plan.Allocations[1].Reason.Text(tree, "equally"))

	w.Permitted[0] = amps3(80) // nobody is short: nothing is lent
	e.Decide(noon, &w, &plan)
	require.Equal(t, Milliamps(32_000), plan.Allocations[0].Level)
	require.Equal(t, "its own maximum", plan.Allocations[0].Reason.Text(tree, "equally"))
}

func TestOneThatWasPausedAMomentAgoRests(t *testing.T) {
	c := newCrowd(t, amps3(12), Session{CanPause: true, Turn: Turn{Since: noon.Add(-time.Minute), Starts: 1}})
	c.engine.Decide(noon, &c.world, &c.plan)
	a := c.plan.Allocations[0]
	require.Zero(t, a.Level)
	require.Equal(t, "was paused a moment ago; it may charge again soon", a.Reason.Text(c.engine.Tree(), "equally"))
	require.Equal(t, noon.Add(9*time.Minute), a.Queue.Expected)
}

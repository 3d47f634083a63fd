package simulate

import (
	"fmt"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// The checker holds a run against the invariants. It keeps books of its own,
// from what the site was told and what it ordered, and shares no code with the
// ledger.
//
//	I1  at the instant a raise is sent, what every connector may draw fits
//	    every circuit and phase
//	I2  no charger offers its car more than the site believes, nor can it by the
//	    orders that the site knows of
//	I3  no circuit carries more than its limit, but for the causes listed below
//	I4  when a limit falls, cuts are sent within a tick; a site that could pass one is
//	    engaged
//	I5  every order is 0 or between the minimum and the maximum of its connector
//	I6  no raise in any state but normal, nor after a gap before a full list, nor
//	    below a circuit whose overload budget is drained
//	I7  a reading is what a fresh report said, and what ended stays ended
//	I8  what the site remembers, and what it asks of eDRV, is bounded
//	I9  in floor and alarm no order is above the fallback
//	I10 after a crash the site believes no less than is true
//	I11 when the faults are over for a while, the site is in state normal and
//	    its power is used
//	I12 a connector is raised at most once in raise_every
//	I13 nothing forged is let in, and nothing is read that was not written
//	I14 who is seen to draw more than ordered is booked at what it draws
//	I15 no circuit permits more than its limits leave
//
// That doubled and reordered messages change nothing at all is a property test of
// the core as well.
type checker struct {
	scene      *Scene
	world      *edrvsim.World
	site       *core.Site
	daemon     *daemon
	connectors []checked
	circuits   map[string]int
	parent     []int
	life       uint64 // of the daemon: ids begin anew with each
	orders     map[orderID]*sentOrder
	actions    map[string]orderID // eDRV's id of an action → the effect that caused it
	calls      calls
	cuts       map[string]time.Time // per circuit, since when a cut is due
	over       map[string]time.Time // per circuit, since when it carries more than its limit

	violations []Violation
	listed     bool            // the site had a full list before this step
	newborn    bool            // it has done no step yet since a restart
	begun      map[string]bool // sessions that it heard of after a full list
	seen       *Seen
	knows      knows
}

// Violation is one broken invariant.
type Violation struct {
	At        time.Duration // since the beginning of the run
	Invariant string
	Text      string
}

// checked is what the checker knows of a connector.
type checked struct {
	set       *core.Connector
	circuit   int
	memory                      // of the session that the site knows of
	earlier   map[string]memory // of those before
	floor     bool              // the fallback was accepted
	tried     time.Time         // when this process first sent it
	until     []settling
	raised    *sentOrder // the last order that raised it, unless nothing came of it
	orders    []*sentOrder
	overtaken []*sentOrder           // without a verdict when a newer one was confirmed: they may come yet
	ordered   map[edrvapi.Limit]bool // all that was ordered of the session
	doubted   time.Time              // when somebody else's order was heard to be confirmed, and none since
	passed    time.Time              // when the last order was sent that a newer one was confirmed before
	rejected  time.Time              // when its charger last rejected an order, or eDRV refused one
	verdict   time.Time              // when it last answered one
	silent    time.Time              // since when its charger answers no order; zero: it does
	answered  time.Time              // when it last did so after it had been mute
	strange   time.Time              // when it last began to do what nobody ordered, as far as reports can show it
	lied      time.Time              // when it was last seen to be one that lies
	odd       bool
	believed  policy.Milliamps // what the site believed of it then
}

// memory is what the checker knows of a session. It is kept, in case the site finds
// the session again in its records.
type memory struct {
	session  string
	since    time.Time // when the site first knew of it
	behind   bool      // it began behind a fallback that was in force
	accepted policy.Milliamps
	has      bool // accepted means something
}

type settling struct {
	level policy.Milliamps
	until time.Time
}

func newChecker(scene *Scene, world *edrvsim.World, daemon *daemon, seen *Seen) *checker {
	c := &checker{
		scene: scene, world: world, daemon: daemon, seen: seen, circuits: map[string]int{}, orders: map[orderID]*sentOrder{},
		actions: map[string]orderID{}, cuts: map[string]time.Time{}, over: map[string]time.Time{}, begun: map[string]bool{},
		knows: newKnows(),
	}
	for k, circuit := range scene.Settings.Circuits {
		c.circuits[circuit.ID] = k
		c.parent = append(c.parent, -1)
	}
	for k, circuit := range scene.Settings.Circuits {
		if circuit.Parent != "" {
			c.parent[k] = c.circuits[circuit.Parent]
		}
	}
	for i := range scene.Settings.Connectors {
		set := &scene.Settings.Connectors[i]
		c.connectors = append(c.connectors, checked{set: set, circuit: c.circuits[set.Circuit], earlier: map[string]memory{}, floor: !set.InstallFallback})
	}
	return c
}

func (c *checker) broken(invariant, format string, args ...any) {
	if len(c.violations) < 100 {
		c.violations = append(c.violations, Violation{
			At: c.world.Now().Sub(epoch), Invariant: invariant, Text: fmt.Sprintf(format, args...),
		})
	}
}

// told notes what the site is about to hear.
func (c *checker) told(now time.Time, in core.Input) {
	c.hears(now, in)
	switch in := in.(type) {
	case core.ActionSeen:
		if o := c.orderOf(&in.Action); o != nil {
			c.verdict(now, o, in.Verdict)
		}
	case core.SessionSeen:
		if c.seen.listed {
			c.begun[in.Session.ID] = true
		}
	case core.Reply:
		if o := c.orders[c.idOf(in.ID)]; o != nil && in.Outcome == core.Queued {
			o.named = true
		} else if o != nil && (in.Outcome == core.NotSent || in.Outcome == core.Refused || in.Outcome == core.NotSaved) {
			c.vain(o)
			if in.Outcome == core.Refused { // no order for it goes through
				c.connectors[o.connector].rejected = now
			}
		}
	}
}

// stepped notes which sessions the site knows after a step.
func (c *checker) stepped(now time.Time) {
	for i := range c.connectors {
		k := &c.connectors[i]
		k.until = slices.DeleteFunc(k.until, func(s settling) bool { return !now.Before(s.until) })
		if session := c.site.Session(i); session != k.session {
			for _, o := range slices.Concat(k.orders, k.overtaken) {
				c.drop(o)
			}
			k.until, k.raised, k.silent, k.answered, k.passed = nil, nil, time.Time{}, time.Time{}, time.Time{}
			k.ordered, k.doubted = map[edrvapi.Limit]bool{}, time.Time{}
			if k.session != "" {
				k.earlier[k.session] = k.memory
			}
			var known bool
			if k.memory, known = k.earlier[session]; !known {
				// After a full list nothing is new but what just began.
				k.memory = memory{session: session, since: now, behind: session != "" && k.floor && (c.listed || c.begun[session])}
			}
		}
	}
	c.believes(now)
	c.listed, c.newborn = c.seen.listed, false
}

func (c *checker) index(connector string) int {
	for i := range c.connectors {
		if c.connectors[i].set.ID == connector {
			return i
		}
	}
	return -1
}

// rebooted forgets what went with the process: whose replies it waited for, and
// what the journal does not hold.
func (c *checker) rebooted(saved *core.Saved) {
	c.life++
	c.newborn = true
	c.calls = calls{}
	c.seen.listed, c.listed = false, false
	clear(c.begun)
	override := c.knows.override // the session finds it in its record
	c.knows = newKnows()
	c.knows.override = override
	for _, l := range saved.Limits {
		c.knows.external[l.Limit.Name] = core.LimitSet{Circuit: l.Circuit, Limit: l.Limit}
	}
	for i := range c.connectors {
		k := &c.connectors[i]
		k.raised, k.tried, k.doubted = nil, time.Time{}, time.Time{}
		k.resume(saved)
	}
}

// resume lets the orders in the journal wait for their verdicts anew: their station may
// have been away.
func (k *checked) resume(saved *core.Saved) {
	kept := map[policy.Milliamps]bool{}
	for _, r := range saved.Records {
		if r.Connector == k.set.ID {
			for _, o := range r.Book.Orders {
				kept[o.Level] = true
			}
		}
	}
	for _, o := range slices.Concat(k.orders, k.overtaken) {
		if kept[o.level] {
			o.resumed = true
		}
	}
}

// after is called when a step is done and its effects are under way.
func (c *checker) after(now time.Time) {
	c.seen.look(now, c.world, c.site.State())
	c.truth(now)
	c.knowing(now)
	c.due(now)
	c.bounded()
}

// bounded checks I8.
func (c *checker) bounded() {
	n := len(c.connectors)
	if s := c.site.Sizes(); s.Sessions > n || s.Orders > 16*n || s.Actions > 16*n || s.Strays > 256 || s.Ended > 4096 || s.Settled > 4096 || s.Touched > 4096 {
		c.broken("I8", "the site remembers too much: %+v", s)
	}
	if len(c.calls.at) > 60+20*n {
		c.broken("I8", "%d calls in a minute", len(c.calls.at))
	}
}

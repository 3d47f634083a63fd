package simulate

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// aim lets faults strike that have not struck yet in the state that the site
// is in. Sites are rarely in trouble, and faults that are rare as well would
// hardly ever meet it.
type aim struct {
	rnd   *rand.Rand
	kinds int
	left  [4][]string // per state: what has not struck there, the next first
	aims  [4]int      // how often it was tried
	next  time.Time
}

func newAim(seed uint64, faults []string) *aim {
	a := &aim{rnd: rand.New(rand.NewPCG(seed, 0xa1)), kinds: len(faults)}
	for k := range a.left {
		a.left[k] = slices.Clone(faults)
		a.rnd.Shuffle(len(faults), func(i, j int) { a.left[k][i], a.left[k][j] = a.left[k][j], a.left[k][i] })
	}
	for _, rare := range []core.State{core.Floor, core.Alarm} { // soon over: first what takes longest to show
		slices.SortStableFunc(a.left[rare], func(f, g string) int { return cmp.Compare(slowness(g), slowness(f)) })
	}
	return a
}

// take names the fault that is to strike now in the given state, if any.
func (a *aim) take(now time.Time, state core.State, seen *Seen) (string, bool) {
	if now.Before(a.next) {
		return "", false
	}
	for left := &a.left[state]; len(*left) > 0; {
		name := (*left)[0]
		*left = (*left)[1:]
		if seen.Faults[name][state] == 0 {
			*left = append(*left, name) // what comes of it is not sure: it has another turn
			pause := 10 * time.Second
			switch a.aims[state]++; {
			case state == core.Normal:
				pause = time.Hour
			case a.aims[state] > a.kinds: // all were tried
				pause = 30 * time.Second
			}
			a.next = now.Add(pause + time.Duration(a.rnd.Int64N(int64(pause))))
			return name, true
		}
	}
	return "", false
}

// strike lets a fault strike for some minutes, somewhere.
func (p *play) strike(now time.Time, name string) {
	if f := DaemonFault(name); perHour[f] > 0 {
		p.rig.daemon.strike(now, f)
		return
	}
	f, err := edrvsim.ParseFault(name)
	if err != nil {
		return // it was checked
	}
	targets := 1
	if needsOrder(f) && p.rig.Site.State() > core.Hold { // it is rare, and soon over
		targets = 3
		if needsPause(f) {
			targets = 6
		}
	}
	for range targets {
		p.strikeAt(now, f, p.target(f))
	}
}

// slowness puts faults in order by how long they take to show: at once, after an
// order, after one that a charger and its car follow.
func slowness(name string) int {
	f, err := edrvsim.ParseFault(name)
	switch {
	case err != nil || !needsOrder(f):
		return 0
	case !needsPause(f):
		return 1
	}
	return 2
}

// strikeAt lets a fault strike for some minutes at a connector, or at what belongs to
// it.
func (p *play) strikeAt(now time.Time, f edrvsim.Fault, at *core.Connector) {
	p.provoke(now, f, at)
	target := at.ID
	switch {
	case f >= edrvsim.APIThrottled && f <= edrvsim.ForeignWriter:
		target = ""
	case f == edrvsim.SitePowerCut:
		target = p.scene.World.Locations[0].ID
	case f < edrvsim.APIThrottled, f <= edrvsim.StationFlapping:
		target = at.Station
	}
	p.rig.World.Strike(f, target, time.Minute+time.Duration(p.aim.rnd.Int64N(int64(4*time.Minute))))
}

// target is the connector that a fault strikes: one at which it can show, if
// there is one.
func (p *play) target(f edrvsim.Fault) *core.Connector {
	all := p.scene.Settings.Connectors
	from := p.aim.rnd.IntN(len(all))
	for k := range all {
		c := &all[(from+k)%len(all)]
		if t, _ := p.rig.World.Connector(c.ID); canShow(f, c, &t) {
			return c
		}
	}
	return &all[from]
}

// canShow reports whether a fault can show at a connector soon.
func canShow(f edrvsim.Fault, c *core.Connector, t *edrvsim.TrueConnector) bool {
	switch {
	case f == edrvsim.StartedLost:
		return t.Online && !t.Car
	case f == edrvsim.ChargerForgets:
		return t.Powered && t.Limit.IsSet()
	case needsOrder(f):
		return t.Watts > 0 && c.CanPause
	}
	return true
}

// needsOrder reports whether a fault shows when a charger is ordered to pause, or
// when one that is offline is ordered anything.
func needsOrder(f edrvsim.Fault) bool {
	switch f {
	case edrvsim.ChargerClamps, edrvsim.ChargerOvershoots, edrvsim.ChargerIgnores, edrvsim.ChargerWattsOnly, edrvsim.ChargerAmpsOnly,
		edrvsim.OfflineRefused, edrvsim.OfflineLost, edrvsim.OfflineQueued, edrvsim.OfflineLate:
		return true
	}
	return needsPause(f)
}

// needsPause reports whether a fault shows when a car that charges is paused.
func needsPause(f edrvsim.Fault) bool {
	return f == edrvsim.ChargerNeedsReplug || f == edrvsim.ChargerPauseEnds || f == edrvsim.CarNoResume
}

// overrideFor is how long an operator has a session pause.
const overrideFor = 3 * time.Minute

// provoke brings about what a fault needs to show.
func (p *play) provoke(now time.Time, f edrvsim.Fault, at *core.Connector) {
	soon := now.Add(5 * time.Second)
	var err error
	switch f {
	case edrvsim.StartedLost:
		err = p.rig.World.Plug(soon, at.ID, edrvsim.CarSpec{NeedKWh: 5})
	case edrvsim.SessionZombie:
		err = p.rig.World.Unplug(soon, at.ID)
	case edrvsim.ChargerForgets:
		p.rig.World.Strike(edrvsim.StationReboot, at.Station, 20*time.Second)
	case edrvsim.OfflineRefused, edrvsim.OfflineLost, edrvsim.OfflineQueued, edrvsim.OfflineLate:
		p.rig.World.Strike(edrvsim.HookLost, at.Station, time.Minute) // else nothing is ordered
		p.rig.World.Strike(edrvsim.StationOffline, at.Station, time.Minute)
	}
	if err != nil {
		panic(err) // the connector is there
	}
	if t, _ := p.rig.World.Connector(at.ID); needsOrder(f) && t.Session != "" { // the operator has it pause
		nothing := policy.Milliamps(0)
		p.rig.answer(soon, core.OverrideSet{Session: t.Session, Override: core.Override{Max: &nothing, Until: now.Add(overrideFor)}, By: "operator"})
	}
}

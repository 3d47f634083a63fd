package simulate

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
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
			pause := 20 * time.Second
			switch a.aims[state]++; {
			case state == core.Normal:
				pause = time.Hour
			case a.aims[state] > a.kinds: // all were tried
				pause = 4 * time.Minute
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
	at := &p.scene.Settings.Connectors[p.aim.rnd.IntN(len(p.scene.Settings.Connectors))]
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

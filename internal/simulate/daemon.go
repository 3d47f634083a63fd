package simulate

import (
	"math/rand/v2"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// DaemonFault is something that goes wrong with the daemon itself, at its door or at
// the meters that it reads, beside the faults of eDRV, chargers and cars that package edrvsim has.
type DaemonFault string

const (
	DaemonCrash DaemonFault = "daemon-crash" // killed, and started again some time later
	DaemonPause DaemonFault = "daemon-pause" // stopped for a while, as by a sleeping machine
	DiskFails   DaemonFault = "disk-fails"   // the journal cannot be written for a while
	RaisesWait  DaemonFault = "raises-wait"  // no call is left for raises for a while

	HookForged     DaemonFault = "hook-forged"     // a delivery signed with another secret
	HookReplayed   DaemonFault = "hook-replayed"   // a genuine one from earlier, sent once more by somebody who recorded it
	HookDowngraded DaemonFault = "hook-downgraded" // one from before eDRV signed the time, likewise

	MeterLost    DaemonFault = "meter-lost"    // the meters do not answer for a while
	MeterGarbled DaemonFault = "meter-garbled" // they tell what cannot be
)

var daemonFaults = []DaemonFault{DaemonCrash, DaemonPause, DiskFails, RaisesWait, HookForged, HookReplayed, HookDowngraded, MeterLost, MeterGarbled}

// perHour is how often each strikes in a bad year.
var perHour = map[DaemonFault]float64{
	DaemonCrash: 0.05, DaemonPause: 0.02, DiskFails: 0.02, RaisesWait: 1,
	HookForged: 1, HookReplayed: 0.5, HookDowngraded: 0.5, MeterLost: 0.05, MeterGarbled: 0.05,
}

// daemon is the state of the process.
type daemon struct {
	rates map[DaemonFault]float64
	rnd   *rand.Rand

	due         map[DaemonFault]time.Time // when it strikes next
	downUntil   time.Time
	stopUntil   time.Time
	diskUntil   time.Time
	waitUntil   time.Time
	meterUntil  time.Time // they do not answer
	garbleUntil time.Time
	metered     bool // the site has meters
	lurks       bool // a crash waits for its moment
	isDown      bool
	isFrozen    bool

	reboot func(now time.Time)
	attack func(now time.Time, f DaemonFault) bool // false: there is nothing to do it with yet
	struck func(f DaemonFault)
}

func (d *daemon) start(now time.Time, seed uint64, rates map[DaemonFault]float64) {
	d.rnd, d.rates, d.due = rand.New(rand.NewPCG(seed, 0xdae)), rates, map[DaemonFault]time.Time{}
	for _, f := range daemonFaults {
		d.schedule(now, f)
	}
}

func (d *daemon) schedule(now time.Time, f DaemonFault) {
	if rate := d.rates[f]; rate > 0 {
		d.due[f] = now.Add(time.Duration(d.rnd.ExpFloat64() / rate * float64(time.Hour)))
	} else {
		delete(d.due, f)
	}
}

// quiet ends all faults.
func (d *daemon) quiet() {
	d.rates, d.due, d.lurks = nil, nil, false
}

// spell draws how long a fault lasts.
func (d *daemon) spell(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(d.rnd.Int64N(int64(hi-lo)))
}

// strikes lets faults begin that are due.
func (d *daemon) strikes(now time.Time) {
	for _, f := range daemonFaults {
		at, ok := d.due[f]
		if !ok || now.Before(at) {
			continue
		}
		d.schedule(now, f)
		d.strike(now, f)
	}
}

// strike lets a fault begin, unless the process is away already.
func (d *daemon) strike(now time.Time, f DaemonFault) {
	if d.away() {
		return
	}
	switch f {
	case HookForged, HookReplayed, HookDowngraded:
		if !d.attack(now, f) {
			return
		}
	case MeterLost, MeterGarbled:
		if !d.metered {
			return
		}
		if until := now.Add(d.spell(30*time.Second, 10*time.Minute)); f == MeterLost {
			d.meterUntil = until
		} else {
			d.garbleUntil = until
		}
	case DaemonCrash:
		switch d.rnd.IntN(4) {
		case 0: // when it matters most
			d.lurks = true
			return
		case 1: // started again at once
			d.crash(now, 5*time.Second)
		default:
			d.crash(now, 10*time.Minute)
		}
	case DaemonPause:
		d.isFrozen, d.stopUntil = true, now.Add(d.spell(10*time.Second, 10*time.Minute))
	case DiskFails:
		d.diskUntil = now.Add(d.spell(time.Minute, 20*time.Minute))
	case RaisesWait:
		d.waitUntil = now.Add(d.spell(5*time.Second, 2*time.Minute))
	}
	d.struck(f)
}

// crash kills the process. It is started again after a second, or later.
func (d *daemon) crash(now time.Time, most time.Duration) {
	d.isDown, d.downUntil, d.lurks = true, now.Add(d.spell(time.Second, most)), false
}

// pounce lets a crash that lurks strike when a charger has just confirmed an
// order: its car is about to follow.
func (d *daemon) pounce(now time.Time, heard []core.Input) {
	for _, in := range heard {
		if a, ok := in.(core.ActionSeen); ok && d.lurks && a.Verdict == core.Accepted {
			d.crash(now, 3*time.Second)
			d.struck(DaemonCrash)
		}
	}
}

// away reports whether the process does nothing.
func (d *daemon) away() bool { return d.isDown || d.isFrozen }

// since is when the process last came back; now, where it is away.
func (d *daemon) since(now time.Time) time.Time {
	if d.away() {
		return now
	}
	return later(d.downUntil, d.stopUntil)
}

// wake is when the process does something next, given when its site would.
func (d *daemon) wake(site time.Time) time.Time {
	switch {
	case d.isDown:
		return d.downUntil
	case d.isFrozen:
		return d.stopUntil
	}
	return site
}

// down reports whether the process is not there, and starts it when it is
// time to.
func (d *daemon) down(now time.Time) bool {
	d.strikes(now)
	if d.isDown && !now.Before(d.downUntil) {
		d.isDown = false
		d.reboot(now)
	}
	return d.isDown
}

// frozen reports whether the process is stopped.
func (d *daemon) frozen(now time.Time) bool {
	if d.isFrozen && !now.Before(d.stopUntil) {
		d.isFrozen = false
	}
	return d.isFrozen
}

func (d *daemon) diskFails(now time.Time) bool { return now.Before(d.diskUntil) }

package simulate

import (
	"math/rand/v2"
	"time"
)

// DaemonFault is something that goes wrong with the daemon itself, beside the
// faults of eDRV, chargers and cars that package edrvsim has.
type DaemonFault string

const (
	DaemonCrash DaemonFault = "daemon-crash" // killed, and started again some time later
	DaemonPause DaemonFault = "daemon-pause" // stopped for a while, as by a sleeping machine
	DiskFails   DaemonFault = "disk-fails"   // the journal cannot be written for a while
)

var daemonFaults = []DaemonFault{DaemonCrash, DaemonPause, DiskFails}

// perHour is how often each strikes in a bad year.
var perHour = map[DaemonFault]float64{DaemonCrash: 0.05, DaemonPause: 0.02, DiskFails: 0.02}

// daemon is the state of the process.
type daemon struct {
	rates map[DaemonFault]float64
	rnd   *rand.Rand

	due       map[DaemonFault]time.Time // when it strikes next
	downUntil time.Time
	stopUntil time.Time
	diskUntil time.Time
	isDown    bool
	isFrozen  bool

	reboot func(now time.Time)
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
	d.rates, d.due = nil, nil
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
	d.struck(f)
	switch f {
	case DaemonCrash:
		d.isDown, d.downUntil = true, now.Add(d.spell(time.Second, 10*time.Minute))
	case DaemonPause:
		d.isFrozen, d.stopUntil = true, now.Add(d.spell(10*time.Second, 10*time.Minute))
	case DiskFails:
		d.diskUntil = now.Add(d.spell(time.Minute, 20*time.Minute))
	}
}

// away reports whether the process does nothing.
func (d *daemon) away() bool { return d.isDown || d.isFrozen }

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

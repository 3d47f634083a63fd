package simulate

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// Options are what a simulation can be told.
type Options struct {
	Seed     uint64
	Runs     int             // seeds from Seed on; 0 is 1
	Duration time.Duration   // site-hours of each run, over all its sites
	Faults   []string        // names of FaultNames; nil: all
	Sites    []core.Settings // nil: random sites
	Progress func(done, of time.Duration)
	// FailFast ends the run at the first site that breaks an invariant, when it
	// does, and tells of that one without making its trace short.
	FailFast bool
	rush     bool          // many cars come at once, in the first minutes
	secretly func(p *play) // breaks something, for tests
}

// SiteLength is how long one random site is simulated. A run is as many sites
// as make its duration.
const SiteLength = 10 * 24 * time.Hour

// quietAtEnd is how long before its end a site's faults stop, so that it can be
// judged whether it recovers.
const quietAtEnd = 2 * time.Hour

// FaultNames lists the faults that a simulation knows.
func FaultNames() []string {
	var names []string
	for _, f := range edrvsim.AllFaults() {
		if f != edrvsim.StartFailure && f != edrvsim.StopFailure { // headroom starts and stops no sessions
			names = append(names, f.String())
		}
	}
	for _, f := range daemonFaults {
		names = append(names, string(f))
	}
	return names
}

// ErrFault is that a fault is not known.
var ErrFault = errors.New("no fault")

// faultsOf splits names into the faults of eDRV, chargers and cars, and those
// of the daemon, at the rates of a bad year.
func faultsOf(names []string) (edrvsim.Faults, map[DaemonFault]float64, error) {
	ours := map[DaemonFault]float64{}
	var theirs []edrvsim.Fault
	for _, name := range names {
		if rate, ok := perHour[DaemonFault(name)]; ok {
			ours[DaemonFault(name)] = rate
			continue
		}
		f, err := edrvsim.ParseFault(name)
		if err != nil {
			return nil, nil, fmt.Errorf("%w %q: there are %s", ErrFault, name, strings.Join(FaultNames(), ", "))
		}
		theirs = append(theirs, f)
	}
	return edrvsim.UsualFaults().Only(theirs...), ours, nil
}

// outcome is what became of one simulated site.
type outcome struct {
	job
	name       string
	played     time.Duration // shorter than the job where that was ended early
	steps      uint64
	seen       *Seen
	totals     edrvsim.Totals
	orders     uint64
	violations []Violation
}

// Run simulates all sites of all seeds on as many cores as there are. What
// comes out does not depend on the cores.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Faults == nil {
		o.Faults = FaultNames()
	}
	if _, _, err := faultsOf(o.Faults); err != nil {
		return nil, err
	}
	sites, err := runAll(ctx, jobsOf(o), o)
	if err != nil {
		return nil, err
	}
	result := sum(sites, o)
	result.Failures = failures(ctx, sites, o)
	return result, ctx.Err()
}

func runAll(ctx context.Context, jobs []job, o Options) ([]outcome, error) {
	sites := make([]outcome, len(jobs))
	errs := make([]error, len(jobs))
	var next, done, failed atomic.Int64 // failed is the first site that ends the run
	failed.Store(int64(len(jobs)))
	var workers sync.WaitGroup
	total := time.Duration(0)
	for _, j := range jobs {
		total += j.length
	}
	for range min(runtime.GOMAXPROCS(0), len(jobs)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				k := int(next.Add(1)) - 1
				if k >= len(jobs) || int64(k) > failed.Load() {
					return
				}
				sites[k], errs[k] = simulate(jobs[k], o, func() bool { return int64(k) > failed.Load() || ctx.Err() != nil })
				if o.FailFast && len(sites[k].violations) > 0 {
					lower(&failed, int64(k))
				}
				if o.Progress != nil {
					o.Progress(time.Duration(done.Add(int64(jobs[k].length))), total)
				}
			}
		})
	}
	workers.Wait()
	return sites[:min(failed.Load()+1, int64(len(sites)))], errors.Join(append(errs, ctx.Err())...)
}

// lower makes n no more than k.
func lower(n *atomic.Int64, k int64) {
	for old := n.Load(); k < old && !n.CompareAndSwap(old, k); old = n.Load() {
	}
}

// job is one site to simulate.
type job struct {
	run, seed uint64
	site      int // of Options.Sites
	length    time.Duration
}

func jobsOf(o Options) []job {
	var jobs []job
	for run := o.Seed; run < o.Seed+uint64(max(1, o.Runs)); run++ {
		for k := range o.Sites {
			jobs = append(jobs, job{run: run, seed: run*100_003 + uint64(k), site: k, length: o.Duration / time.Duration(len(o.Sites))})
		}
		if o.Sites != nil {
			continue
		}
		for left, n := o.Duration, uint64(0); left > 0; n++ {
			jobs = append(jobs, job{run: run, seed: run*100_003 + n, length: min(left, SiteLength)})
			left -= SiteLength
		}
	}
	return jobs
}

// simulate plays one site from beginning to end, or until it fails a run that
// is to end then, or until ended says so.
func simulate(j job, o Options, ended func() bool) (outcome, error) {
	p, err := stage(j, o)
	if err != nil {
		return outcome{}, err
	}
	p.rig.ended = func() bool { return o.FailFast && len(p.rig.check.violations) > 0 || ended() }
	p.run()
	return p.outcome(j), nil
}

// stage makes everything ready to play one site.
func stage(j job, o Options) (*play, error) {
	theirs, ours, err := faultsOf(o.Faults)
	if err != nil {
		return nil, err
	}
	var scene Scene
	if o.Sites != nil {
		scene = configuredScene(o.Sites[j.site], j.seed, theirs)
	} else if scene, err = randomScene(j.seed, j.length, theirs); err != nil {
		return nil, err
	}
	if o.rush {
		hours := scene.World.Arrivals[0].PerHour
		for h := range hours {
			hours[h] = 6 * float64(len(scene.Settings.Connectors))
		}
	}
	p, err := build(&scene)
	if err != nil {
		return nil, fmt.Errorf("site %d: %w", j.seed, err)
	}
	p.end = epoch.Add(j.length)
	p.aim = newAim(j.seed, o.Faults)
	p.start(j.seed, ours)
	if o.secretly != nil {
		o.secretly(p)
	}
	return p, nil
}

// build makes the world and the daemon of a scene.
func build(scene *Scene) (*play, error) {
	world, err := edrvsim.New(scene.World)
	if err != nil {
		return nil, err
	}
	rig, err := newRig(scene.Settings, world)
	if err != nil {
		return nil, err
	}
	return &play{scene: scene, rig: rig}, nil
}

// play is one site while it is simulated.
type play struct {
	scene *Scene
	rig   *Rig
	seen  *Seen
	end   time.Time
	aim   *aim // nil: faults strike at their rates alone

	orders uint64
	judged []judged
}

func (p *play) start(seed uint64, faults map[DaemonFault]float64) {
	p.seen = newSeen()
	p.rig.check = newChecker(p.scene, p.rig.World, &p.rig.daemon, p.seen)
	p.rig.check.site = p.rig.Site
	p.rig.daemon.struck = p.seen.struck
	p.rig.daemon.reboot = p.reboot
	p.rig.daemon.attack, p.rig.daemon.metered = p.rig.attack, len(p.scene.Settings.Meters) > 0
	p.rig.daemon.start(epoch, seed, faults)
	p.rig.told = p.told
	p.rig.Effect = func(_ time.Time, e core.Effect) {
		if _, ok := e.(core.SendOrder); ok {
			p.orders++
		}
	}
	p.rig.stepped = p.stepped
	p.rig.World.Watch(p.rig.check.flowed)
	p.followSchedule()
	for _, d := range p.scene.Limits {
		at := epoch.Add(d.At)
		p.rig.answer(at, core.LimitSet{Circuit: d.Circuit, Limit: external(d, at)})
	}
}

// stepped lets a fault strike where it has not yet.
func (p *play) stepped(now time.Time) {
	if p.aim != nil {
		if name, ok := p.aim.take(now, p.rig.Site.State(), p.seen); ok {
			p.strike(now, name)
		}
	}
}

// told notes what the site hears.
func (p *play) told(now time.Time, in core.Input) {
	p.rig.check.told(now, in)
	switch in := in.(type) {
	case core.StationSeen:
		p.seen.stationSeen(now, in.Station, in.Online)
	case core.Listed:
		p.seen.listed = p.seen.listed || in.Failed == ""
		for _, st := range in.Stations {
			if st.Online.Value != !p.seen.offline[st.ID] {
				p.seen.stationSeen(now, st.ID, st.Online.Value)
			}
		}
	case core.LimitSet:
		p.seen.fell[in.Circuit] = now
		p.judgeBy(in.Circuit, now.Add(time.Millisecond), in.Limit.Until, in.Limit.Limit)
	}
}

// run plays to the end, the last part without faults.
func (p *play) run() {
	p.runTo(p.end)
	if !p.rig.ended() {
		p.rig.check.recovered(p.end)
	}
}

// runTo plays on to a time before the end, or to the end.
func (p *play) runTo(until time.Time) {
	if quiet := p.end.Add(-quietAtEnd); quiet.After(epoch) && !until.Before(quiet) {
		p.rig.Run(quiet)
		p.aim = nil
		p.rig.World.EndFaults()
		p.rig.daemon.quiet()
	}
	p.rig.Run(until)
}

// reboot starts the daemon again: whatever it waited for is gone.
func (p *play) reboot(now time.Time) {
	var kept answers
	for _, a := range p.rig.pending {
		if _, ok := a.in.(core.LimitSet); ok && a.at.After(now) {
			kept = append(kept, a)
		}
	}
	heap.Init(&kept)
	p.rig.pending = kept
	p.rig.World.EndSpans() // while there is somebody to judge them by
	if err := p.rig.boot(now); err != nil {
		panic(err) // it could be built before
	}
	p.rig.check.site = p.rig.Site
	p.rig.check.rebooted(&p.rig.saved)
	p.forgotten(now)
}

func (p *play) outcome(j job) outcome {
	return outcome{
		job: j, name: p.scene.Name, played: p.rig.World.Now().Sub(epoch), steps: p.rig.steps, seen: p.seen, totals: p.rig.World.TrueState().Totals,
		orders: p.orders, violations: p.rig.check.violations,
	}
}

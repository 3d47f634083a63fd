package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// plan is what the command line asks for.
type plan struct {
	binary string
	rate   float64
	steady time.Duration
	burst  time.Duration
	idle   time.Duration
	drips  int
	debug  bool
	noisy  bool
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("load: ")
	var p plan
	flag.StringVar(&p.binary, "binary", "", "headroom binary; empty: build it")
	flag.Float64Var(&p.rate, "rate", 2000, "webhooks a second in the steady part")
	flag.DurationVar(&p.steady, "for", 10*time.Minute, "length of the steady part")
	flag.DurationVar(&p.burst, "burst", 30*time.Second, "length of each overload")
	flag.DurationVar(&p.idle, "idle", time.Minute, "length of the part at rest; 0: none")
	flag.IntVar(&p.drips, "drips", 5000, "connections that drip")
	flag.BoolVar(&p.noisy, "noisy", false, "the machine is busy with other things: print what depends on its speed, and do not judge it")
	flag.BoolVar(&p.debug, "v", false, "show the daemon's log")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, &p)
	if err != nil {
		stop()
		log.Fatal(err)
	}
	if !ok {
		stop()
		log.Fatal("a bound is broken")
	}
}

// run goes through all parts and reports whether every bound held.
func run(ctx context.Context, p *plan) (bool, error) {
	dir, err := os.MkdirTemp("", "headroom-load-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	if p.binary == "" {
		if p.binary, err = build(ctx, dir); err != nil {
			return false, err
		}
	}
	fmt.Printf("%s, %d processors, load %s\n", runtime.Version(), runtime.NumCPU(), loadAverage())
	t := newTable(os.Stdout, p.noisy)
	info, err := os.Stat(p.binary)
	if err != nil {
		return false, err
	}
	t.head("the binary")
	t.most("size", float64(info.Size())/1e6, 25, "MB")

	if p.idle > 0 {
		if err := atRest(ctx, p, dir, t); err != nil {
			return false, fmt.Errorf("at rest: %w", err)
		}
	}
	if err := fromStart(ctx, p, dir, t); err != nil {
		return false, fmt.Errorf("start: %w", err)
	}
	if err := underLoad(ctx, p, dir, t); err != nil {
		return false, fmt.Errorf("under load: %w", err)
	}
	fmt.Printf("\nload average at the end: %s\n", loadAverage())
	return t.ok, nil
}

// scrapeEvery is how often Prometheus usually looks.
const scrapeEvery = 15 * time.Second

// atRest measures what the daemon takes while nothing happens.
func atRest(ctx context.Context, p *plan, dir string, t *table) error {
	t.head("at rest: %d connectors, no car, metrics read every %s, for %s", connectors, scrapeEvery, p.idle)
	rig, err := newRig(ctx, p, dir, 0, usualCalls)
	if err != nil {
		return err
	}
	defer rig.close()
	if err := rig.ready(ctx); err != nil {
		return err
	}
	if err := wait(ctx, 5*time.Second); err != nil { // what the start left behind
		return err
	}
	before, err := rig.daemon.usage()
	if err != nil {
		return err
	}
	for end := time.Now().Add(p.idle); time.Now().Before(end); {
		if _, err := rig.daemon.metrics(ctx); err != nil {
			return err
		}
		if err := wait(ctx, min(scrapeEvery, time.Until(end))); err != nil {
			return err
		}
	}
	after, err := rig.daemon.usage()
	if err != nil {
		return err
	}
	t.most("memory (RSS)", after.rss, 128, "MiB")
	t.soon("processor", 100*(after.cpu-before.cpu).Seconds()/p.idle.Seconds(), 3, "% of a core")
	return nil
}

// The rates of calls to eDRV: what a site has, and what lets thousands of orders
// settle in a time that one can wait for.
const (
	usualCalls = 10
	fastCalls  = 200
)

// fromStart measures how soon a daemon that starts on a congested site acts.
func fromStart(ctx context.Context, p *plan, dir string, t *table) error {
	t.head("start: %d sessions, %d circuits, congested, %d calls a second", connectors-spare, circuits, usualCalls)
	rig, err := newRig(ctx, p, dir, connectors-spare, usualCalls)
	if err != nil {
		return err
	}
	defer rig.close()
	first, err := rig.firstOrder(ctx)
	if err != nil {
		return err
	}
	t.soon("start to first order", first.Seconds(), 10, "s")
	return nil
}

// underLoad measures the daemon with a car nearly everywhere.
func underLoad(ctx context.Context, p *plan, dir string, t *table) error {
	rig, err := newRig(ctx, p, dir, connectors-spare, fastCalls)
	if err != nil {
		return err
	}
	defer rig.close()
	if err := rig.settle(ctx); err != nil {
		return err
	}
	stop := rig.arrivals(ctx)
	defer stop()
	for _, part := range parts(p) {
		if err := rig.play(ctx, part, t); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	stop()
	t.head("over all parts")
	return rig.judge(t)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

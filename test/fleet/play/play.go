package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/fleet"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// Options are what is played.
type Options struct {
	Sites, Connectors     int // connectors of each site
	Gateways, Controllers int
	Calm                  time.Duration // between two blows
	Dir                   string        // for programs, configurations and logs; empty: removed at the end
	Out                   io.Writer
}

// within is how soon all sites must be steered again.
const within = 30 * time.Second

// play is a fleet that runs.
type play struct {
	Options
	dir      string
	sites    string // path of the file that the fleet is given
	eDRV     *edrvsim.Server
	nats     []*process
	urls     []string
	gateways []*node
	controls []*node
	balancer *balancer
	eyes     *eyes
	failed   []string
}

// Run plays. The error says what did not hold.
func Run(ctx context.Context, o Options) error {
	p := &play{Options: o, dir: o.Dir}
	if p.dir == "" {
		dir, err := os.MkdirTemp("", "headroom-fleet-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		p.dir = dir
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer p.killAll()
	if err := p.start(ctx); err != nil {
		return err
	}
	defer p.eDRV.Close()
	watching, blind := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { p.eyes.run(watching) })
	err := p.script(ctx)
	blind()
	watch.Wait()
	if err != nil {
		return err
	}
	return p.judge(ctx)
}

func (p *play) say(format string, args ...any) {
	fmt.Fprintf(p.Out, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// start builds and starts everything.
func (p *play) start(ctx context.Context) error {
	p.say("building headroom and nats-server")
	program, server := filepath.Join(p.dir, "headroom"), filepath.Join(p.dir, "nats-server")
	tree, err := tree(ctx)
	if err != nil {
		return err
	}
	if err := build(ctx, tree, program, "./cmd/headroom"); err != nil {
		return err
	}
	if err := build(ctx, "", server, "github.com/nats-io/nats-server/v2"); err != nil {
		return err
	}
	w, err := world(p.Sites, p.Connectors)
	if err != nil {
		return err
	}
	if p.nats, p.urls, err = natsServers(p.dir, server, 3); err != nil {
		return err
	}
	p.eDRV = edrvsim.NewServer(edrvsim.Options{World: w, APIKey: apiKey, WebhookClient: &http.Client{Transport: handle{p}}})
	url, err := p.eDRV.Start(ctx)
	if err != nil {
		return err
	}
	for i := range p.Gateways {
		n, err := nodeOf(p.dir, program, fmt.Sprintf("gateway-%d", i+1), "gateway", url, p.urls)
		if err != nil {
			return err
		}
		p.gateways = append(p.gateways, n)
	}
	for i := range p.Controllers {
		n, err := nodeOf(p.dir, program, fmt.Sprintf("controller-%d", i+1), "controller", url, p.urls)
		if err != nil {
			return err
		}
		p.controls = append(p.controls, n)
	}
	p.balancer, p.eyes = newBalancer(p.gateways), newEyes(p.eDRV, p.controls)
	p.sites = filepath.Join(p.dir, "sites.yaml")
	if err := os.WriteFile(p.sites, sitesFile(&p.Options), 0o600); err != nil {
		return err
	}
	for _, s := range p.processes() {
		if err := s.start(); err != nil {
			return err
		}
	}
	p.eDRV.SetWebhook(edrvsim.Webhook{
		URL: "http://gateways/webhooks/edrv", Signing: edrvsim.Signing{Secret: webhookSecret, Scheme: edrvsim.SignTimestampBody},
	})
	if err := p.apply(ctx); err != nil {
		return err
	}
	p.say("3 NATS servers, %d gateways, %d controllers and an eDRV with %d sites of %d connectors run", p.Gateways, p.Controllers, p.Sites, p.Connectors)
	return nil
}

// handle is the transport of the simulator: the balancer is made after it.
type handle struct{ p *play }

// RoundTrip delivers one webhook.
func (h handle) RoundTrip(r *http.Request) (*http.Response, error) { return h.p.balancer.RoundTrip(r) }

func (p *play) processes() (all []*process) {
	all = append(all, p.nats...)
	for _, n := range append(append([]*node{}, p.gateways...), p.controls...) {
		all = append(all, n.process)
	}
	return all
}

func (p *play) killAll() {
	for _, s := range p.processes() {
		s.kill()
	}
}

// apply gives the fleet its sites as an operator does, once the servers are there.
func (p *play) apply(ctx context.Context) error {
	var out []byte
	var failed error
	err := until(ctx, time.Minute, "headroom fleet apply", func() bool {
		out, failed = p.gateways[0].command(ctx, "fleet", "apply", "--sites", p.sites).CombinedOutput()
		return failed == nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w: %s", err, failed, out)
	}
	return nil
}

// script is what happens.
func (p *play) script(ctx context.Context) error {
	begun := time.Now()
	if err := until(ctx, 3*time.Minute, "all sites are steered", func() bool { return p.eyes.steered(begun) == p.Sites }); err != nil {
		return fmt.Errorf("%w: %d of %d sites are", err, p.eyes.steered(begun), p.Sites)
	}
	p.say("all %d sites are steered %s after the start", p.Sites, time.Since(begun).Round(100*time.Millisecond))
	calm := func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(p.Calm):
			return nil
		}
	}
	if err := calm(); err != nil {
		return err
	}

	if err := p.status(ctx); err != nil {
		return err
	}
	victim := p.eyes.busiest()
	name, err := leader(ctx, p.urls)
	if err != nil {
		return err
	}
	server := p.nats[slices.IndexFunc(p.nats, func(s *process) bool { return s.name == name })]
	steps := []struct {
		what string
		do   func() error
	}{
		{"kill -9 of " + victim.name + ", which steers the most sites", func() error { victim.kill(); return nil }},
		{victim.name + " starts again, and sites move to it", victim.start},
		{"kill -9 of " + p.gateways[0].name, func() error { p.gateways[0].kill(); return nil }},
		{p.gateways[0].name + " starts again", p.gateways[0].start},
		{"kill -9 of " + server.name + ", which leads the bucket", func() error { server.kill(); return nil }},
		{server.name + " starts again", server.start},
		{"SIGSTOP of " + p.controls[0].name, p.controls[0].freeze},
		{p.controls[0].name + " goes on as if nothing had been", p.controls[0].thaw},
	}
	for _, s := range steps {
		at := time.Now()
		p.say("%s", s.what)
		if err := s.do(); err != nil {
			return err
		}
		err := until(ctx, within, s.what, func() bool {
			return p.eyes.steered(at) == p.Sites && p.balancer.newest().After(at)
		})
		if took := time.Since(at); err != nil {
			p.fail("%v: %d of %d sites are steered, the last event was taken %s ago", err, p.eyes.steered(at), p.Sites, time.Since(p.balancer.newest()).Round(time.Second))
		} else {
			p.say("    all sites are steered, and events are taken, %s later", took.Round(100*time.Millisecond))
		}
		if err := calm(); err != nil {
			return err
		}
	}
	return p.upgrade(ctx)
}

// handOver is how long a site may be nobody's when its owner is told to stop: less
// than the lease, which is what is not to be waited for.
const handOver = fleet.DefaultLease * 2 / 3

// upgrade stops every machine as an operator does, and starts it again as a new
// version would be, each once the one before is ready.
func (p *play) upgrade(ctx context.Context) error {
	p.say("rolling upgrade: each machine gets SIGTERM and starts again")
	w, err := watchOwners(ctx, p.urls)
	if err != nil {
		return err
	}
	defer w.close()
	p.balancer.mu.Lock()
	before := p.balancer.again
	p.balancer.mu.Unlock()
	begun := time.Now()
	for _, n := range append(slices.Clone(p.gateways), p.controls...) {
		at := time.Now()
		if err := n.stop(); err != nil {
			p.fail("%v", err)
		}
		stopped := time.Since(at)
		if err := n.start(); err != nil {
			return err
		}
		err := until(ctx, within, n.name+" is ready, and all sites are steered", func() bool {
			return n.ready(ctx) && p.eyes.steered(at) == p.Sites && p.balancer.newest().After(at)
		})
		if err != nil {
			p.fail("%v: %d of %d sites are steered", err, p.eyes.steered(at), p.Sites)
			continue
		}
		p.say("    %s stopped in %s; it is ready, and all sites are steered, after %s", n.name,
			stopped.Round(100*time.Millisecond), time.Since(at).Round(100*time.Millisecond))
	}
	longest, moves, seized := w.result()
	p.balancer.mu.Lock()
	again := p.balancer.again - before
	p.balancer.mu.Unlock()
	p.say("    %d sites were handed over, the slowest was nobody's for %s; %d deliveries were tried again; all in %s",
		moves, longest.Round(time.Millisecond), again, time.Since(begun).Round(time.Second))
	if longest > handOver || len(seized) > 0 || moves == 0 {
		p.fail("sites were to be handed over within %s: the slowest took %s, and these were taken without having been given back: %v", handOver, longest, head(seized))
	}
	return nil
}

// status asks as an operator does, until every machine is there and every
// controller has a part of the sites.
func (p *play) status(ctx context.Context) error {
	n := p.gateways[0]
	var (
		status fleet.Status
		owned  map[string]int
		failed error
	)
	err := until(ctx, within, "headroom fleet status shows the fleet", func() bool {
		out, err := n.command(ctx, "fleet", "status", "--format", "json").Output() // it fails as long as a site has no owner
		status = fleet.Status{}
		if failed = errors.Join(err, json.Unmarshal(out, &status)); failed != nil {
			return false
		}
		owned = map[string]int{}
		for _, s := range status.Sites {
			owned[s.Node]++
		}
		return len(status.Nodes) == p.Gateways+p.Controllers && len(status.Sites) == p.Sites && len(owned) == p.Controllers
	})
	if err != nil {
		return fmt.Errorf("%w: %d machines, sites of each: %v: %v", err, len(status.Nodes), owned, failed)
	}
	p.say("headroom fleet status: %d machines; sites of each: %v", len(status.Nodes), owned)
	return p.shown(ctx)
}

// shown looks at the page of every machine, which is to have all sites and their
// owners, and at its metrics.
func (p *play) shown(ctx context.Context) error {
	var lacking []string
	err := until(ctx, within, "every page shows the fleet, and metrics of every machine add up", func() bool {
		lacking = nil
		steered := 0
		for _, n := range append(slices.Clone(p.gateways), p.controls...) {
			page, metrics := n.get(ctx, "/"), n.get(ctx, "/metrics")
			for i := range p.Sites {
				if !strings.Contains(page, siteName(i)) {
					lacking = append(lacking, n.name+" does not show "+siteName(i))
				}
			}
			for _, c := range p.controls {
				if !strings.Contains(page, c.name) {
					lacking = append(lacking, n.name+" does not show "+c.name)
				}
			}
			if !strings.Contains(metrics, "\nheadroom_fleet_in_session 1\n") {
				lacking = append(lacking, n.name+" has no session")
			}
			var sites int
			if _, after, ok := strings.Cut(metrics, "\nheadroom_fleet_sites "); ok {
				_, _ = fmt.Sscan(after, &sites)
			}
			steered += sites
		}
		if steered != p.Sites {
			lacking = append(lacking, fmt.Sprintf("the metrics have %d sites", steered))
		}
		return len(lacking) == 0
	})
	if err != nil {
		return fmt.Errorf("%w: %v", err, head(lacking))
	}
	p.say("every page shows all sites and machines; by their metrics they steer %d sites in all", p.Sites)
	return nil
}

func (p *play) fail(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.failed = append(p.failed, text)
	p.say("    FAILED: %s", text)
}

// judge ends the events, waits until they are dealt with, and adds up.
func (p *play) judge(ctx context.Context) error {
	p.eDRV.SetWebhook(edrvsim.Webhook{})
	p.balancer.mu.Lock()
	taken, again := maps.Clone(p.balancer.taken), p.balancer.again
	p.balancer.mu.Unlock()
	var missing, behind []string
	err := until(ctx, 90*time.Second, "all events are dealt with", func() bool {
		var err error
		missing, behind, err = lost(ctx, p.urls, taken, p.Sites)
		return err == nil && len(behind) == 0
	})
	if err != nil {
		p.fail("%v: %d sites are behind, such as %v", err, len(behind), head(behind))
	}
	truth := p.eDRV.TrueState()
	passed := over(&truth)
	p.say("%d events answered with 200, %d lost; %d deliveries were tried again", len(taken), len(missing), again)
	p.say("%d sessions; calls to eDRV: %s", truth.Totals.Sessions, truth.Calls)
	p.say("%d sites passed their limit; what chargers permit was compared %d times with what is said of them: %d times it was more",
		len(passed), p.eyes.compared, len(p.eyes.unsound))
	if len(missing) > 0 {
		p.fail("events that were answered with 200 are lost, such as %v", head(missing))
	}
	if len(passed) > 0 {
		p.fail("limits were passed: %v", head(passed))
	}
	if len(p.eyes.unsound) > 0 {
		p.fail("more was permitted than is known of: %v", head(p.eyes.unsound))
	}
	if len(taken) == 0 || p.eyes.compared == 0 {
		p.fail("nothing was seen: %d events, %d comparisons", len(taken), p.eyes.compared)
	}
	if len(p.failed) > 0 {
		return errors.New("it did not hold: see above")
	}
	p.say("0 lost events, 0 violations, every site steered again within %s", within)
	return nil
}

func head(list []string) []string { return list[:min(len(list), 5)] }

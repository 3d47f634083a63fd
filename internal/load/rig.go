package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// rig is the daemon before a simulated eDRV.
type rig struct {
	eDRV    *edrvsim.Server
	daemon  *daemon
	watch   *watch
	reports atomic.Pointer[[]report] // what the sessions draw now, by connector
	last    []float64                // W; the last report of each connector that was taken
	stop    context.CancelFunc
	running sync.WaitGroup
}

// report is what a charger would report.
type report struct {
	session string // empty: no car
	watts   float64
}

// newRig starts eDRV with that many cars at its posts, and the daemon before it,
// which calls eDRV at the given rate.
func newRig(ctx context.Context, p *plan, dir string, cars int, callsPerSecond float64) (*rig, error) {
	s := spec()
	world, err := edrvsim.New(s)
	if err != nil {
		return nil, err
	}
	for i := range cars {
		if err := world.Plug(s.Start, connector(i), edrvsim.CarSpec{}); err != nil {
			return nil, err
		}
	}
	r := &rig{watch: newWatch(), last: make([]float64, connectors)}
	r.eDRV = edrvsim.NewServer(edrvsim.Options{
		World: world, APIKey: apiKey, WebhookClient: &http.Client{Transport: r.watch.hooks(new(http.Transport))},
	})
	ctx, r.stop = context.WithCancel(ctx)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	api := &http.Server{Handler: r.watch.orders(r.eDRV.Handler()), ReadHeaderTimeout: 10 * time.Second}
	r.running.Go(func() { _ = r.eDRV.Run(ctx, nil) }) // ends with the context
	r.running.Go(func() {
		if err := api.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "load: the simulated eDRV:", err)
		}
	})
	context.AfterFunc(ctx, func() { _ = api.Close() })
	if err := wait(ctx, 3*time.Second); err != nil { // the sessions start
		r.close()
		return nil, err
	}
	r.look()
	file := filepath.Join(dir, "load.yaml")
	text := configuration(&s, "http://"+listener.Addr().String()+"/v1.1", filepath.Join(dir, fmt.Sprintf("data%d-%g", cars, callsPerSecond)), callsPerSecond)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.close()
		return nil, err
	}
	if r.daemon, err = startDaemon(p, file); err != nil {
		r.close()
		return nil, err
	}
	r.eDRV.SetWebhook(edrvsim.Webhook{
		URL:     "http://" + r.daemon.hooks + "/webhooks/edrv",
		Signing: edrvsim.Signing{Secret: hookSecret, Scheme: edrvsim.SignTimestampBody},
	})
	r.running.Go(func() {
		for wait(ctx, time.Second) == nil {
			r.look()
		}
	})
	return r, nil
}

func (r *rig) close() {
	if r.daemon != nil {
		r.daemon.stop()
	}
	r.stop()
	r.running.Wait()
}

// look takes over what the cars draw now.
func (r *rig) look() {
	truth := r.eDRV.TrueState()
	reports := make([]report, len(truth.Connectors))
	for i, c := range truth.Connectors {
		reports[i] = report{c.Session, c.Watts}
		r.watch.limitIs(c.Session, c.Limit.Value, i)
	}
	r.reports.Store(&reports)
}

// ready waits until the daemon has its first full list.
func (r *rig) ready(ctx context.Context) error {
	for range 300 {
		if _, err := r.daemon.get(ctx, "/readyz"); err == nil {
			return nil
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("the daemon is not ready after 30 s")
}

// firstOrder waits for the daemon's first order, and tells how long after its
// start it came.
func (r *rig) firstOrder(ctx context.Context) (time.Duration, error) {
	select {
	case at := <-r.watch.first:
		return at.Sub(r.daemon.began), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(time.Minute):
		return 0, errors.New("no order after a minute")
	}
}

// settle waits until no order is under way any more, for a few seconds.
func (r *rig) settle(ctx context.Context) error {
	calm := 0
	for range 180 {
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
		s, err := r.daemon.state(ctx)
		if err != nil {
			return err
		}
		waiting := 0
		for _, c := range s.Connectors {
			if c.InFlight != nil {
				waiting++
			}
		}
		if calm++; waiting > connectors/100 {
			calm = 0
		}
		if calm == 5 {
			return nil
		}
	}
	return errors.New("orders are still under way after three minutes")
}

// arrivals has a car come to a free post every few seconds and stay a while,
// until stop is called.
func (r *rig) arrivals(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for n := 0; wait(ctx, arrivalEvery) == nil; n++ {
			post := connectors - spare + n%spare
			r.eDRV.Do(func(w *edrvsim.World) {
				if err := w.Plug(w.Now(), connector(post), edrvsim.CarSpec{Stay: stay}); err != nil {
					fmt.Fprintln(os.Stderr, "load:", err) // the scene is wrong: no cut will come, and a bound breaks
				}
			})
		}
	})
	return func() { cancel(); running.Wait() }
}

// How often a car arrives, and how long it stays: long enough for the others to
// have settled before the next one comes to its post.
const (
	arrivalEvery = 2 * time.Second
	stay         = 45 * time.Second
)

// judge prints what was measured beside the parts.
func (r *rig) judge(t *table) error {
	u, err := r.daemon.usage()
	if err != nil {
		return err
	}
	t.most("peak memory (RSS)", u.peak, 256, "MiB")
	took, missing := r.watch.cuts()
	t.least("arrivals", float64(len(took)+missing), 1, "")
	t.soon("arrivals without a cut in time", float64(missing), 0, "")
	t.note("event to cut p50", quantile(took, 0.5), "ms")
	t.soon("event to cut p99", quantile(took, 0.99), 2000, "ms")
	return nil
}

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/headroom-ev/headroom/controller"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// Options are what a demo can be told.
type Options struct {
	Seed     uint64        // of the cars that come
	Speed    float64       // 1 is the scene's own rhythm
	Duration time.Duration // 0: until the context ends
	Cars     int           // in each wave; 0 is the scene's own number
	Admin    string        // address of the page; empty: a free loopback port
	Out      io.Writer     // where the summary goes
	Terminal bool          // Out is a terminal: the live line is redrawn in place
	Logger   *slog.Logger
	Version  string
}

// ErrOverLimit is the outcome of a demo in which the true power passed a limit.
var ErrOverLimit = errors.New("the true power of the site passed a limit")

// Run plays the demo. It returns nil when the true power never passed a limit.
func Run(ctx context.Context, o Options) error {
	if o.Speed <= 0 {
		o.Speed = 1
	}
	if o.Admin == "" {
		o.Admin = "127.0.0.1:0"
	}
	data, err := os.MkdirTemp("", "headroom-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	scene := edrvsim.DemoSpec(o.Seed, o.Cars)
	world, err := edrvsim.New(scene.Spec)
	if err != nil {
		return err
	}
	eDRV := edrvsim.NewServer(edrvsim.Options{World: world, APIKey: apiKey, Speed: o.Speed})
	url, err := eDRV.Start(ctx)
	if err != nil {
		return err
	}
	defer eDRV.Close()
	meterURL, closeMeter, err := meter(eDRV)
	if err != nil {
		return err
	}
	defer closeMeter()
	cfg, err := configOf(scene, url, meterURL, o.Admin, data, o.Speed)
	if err != nil {
		return err
	}
	daemon, err := controller.New(controller.Options{
		Config: cfg, Logger: o.Logger, Version: o.Version, SampleEvery: time.Second,
	})
	if err != nil {
		return err
	}
	eDRV.SetWebhook(edrvsim.Webhook{
		URL:     "http://" + daemon.WebhookAddr().String() + "/webhooks/edrv",
		Signing: edrvsim.Signing{Secret: webhookSecret, Scheme: edrvsim.SignTimestampBody},
	})
	return play(ctx, o, eDRV, daemon)
}

// play runs the daemon for as long as is asked and shows what happens.
func play(ctx context.Context, o Options, eDRV *edrvsim.Server, daemon *controller.Controller) error {
	run, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(run) }()

	fmt.Fprintf(o.Out, "A simulated eDRV, and the real daemon steering it.\n\n  page     http://%s/\n  metrics  http://%s/metrics\n\n",
		daemon.AdminAddr(), daemon.AdminAddr())
	var over <-chan time.Time
	if o.Duration > 0 {
		over = time.After(o.Duration)
	}
	l := newLive(o)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-over:
			stop()
		case <-ctx.Done():
		case <-tick.C:
			l.show(eDRV.TrueState(), view(daemon))
			continue
		}
		err := <-ended
		state := eDRV.TrueState()
		l.summary(state, view(daemon))
		if err == nil && overLimit(state) {
			err = ErrOverLimit
		}
		return err
	}
}

func view(daemon *controller.Controller) *core.View {
	v, _ := daemon.View(daemon.Names()[0])
	return v
}

func overLimit(state edrvsim.TrueState) bool {
	for _, c := range state.Circuits {
		if c.Trace.Over > 0 {
			return true
		}
	}
	return false
}

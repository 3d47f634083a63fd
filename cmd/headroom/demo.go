package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/headroom-ev/headroom/internal/demo"
)

// demoCmd shows everything at work.
type demoCmd struct {
	Seed     uint64        `default:"1" help:"Which cars come."`
	Speed    float64       `default:"1" help:"How many times as fast."`
	Duration time.Duration `help:"How long, such as 60s; without it until interrupted."`
	Cars     int           `help:"Cars in each wave."`
	Admin    string        `default:"127.0.0.1:9090" placeholder:"ADDR" help:"Address of the page."`
	Verbose  bool          `help:"Write the daemon's log to standard error."`
}

// Run plays the demo.
func (c *demoCmd) Run(ctx context.Context, env *environment) error {
	log := slog.New(slog.DiscardHandler)
	if c.Verbose {
		log = env.log
	}
	return demo.Run(ctx, demo.Options{
		Seed: c.Seed, Speed: c.Speed, Duration: c.Duration, Cars: c.Cars, Admin: c.Admin,
		Out: env.stdout, Terminal: isTerminal(env.stdout), Logger: log, Version: version().Version,
	})
}

// isTerminal reports whether lines written to w can be redrawn.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

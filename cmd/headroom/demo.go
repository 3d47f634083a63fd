package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
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

// fastest is the most that the daemon of the demo keeps up with: ten calls a
// second and more at the scene's own rhythm.
const fastest = 100

// Run plays the demo.
func (c *demoCmd) Run(ctx context.Context, env *environment) error {
	_, _, badAddress := net.SplitHostPort(c.Admin)
	switch {
	case !(c.Speed > 0 && c.Speed <= fastest):
		return &exitError{exitUsage, fmt.Errorf("--speed must be above 0 and at most %d", fastest)}
	case c.Duration < 0 || c.Cars < 0:
		return &exitError{exitUsage, errors.New("--duration and --cars must not be negative")}
	case badAddress != nil:
		return &exitError{exitUsage, fmt.Errorf("--admin must be an address and a port, such as 127.0.0.1:9090: %w", badAddress)}
	}
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

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/controller"
	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/internal/simulate"
)

// simulateCmd runs the core of a site through faults in virtual time.
type simulateCmd struct {
	Config   string        `placeholder:"FILE" help:"Simulate the sites of a configuration; without it, random sites."`
	Duration time.Duration `default:"720h" help:"Site-hours of each run, over all its sites."`
	Seed     uint64        `default:"1" help:"Seed of the first run. The same seed gives the same run, bit for bit."`
	Runs     int           `default:"1" help:"Runs, each with the next seed."`
	Faults   string        `default:"all" placeholder:"all|none|LIST" help:"Faults that may strike, separated by commas."`
	FailFast bool          `help:"End at the first broken invariant, and do not look for the shortest trace to it."`
	Format   string        `enum:"table,json" default:"table" help:"Output: table or json."`
}

// Run simulates, and fails where an invariant was broken.
func (c *simulateCmd) Run(ctx context.Context, env *environment) error {
	o := simulate.Options{Seed: c.Seed, Runs: c.Runs, Duration: c.Duration, FailFast: c.FailFast}
	if c.Duration <= 0 || c.Runs < 1 {
		return &exitError{exitUsage, errors.New("--duration and --runs must be above 0")}
	}
	switch c.Faults {
	case "all":
	case "none":
		o.Faults = []string{}
	default:
		o.Faults = strings.Split(c.Faults, ",")
	}
	if c.Config != "" {
		cfg, err := config.Load(c.Config, config.ForSimulate)
		if err != nil {
			return &exitError{exitConfig, fmt.Errorf("%s has mistakes:\n%w", c.Config, err)}
		}
		for i := range cfg.Sites {
			set, err := controller.SiteSettings(&cfg.Sites[i], &cfg.Control)
			if err != nil {
				return &exitError{exitConfig, err}
			}
			o.Sites = append(o.Sites, set)
		}
	}
	if isTerminal(env.stderr) {
		o.Progress = func(done, of time.Duration) {
			fmt.Fprintf(env.stderr, "\r\x1b[K%3.0f %%  %.0f of %.0f site-hours", 100*done.Hours()/of.Hours(), done.Hours(), of.Hours())
		}
		defer fmt.Fprint(env.stderr, "\r\x1b[K")
	}
	result, err := simulate.Run(ctx, o)
	if err != nil {
		if errors.Is(err, simulate.ErrFault) {
			return &exitError{exitUsage, err}
		}
		return err
	}
	if err := inFormat(c.Format, env.stdout, result); err != nil {
		return err
	}
	if !result.OK() {
		return fmt.Errorf("seeds %v failed", result.SeedsFailed)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/internal/replay"
)

// replayCmd runs the engine over recorded sessions.
type replayCmd struct {
	Config   []string      `required:"" sep:"none" placeholder:"FILE" help:"Configuration file; one with sites alone will do. Give it several times to compare sites."`
	Sessions string        `required:"" placeholder:"CSV" help:"Sessions, one a line: session, connector (empty: any free one), arrival and departure (RFC 3339), energy_kwh, and optionally max_amps, max_kw, phases, tier, weight."`
	Share    []string      `placeholder:"RULE" help:"Sharing rules, separated by commas; without it the site's own."`
	Site     string        `placeholder:"ID" help:"Site of a configuration that has several."`
	Step     time.Duration `default:"5m" help:"Longest time between two decisions, from 1s to 24h."`
	Car      string        `enum:"real,ideal" default:"real" help:"How cars draw: real (plateau, tail, nothing below 6 A) or ideal (all they are given, be it ever so little, until served)."`
	Plot     string        `placeholder:"FILE" help:"Draw power, limit and waiting cars into a .png or .svg file."`
	Format   string        `enum:"table,json" default:"table" help:"Output: table or json."`
}

// Run replays, and writes the report.
func (c *replayCmd) Run(ctx context.Context, env *environment) error {
	if err := replay.CanPlot(c.Plot); err != nil {
		return exitFor(err)
	}
	car, err := replay.CarNamed(c.Car)
	if err != nil {
		return exitFor(err)
	}
	o := replay.Options{Site: c.Site, Shares: c.Share, Step: c.Step, Car: car, Timelines: c.Plot != ""}
	for _, name := range c.Config {
		file, err := openSites(env, name, config.ForReplay)
		if err != nil {
			return err
		}
		o.Files = append(o.Files, file)
	}
	if o.Recording, err = replay.ReadRecording(c.Sessions); err != nil {
		return fmt.Errorf("the sessions cannot be used:\n%w", err)
	}
	var end func()
	o.Progress, end = env.progress()
	report, err := replay.Replay(ctx, o)
	end()
	if err != nil {
		return exitFor(err)
	}
	if c.Plot != "" {
		if err := report.Plot(c.Plot); err != nil {
			return err
		}
	}
	return inFormat(c.Format, env.stdout, report)
}

// openSites reads a configuration for a replay, and tells what is odd in it.
func openSites(env *environment, name string, use config.Use) (replay.File, error) {
	cfg, err := config.Load(name, use)
	if err != nil {
		return replay.File{}, &exitError{exitConfig, fmt.Errorf("the configuration cannot be used:\n%w", err)}
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(env.stderr, "warning:", w)
	}
	return replay.File{Name: name, Config: cfg}, nil
}

// exitFor gives mistakes on the command line their exit code.
func exitFor(err error) error {
	if errors.Is(err, replay.ErrUsage) {
		return &exitError{exitUsage, err}
	}
	return err
}

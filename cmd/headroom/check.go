package main

import (
	"fmt"

	"github.com/headroom-ev/headroom/controller/config"
)

// checkCmd validates a configuration.
type checkCmd struct {
	Config string `required:"" placeholder:"FILE" help:"Configuration file; one with sites alone will do."`
}

// Run prints the circuits, or every mistake.
func (c *checkCmd) Run(env *environment) error {
	cfg, err := config.Load(c.Config, config.ForCheck)
	if err != nil {
		fmt.Fprintln(env.stdout, err)
		return fmt.Errorf("%s has mistakes", c.Config)
	}
	if err := cfg.Report(env.stdout); err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(env.stdout, "warning:", w)
	}
	return nil
}

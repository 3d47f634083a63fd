package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/headroom-ev/headroom/controller"
	"github.com/headroom-ev/headroom/controller/config"
)

// runCmd is the daemon.
type runCmd struct {
	Config string `required:"" placeholder:"FILE" help:"Configuration file."`
}

// Run steers until the context ends.
func (c *runCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := config.Load(c.Config, config.ForRun)
	if err != nil {
		return &exitError{exitConfig, fmt.Errorf("the configuration cannot be used:\n%w", err)}
	}
	for _, w := range cfg.Warnings {
		env.log.Warn("configuration", "at", w.String())
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	daemon, err := controller.New(controller.Options{
		Config: cfg, Logger: env.log, Version: version().Version, ConfigFile: c.Config, Reload: reload,
	})
	if err != nil {
		return err
	}
	return daemon.Run(ctx)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/headroom-ev/headroom/controller"
	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/fleet"
)

// fleetCmd looks at a fleet, and tells it what to steer.
type fleetCmd struct {
	Status fleetStatusCmd `cmd:"" help:"Say who is in the fleet, and who steers which site."`
	Apply  fleetApplyCmd  `cmd:"" help:"Give the fleet its sites: every machine whose file has none takes them over at once."`
	Sites  fleetSitesCmd  `cmd:"" help:"Print what the fleet was given."`
}

// fleetConfig is the file of a machine of a fleet.
func fleetConfig(path string) (*config.Config, error) {
	cfg, err := config.Load(path, config.ForRun)
	if err != nil {
		return nil, &exitError{exitConfig, fmt.Errorf("the configuration cannot be used:\n%w", err)}
	}
	if !cfg.Fleet.IsSet() {
		return nil, &exitError{exitConfig, fmt.Errorf("%s has no fleet: this machine steers its sites alone", path)}
	}
	return cfg, nil
}

// fleetApplyCmd checks what is to be steered, and gives it to all machines.
type fleetApplyCmd struct {
	Config string `required:"" placeholder:"FILE" help:"Configuration of any machine of the fleet."`
	Sites  string `required:"" placeholder:"FILE" help:"What all machines are to steer: sites and control, and nothing else."`
}

// Run changes nothing where anything is wrong.
func (c *fleetApplyCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := fleetConfig(c.Config)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.Sites)
	if err != nil {
		return err
	}
	sites, err := config.Parse(c.Sites, text, config.ForApply, os.LookupEnv)
	if err != nil {
		return &exitError{exitConfig, fmt.Errorf("the fleet keeps what it has:\n%w", err)}
	}
	for _, w := range sites.Warnings {
		fmt.Fprintln(env.stderr, "warning:", w)
	}
	number, changed, err := fleet.Apply(ctx, controller.FleetOptions(cfg), text)
	if err != nil {
		return err
	}
	if !changed {
		fmt.Fprintf(env.stdout, "The fleet has this configuration already, as number %d.\n", number)
		return nil
	}
	fmt.Fprintf(env.stdout, "The fleet has a new configuration, number %d, with %d sites. headroom fleet status shows who has taken it.\n", number, len(sites.Sites))
	if !cfg.Fleet.HasSites {
		fmt.Fprintf(env.stdout, "%s has sites of its own: a machine with such a file steers those.\n", c.Config)
	}
	return nil
}

// fleetSitesCmd prints what Apply gave.
type fleetSitesCmd struct {
	Config string `required:"" placeholder:"FILE" help:"Configuration of any machine of the fleet."`
}

// Run prints it as it was.
func (c *fleetSitesCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := fleetConfig(c.Config)
	if err != nil {
		return err
	}
	text, _, err := sitesOf(ctx, cfg)
	if err != nil {
		return err
	}
	_, err = env.stdout.Write(text)
	return err
}

// sitesOf is what the fleet was given.
func sitesOf(ctx context.Context, cfg *config.Config) (text []byte, number uint64, err error) {
	text, number, err = fleet.Configuration(ctx, controller.FleetOptions(cfg))
	if err == nil && number == 0 {
		err = errors.New("the fleet has no configuration yet: give it one with headroom fleet apply")
	}
	return text, number, err
}

// fleetStatusCmd asks the NATS servers; it needs no machine of the fleet to answer.
type fleetStatusCmd struct {
	Config string `required:"" placeholder:"FILE" help:"Configuration of any machine of the fleet."`
	Format string `enum:"table,json" default:"table" help:"table or json."`
}

// Run prints the status. The answer is no where a site has no owner.
func (c *fleetStatusCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := fleetConfig(c.Config)
	if err != nil {
		return err
	}
	if cfg.Fleet.HasSites {
		text, _, err := sitesOf(ctx, cfg)
		if err != nil {
			return err
		}
		if cfg, err = cfg.WithShared("configuration of the fleet", text, config.ForApply, os.LookupEnv); err != nil {
			return err
		}
	}
	status, err := fleet.Read(ctx, controller.FleetOptions(cfg))
	if err != nil {
		return err
	}
	status.Keep(controller.FleetSites(cfg))
	if c.Format == "json" {
		err = writeJSON(env.stdout, status)
	} else {
		err = writeFleet(env.stdout, status, cfg.Shared)
	}
	if err != nil {
		return err
	}
	for _, s := range status.Sites {
		if s.Node == "" {
			return fmt.Errorf("nobody steers site %s", s.ID)
		}
	}
	return nil
}

func writeFleet(out io.Writer, status *fleet.Status, shared string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tROLE\tSITES\tSINCE\tVERSION\tSTATE")
	for _, n := range status.Nodes {
		state := "in session"
		switch {
		case n.Over:
			state = "gone"
		case n.Config != shared:
			state = "has other sites or settings in its configuration"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", n.Name, n.Role, n.Sites, n.Since.UTC().Format(time.RFC3339), n.Version, state)
	}
	fmt.Fprintln(w, "\nSITE\tNODE\tTERM")
	for _, s := range status.Sites {
		node := s.Node
		if node == "" {
			node = "nobody"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\n", s.ID, node, s.Term)
	}
	return w.Flush()
}

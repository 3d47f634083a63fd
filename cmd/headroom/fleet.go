package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/headroom-ev/headroom/controller"
	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/fleet"
)

// fleetCmd looks at a fleet.
type fleetCmd struct {
	Status fleetStatusCmd `cmd:"" help:"Say who is in the fleet, and who steers which site."`
}

// fleetStatusCmd asks the NATS servers; it needs no machine of the fleet to answer.
type fleetStatusCmd struct {
	Config string `required:"" placeholder:"FILE" help:"Configuration of any machine of the fleet."`
	Format string `enum:"table,json" default:"table" help:"table or json."`
}

// Run prints the status. The answer is no where a site has no owner.
func (c *fleetStatusCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := config.Load(c.Config, config.ForRun)
	if err != nil {
		return &exitError{exitConfig, fmt.Errorf("the configuration cannot be used:\n%w", err)}
	}
	if !cfg.Fleet.IsSet() {
		return &exitError{exitConfig, fmt.Errorf("%s has no fleet: this machine steers its sites alone", c.Config)}
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

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/internal/commission"
)

// commissionCmd measures how a charger behaves.
type commissionCmd struct {
	Config    string `required:"" placeholder:"FILE" help:"Configuration file, complete as for run."`
	Connector string `placeholder:"ID" help:"Connector, by id or name; without it the only one at which a car charges."`
	Quirks    string `placeholder:"FILE" help:"Write the keys for the configuration into this file too."`
	Yes       bool   `help:"Do not ask before the charger is ordered about."`
	Format    string `enum:"table,json" default:"table" help:"Output: table or json."`
}

// Run measures, and writes the report.
func (c *commissionCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := config.Load(c.Config, config.ForRun)
	if err != nil {
		return &exitError{exitConfig, fmt.Errorf("the configuration cannot be used:\n%w", err)}
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(env.stderr, "warning:", w)
	}
	say, end := sayOn(env)
	report, err := commission.Run(ctx, commission.Options{
		Config: cfg, Connector: c.Connector, Say: say,
		Agree: func(plan string) bool {
			end()
			fmt.Fprintln(env.stderr, plan)
			return c.Yes || ask(ctx, env)
		},
	})
	end()
	if errors.Is(err, commission.ErrDeclined) && !isTerminal(os.Stdin) {
		return &exitError{exitUsage, fmt.Errorf("%w: --yes agrees where nobody can be asked", err)}
	}
	if report == nil || !report.Ordered() {
		return err
	}
	return errors.Join(err, c.write(env, report))
}

// write writes the report and, if asked, the keys into a file.
func (c *commissionCmd) write(env *environment, report *commission.Report) error {
	if err := inFormat(c.Format, env.stdout, report); err != nil || c.Quirks == "" {
		return err
	}
	var text strings.Builder
	if err := report.WriteYAML(&text); err != nil {
		return err
	}
	return os.WriteFile(c.Quirks, []byte(text.String()), 0o644)
}

// sayOn tells what is being done: on a terminal in a line that is redrawn until
// end.
func sayOn(env *environment) (say func(format string, args ...any), end func()) {
	if !isTerminal(env.stderr) {
		return func(format string, args ...any) { fmt.Fprintf(env.stderr, format+"\n", args...) }, func() {}
	}
	say = func(format string, args ...any) { fmt.Fprintf(env.stderr, "\r\x1b[K"+format, args...) }
	return say, func() { fmt.Fprint(env.stderr, "\r\x1b[K") }
}

// ask asks on a terminal. Nobody there is a no.
func ask(ctx context.Context, env *environment) bool {
	if !isTerminal(env.stderr) || !isTerminal(os.Stdin) {
		return false
	}
	fmt.Fprint(env.stderr, "Go on? [y/N] ")
	answer := make(chan string, 1)
	go func() { // ends with the line, or with the process
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false
	case line := <-answer:
		return line == "y" || line == "yes"
	}
}

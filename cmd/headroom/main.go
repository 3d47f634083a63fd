// Headroom steers the chargers of an EV site so that its grid connection is
// never overloaded. See the README, and "headroom --help".
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit codes of the contract.
const (
	exitFine   = 0
	exitNo     = 1
	exitUsage  = 2
	exitConfig = 78
)

// commands is the command line: one file for each.
type commands struct {
	Run        runCmd        `cmd:"" help:"Run the daemon: steer the sites of a configuration."`
	Check      checkCmd      `cmd:"" help:"Validate a configuration and print its circuits."`
	Demo       demoCmd       `cmd:"" help:"Show everything at work: a simulated eDRV and the real daemon."`
	Journal    journalCmd    `cmd:"" help:"Verify or export the record of what was ordered and why."`
	Replay     replayCmd     `cmd:"" help:"Run the engine over recorded sessions and compare sharing rules."`
	Explain    explainCmd    `cmd:"" help:"Say why each session would get what it gets."`
	Simulate   simulateCmd   `cmd:"" help:"Prove the site safe: run it through every fault in virtual time."`
	Inventory  inventoryCmd  `cmd:"" help:"List what an eDRV account has, as a configuration to start from."`
	Commission commissionCmd `cmd:"" help:"Measure how a charger behaves, with a car that charges at it."`
	Fleet      fleetCmd      `cmd:"" help:"Look at the machines that share the sites."`
	Version    versionCmd    `cmd:"" help:"Print version, commit and Go version."`

	LogFormat string `enum:"text,json" default:"text" help:"Format of the log: text or json."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" help:"Least level of the log: debug, info, warn or error."`
}

// environment is what commands read and write.
type environment struct {
	stdout, stderr io.Writer
	log            *slog.Logger
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	tolerateFullFiles()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cli commands
	left := -1
	parser, err := kong.New(&cli, kong.Name("headroom"), kong.UsageOnError(), kong.Writers(stdout, stderr),
		kong.Description("Steers the chargers of an EV site through eDRV, so that its grid connection is never overloaded."),
		kong.Exit(func(code int) { left = code }), kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(stderr, "headroom:", err)
		return exitUsage
	}
	command, err := parser.Parse(args)
	if left >= 0 { // --help
		return left
	}
	if err != nil {
		fmt.Fprintln(stderr, "headroom:", err)
		fmt.Fprintln(stderr, `Try "headroom --help".`)
		return exitUsage
	}
	err = command.Run(&environment{stdout: stdout, stderr: stderr, log: newLogger(stderr, cli.LogFormat, cli.LogLevel)})
	if err == nil {
		return exitFine
	}
	code := exitNo
	if e, ok := errors.AsType[*exitError](err); ok {
		code = e.code
	}
	fmt.Fprintln(stderr, "headroom:", err)
	return code
}

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func newLogger(w io.Writer, format, level string) *slog.Logger {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level)) // kong lets only these names through
	options := &slog.HandlerOptions{Level: least}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

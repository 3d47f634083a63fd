package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// runAsHeadroom names the variable that has the test binary be headroom, with
// the arguments in it.
const runAsHeadroom = "HEADROOM_TEST_RUN"

// The command line is tested as operators use it: each file in testdata is a
// script of commands and what they must print.
func TestMain(m *testing.M) {
	if args := os.Getenv(runAsHeadroom); args != "" { // for tests that kill a process
		os.Exit(execute(context.Background(), strings.Fields(args), os.Stdout, os.Stderr))
	}
	testscript.Main(m, map[string]func(){"headroom": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
	}})
}

func TestCommands(t *testing.T) {
	example, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			return os.WriteFile(env.WorkDir+"/example.yaml", example, 0o644)
		},
	})
}

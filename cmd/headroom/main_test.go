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
		Dir:  "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"replace": replace, "edrv": edrvCommand},
		Setup: func(env *testscript.Env) error {
			if err := keepJournal(env.WorkDir + "/data"); err != nil {
				return err
			}
			return os.WriteFile(env.WorkDir+"/example.yaml", example, 0o644)
		},
	})
}

// replace FILE OLD NEW changes a file of a script everywhere.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

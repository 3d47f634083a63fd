package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is set when a release is built: -ldflags "-X main.release=v1.2.3".
var release = "development"

// versionCmd prints what this binary is.
type versionCmd struct{}

// Run prints it.
func (versionCmd) Run(env *environment) error {
	v := version()
	_, err := fmt.Fprintf(env.stdout, "headroom %s, commit %s, %s\n", v.Version, v.Commit, v.Go)
	return err
}

// build is what a binary knows of itself.
type build struct{ Version, Commit, Go string }

func version() build {
	b := build{Version: release, Commit: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	b.Commit += dirty
	return b
}

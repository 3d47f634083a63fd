//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// tolerateFullFiles makes a write beyond the limit on the size of files an error,
// as on a full disk. The runtime would end the process.
func tolerateFullFiles() { signal.Ignore(syscall.SIGXFSZ) }

//go:build !linux

package policy

import "time"

var started = time.Now()

// processorTime is the time of day, where that of the thread is not to be had
// by the standard library.
func processorTime() time.Duration { return time.Since(started) }

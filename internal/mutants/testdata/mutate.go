// Package mutate tells which mutant is on. It is part of mutant builds only.
package mutate

import "os"

var on = os.Getenv("HEADROOM_MUTANT")

// Is reports whether the mutant of that name is on.
func Is(name string) bool { return on == name }

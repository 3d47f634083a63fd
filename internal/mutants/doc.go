// Package mutants shows that the proof works: it breaks the program on purpose,
// in one way at a time, and each time the simulator must report a broken
// invariant, or the test that the mutant names must fail. It has tests only.
//
//	ledger_test.go   ways to break the ledger
//	core_test.go     ways to break the model of a site
//	edge_test.go     ways to break what stands between the model and the world
//	mutants_test.go  builds all of them at once, and runs them one by one
//
// The tree that is released has no trace of them. A mutant is a snippet of a
// source file and what takes its place, with a switch in it; all are put into
// copies of the files, and one build with the overlay of the go command holds
// them all. The environment variable HEADROOM_MUTANT selects one.
//
// A plain go test checks that every snippet still occurs exactly once and that
// the mutants build. This runs them, in a few minutes:
//
//	go test ./internal/mutants -args -kill
//
// Where one rule stands behind another, a mutant breaks both, because either
// alone makes no difference that can be seen: a raise in state hold is refused
// by the model and by the ledger. What the simulator notices only once in many
// days has a test beside it that does at once, and names it. That a year of sites
// notices every one by itself shows, in some ten minutes on two cores,
//
//	go test ./internal/mutants -timeout 1h -args -kill -year
package mutants

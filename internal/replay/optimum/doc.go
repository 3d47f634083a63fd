// Package optimum says how much energy a site could have delivered to recorded
// sessions by somebody who knew the future: the yardstick of a replay.
//
// It promises an upper bound: no schedule that keeps every limit delivers more.
// The bound is the true optimum, and Result.Exact says so, wherever the limits
// that matter are nested at all times: limits in power on a tree; limits in
// amperes where every car below them uses the same phases, or one phase; any
// mix of these in which a circuit that is limited in power and feeds several
// phases does not hang below one that is limited in amperes. Elsewhere the
// looser one of two limits that cross is dropped, and a car on several phases
// is allowed to load them unevenly.
//
// Minimums, turns, tails, and the time that orders take are no part of it: cars
// take anything from nothing to their maximum, at any time.
//
// Between two events (a car comes or goes, a limit changes) a schedule can be
// averaged without delivering less or breaking a limit, so it is enough to say
// how much energy goes to each car between two events: a maximum flow from the
// cars through the limits of each such interval (limits.go), found by Dinic's
// algorithm in whole microjoules (flow.go). Times at which nobody is there part
// a recording into problems of their own.
//
// It shares no code with the engine, not even its types. The tests compare it
// with a linear program solved by gonum.
package optimum

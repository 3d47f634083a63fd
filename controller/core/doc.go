// Package core is the model of a site and the pure step that decides on it:
// what happened goes in, what is to be done comes out. It does no I/O and
// reads no clock; the daemon and the simulator run the same code.
//
// A Site is owned by one goroutine. Step takes the time and inputs, and returns
// effects in the order in which they are to be begun: orders that lower before
// orders that raise. Whoever executes an effect that asks for something answers
// with the matching input (Reply, Listed, Fetched), however it went. Inputs may
// be lost, doubled, late and out of order; a list repairs what they missed.
//
// A pass decides everything from the whole state, in this order: orders without
// a verdict lapse; the limits of the circuits follow schedule and external
// limits; what is drawn is added up; the state ladder steps down or up; the
// engine plans; and orders bring the chargers nearer to the plan, as far as the
// ledger permits them.
//
// Where to look: site.go has the step, input.go and effect.go what goes in and
// out, session.go, reading.go and resync.go what is known, limits.go what is
// permitted, overload.go what the breakers still stand, decide.go the plan,
// order.go what is sent, verdict.go what became of it, install.go the fallbacks,
// ladder.go the states, view.go what is shown.
//
// The tests are dialogues in testdata, and runs against the simulated eDRV in
// package simulate.
package core

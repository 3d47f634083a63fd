// Package replay runs the real policy engine over recorded or made-up charging
// sessions in virtual time, and says what each sharing rule makes of them:
// energy delivered, who was served, who waited, how fair it was, and how many
// orders it took. Beside the rules stands an optimum that knows the future.
//
// # What it promises
//
//   - The engine is the daemon's: the same settings (controller.SiteSettings),
//     circuits, margin, base loads, schedule windows in the site's zone,
//     minimums, tiers, weights, turns and lending.
//   - Exact in time. A replay goes from event to event: cars come, go and are
//     served, a car's draw falls, a limit changes, a turn ends, and every step.
//     In between all powers are constant. Times are whole milliseconds, energies
//     whole microjoules.
//   - Deterministic: same files, same answer.
//   - All mistakes of a file of sessions are reported at once, each as
//     file:line:col: key: message.
//
// # What it leaves out
//
// Orders act at once and chargers obey: verdicts, lost messages and the ledger
// are what headroom simulate is for. For the same reason nothing is reserved:
// connectors without a session are not booked at their fallback and sessions
// have no floor, because in a recording nobody comes unknown. A served car asks
// for nothing more and makes room. The engine is told what the file says: the
// energy that a session still wants, when it leaves, and the most its car takes.
// A load that a meter would tell counts as its configured worst.
//
// # Where to look
//
// recording.go reads the file of sessions, site.go the configuration, stay.go
// says who stands at which connector when, car.go what a car draws, run.go goes
// from event to event, tally.go counts, report.go writes. explain.go is the
// engine's answer for one moment. The optimum and the picture are packages of
// their own; the optimum shares no code with the engine, so that it can judge it.
//
// # How it is tested
//
// On a small made-up site against figures worked out by hand; on random
// recordings against the optimum and the limits; and on four months of recorded
// sessions, which lie beside the project, against the optimum and a max-min
// simulator in floating point.
package replay

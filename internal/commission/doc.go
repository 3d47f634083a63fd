// Package commission measures how one charger behaves, with a car that charges
// at it: how long it takes to answer an order and to follow it, in which unit
// it takes limits, whether it can pause and its car resumes, and what its
// default limit means beside the limit of a session. Nothing of that is in
// eDRV's documentation, and chargers differ.
//
// # What it promises
//
//   - No order passes the connector's max, nor what its circuits permit while
//     every other connector draws as much as its charger lets it. The ledger of
//     the daemon decides that, by the same rules.
//   - Whatever ends a run, Ctrl-C too, the charger gets back the limit that it
//     stated at the beginning, as far as that is known and fits.
//   - It stops when somebody else sets limits at the charger, when a car arrives
//     at another connector that was counted on to stay idle, and when the
//     session ends.
//   - What was not seen is not reported: a time is between the last report that
//     did not show the change and the first that did.
//
// # What callers owe it
//
// No daemon steers the site meanwhile. Run takes data_dir and both addresses of the
// section listen for itself, so that a daemon with the same configuration cannot
// run on the same machine; of another machine it cannot know. The daemon that
// starts next begins with this connector as with one that it knows nothing of.
//
// # Where to look
//
// run.go is the order of events, steps.go the measurements, charger.go orders and
// their verdicts, hooks.go what eDRV sends, room.go what the circuits permit,
// report.go what comes out. The tests run it against simulated chargers with
// every quirk that it is to find, in virtual time.
package commission

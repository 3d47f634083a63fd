// Package fleet shares sites among several machines over NATS JetStream, which
// does all of consensus, election and replication. Nothing of it runs unless a
// Fleet is made.
//
// # What is kept where
//
// The stream headroom-events holds what gateways took from eDRV, under
// headroom.events.site.SITE, or headroom.events.all for what every site must
// see. The bucket headroom holds a key for each
//
//   - node.NODE: the session of a machine, renewed four times per lease;
//   - site.SITE: who owns a site. The revision of that entry is its term: it
//     grows with every owner;
//   - state.SITE: all that the next owner must know: the values that were saved,
//     and up to where the events of the site have been dealt with.
//
// Entries change by compare-and-swap alone, so a reader that is behind can never
// overwrite what it has not seen.
//
// # What it promises
//
// An event that Publish confirmed is with a majority of the servers. The owner of
// its site gets it, or the next owner does: events begin where the last save says
// that they had been dealt with.
//
// A site belongs to one session of one node. A session that is not renewed ends
// by the clock of its node, a fifth of a lease before anybody else may end it; who
// ends it has seen no renewal for a whole lease by its own clock, and ends it by
// swapping the very entry that a renewal would have changed. No clocks are
// compared, those of the servers neither.
//
// The next owner swaps state.SITE before it does anything else. From then on no
// save of an earlier owner succeeds, whatever its clock says. Who orders nothing
// that is not saved can therefore never order what the next owner does not know
// of: that is what makes a stopped process that goes on harmless, and not the
// lease (docs/fleet.md).
//
// Every node computes the same distribution of sites from the same members. Where
// they do not see the same, the swap decides.
//
// # What callers owe it
//
// Options.Steer must return soon after its context ends, and only when nothing of
// it is under way any more. It sends no order before the Done of the Save that
// holds it. Values are JSON.
//
// Where to look: fleet.go connects, session.go is a node's stay, owners.go decides
// who steers what, assign.go how sites are spread, term.go what an owner keeps,
// events.go what gateways give to owners, status.go what is shown.
//
// The tests of what is pure are here; those with three servers, which are killed
// and cut off, are the module test/fleet.
package fleet

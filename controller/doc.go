// Package controller is the daemon. It receives eDRV's webhooks, keeps a model
// of every site, and steers the sites' chargers through eDRV's REST API.
//
// One goroutine owns each site. Inputs wait for it in a mailbox that holds one
// snapshot for each session; it hands them to the site's model (package core),
// and begins the effects that come out. Calls to eDRV run beside it and answer
// through the mailbox. Everything else reads immutable views.
//
// Webhooks are answered before any work is done with them. A model decides
// anew when something happened that matters and at least once every tick, from
// its whole state, so that a lost event costs time and never safety.
//
// In a fleet, what comes in and what must be known after a restart go another
// way: deliveries to a stream (relay.go), the record of a site to whoever steers it
// next, and sites come and go (fleet.go, package fleet).
//
// Where to look: controller.go builds and runs everything, setup.go is what one
// configuration makes of it, webhook.go takes deliveries, mailbox.go holds what
// waits, site.go is the owner's loop, scribe.go records what is done and holds
// orders back until they are recorded, keep.go knows what a restart finds,
// execute.go carries out effects, status.go answers the admin listener. The
// sub-packages: config (the YAML file), core (model and decisions), fleet (machines
// that share sites), journal (what outlives the process), ledger (what every
// connector may draw), meter (site meters), web (page, API, metrics).
package controller

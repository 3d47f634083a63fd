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
// Where to look: controller.go builds and runs everything, webhook.go takes
// deliveries, mailbox.go holds what waits, site.go is the owner's loop,
// scribe.go
// records what is done and holds raises back until they are recorded, keep.go
// knows what a restart finds, execute.go carries out effects, status.go answers the admin listener. The
// sub-packages: config (the YAML file), core (model and decisions), journal (what
// outlives the process), ledger (what every connector may draw), web (page, API,
// metrics).
package controller

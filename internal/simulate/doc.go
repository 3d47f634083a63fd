// Package simulate runs the core of a site, the very one that the daemon runs,
// against the simulated eDRV in virtual time: years of charging in minutes, bit
// for bit the same for a seed.
//
//	scene.go    what is simulated: random sites, or those of a configuration
//	rig.go      joins the core with the world, as the daemon's shell does
//	daemon.go   what goes wrong with the process itself, at its door and its meters
//	aim.go      lets faults strike in states that are rare
//	door.go     who knocks at the webhook endpoint beside eDRV
//	lane.go     raises that wait for their turn to call eDRV
//	meters.go   the site's meters, for the site and for the checker
//	check.go    the checker: I1, I5, I6, I8, I9, I12, from books of its own
//	books.go    what every connector may draw, by those books
//	knows.go    the checker against what the site was told: I7, I13, I14, I15
//	truth.go    the checker against the true world: I2, I3, I4, I10, I11
//	run.go      plays sites on all cores; result.go sums up
//	shrink.go   makes a failing run short enough to read
//
// The checker shares no code with the ledger. Of the core it uses only what
// the core says it believes.
package simulate

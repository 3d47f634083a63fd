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
//	check.go    the checker, and what it notes at each step; I8
//	orders.go   what was ordered and answered, and each order when it is sent: I1, I5, I6, I9, I12
//	books.go    what every connector may draw by that, and what the site believes: I2, I10
//	knows.go    what the site was told, and what it makes of it: I7, I13, I14, I15; whether it engages: I4
//	truth.go    what the chargers truly offer and carry: I2, I3
//	due.go      cuts that are due: I4
//	recover.go  whether all is well again when the faults are over: I11
//	run.go      plays sites on all cores; result.go sums up
//	shrink.go   makes a failing run short enough to read
//
// The checker shares no code with the ledger. Of the core it uses only what
// the core says it believes.
package simulate

// Command fleet plays a whole fleet on this machine: three NATS servers, gateways,
// controllers and a simulated eDRV with many sites, each but the last a process of
// its own; kills one of each while cars come and go, and judges by what is true.
//
//	cd test/fleet && go run . -sites 100
//
// It is a module of its own, so that the daemon's go.mod has the client of NATS
// and not its server. The tests beside it run nodes of package fleet against
// servers in this process, and a small play.
package main

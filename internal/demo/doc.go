// Package demo runs the whole product with nothing else: a simulated eDRV with
// chargers and cars, and the real daemon against it, over HTTP and with signed
// webhooks, on loopback addresses. It judges the run by what the simulated cars
// truly drew, and by nothing that the daemon says.
package demo

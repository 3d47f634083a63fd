// Load drives the built daemon with more than it will ever see, and measures it.
//
//	go run ./internal/load                    ten minutes of 2,000 webhooks a second, then every overload: for the record
//	go run ./internal/load -noisy -for 20s -burst 5s
//	                                          the same in short, on a machine that has other things to do: what CI runs
//
// The daemon is a process of its own. A simulated eDRV in this process has 2,000
// connectors on 200 circuits, all but a few with a car; it answers the daemon's
// calls and reports what chargers do. Beside it, senders deliver reports of these
// sessions over kept-alive connections, each at its appointed time; latency counts
// from that time, so that a slow answer is not forgiven to those that wait behind
// it. Cars arrive at free connectors all the while, and the time from the delivery
// that tells of one to the first order that makes room for it is measured.
//
// A soak is a steady part of an hour or more, `-for 24h -burst 0s -drips 0`: the slope
// of the memory is then judged too. Every figure is printed beside its bound; the program ends with 1 when one is
// broken. Senders, eDRV and daemon share the machine: the figures are those of all
// three together.
package main

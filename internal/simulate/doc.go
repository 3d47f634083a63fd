// Package simulate runs the core of a site against the simulated eDRV in
// virtual time: years of charging in minutes, bit for bit the same for a seed.
package simulate

// Package inventory lists what an eDRV account has, as a configuration to start
// from.
//
// Read asks eDRV for locations, stations, connectors and load-management groups;
// it orders nothing. Account.WriteYAML writes a file for "headroom check". It
// holds all that eDRV knows. What only the panel drawing knows has no value and
// a comment that says what to write, so that check names every such line until
// it is filled in. What eDRV says of a connector is often typed in by hand: the
// file repeats it in a comment, and where it is in doubt, it holds the worst.
package inventory

// Package ledger keeps, for every connector, the highest current that it may
// draw, and is the only place that can permit a raise.
//
// The bound of a connector is the highest of
//
//   - the limit that its charger last confirmed,
//   - every order that was sent and has no verdict yet,
//   - what it did until a moment ago, while the car still follows a cut,
//   - its fallback, because a charger that restarts falls back to that,
//   - its maximum, as long as nothing is known about it,
//   - what it was seen to draw, when it does not obey.
//
// Sending never releases anything. A bound falls only when the charger has
// confirmed a lower limit and the settling time is over, counted anew from each
// order that goes out meanwhile. An order without a verdict may have happened and
// may not have: it counts upwards when it asks for more, and never downwards.
//
// Permits answers whether an order may be sent now: one that cannot raise
// anything always may; any other only while the bounds of all circuits and
// phases above the connector still fit with it.
//
// The ledger is plain state. It reads no clock, does no I/O, and is not safe
// for concurrent use: the goroutine that owns a site owns its ledger.
package ledger

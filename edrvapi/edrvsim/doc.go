// Package edrvsim is a local eDRV with chargers and cars: what the demo, the
// tests and the simulator run against. It follows eDRV's public documentation
// (https://docs.edrv.io) and makes every point that the documentation leaves
// open a setting. It shares no code with the client that it is meant to judge.
//
// # Two layers
//
// A [World] is the model. It has no clock, goroutine or global randomness: time
// is handed in with [World.Advance], randomness comes from Spec.Seed. The same
// [Spec] and the same calls give the same history, bit for bit, on one machine.
// It is driven by events, so an idle hour costs nothing and a report about a
// microsecond.
//
// A [Server] puts a World behind eDRV's REST API (/v1.1) and sends its events as
// signed webhooks, with a clock of any speed. It also runs in a testing/synctest
// bubble, over a [PipeListener].
//
// # What the model promises
//
//   - Calls are asynchronous. An order ([World.SetSessionLimit] and its kin) only
//     makes an [Action]; the charger answers, and obeys, after its reaction time.
//     Orders to one station never overtake each other.
//   - A session's limit lives as long as its session, through offline spells. With
//     Behaviour.Default at [Floor] it replaces the default limits, at [Ceiling]
//     the tightest holds. Below its minimum a connector pauses (SuspendedEVSE).
//   - Loads are constant between events (cars ramp in steps of a second, the tail
//     falls in eight), so a [Trace] integrates exactly: over-limit time, peaks and
//     energy carry no sampling error. Currents and powers are whole milliamperes
//     and milliwatts; a limit is never rounded up.
//   - What is true ([World.TrueState], [World.Watch]) and what eDRV believes (all
//     that the REST calls return) are kept apart: an offline charger goes on
//     charging, a zombie session stays Started without a car.
//   - The events of one station leave in order, the next one when the one before
//     it has been acknowledged or given up ([World.Ack], [World.Nack]).
//   - Every [Fault] can be on alone, by rate or by script ([Window]), and is
//     counted when it strikes ([World.FaultCounts]). Faults draw from a random
//     stream of their own: the cars that come are the same with and without them.
//
// # What callers owe it
//
// A World belongs to one goroutine. Whoever drives it must take deliveries after
// advancing, and give each one back. [Reply] tells what the client will see and
// when; a caller without HTTP must hold the reply back for Reply.After itself.
// A Spec's slices and maps, and what the records share ([Report], Response), must
// not be changed.
//
// # Where documentation is silent
//
// Choices that a real eDRV may make differently: the verb of the limit calls
// (Options.LimitMethod), the bytes under a signature ([Scheme]), the webhook's
// retry schedule and its disabling (Behaviour.Retry, DisableAfter), what becomes
// of orders to offline stations (queued; [OfflineLost], [OfflineRefused]), the
// scalar current of a report (the sum over phases; Behaviour.CurrentPerPhase),
// limits in watts for single-phase cars (Behaviour.ThreePhasesAssumed), and the
// paths of the clear calls (clear_power_limit, clear_default_power_limit).
//
// # Tests
//
// Physics and chargers' quirks are tables; the trace is compared with a brute
// force in steps of 100 ms; each fault must fire alone and be counted; histories
// of random fault sets must repeat; the server is spoken to by a real HTTP
// client, over loopback and in a bubble.
package edrvsim

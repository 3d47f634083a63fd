// Package policy decides who gets how much power. It is a pure function: the
// circuits of a site, what each connector may draw there, and the time go in;
// a Plan comes out, with a level and a reason for every session. There is no
// clock, no I/O, no randomness and no floating point in it, and it imports the
// standard library only.
//
// A Plan is always
//
//   - feasible: on every circuit the allocations, and all that is held or
//     reserved, stay within what is permitted on each phase and in total power,
//     exactly, in whole milliamperes and milliwatts. Only sessions that cannot
//     pause may break that, when their minimums alone do not fit;
//   - complete: no session that charges could take another 0.1 A (AC) or
//     milliampere (DC) without breaking a circuit or its own maximum;
//   - fair by the chosen Rule: weighted max-min on the tree of circuits;
//   - honest about minimums: a session is given 0 or at least its minimum, and
//     where not everybody can have the minimum the largest set charges while the
//     others take turns with it (see turns.go);
//   - deterministic, and independent of the order of the sessions.
//
// Where to look: tree.go and load.go have circuits and loads, limits.go what
// limits a circuit at a time, session.go the input and the Plan, decide.go the
// steps of a decision, fill.go the solver and piece.go the order of its events,
// turns.go who waits, rule_*.go one sharing rule each, balance.go how a rule may
// fill the phases evenly.
//
// The tests hold all of the above on random trees against an oracle in exact
// fractions and against exhaustive search. docs/performance.md has what it
// costs.
package policy

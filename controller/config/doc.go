// Package config reads the YAML file in which an operator describes the sites:
// circuits, limits, connectors, meters, and how headroom reaches eDRV.
//
// # What it promises
//
//   - Strict. An unknown key, a key given twice, a second document, an empty
//     file, a value of the wrong type, a key without a value, an anchor, an
//     alias, a merge key and an explicit tag are mistakes. Aliases and merge keys
//     are refused because every value must stand where it holds: one place to
//     read, one place to point at.
//   - Everything at once. [Parse] returns all mistakes of a file as [Problems],
//     sorted by position, each as file:line:col: key: message, where the message
//     says what is wrong and what to write instead. The position is that of the
//     offending value, of the key when the key itself is wrong, and of the
//     section when a key is missing. Only text that is not YAML at all ends the
//     reading early; yaml.v3 tells no exact place for that, so the position is
//     where its parser gave up: the line of the mistake or the one after it.
//   - Exact. Quantities are converted from their decimal text to integers; no
//     float is involved. Exponents, hexadecimal, octal, underscores, signs and
//     more decimals than the unit has are refused.
//   - Secrets are never in the file, in a message, or in anything printed from a
//     [Config]; see [Secret].
//   - It never panics, whatever the bytes.
//   - The result is complete: every default is filled in, also those that depend
//     on other keys (a connector's min, fallback, phases and name).
//   - It is fail-safe: the fallbacks of all connectors and the base load fit every
//     circuit and phase, less the margin, under the configured limit and under
//     every schedule window; or the site says accept_not_failsafe: true, or the
//     file is for a replay, and [Site.FailSafe] is false. See [Site.Balances].
//
// What is unusual but can be meant is a warning in [Config.Warnings].
//
// # One mechanism
//
// The struct types Config, EDRV, Listen, Control, Site, … are the whole
// definition. A field's doc comment says what it means and in which unit. Its tags
// say the rest: yaml (the key), default (as text in the same syntax as the file),
// min and max (both included), format (the form of a text), required ("always";
// "run": only where the file is to be run; "alone": without fleet) and reload ("no": a change needs a
// restart, see NeedsRestart; every other key may change with a reload). One decoder reads files by
// these tags, and [Fields] lists them for a reference page and a JSON Schema.
//
// Rules between keys cannot be said in tags. They are in the check*.go files, one
// per section, and run after the whole file is read, so that they see all of it.
//
// # What callers owe it
//
// They pass the [Use] they make of the file: only [ForRun] demands edrv, listen and
// the secrets' values, and [ForInventory] no more than eDRV's key. They treat a Config as immutable, and build on
// [Margin.Usable] and [Site.Balances] instead of repeating that arithmetic.
//
// # How it is tested
//
// testdata/mistakes holds one file per mistake beside the exact text expected of
// it, testdata/valid files that must pass with their warnings, testdata/report the
// reports of [Config.Report]; go test -rewrite writes the expectations anew.
// FuzzParse feeds arbitrary bytes.
package config

// Package edrvapi speaks eDRV's API v1.1: it verifies and decodes webhooks, and calls
// the REST API. It knows HTTP, JSON and eDRV's names; it knows nothing of circuits,
// budgets or policy, and imports nothing else of this module.
//
// # What it promises
//
// Readings. Every number of eDRV passes one gate ([Report], [Maybe]): a plain decimal,
// as a JSON number or as text, in a known unit and a believable range. Anything else is
// no reading, Known false. It is never zero and never an error of the document around
// it. Types are integers in thousandths of the base unit.
//
// Documents. Duplicate members, invalid UTF-8, trailing data, nesting deeper than 32
// and bodies over the limit make a document unreadable ([ErrUnreadable]). Unknown
// members and unknown event types are ignored. Strings, maps and lists are bounded, so
// a document can not make the process grow.
//
// Signatures. [Verifier.Verify] returns nil only for a body that carries a current
// signature by one of the secrets, compared in constant time.
//
// Calls. A call to eDRV is one attempt. An error of a call is an [*Error] whose
// [Outcome] says whether eDRV can have acted: NotReached and Refused are certain,
// everything else is Unknown and must be treated as if it had happened. An order (a
// call that changes what a charger does) is never repeated by this package nor by the
// HTTP stack below it. A list is complete or it is an error; what could not be decoded
// in it is counted ([List]).
//
// Order of calls. All calls share one gate: cuts before raises before reads, at least
// half of the rate and of the connections kept for cuts, one order in flight per
// connector, and a newer waiting order replaces an older one. eDRV's Retry-After holds
// back everything. When eDRV does not answer, a circuit breaker makes calls fail at
// once, which is NotReached.
//
// Secrets. The API key goes into one header to one host. It is in no log line and in no
// error; redirects and proxies of the environment are not followed; and a public host
// name that resolves to a private address is not dialled.
//
// # What callers owe it
//
// Webhooks are hints: they come late, twice, out of order and not at all. Callers drop
// events whose ID they know, compare UpdatedAt, and list sessions regularly. A session
// that is missing from a list is not proven to have ended, since sessions move between
// pages while the list is read: ask for it by id.
//
// A 2xx answer to an order, an [Action], says that eDRV queued it. The charger's
// verdict comes as an event whose Action has the same ID, possibly before the answer to
// the call.
//
// Callers give every call a context and await it. The package starts no goroutine of
// its own. [Client.Close] ends waiting calls and idle connections.
//
// # How it is tested
//
// Fixtures in testdata are modelled on eDRV's documentation of 2021, 2022, 2023 and
// 2025. The number, time, signature and event decoders have fuzz targets. A table of
// mutations of a signed request must all be refused. The gate, deadlines and paging run
// in testing/synctest bubbles over an in-memory connection; outcomes are classified
// against a real server that stalls, resets and misbehaves at each stage.
package edrvapi

// Package web is what operators see and set: the page, the JSON API, metrics
// and health, all on the admin listener. It shows values of [core.View] and
// hands what operators set to the sites as inputs. It decides nothing.
//
// # What it promises
//
// Truth. The page, the API and the metrics of a moment are made from the same
// View. What is not known is null in the API, NaN in the metrics and "unknown"
// on the page, and never 0; what has no limit is null, +Inf and "no limit".
//
// Safety. A write needs the admin token whenever one is set, compared in
// constant time. Without one, a write must name this machine by its address, so
// that no web page elsewhere can have it made. A web page of another origin can
// not write at all. Every answer carries a policy by which the page loads
// nothing but its own files, and runs no inline script. Whatever eDRV or an
// operator named is shown as text.
//
// Bounds. Bodies, names, external limits, streams and the past that the chart
// shows are limited in number and size. A client that reads slowly misses
// states, and is cut off when it does not read at all; it never holds back a
// site.
//
// Time. An "until" of a request is turned, at its receipt, into a time that
// expires by the monotonic clock.
//
// # Routes
//
//	GET    /, /sites/{site}                       the page: an overview, or one site
//	GET    /live, /sites/{site}/live              what keeps the page up to date (not an API)
//	GET    /metrics, /healthz, /readyz            200, or 503 with one line why
//	GET    /api/v1/sites, /api/v1/sites/{site}    state
//	GET    /api/v1/sites/{site}/stream            server-sent events: "state" with the whole state
//	GET    /api/v1/sites/{site}/journal           ?since=RFC3339&kind=…: records as JSON lines
//	GET    /api/v1/sites/{site}/history           ?circuit=…&after=RFC3339: an hour of samples
//	PUT    /api/v1/sites/{site}/limits/{name}     {"circuit","kw"|"amps","from"?,"until","fallback_kw"?}
//	DELETE /api/v1/sites/{site}/limits/{name}
//	PUT    /api/v1/sites/{site}/sessions/{id}     {"tier"?,"weight"?,"max_amps"?|"max_kw"?,"until"?}
//	DELETE /api/v1/sites/{site}/sessions/{id}
//	PUT    /api/v1/sites/{site}/mode              {"mode":"enforce"|"observe"}
//
// A PUT answers 200 with what was understood, a DELETE 204. Errors are
// {"error":"…"}:
//
//	400  the body is no such document (unknown, doubled or mistyped members, more
//	     than 64 KiB), or a query parameter is malformed
//	401  the token is missing or wrong
//	403  the request comes from another web page, or from a name that is not this machine's
//	404  there is no such site, session, limit or override; or no such path
//	405  the path does not have this method
//	409  the site does not take it, or has 100 external limits
//	422  the document is well formed and means nothing: both or none of kw and amps,
//	     an unknown circuit, a value out of range, a time that has passed
//	503  too many streams, or not healthy or ready
//
// # What callers owe it
//
// The listener's server has a base context that ends before it is shut down:
// streams end with it. Its timeouts for reading a request may be short; a
// timeout for writing is not needed, since every answer has a deadline of its
// own. Somebody runs [Server.Run] beside it, for the chart. [NewMetrics] is
// called once for a registry, and so is [New]; what Sites yields may change at
// any time.
//
// # How it is tested
//
// Handlers by tables over every route, every token and every error; streams
// against slow, stalled and vanished clients in synctest bubbles; the metrics
// by a golden file and by rules for their names; the page in a real Chromium, in
// test/browser. Package webtest has the sites for it.
package web

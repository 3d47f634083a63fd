// Package meter reads site meters: over HTTP, from an MQTT broker, or by a
// query to Prometheus.
//
// # What it promises
//
// A Reading for every attempt, good or bad; it never repeats an old one. What is
// no plain decimal number is an error that wraps ErrNonsense: NaN, infinities,
// text, a field that is missing, a query with no answer or several. A message
// that an MQTT broker kept for late subscribers is none, because nobody knows its
// age. Whether a reading is plausible, stale or frozen is decided by the model of
// the site (package core), which has the time of every one.
//
// Safety towards the source: redirects are not followed, no proxy of the
// environment is used, answers are limited to 64 KiB and a few seconds, TLS is
// 1.2 at least. An error holds no secret and no address with a query.
//
// # What callers owe it
//
// A config.Meter that was checked. Run returns when its context ends, and calls
// put from one goroutine at a time; put must not block.
//
// # How it is tested
//
// Against a real HTTP server, one that answers as Prometheus does, and a real
// broker in the test process, each of which fails, lies and comes back.
package meter

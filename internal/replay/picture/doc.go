// Package picture draws runs of a replay: the site's power against its limit,
// and the cars that wait. A long run is drawn as an envelope, a day at a time.
//
// It promises a file in the format that its name ends in, PNG or SVG, and the
// same picture for the same timelines. It knows nothing of sessions or rules.
package picture

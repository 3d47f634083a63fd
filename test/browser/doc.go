// Package browser tests the operator's page in a real, headless Chromium. It is
// a module of its own, so that the daemon's go.mod stays short.
//
//	cd test/browser && go test ./...
//
// The site that the page shows is that of package webtest: a script, stepped by
// the tests. Where no Chromium is found (CHROMIUM, or chromium or
// google-chrome in PATH) the tests are skipped, and fail if CI=true. With
// SCREENSHOTS=DIR they leave pictures of the page there, and with UPDATE=true
// they write those of the operator's guide anew, which are in docs/images.
package browser

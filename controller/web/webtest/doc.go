// Package webtest has sites that play a script, for the tests of package web and
// of its page in a browser. They are believable to look at and nothing more:
// the sharing of power is a few lines here, and has nothing to do with the
// engine.
package webtest

// Package lint holds the rules of this tree that no linter knows, as a test:
// which package may import which, what the pure packages must not use, how long
// a file may be, and that every package says what it promises.
package lint

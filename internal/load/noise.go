package main

import (
	"context"
	"time"
)

// noise is how late this machine wakes a goroutine that only sleeps: what every
// figure of a part holds that is not the daemon's, on a machine that others use.
type noise struct {
	late []time.Duration
	done chan struct{}
}

// listen measures until the context ends.
func listen(ctx context.Context) *noise {
	n := &noise{done: make(chan struct{})}
	const nap = 10 * time.Millisecond
	go func() {
		defer close(n.done)
		for due := time.Now().Add(nap); wait(ctx, time.Until(due)) == nil; due = time.Now().Add(nap) {
			n.late = append(n.late, time.Since(due))
		}
	}()
	return n
}

// note prints it.
func (n *noise) note(t *table) {
	<-n.done
	late := sorted(n.late)
	t.note("the machine's own lateness p99", quantile(late, 0.99), "ms")
	t.note("the machine's own lateness p99.9", quantile(late, 0.999), "ms")
	t.note("the machine's own lateness at most", quantile(late, 1), "ms")
}

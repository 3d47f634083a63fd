package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"
)

// stateEntry is what state.SITE holds.
type stateEntry struct {
	Term   uint64                     `json:"term"`
	At     time.Time                  `json:"at"`
	Stream time.Time                  `json:"stream"` // when the stream was made whose numbers Seq means
	Seq    uint64                     `json:"seq"`    // events up to here have been dealt with
	Values map[string]json.RawMessage `json:"values"`
}

// Term is the time in which this node owns a site, and what it keeps for the next
// owner. It is safe for concurrent use.
type Term struct {
	Site   string
	Number uint64 // greater than that of every earlier owner

	f    *Fleet
	l    *link
	key  string
	rev  uint64
	at   time.Time // of what was found
	wake chan struct{}
	end  context.CancelCauseFunc
	runs sync.WaitGroup

	mu      sync.Mutex
	state   stateEntry
	changed bool
	dones   []func(error)
	handled uint64    // events up to here have been dealt with
	failed  string    // why the last save did not work
	since   time.Time // since when none does; zero: they do
}

const (
	// beat is how long a state stays as it is though nothing changes: the next
	// owner must be able to tell how old it is.
	beat = 5 * time.Minute
	// keepUp is how far the place in the events may be behind.
	keepUp = 10 * time.Second
	// patience is how long saves may fail until that counts.
	patience = time.Second
	// A save that failed is tried again after a time that grows from the first to
	// the last of these.
	retryFirst, retryLast = 50 * time.Millisecond, time.Second
)

// claim makes the state of a site this term's: every save of an earlier one fails
// from then on, and what it had saved is known.
func (f *Fleet) claim(ctx context.Context, l *link, site Site, number uint64) (*Term, error) {
	t := &Term{Site: site.ID, Number: number, f: f, l: l, key: stateKey + token(site.ID), wake: make(chan struct{}, 1)}
	for {
		err := t.tryClaim(ctx)
		if err == nil || errors.Is(err, ErrLost) {
			return t, err
		}
		f.log.Debug("the state of a site cannot be claimed yet", "site", site.ID, "reason", err)
		if !wait(ctx, 100*time.Millisecond) {
			return t, context.Cause(ctx)
		}
	}
}

func (t *Term) tryClaim(ctx context.Context) error {
	value, rev, err := t.l.get(ctx, t.key)
	if err != nil {
		return err
	}
	var found stateEntry
	if rev > 0 {
		if err := json.Unmarshal(value, &found); err != nil {
			return fmt.Errorf("%s of bucket %s: %w", t.key, Bucket, err)
		}
	}
	if found.Term > t.Number {
		return fmt.Errorf("%w: its state is of the later term %d", ErrLost, found.Term)
	}
	mine := found
	mine.Term = t.Number
	if t.rev, err = t.l.swap(ctx, t.key, encode(&mine), rev); err != nil {
		return err
	}
	t.state, t.at = mine, found.At
	if t.state.Values == nil {
		t.state.Values = map[string]json.RawMessage{}
	}
	if !t.state.Stream.Equal(t.l.since) { // the stream is another: its numbers began anew
		t.state.Stream, t.state.Seq = t.l.since, 0
	}
	t.handled = t.state.Seq
	return nil
}

// Values are those whose names begin with a prefix, without it. At is when an
// earlier owner last saved something; zero: never.
func (t *Term) Values(prefix string) (values map[string][]byte, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	values = map[string][]byte{}
	for name, value := range t.state.Values {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			values[rest] = value
		}
	}
	return values, t.at
}

// Save keeps values, JSON by name; nil removes one. It never waits. Done, if
// there is one, is called once, with nil when they are with a majority of the
// servers and this term is still the last, or with ErrLost. It must not block.
func (t *Term) Save(values map[string][]byte, done func(error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, value := range values {
		if value == nil {
			delete(t.state.Values, name)
		} else {
			t.state.Values[name] = value
		}
	}
	t.changed = true
	if done != nil {
		t.dones = append(t.dones, done)
	}
	t.poke()
}

// Handled tells that the events up to a number have been dealt with.
func (t *Term) Handled(seq uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handled = max(t.handled, seq)
}

// Failed is why nothing can be saved at the moment, or empty.
func (t *Term) Failed() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() || time.Since(t.since) < patience {
		return ""
	}
	return t.failed
}

func (t *Term) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// begin starts to save.
func (t *Term) begin(ctx context.Context, end context.CancelCauseFunc) {
	t.end = end
	t.runs.Go(func() { t.run(ctx) })
}

// close saves what is left, when nothing of the term is under way any more.
func (t *Term) close() {
	t.runs.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), call)
	defer cancel()
	for {
		err := t.save(ctx)
		if err == nil || errors.Is(err, ErrLost) {
			return
		}
		if !wait(ctx, retryFirst) {
			t.f.log.Warn("the last state of a site is not saved", "site", t.Site, "reason", err)
			return
		}
	}
}

// run saves whenever something changed, until the context ends.
func (t *Term) run(ctx context.Context) {
	look := time.NewTicker(keepUp / 10)
	defer look.Stop()
	retry := retryFirst
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case now := <-look.C:
			if !t.due(now) {
				continue
			}
		}
		err := t.save(ctx)
		switch {
		case errors.Is(err, ErrLost):
			t.end(err)
			return
		case err != nil:
			wait(ctx, retry)
			retry = min(2*retry, retryLast)
			t.poke()
		default:
			retry = retryFirst
		}
	}
}

// due reports whether to save though nobody asks.
func (t *Term) due(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	age := now.Sub(t.state.At)
	return t.changed || t.handled > t.state.Seq && age >= keepUp || age >= beat
}

// save swaps the state once.
func (t *Term) save(ctx context.Context) error {
	if !t.l.saves.enter(ctx) {
		return ctx.Err()
	}
	defer t.l.saves.leave()
	t.mu.Lock()
	next := t.state
	next.At, next.Seq = time.Now(), t.handled
	next.Values = maps.Clone(t.state.Values)
	dones := t.dones
	t.dones, t.changed = nil, false
	t.mu.Unlock()

	begun := time.Now()
	value := encode(&next)
	var err error
	if int64(len(value)) > t.l.limit {
		err = fmt.Errorf("the state of site %s has %d bytes, and NATS takes %d: raise max_payload of the servers", t.Site, len(value), t.l.limit)
	} else {
		err = t.swap(ctx, value)
	}
	t.f.metrics.saved(err, time.Since(begun))

	t.mu.Lock()
	switch {
	case err == nil:
		t.state.At, t.state.Seq = next.At, next.Seq
		t.failed, t.since = "", time.Time{}
	case errors.Is(err, ErrLost):
	default: // to be tried again
		t.changed, t.failed = true, err.Error()
		t.dones, dones = append(dones, t.dones...), nil
		if t.since.IsZero() {
			t.since = begun
		}
	}
	t.mu.Unlock()
	for _, done := range dones {
		done(err)
	}
	return err
}

// swap replaces the entry. Where it is another, it may be our own: of a save whose
// answer did not come.
func (t *Term) swap(ctx context.Context, value []byte) error {
	rev, err := t.l.swap(ctx, t.key, value, t.rev)
	if err == nil {
		t.rev = rev
		return nil
	}
	if !swapped(err) {
		return err
	}
	now, rev, err := t.l.get(ctx, t.key)
	if err != nil {
		return err
	}
	var found stateEntry
	if err := json.Unmarshal(now, &found); err != nil || found.Term > t.Number {
		return fmt.Errorf("%w: the state is of the term %d", ErrLost, found.Term)
	}
	if found.Term == t.Number && rev > t.rev {
		t.rev = rev
	}
	return errNotSure
}

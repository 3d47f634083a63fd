package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// The errors of a journal.
var (
	// ErrInUse says that another process has the directory.
	ErrInUse = errors.New("in use by another headroom")
	// ErrFull says that more waits for the disk than is kept in memory.
	ErrFull = errors.New("too much waits for the disk already")
	// ErrClosed says that the journal is closed.
	ErrClosed = errors.New("the journal is closed")
)

// maxWaiting is how many entries wait for the disk at most.
const maxWaiting = 10_000

// Options are what a Journal is opened with.
type Options struct {
	Dir    string
	Logger *slog.Logger // nil: none

	// fault is asked before every step on the disk, for tests.
	fault func(step string) error
}

// Batch is what is to be kept together. The entries become durable before the
// values do.
type Batch struct {
	// Values by name; nil removes one. They must not be changed any more.
	Values  map[string][]byte
	Entries []Entry
	// Done, if there is one, is called once: with nil when the batch is durable,
	// or with what keeps it from that; it may become durable later then. It must
	// not block, and may be called before Save returns.
	Done func(error)
}

// Journal is an open journal. It is safe for concurrent use.
type Journal struct {
	log  *slog.Logger
	wake chan struct{} // capacity 1: there is something to write
	disk disk          // used by Open and then by Run alone

	mu      sync.Mutex
	image   image
	changed map[string]bool // values that are not durable, by name
	entries []Entry         // that are not durable, oldest first
	dones   []func(error)   // of the batches that wait
	lost    int             // entries for which there was no room
	closed  bool
	dueAt   time.Time // when to write what nobody waits for; zero: nothing is there
	retryAt time.Time // no write before
	inRow   int       // writes that failed since one did not
	busyAt  time.Time // since when a write is under way; zero: none is
	stats   Stats
}

// Open reads the journal of a directory; where there is none it is made. The
// only error is ErrInUse: whatever else is wrong with the disk, headroom has to
// go on without raising, and Stats tells. Run must follow, or Close.
func Open(opts Options) (*Journal, error) {
	j := &Journal{log: opts.Logger, wake: make(chan struct{}, 1), changed: map[string]bool{}, disk: newDisk(opts)}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	note, err := j.disk.prepare()
	var unread error
	if !errors.Is(err, ErrInUse) {
		j.image, unread = readState(opts.Dir)
	}
	if errors.Is(errors.Join(err, unread), ErrInUse) {
		j.disk.release()
		return nil, fmt.Errorf("data directory %s is %w: stop that one, or give this one its own data_dir", opts.Dir, ErrInUse)
	}
	if err != nil {
		j.stats.Failed = err.Error()
		j.log.Error("the journal cannot be written: raises wait until it can", "reason", err)
	}
	if note != "" {
		j.noteOpened(note)
	}
	if unread != nil {
		j.disk.state.aside = stateName + ".damaged-" + time.Now().UTC().Format("20060102T150405Z")
		j.noteOpened(fmt.Sprintf("%s cannot be used (%v): starting as without a record; it is kept as %s", stateName, unread, j.disk.state.aside))
	}
	j.stats.Head = j.disk.record.head
	return j, nil
}

// noteOpened says what was found.
func (j *Journal) noteOpened(text string) {
	j.log.Warn("journal: " + text)
	j.entries = append(j.entries, Entry{At: time.Now(), Kind: KindJournal, Alarm: true, Text: text})
	j.stats.Opened = append(j.stats.Opened, text)
}

// Values are the values whose names begin with a prefix, without it. At is when
// they were last durable: the journal was running then. Zero: never.
func (j *Journal) Values(prefix string) (values map[string][]byte, at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	values = map[string][]byte{}
	for name, value := range j.image.values {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			values[rest] = slices.Clone(value)
		}
	}
	return values, j.image.at
}

// Save takes a batch. It never waits for the disk. Values and entries of one
// whose Done got an error are written later, except after ErrClosed; entries
// are dropped, and counted, after ErrFull.
func (j *Journal) Save(b Batch) {
	if err := j.take(b); err != nil && b.Done != nil {
		b.Done(err)
	}
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

func (j *Journal) take(b Batch) error {
	now := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	for name, value := range b.Values {
		j.image.set(name, value)
		j.changed[name] = true
	}
	if j.dueAt.IsZero() {
		j.dueAt = now.Add(gather)
	}
	if len(j.entries)+len(b.Entries) > maxWaiting {
		j.lost += len(b.Entries)
		j.stats.Lost += uint64(len(b.Entries))
		return ErrFull
	}
	j.entries = append(j.entries, b.Entries...)
	if why := j.failure(now); why != "" {
		return errors.New(why)
	}
	if b.Done != nil {
		j.dones = append(j.dones, b.Done)
	}
	return nil
}

// Stats is a snapshot for page and metrics.
type Stats struct {
	Failed  string    // why nothing can be written; empty: it can
	Opened  []string  // what was wrong when the journal was opened
	Durable uint64    // writes that became durable
	Refused uint64    // writes that did not
	Lines   uint64    // that became durable
	Lost    uint64    // entries for which there was no room
	Waiting int       // entries that are not durable
	Head    Head      // of the last durable line
	Last    time.Time // when a write last became durable; zero: none yet
}

// Stats never waits for the disk.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	stats := j.stats
	stats.Failed, stats.Waiting = j.failure(time.Now()), len(j.entries)
	return stats
}

// failure is why nothing can be written, or empty.
func (j *Journal) failure(now time.Time) string {
	if !j.busyAt.IsZero() && now.Sub(j.busyAt) > patience {
		return "the disk does not answer"
	}
	return j.stats.Failed
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// How long the journal waits.
const (
	gather   = time.Second     // until what nobody waits for is written
	beat     = 5 * time.Minute // between two writes of the state, even if nothing changes
	retry    = time.Second     // after a write that failed, and twice as long each time
	maxRetry = 5 * time.Second // at most
	patience = 5 * time.Second // with a write, until it counts as failed
)

// disk is everything that touches the directory. One goroutine uses it.
type disk struct {
	dir     string
	fault   func(step string) error
	lock    *os.File // nil: not taken yet
	resumed bool     // the end of the record was found
	record  writer
	state   store
}

func newDisk(opts Options) disk {
	fault := opts.fault
	if fault == nil {
		fault = func(string) error { return nil }
	}
	return disk{
		dir: opts.Dir, fault: fault,
		record: writer{dir: opts.Dir, fault: fault}, state: store{dir: opts.Dir, fault: fault},
	}
}

// prepare makes the directory, locks it and finds the end of the record, as far
// as that is not done yet. The note says what was wrong with the record.
func (d *disk) prepare() (note string, err error) {
	if d.resumed {
		return "", nil
	}
	if err := d.fault("open"); err != nil {
		return "", err
	}
	if err := os.MkdirAll(d.dir, 0o750); err != nil {
		return "", err
	}
	if d.lock == nil {
		if d.lock, err = lockDir(d.dir); err != nil {
			return "", err
		}
	}
	if note, err = d.record.resume(); err != nil {
		return "", err
	}
	d.resumed = true
	return note, nil
}

// lockDir takes the lock of a directory. Its file stays for ever: were it
// removed, two processes could lock two files.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil { // a directory that cannot be written can be locked all the same
		if f, err = os.Open(path); err != nil {
			return nil, err
		}
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// release gives the directory back.
func (d *disk) release() {
	d.record.drop()
	d.state.drop()
	if d.lock != nil {
		_ = d.lock.Close()
		d.lock = nil
	}
}

// job is what one write takes.
type job struct {
	entries []Entry
	names   []string // of the values that changed
	changes []change
	about   *about // nil: the state is not written
	dones   []func(error)
	lines   uint64 // that became durable
}

// Run writes until the context ends, and then what is left. It gives the
// directory back when it returns. A disk that hangs keeps it from returning.
func (j *Journal) Run(ctx context.Context) {
	defer j.disk.release()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-j.wake:
		case <-timer.C:
		}
		if b, due := j.next(time.Now(), false, j.disk.state.db == nil); due {
			j.write(b)
		}
		timer.Reset(time.Until(j.wakeAt()))
	}
	b, _ := j.next(time.Now(), true, j.disk.state.db == nil)
	j.write(b)
}

// Close gives the directory back when Run never ran.
func (j *Journal) Close() { j.disk.release() }

// next takes what is to be written, if it is time to; last takes it anyway, and
// ends the journal. Whole asks for all values.
func (j *Journal) next(now time.Time, last, whole bool) (b job, due bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	stale := now.Sub(j.image.at) >= beat
	due = len(j.dones) > 0 || stale || !j.dueAt.IsZero() && !now.Before(j.dueAt)
	if !last && (!due || now.Before(j.retryAt)) {
		return b, false
	}
	b = job{entries: j.entries, names: slices.Collect(maps.Keys(j.changed)), dones: j.dones}
	if j.lost > 0 {
		b.entries = append(b.entries, Entry{
			At: now, Kind: KindJournal, Alarm: true, Text: fmt.Sprintf("%d lines are missing here: the disk could not be written", j.lost),
		})
	}
	names := b.names
	if whole {
		names = slices.Collect(maps.Keys(j.image.values))
	}
	for _, name := range names {
		b.changes = append(b.changes, change{name, j.image.values[name]})
	}
	if len(names) > 0 || whole || stale || last {
		b.about = &about{Schema: schema, At: now, Count: len(j.image.values), Sum: j.image.sum}
	}
	j.entries, j.changed, j.dones, j.lost, j.dueAt = nil, map[string]bool{}, nil, 0, time.Time{}
	j.busyAt, j.closed = now, last
	return b, true
}

// write makes a job durable, and tells those who wait.
func (j *Journal) write(b job) {
	err := j.put(&b)
	j.finish(&b, err, time.Now())
	for _, done := range b.dones {
		done(err)
	}
}

// put makes a job durable, the lines first.
func (j *Journal) put(b *job) error {
	note, err := j.disk.prepare()
	if note != "" {
		b.entries = append(b.entries, Entry{At: time.Now(), Kind: KindJournal, Alarm: true, Text: note})
	}
	if err != nil {
		return err
	}
	before := j.disk.record.head.Seq
	unwritable, err := j.disk.record.write(b.entries, time.Now())
	if unwritable != nil {
		j.log.Error("some lines cannot be recorded", "reason", unwritable)
	}
	if err != nil {
		return err
	}
	b.entries, b.lines = nil, j.disk.record.head.Seq-before
	if b.about == nil {
		return nil
	}
	return j.disk.state.write(b.changes, *b.about)
}

// finish takes back what a failed job leaves, and counts.
func (j *Journal) finish(b *job, err error, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	before := j.stats.Failed
	j.busyAt = time.Time{}
	j.stats.Head = j.disk.record.head
	j.stats.Lines += b.lines
	if err == nil {
		j.stats.Failed, j.stats.Last, j.inRow, j.retryAt = "", now, 0, time.Time{}
		j.stats.Durable++
		if b.about != nil {
			j.image.at = b.about.At
		}
		if before != "" {
			j.log.Info("the journal can be written again")
		}
		return
	}
	j.entries = append(b.entries, j.entries...)
	for _, name := range b.names {
		j.changed[name] = true
	}
	// Who asked meanwhile waits no longer.
	b.dones = append(b.dones, j.dones...)
	j.dones = nil
	j.stats.Failed = err.Error()
	j.stats.Refused++
	j.retryAt = now.Add(min(maxRetry, retry<<min(j.inRow, 8)))
	j.dueAt = j.retryAt
	j.inRow++
	if before == "" {
		j.log.Error("the journal cannot be written: raises wait until it can", "reason", err)
	}
}

// wakeAt is when there is something to write without anybody asking.
func (j *Journal) wakeAt() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := j.image.at.Add(beat)
	if !j.dueAt.IsZero() && j.dueAt.Before(at) {
		at = j.dueAt
	}
	if at.Before(j.retryAt) {
		at = j.retryAt
	}
	return at
}

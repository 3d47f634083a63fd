package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// breakable is a disk of which a test can break any step.
type breakable struct {
	mu   sync.Mutex
	how  map[string]func() error
	seen map[string]int
}

func (b *breakable) step(name string) error {
	b.mu.Lock()
	how := b.how[name]
	b.seen[name]++
	b.mu.Unlock()
	if how != nil {
		return how()
	}
	return nil
}

// breaks makes a step do something first; nil mends it.
func (b *breakable) breaks(name string, how func() error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.how[name] = how
}

var errDisk = errors.New("no space left on device")

func refuses() error { return errDisk }

// life is one life of a process with a journal.
type life struct {
	*Journal
	t    *testing.T
	disk *breakable
	end  func()
}

// live opens the journal of a directory and runs it.
func live(t *testing.T, dir string) *life {
	t.Helper()
	l := &life{t: t, disk: &breakable{how: map[string]func() error{}, seen: map[string]int{}}}
	var err error
	l.Journal, err = Open(Options{Dir: dir, fault: l.disk.step})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { l.Run(ctx); close(over) }()
	l.end = sync.OnceFunc(func() { cancel(); <-over })
	t.Cleanup(l.end)
	return l
}

// save saves a value and a line, and waits for the answer.
func (l *life) save(name, value string) error {
	answer := make(chan error, 1)
	l.Save(Batch{
		Values: map[string][]byte{name: []byte(value)}, Entries: []Entry{{At: time.Now(), Kind: "intent", Text: name + "=" + value}},
		Done: func(err error) { answer <- err },
	})
	return <-answer
}

// value is what a new life would begin with, were this one killed now.
func value(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, stateName))
	require.NoError(t, err)
	killed := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(killed, stateName), text, 0o600))
	im, err := readState(killed)
	require.NoError(t, err)
	return string(im.values[name])
}

// texts are the lines of the record that are intents.
func texts(t *testing.T, dir string) (all []string) {
	t.Helper()
	for line, err := range Lines(t.Context(), dir, Query{Kinds: []string{"intent"}}) {
		require.NoError(t, err)
		e, _, err := parseLine(line)
		require.NoError(t, err)
		all = append(all, e.Text)
	}
	return all
}

func requireSound(t *testing.T, dir string) Verified {
	t.Helper()
	v, err := Verify(t.Context(), dir)
	require.NoError(t, err)
	require.Empty(t, v.Broken)
	return v
}

// filled is a directory whose journal has n intents and as many values.
func filled(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	l := live(t, dir)
	for i := range n {
		require.NoError(t, l.save(fmt.Sprintf("k%d", i), "v"))
	}
	l.end()
	return dir
}

func flip(t *testing.T, path string, at int64, bit uint) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	require.NoError(t, err)
	b[0] ^= 1 << bit
	_, err = f.WriteAt(b[:], at)
	require.NoError(t, err)
}

func segmentPath(dir string, first uint64) string { return filepath.Join(dir, segmentName(first)) }

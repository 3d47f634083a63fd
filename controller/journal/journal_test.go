package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARestartFindsWhatWasDurable(t *testing.T) {
	dir := t.TempDir()
	first := live(t, dir)
	require.NoError(t, first.save("a/1", "x"))
	require.NoError(t, first.save("a/2", "y"))
	require.NoError(t, first.save("b/1", "z"))
	first.Save(Batch{Values: map[string][]byte{"a/1": nil}, Entries: []Entry{{At: time.Now(), Kind: "order", Text: "by the way"}}})
	first.end() // writes what nobody waits for too

	second := live(t, dir)
	values, at := second.Values("a/")
	require.Equal(t, map[string][]byte{"2": []byte("y")}, values)
	require.WithinDuration(t, time.Now(), at, time.Minute)
	require.NoError(t, second.save("a/2", "w"))
	second.end()
	require.Equal(t, []string{"a/1=x", "a/2=y", "b/1=z", "a/2=w"}, texts(t, dir))
	v := requireSound(t, dir)
	require.Equal(t, Verified{Files: 1, Lines: 5, First: 1, Last: v.Last}, v)
}

func TestOneProcessAtATimeHasADirectory(t *testing.T) {
	dir := t.TempDir()
	first := live(t, dir)
	_, err := Open(Options{Dir: dir})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, dir)
	require.NoError(t, first.save("a", "still mine"))
	first.end()
	second := live(t, dir)
	require.NoError(t, second.save("b", "mine now"))
}

// Whatever step of the disk fails: who waits is told, nothing that was durable
// is lost, and when the disk is well again everything is written, in order.
func TestEveryStepOfTheDiskMayFail(t *testing.T) {
	for _, step := range []string{"open record", "write record", "sync record", "create state", "commit state", "rename state"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				l := live(t, dir)
				require.NoError(t, l.save("a", "1"))
				l.disk.breaks("commit state", refuses) // after which a new database is begun
				l.disk.breaks(step, refuses)
				require.ErrorIs(t, l.save("b", "2"), errDisk)
				l.disk.breaks("commit state", nil)
				l.disk.breaks(step, refuses)
				time.Sleep(time.Minute)
				require.Contains(t, l.Stats().Failed, errDisk.Error())
				before := l.Stats().Refused
				require.ErrorContains(t, l.save("c", "3"), errDisk.Error(), "at once")
				require.ErrorContains(t, l.save("a", "4"), errDisk.Error())
				time.Sleep(time.Minute)
				require.Less(t, l.Stats().Refused-before, uint64(15), "the disk is not tried without end")
				require.Equal(t, "1", value(t, dir, "a"), "what was durable is still there")

				l.disk.breaks(step, nil)
				time.Sleep(maxRetry + time.Second)
				require.Empty(t, l.Stats().Failed)
				require.Zero(t, l.Stats().Waiting)
				require.NoError(t, l.save("d", "5"))
				for name, want := range map[string]string{"a": "4", "b": "2", "c": "3", "d": "5"} {
					values, _ := l.Values(name)
					require.Equal(t, want, string(values[""]))
				}
				l.end()
				for name, want := range map[string]string{"a": "4", "b": "2", "c": "3", "d": "5"} {
					require.Equal(t, want, value(t, dir, name))
				}
				require.Equal(t, []string{"a=1", "b=2", "c=3", "a=4", "d=5"}, texts(t, dir))
				requireSound(t, dir)
			})
		})
	}
}

// After a failed sync nobody knows what is on the disk: here it is half a line.
func TestWhatAFailedSyncLeavesIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := live(t, dir)
		require.NoError(t, l.save("a", "1"))
		l.disk.breaks("sync record", func() error {
			info, err := os.Stat(segmentPath(dir, 1))
			return errors.Join(err, os.Truncate(segmentPath(dir, 1), info.Size()-20), errDisk)
		})
		require.ErrorIs(t, l.save("b", "2"), errDisk)
		require.Positive(t, requireSound(t, dir).Unfinished)
		l.disk.breaks("sync record", nil)
		time.Sleep(maxRetry + time.Second)
		require.Equal(t, []string{"a=1", "b=2"}, texts(t, dir))
		require.Zero(t, requireSound(t, dir).Unfinished)
	})
}

func TestADiskThatHangsIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := live(t, t.TempDir())
		require.NoError(t, l.save("a", "1"))
		hang := make(chan struct{})
		l.disk.breaks("sync record", func() error { <-hang; return nil })
		answer := make(chan error, 1)
		l.Save(Batch{Values: map[string][]byte{"b": []byte("2")}, Entries: []Entry{{Kind: "intent"}}, Done: func(err error) { answer <- err }})
		time.Sleep(patience + time.Second)
		require.Equal(t, "the disk does not answer", l.Stats().Failed)
		require.ErrorContains(t, l.save("c", "3"), "does not answer")
		require.Empty(t, answer, "that one may yet become durable")
		l.disk.breaks("sync record", nil)
		close(hang)
		require.NoError(t, <-answer)
		time.Sleep(2 * gather)
		require.Empty(t, l.Stats().Failed)
	})
}

func TestWhatDoesNotFitInMemoryIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := live(t, dir)
		l.disk.breaks("write record", refuses)
		l.Save(Batch{Entries: []Entry{{Kind: "order"}}})
		time.Sleep(2 * gather) // now it waits before it tries again
		for range maxWaiting + 4 {
			l.Save(Batch{Entries: []Entry{{Kind: "order"}}})
		}
		require.ErrorIs(t, l.save("a", "1"), ErrFull)
		require.Equal(t, uint64(6), l.Stats().Lost)
		l.disk.breaks("write record", nil)
		time.Sleep(time.Minute)
		l.end()
		require.Equal(t, "1", value(t, dir, "a"), "values are never dropped")
		var lines []string
		for line, err := range Lines(t.Context(), dir, Query{Kinds: []string{KindJournal}}) {
			require.NoError(t, err)
			lines = append(lines, string(line))
		}
		require.Len(t, lines, 1)
		require.Contains(t, lines[0], "6 lines are missing here")
	})
}

func TestADirectoryThatCannotBeMadeIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		require.NoError(t, os.WriteFile(dir, nil, 0o600)) // in its place
		l := live(t, dir)
		require.Contains(t, l.Stats().Failed, "not a directory")
		require.Error(t, l.save("a", "1"))
		require.NoError(t, os.Remove(dir))
		time.Sleep(maxRetry + time.Second)
		require.Empty(t, l.Stats().Failed)
		require.NoError(t, l.save("b", "2"))
		l.end()
		require.Equal(t, "1", value(t, dir, "a"))
		requireSound(t, dir)
	})
}

func TestNothingIsTakenAfterTheEnd(t *testing.T) {
	l := live(t, t.TempDir())
	l.end()
	require.ErrorIs(t, l.save("a", "1"), ErrClosed)
}

func TestAQuietJournalStillSaysThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := live(t, t.TempDir())
		require.NoError(t, l.save("a", "1"))
		time.Sleep(10 * time.Hour)
		_, at := l.Values("")
		require.LessOrEqual(t, time.Since(at), beat)
	})
}

func TestLinesOfManyAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := live(t, t.TempDir())
		require.NoError(t, l.save("a", "1"))
		hang := make(chan struct{})
		l.disk.breaks("sync record", func() error { <-hang; return nil })
		answers := make(chan error, 100)
		for i := range 100 {
			l.Save(Batch{
				Values:  map[string][]byte{fmt.Sprint(i): nil},
				Entries: []Entry{{Kind: "intent"}}, Done: func(err error) { answers <- err },
			})
			synctest.Wait()
		}
		before := l.disk.seen["sync record"]
		close(hang)
		for range 100 {
			require.NoError(t, <-answers)
		}
		require.Equal(t, before+1, l.disk.seen["sync record"], "one for the first, one for all others")
	})
}

func TestSaveDoesNotWait(t *testing.T) {
	j, err := Open(Options{Dir: t.TempDir()})
	require.NoError(t, err)
	defer j.Close()
	for range maxWaiting {
		j.Save(Batch{Entries: []Entry{{Kind: "order"}}}) // nobody writes
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j.Run(ctx)
	require.Equal(t, uint64(maxWaiting), j.Stats().Head.Seq)
}

package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// When a file of the record is full, and how much of the record is kept.
const (
	maxSegment = 16 << 20
	maxAge     = 24 * time.Hour
	maxRecord  = 2 << 30
)

// segment is one file of the record.
type segment struct {
	path  string
	first uint64 // number of its first line
	size  int64
	mtime time.Time
}

const (
	segmentPrefix = "record-"
	segmentSuffix = ".jsonl"
)

// segmentName is the name of the file that begins with a line. Names sort as
// the numbers do.
func segmentName(first uint64) string {
	return fmt.Sprintf("%s%012d%s", segmentPrefix, first, segmentSuffix)
}

// segments lists the files of the record in a directory, oldest first.
func segments(dir string) ([]segment, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []segment
	for _, n := range names {
		number, _ := strings.CutPrefix(strings.TrimSuffix(n.Name(), segmentSuffix), segmentPrefix)
		first, err := strconv.ParseUint(number, 10, 64)
		if err != nil || n.Name() != segmentName(first) {
			continue
		}
		info, err := n.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since
		}
		if err != nil {
			return nil, err
		}
		found = append(found, segment{filepath.Join(dir, n.Name()), first, info.Size(), info.ModTime()})
	}
	slices.SortFunc(found, func(a, b segment) int { return strings.Compare(a.path, b.path) })
	return found, nil
}

// writer appends to the record. What is behind end in its file is not durable.
type writer struct {
	dir    string
	fault  func(op string) error
	file   *os.File // nil: none is open
	path   string   // of the file to go on with; empty: a new one is begun
	end    int64    // durable bytes of it
	opened time.Time
	head   Head // of the last durable line
}

// write makes entries durable, all or none. Those that cannot be a line are left
// out and told.
func (w *writer) write(entries []Entry, now time.Time) (unwritable, err error) {
	var lines []byte
	head := w.head
	for _, e := range entries {
		var bad error
		lines, head, bad = appendLine(lines, head, e)
		unwritable = errors.Join(unwritable, bad)
	}
	if len(lines) == 0 {
		return unwritable, nil
	}
	err = w.ready(now)
	if err == nil {
		err = w.put(lines)
	}
	if err != nil {
		// What of it is on the disk is not known. The next attempt cuts it off
		// and writes it again.
		w.drop()
		if w.end == 0 {
			w.path = "" // nor is it known whether the name is durable
		}
		return unwritable, fmt.Errorf("write the record: %w", err)
	}
	w.end += int64(len(lines))
	w.head = head
	return unwritable, nil
}

func (w *writer) put(lines []byte) error {
	if err := w.fault("write record"); err != nil {
		return err
	}
	if _, err := w.file.WriteAt(lines, w.end); err != nil {
		return err
	}
	if err := w.fault("sync record"); err != nil {
		return err
	}
	return w.file.Sync()
}

// ready opens the file that the next line goes to, and cuts off what is behind
// its durable end.
func (w *writer) ready(now time.Time) error {
	if err := w.fault("open record"); err != nil {
		return err
	}
	if w.end >= maxSegment || now.Sub(w.opened) >= maxAge {
		w.drop()
		w.path = ""
	}
	if w.file != nil {
		return nil
	}
	begun := w.path == ""
	if begun {
		w.path, w.end, w.opened = filepath.Join(w.dir, segmentName(w.head.Seq+1)), 0, now
	}
	var err error
	if w.file, err = os.OpenFile(w.path, os.O_RDWR|os.O_CREATE, fileMode); err != nil {
		return err
	}
	if err := w.file.Truncate(w.end); err != nil || !begun {
		return err
	}
	return errors.Join(syncDir(w.dir), w.expire(maxRecord))
}

// expire removes the oldest files of a record that has more bytes than a limit.
func (w *writer) expire(limit int64) error {
	all, err := segments(w.dir)
	if err != nil {
		return err
	}
	total := int64(0)
	for _, s := range slices.Backward(all) {
		if total += s.size; total > limit {
			if err := os.Remove(s.path); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop closes the file. What it holds is durable already, or not trusted.
func (w *writer) drop() {
	if w.file != nil {
		_ = w.file.Close()
		w.file = nil
	}
}

// resume finds where the record goes on after a restart. What a crash left of a
// line is cut off by the next write. A file that is damaged elsewhere is left as
// it is, and a new one begun. The note says what was wrong.
func (w *writer) resume() (note string, err error) {
	all, err := segments(w.dir)
	if err != nil {
		return "", err
	}
	for _, s := range slices.Backward(all) {
		t, err := tailOf(s.path)
		if err != nil {
			return "", err
		}
		name := filepath.Base(s.path)
		w.head = t.head
		switch {
		case t.damaged != "":
			return fmt.Sprintf("the record is damaged: %s; a new file is begun", t.damaged), nil
		case t.head == Head{}: // no line of it was finished
			note = fmt.Sprintf("%s holds no line: it is written anew", name)
			continue
		case note == "":
			w.path, w.end, w.opened = s.path, t.end, t.first
		}
		if t.end < s.size {
			note = fmt.Sprintf("the last %d bytes of %s are no finished line, as a crash leaves it: they are cut off", s.size-t.end, name)
		}
		return note, nil
	}
	return note, nil
}

// tail is the end of a file of the record.
type tail struct {
	head    Head      // of the last good line; zero: there is none
	end     int64     // where it ends
	first   time.Time // of the first line
	damaged string    // what is wrong before the last good line; empty: nothing
}

// tailOf reads a file of the record to its end.
func tailOf(path string) (t tail, err error) {
	wrong := ""
	for l, err := range linesOf(path) {
		if err != nil {
			return t, err
		}
		why := l.wrong
		if why == nil && t.head.Seq > 0 {
			why = l.entry.follows(t.head)
		}
		if why != nil && wrong == "" {
			wrong = fmt.Sprintf("%s: %v", l.place, why)
		}
		if l.wrong == nil {
			if t.first.IsZero() {
				t.first = l.entry.At
			}
			t.head, t.end, t.damaged = l.head, l.end, wrong
		}
	}
	return t, nil
}

// readLine is the next line without its newline, and its size with it; the size
// is 0 at the end. Whole tells that there was a newline. Of a line that is too
// long only a part is returned, which is no good line.
func readLine(r *bufio.Reader) (text []byte, size int64, whole bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		size += int64(len(part))
		if len(text) <= maxLine {
			text = append(text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return text, size, false, nil
		case err != nil:
			return nil, 0, false, err
		}
		return bytes.TrimSuffix(text, []byte{'\n'}), size, true, nil
	}
}

package journal

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Query says which lines are wanted.
type Query struct {
	Site  string    // empty: all; lines about no site are among every site's
	Since time.Time // zero: from the beginning
	Kinds []string  // empty: all
}

func (q *Query) wants(e *Entry) bool {
	return (q.Site == "" || e.Site == "" || e.Site == q.Site) && !e.At.Before(q.Since) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind))
}

// Lines are the lines of the record in a directory that a query asks for, oldest
// first. A line is valid until the next one. An error is the last thing that
// comes. The record may be written to meanwhile.
func Lines(ctx context.Context, dir string, q Query) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		all, err := segments(dir)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, s := range all {
			if s.mtime.Before(q.Since) { // nothing was written to it since
				continue
			}
			for l, err := range linesOf(s.path) {
				if err == nil {
					err = ctx.Err()
				}
				if err == nil && l.wrong != nil && l.whole {
					err = fmt.Errorf("%s: %w", l.place, l.wrong)
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if l.wrong == nil && q.wants(&l.entry) && !yield(l.text, nil) {
					return
				}
			}
		}
	}
}

// line is one line of a file.
type line struct {
	place string // file and number
	text  []byte // without the newline
	whole bool   // there was a newline
	end   int64  // where it ends in its file
	entry Entry
	head  Head
	wrong error // why it is no good line
}

// linesOf are the lines of one file.
func linesOf(path string) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(line{}, err)
			return
		}
		defer f.Close()
		r, end := bufio.NewReaderSize(f, 64<<10), int64(0)
		for n := 1; ; n++ {
			text, size, whole, err := readLine(r)
			if err != nil {
				yield(line{}, fmt.Errorf("%s: %w", path, err))
				return
			}
			if size == 0 {
				return
			}
			end += size
			l := line{place: fmt.Sprintf("%s:%d", filepath.Base(path), n), text: text, whole: whole, end: end}
			if l.entry, l.head, l.wrong = parseLine(text); l.wrong == nil && !whole {
				l.wrong = errUnfinished
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// Verified is what a record was found to be.
type Verified struct {
	Files      int
	Lines      int
	First      uint64 // number of the first line that is kept; 0: there is none
	Last       Head
	Unfinished int64  // bytes after the last line, of one that is being written or was torn by a crash
	Broken     string // the first line that is wrong, and how; empty: none is
}

// Verify reads the record in a directory whole. The beginning of a record whose
// oldest files were removed is taken on trust, as is that nothing was cut off
// from its end: hold Last against an exported file for that.
func Verify(ctx context.Context, dir string) (v Verified, err error) {
	all, err := segments(dir)
	if err != nil {
		return v, err
	}
	for i, s := range all {
		v.Files++
		for l, err := range linesOf(s.path) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return v, err
			}
			if !l.whole && i == len(all)-1 {
				v.Unfinished = int64(len(l.text))
				continue
			}
			if l.wrong == nil && v.Lines > 0 {
				l.wrong = l.entry.follows(v.Last)
			}
			if l.wrong != nil {
				v.Broken = fmt.Sprintf("%s: %v", l.place, l.wrong)
				return v, nil
			}
			if v.Lines++; v.Lines == 1 {
				v.First = l.entry.Seq
			}
			v.Last = l.head
		}
	}
	return v, nil
}

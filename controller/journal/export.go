package journal

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Header is the first line of an exported file. With it the file proves itself:
// the lines are those of the record, and none was left out that was asked for.
type Header struct {
	Format   string    `json:"format"` // always exportFormat
	Exported time.Time `json:"exported"`
	Site     string    `json:"site,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Kinds    []string  `json:"kinds,omitempty"`
	Lines    int       `json:"lines"`
	SHA256   Hash      `json:"sha256"` // of all bytes after the header
	Record   struct {
		First uint64 `json:"first"` // number of its first line
		Last  Head   `json:"last"`
	} `json:"record"` // that the lines were taken from, verified
}

const exportFormat = "headroom journal 1"

// Export writes what a query asks for as an evidence file: a header, and the
// lines as they are in the record. A record that is not sound is refused.
func Export(ctx context.Context, out io.Writer, dir string, q Query, now time.Time) (h Header, err error) {
	v, err := Verify(ctx, dir)
	switch {
	case err != nil:
		return h, err
	case v.Broken != "":
		return h, fmt.Errorf("the record is broken, so it proves nothing: %s", v.Broken)
	}
	h = Header{Format: exportFormat, Exported: now.UTC(), Site: q.Site, Since: q.Since, Kinds: q.Kinds}
	h.Record.First, h.Record.Last = v.First, v.Last
	// Lines that are written meanwhile do not belong to it.
	each := func(do func(line []byte)) error {
		for line, err := range Lines(ctx, dir, q) {
			if err != nil {
				return err
			}
			if _, head, _ := parseLine(line); head.Seq > v.Last.Seq {
				return nil
			}
			do(append(line, '\n'))
		}
		return nil
	}
	sum := sha256.New()
	if err := each(func(line []byte) { h.Lines++; sum.Write(line) }); err != nil {
		return h, err
	}
	sum.Sum(h.SHA256[:0])
	text, err := json.Marshal(h)
	if err != nil {
		return h, err
	}
	w := bufio.NewWriter(out)
	w.Write(append(text, '\n')) // an error comes back from Flush
	err = each(func(line []byte) { w.Write(line) })
	return h, errors.Join(err, w.Flush())
}

// VerifyExport reads an exported file and holds it against its header.
func VerifyExport(in io.Reader) (h Header, err error) {
	r := bufio.NewReader(in)
	first, err := r.ReadBytes('\n')
	if err != nil || json.Unmarshal(first, &h) != nil || h.Format != exportFormat {
		return h, errors.New("line 1: it is no header of an exported journal")
	}
	sum, seq := sha256.New(), uint64(0)
	for n := 0; ; n++ {
		text, size, whole, err := readLine(r)
		if err != nil {
			return h, err
		}
		if size == 0 {
			break
		}
		e, _, wrong := parseLine(text)
		switch {
		case wrong != nil:
			return h, fmt.Errorf("line %d: %w", n+2, wrong)
		case !whole || n >= h.Lines || e.Seq <= seq:
			return h, fmt.Errorf("line %d: it does not belong here", n+2)
		}
		seq = e.Seq
		sum.Write(append(text, '\n'))
	}
	if !bytes.Equal(sum.Sum(nil), h.SHA256[:]) {
		return h, fmt.Errorf("the %d lines after the header are not those that it was made for", h.Lines)
	}
	return h, nil
}

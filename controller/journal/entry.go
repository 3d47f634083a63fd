package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Entry is one line of the record.
type Entry struct {
	Seq       uint64          `json:"seq"`            // grows by one; given by the journal
	At        time.Time       `json:"at"`             // in UTC
	Site      string          `json:"site,omitempty"` // empty: of the journal or of all sites
	Kind      string          `json:"kind"`
	Alarm     bool            `json:"alarm,omitempty"`
	Circuit   string          `json:"circuit,omitempty"`
	Connector string          `json:"connector,omitempty"`
	Session   string          `json:"session,omitempty"`
	By        string          `json:"by,omitempty"` // who set something
	Text      string          `json:"text,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"` // an object, by kind
	Prev      Hash            `json:"prev"`           // of the line before; zero for the first one
}

// KindJournal is the kind of what the journal says of itself.
const KindJournal = "journal"

// maxLine bounds a line in bytes.
const maxLine = 1 << 20

// Hash is the SHA-256 of a line: of all its bytes before the member hash.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText writes, and nothing else.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) || bytes.ContainsAny(text, "ABCDEF") {
		return errors.New("want 64 lower-case hexadecimal digits")
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Head names the last line of a part of the record. The zero Head is before
// the first line.
type Head struct {
	Seq  uint64 `json:"seq"`
	Hash Hash   `json:"hash"`
}

// The end of a line.
const (
	hashOpen  = `,"hash":"`
	hashClose = `"}`
	hashPart  = len(hashOpen) + 2*sha256.Size + len(hashClose)
)

// appendLine adds the line of e after head, and returns the new head.
func appendLine(lines []byte, head Head, e Entry) ([]byte, Head, error) {
	e.Seq, e.Prev, e.At = head.Seq+1, head.Hash, e.At.UTC()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return lines, head, fmt.Errorf("record of kind %q: %w", e.Kind, err)
	}
	if text.Len()+hashPart > maxLine {
		return lines, head, fmt.Errorf("record of kind %q: %d bytes are too many", e.Kind, text.Len())
	}
	line := bytes.TrimSuffix(text.Bytes(), []byte("}\n"))
	next := Head{e.Seq, sha256.Sum256(line)}
	lines = append(append(lines, line...), hashOpen...)
	lines = hex.AppendEncode(lines, next.Hash[:])
	return append(lines, hashClose+"\n"...), next, nil
}

// errUnfinished says that a line has no newline.
var errUnfinished = errors.New("it has no end")

// parseLine reads a line, without its newline, that was not changed since it
// was written.
func parseLine(line []byte) (e Entry, head Head, err error) {
	at := len(line) - hashPart
	if at < 0 || !bytes.HasPrefix(line[at:], []byte(hashOpen)) || !bytes.HasSuffix(line, []byte(hashClose)) {
		return e, head, errors.New("it is no line of a record")
	}
	if err := head.Hash.UnmarshalText(line[at+len(hashOpen) : len(line)-len(hashClose)]); err != nil {
		return e, head, fmt.Errorf("its hash: %w", err)
	}
	if sha256.Sum256(line[:at]) != head.Hash {
		return e, head, errors.New("it was changed: its hash is not that of its text")
	}
	if err := json.Unmarshal(append(line[:at:at], '}'), &e); err != nil {
		return e, head, err
	}
	head.Seq = e.Seq
	return e, head, nil
}

// follows reports whether a line may come right after prev.
func (e *Entry) follows(prev Head) error {
	switch {
	case e.Seq != prev.Seq+1:
		return fmt.Errorf("it has number %d, where %d should follow: lines are missing or were put in between", e.Seq, prev.Seq+1)
	case e.Prev != prev.Hash:
		return errors.New("it does not follow from the line before: one of them was exchanged")
	}
	return nil
}

package edrvapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrUnreadable is the cause of every document that could not be decoded.
var ErrUnreadable = errors.New("unreadable document")

// maxDepth is how deep a document may nest. eDRV's own nest 6 deep.
const maxDepth = 32

// reader walks one JSON document, once and forwards. Every method that reads takes
// exactly one value, whatever its kind, so a member of the wrong kind costs that member
// and nothing else. The first syntax error sticks: from then on every method does
// nothing, and finish reports it.
type reader struct {
	src bytes.Buffer
	dec *jsontext.Decoder
	err error
}

var readers = sync.Pool{New: func() any {
	r := new(reader)
	r.dec = jsontext.NewDecoder(&r.src)
	return r
}}

// newReader is a reader of doc, which must not change before the reader is released.
func newReader(doc []byte) *reader {
	r := openReader(doc)
	if !withinDepth(doc) {
		r.err = fmt.Errorf("nested deeper than %d", maxDepth)
	}
	return r
}

// openReader is newReader with other rules of syntax, and without a limit of depth.
func openReader(doc []byte, opts ...jsontext.Options) *reader {
	r := readers.Get().(*reader)
	r.src = *bytes.NewBuffer(doc)
	r.dec.Reset(&r.src, opts...)
	return r
}

// release gives the reader back; it keeps no hold of the document.
func (r *reader) release() {
	r.src, r.err = bytes.Buffer{}, nil
	r.dec.Reset(&r.src)
	readers.Put(r)
}

// finish is the error of the document, and refuses anything after its one value.
func (r *reader) finish() error {
	if r.err == nil {
		if _, err := r.dec.ReadToken(); err == nil {
			r.err = errors.New("data after the document")
		} else if err != io.EOF {
			r.err = err
		}
	}
	if r.err != nil {
		return unreadable("%s", r.err)
	}
	return nil
}

// unreadable is an ErrUnreadable with a bounded reason.
func unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnreadable, cleanText(fmt.Sprintf(format, args...), 200))
}

// kind is the kind of the next value: '{', '[', '"', '0', 't', 'f' or 'n'; 0 after an
// error.
func (r *reader) kind() jsontext.Kind {
	if r.err != nil {
		return 0
	}
	return r.dec.PeekKind()
}

// value is the next value as written, valid until the next read.
func (r *reader) value() []byte {
	if r.err != nil {
		return nil
	}
	var v jsontext.Value
	v, r.err = r.dec.ReadValue()
	return v
}

// raw is the next value as written, as a part of doc, which is what is being read.
func (r *reader) raw(doc []byte) []byte {
	n := len(r.value())
	if r.err != nil {
		return nil
	}
	end := int(r.dec.InputOffset())
	return doc[end-n : end : end]
}

// skip passes over the next value.
func (r *reader) skip() { r.value() }

// object steps through the next value if it is an object: for the name of every member,
// valid until the next read, the loop must read one value. A value of another kind is
// skipped.
func (r *reader) object() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for ok := r.enter('{'); ok && r.more(); {
			if !yield(unquote(r.value())) {
				return
			}
		}
	}
}

// array steps through the next value if it is an array; the loop must read one value
// for every item. A value of another kind is skipped.
func (r *reader) array() func(func() bool) {
	return func(yield func() bool) {
		for ok := r.enter('['); ok && r.more(); {
			if !yield() {
				return
			}
		}
	}
}

// enter steps into the next value if it is of the kind open, and skips it otherwise.
func (r *reader) enter(open jsontext.Kind) bool {
	if r.kind() != open {
		r.skip()
		return false
	}
	_, r.err = r.dec.ReadToken()
	return r.err == nil
}

// more reports whether the value that was entered has another member, and leaves it
// when it has none.
func (r *reader) more() bool {
	switch r.kind() {
	case '}', ']', 0:
		if r.err == nil {
			_, r.err = r.dec.ReadToken()
		}
		return false
	default:
		return true
	}
}

// word is the next value if it is text, without quotes and valid until the next read;
// nil if it is anything else.
func (r *reader) word() []byte {
	if r.kind() != '"' {
		r.skip()
		return nil
	}
	return unquote(r.value())
}

// text is the next value if it is text: without control characters, cut to at most
// limit bytes.
func (r *reader) text(limit int) string { return cleanText(string(r.word()), limit) }

// boolean is the next value if it is true or false.
func (r *reader) boolean() Maybe[bool] {
	k := r.kind()
	r.skip()
	return Maybe[bool]{Value: k == 't', Known: k == 't' || k == 'f'}
}

// ref is the id that the next value refers to: the value itself, or the _id of the
// object that eDRV put in its place. It is empty where there is none.
func (r *reader) ref() string {
	if r.kind() != '{' {
		return idOf(r.word())
	}
	var id string
	for name := range r.object() {
		if string(name) == "_id" {
			id = idOf(r.word())
		} else {
			r.skip()
		}
	}
	return id
}

// idOf is the id in b, or empty if b is none. eDRV's ids are 24 hexadecimal digits; any
// short word that is safe in a path and in a log is taken.
func idOf(b []byte) string {
	if !validID(b) {
		return ""
	}
	return string(b)
}

// validID reports whether s may be an id: 1 to 64 letters, digits, '-' or '_'.
func validID[T string | []byte](s T) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			continue
		}
		return false
	}
	return true
}

// unquote is the text of a JSON string, without copying where nothing is escaped.
func unquote(quoted []byte) []byte {
	if len(quoted) < 2 {
		return nil
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	plain, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return nil
	}
	return plain
}

// withinDepth reports whether no value of doc nests deeper than maxDepth. Counting the
// brackets settles it for nearly every document.
func withinDepth(doc []byte) bool {
	if bytes.Count(doc, []byte("{"))+bytes.Count(doc, []byte("[")) <= maxDepth {
		return true
	}
	depth, quoted := 0, false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

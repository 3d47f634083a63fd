package controller

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/headroom-ev/headroom/edrvapi"
)

// What the bodies under way may take: eDRV's own are below 20 KiB, and those up
// to smallBody are bounded by the number of connections. Larger ones need one
// of largeBodies places, 16 MiB in all.
const (
	smallBody   = 32 << 10
	largeBodies = 64
)

var (
	errTooLarge = errors.New("the body is too large")
	errNoRoom   = errors.New("too many large bodies at a time")
)

// bodies reads the bodies of deliveries in bounded memory.
type bodies struct {
	buffers sync.Pool
	large   chan struct{} // one for each large body under way; full: the next is refused
}

func newBodies() *bodies {
	return &bodies{
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
		large:   make(chan struct{}, largeBodies),
	}
}

// read reads the body of a request. What it returns is valid until release is
// called. The error is errTooLarge, errNoRoom, or that the sender went away.
func (b *bodies) read(w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	if r.ContentLength > edrvapi.MaxEventBytes {
		return nil, nil, errTooLarge
	}
	buf := b.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	release = func() { b.buffers.Put(buf) }
	from := http.MaxBytesReader(w, r.Body, edrvapi.MaxEventBytes)
	if _, err = io.CopyN(buf, from, smallBody); err == nil { // there may be more
		select {
		case b.large <- struct{}{}:
		default:
			release()
			return nil, nil, errNoRoom
		}
		release = func() { <-b.large } // the buffer has grown: it is not kept
		_, err = buf.ReadFrom(from)
	}
	if err != nil && err != io.EOF {
		release()
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			err = errTooLarge
		}
		return nil, nil, err
	}
	return buf.Bytes(), release, nil
}

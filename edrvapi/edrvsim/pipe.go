package edrvsim

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// PipeListener is a network of its own in memory: a [net.Listener] and the
// dialer that reaches it. Unlike loopback TCP it works in a testing/synctest
// bubble.
type PipeListener struct {
	conns chan net.Conn // unbuffered: dialling waits for Accept
	shut  chan struct{}
	once  sync.Once
}

// NewPipeListener is a network without connections.
func NewPipeListener() *PipeListener {
	return &PipeListener{conns: make(chan net.Conn), shut: make(chan struct{})}
}

// Accept waits for the next connection.
func (l *PipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.shut:
		return nil, net.ErrClosed
	}
}

// Close makes Accept and DialContext fail from now on.
func (l *PipeListener) Close() error {
	l.once.Do(func() { close(l.shut) })
	return nil
}

// Addr is a name, for nothing else is needed.
func (l *PipeListener) Addr() net.Addr { return pipeAddr{} }

// DialContext connects to the listener, whatever the address is.
func (l *PipeListener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.shut:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Client is an HTTP client whose every request goes to the listener. The caller
// owns it and closes its idle connections.
func (l *PipeListener) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: l.DialContext}}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

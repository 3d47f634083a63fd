package edrvapi

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// canary is the API key of the tests. It must be nowhere but in the Authorization
// header.
const canary = "canary-5f0c-key"

// pipes is a listener without a network, as a synctest bubble needs it.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "pipes"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("closed")}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inMemory is a client whose eDRV is the handler. It lives until the test or bubble
// ends.
func inMemory(t *testing.T, handler http.HandlerFunc, change ...func(*Options)) *Client {
	t.Helper()
	p := newPipes()
	server := &http.Server{Handler: handler, ErrorLog: quiet()}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(p) }()
	opts := Options{
		BaseURL:           "http://edrv.example.com/v1.1/",
		APIKey:            func() string { return canary },
		RequestsPerSecond: 1000,
		Transport:         &http.Transport{DialContext: p.dial},
	}
	for _, f := range change {
		f(&opts)
	}
	c, err := New(opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		_ = server.Close()
		<-served
	})
	return c
}

// quiet is a log for servers whose clients misbehave.
func quiet() *log.Logger { return slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo) }

// answers is a handler that always gives the same answer.
func answers(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// ok is eDRV's envelope around a result.
func ok(result string) string { return `{"ok":true,"message":"fine","result":` + result + `}` }

func asError(t *testing.T, err error) *Error {
	t.Helper()
	e, isError := errors.AsType[*Error](err)
	require.True(t, isError, "%v", err)
	return e
}

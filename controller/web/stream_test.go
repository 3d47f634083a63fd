package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/web"
)

// wire is a listener whose connections are pipes, so that it works inside a
// synctest bubble.
type wire struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *wire) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *wire) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *wire) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9090} }

func (l *wire) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// serve runs the fixture's server as the daemon does: with short timeouts for
// reading, and a base context that ends before the server is shut down.
func (f *fixture) serve(t *testing.T) (*wire, func()) {
	l := &wire{conns: make(chan net.Conn), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{
		Handler: f.server, ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(l) })
	return l, func() {
		cancel()
		require.NoError(t, server.Shutdown(context.Background()))
		running.Wait()
	}
}

// client reads one stream.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	resp *http.Response
}

func (l *wire) get(t *testing.T, path string) *client {
	c := &client{t: t, conn: l.dial()}
	_, err := io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	require.NoError(t, err)
	c.resp, err = http.ReadResponse(bufio.NewReader(c.conn), nil)
	require.NoError(t, err)
	c.r = bufio.NewReader(c.resp.Body)
	return c
}

// event reads the next event, or a comment as an event without a name.
func (c *client) event() (name, data string) {
	c.t.Helper()
	for {
		line, err := c.r.ReadString('\n')
		require.NoError(c.t, err)
		switch {
		case line == "\n":
			return name, data
		case strings.HasPrefix(line, ":"):
			data = strings.TrimSpace(line)
		case strings.HasPrefix(line, "event: "):
			name = strings.TrimSpace(line[7:])
		case strings.HasPrefix(line, "data: "):
			data = strings.TrimSpace(line[6:])
		}
	}
}

// state reads a state event.
func (c *client) state() (v struct {
	State      string
	Connectors []struct {
		MeasuredW *float64 `json:"measured_w"`
	}
},
) {
	c.t.Helper()
	name, data := c.event()
	require.Equal(c.t, "state", name)
	require.NoError(c.t, json.Unmarshal([]byte(data), &v))
	return v
}

func (f *fixture) measure(w float64) {
	f.sites.Edit("depot", func(v *core.View) { v.Connectors[0].MeasuredW = &w })
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		l, stop := f.serve(t)
		c := l.get(t, "/api/v1/sites/depot/stream")
		require.Equal(t, "text/event-stream", c.resp.Header.Get("Content-Type"))
		require.Len(t, c.state().Connectors, 11, "the whole state at once")
		time.Sleep(time.Second)
		f.measure(1)
		require.InDelta(t, 1, *c.state().Connectors[0].MeasuredW, 0)
		time.Sleep(time.Second)
		f.measure(2)
		require.InDelta(t, 2, *c.state().Connectors[0].MeasuredW, 0)

		begin := time.Now()
		go func() {
			for range 10 { // passes that change nothing
				f.sites.Edit("depot", func(v *core.View) { v.Time = time.Now() })
				time.Sleep(time.Second)
			}
		}()
		name, data := c.event()
		require.Equal(t, ": beat", name+data, "nothing but the time changed")
		require.InDelta(t, 13, time.Since(begin).Seconds(), 0.5, "a heartbeat every 15 s, long after the time for reading a request")
		stop()
		_, err := c.r.ReadByte()
		require.Error(t, err, "streams end with the server")
		_ = c.conn.Close()
	})
}

// TestStreamLatestWins: a client that reads slowly misses states, and gets the
// newest.
func TestStreamLatestWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		l, stop := f.serve(t)
		c := l.get(t, "/api/v1/sites/depot/stream")
		c.state()
		for i := range 50 {
			f.measure(float64(i))
			time.Sleep(time.Millisecond)
		}
		events := 0
		for last := 0.0; last != 49; events++ {
			last = *c.state().Connectors[0].MeasuredW
		}
		require.LessOrEqual(t, events, 2)
		_ = c.conn.Close()
		stop()
	})
}

// TestStreamStalled: a client that does not read at all is cut off, and its
// place is free again.
func TestStreamStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(o *web.Options) { o.MaxStreams = 1 })
		l, stop := f.serve(t)
		stalled := l.get(t, "/api/v1/sites/depot/stream")
		stalled.state()
		refused := l.get(t, "/sites/depot/live")
		require.Equal(t, http.StatusServiceUnavailable, refused.resp.StatusCode)
		require.Equal(t, "5", refused.resp.Header.Get("Retry-After"))
		_ = refused.conn.Close()

		f.measure(7)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		next := l.get(t, "/api/v1/sites/depot/stream")
		require.Equal(t, http.StatusOK, next.resp.StatusCode)
		next.state()
		_ = next.conn.Close()
		_ = stalled.conn.Close()
		stop()
	})
}

// TestStreamGone: a client that goes away, and a site that does, end a stream.
func TestStreamGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(o *web.Options) { o.MaxStreams = 1 })
		l, stop := f.serve(t)
		for range 3 {
			c := l.get(t, "/api/v1/sites/depot/stream")
			require.Equal(t, http.StatusOK, c.resp.StatusCode)
			c.state()
			_ = c.conn.Close()
			synctest.Wait()
			time.Sleep(20 * time.Second)
		}
		for _, path := range []string{"/api/v1/sites/depot/stream", "/sites/depot/live"} {
			c := l.get(t, path)
			c.event()
			go func() {
				time.Sleep(time.Second)
				f.sites.Remove("depot")
			}()
			_, err := io.Copy(io.Discard, c.r)
			require.NoError(t, err, "it ends in good order")
			_ = c.conn.Close()
			f = newFixture(t)
			stop()
			l, stop = f.serve(t)
		}
		stop()
	})
}

// TestLive: the page's stream beats, and sends the parts that changed.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		l, stop := f.serve(t)
		c := l.get(t, "/sites/depot/live")
		type part struct{ ID, HTML string }
		next := func() (parts []part) {
			for {
				name, data := c.event()
				if name == "parts" {
					require.NoError(t, json.Unmarshal([]byte(data), &parts))
					return parts
				}
				require.Equal(t, "beat", name)
				var beat struct {
					Now    int64
					Assets string
					Parts  int
				}
				require.NoError(t, json.Unmarshal([]byte(data), &beat))
				require.Equal(t, 17, beat.Parts)
				require.InDelta(t, time.Now().UnixMilli(), beat.Now, 1)
			}
		}
		require.Len(t, next(), 17, "all of them to begin with")
		f.sites.Edit("depot", func(v *core.View) { v.Connectors[3].Reason.Text = "because" })
		parts := next()
		require.Len(t, parts, 1)
		require.Equal(t, "c3", parts[0].ID)
		require.Contains(t, parts[0].HTML, "because")
		begin := time.Now()
		name, _ := c.event()
		require.Equal(t, "beat", name)
		require.LessOrEqual(t, time.Since(begin), 2*time.Second)
		_ = c.conn.Close()

		c = l.get(t, "/live")
		name, _ = c.event()
		require.Equal(t, "beat", name)
		name, data := c.event()
		require.Equal(t, "parts", name)
		require.Contains(t, data, `"id":"s0"`)
		_ = c.conn.Close()
		stop()
	})
}

package edrvapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// order is the call of the outcome tests: one that must never be made twice.
func order(ctx context.Context, c *Client) error {
	_, err := c.SetSessionLimit(ctx, Order{Session: "s1", Connector: "c1", Limit: InAmperes(6000), Class: Cut})
	return err
}

// overNetwork is a client with the package's own connection to a server.
func overNetwork(t *testing.T, url string, change ...func(*Options)) (*Client, *atomic.Value) {
	t.Helper()
	code := new(atomic.Value)
	opts := Options{
		BaseURL:           url,
		APIKey:            func() string { return canary },
		RequestsPerSecond: 1000,
		Observe:           func(_ Operation, c string, _ time.Duration) { code.Store(c) },
	}
	for _, f := range change {
		f(&opts)
	}
	c, err := New(opts)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, code
}

// hijacked is a handler that has the bare connection, after the request was read.
func hijacked(do func(c *net.TCPConn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		do(conn.(*net.TCPConn))
	}
}

func says(text string) http.HandlerFunc {
	return hijacked(func(c *net.TCPConn) { _, _ = io.WriteString(c, text) })
}

// TestOutcomes: what can be certain after eDRV, or what stands in its place, did each
// of these. Nothing is ever sent twice.
func TestOutcomes(t *testing.T) {
	const action = `{"ok":true,"result":{"_id":"act1"}}`
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    Outcome
		code    string
	}{
		"queued":                   {answers(200, action), OutcomeDone, "2xx"},
		"created":                  {answers(201, action), OutcomeDone, "2xx"},
		"refused":                  {answers(405, `{"ok":false,"message":"Session has ended"}`), OutcomeRefused, "405"},
		"bad request":              {answers(400, ``), OutcomeRefused, "400"},
		"not found, HTML":          {answers(404, `<html>`), OutcomeRefused, "404"},
		"too many":                 {answers(429, ``), OutcomeNotReached, "429"},
		"not ok":                   {answers(200, `{"ok":false,"message":"no"}`), OutcomeRefused, "not_ok"},
		"server fault":             {answers(500, ``), OutcomeUnknown, "500"},
		"gateway timeout":          {answers(504, `<html>`), OutcomeUnknown, "504"},
		"redirect":                 {answers(307, ``, "Location", "/elsewhere"), OutcomeUnknown, "3xx"},
		"no action":                {answers(200, `{"ok":true,"result":null}`), OutcomeUnknown, "2xx"},
		"not a document":           {answers(200, `queued`), OutcomeUnknown, "unreadable"},
		"closed without an answer": {hijacked(func(*net.TCPConn) {}), OutcomeUnknown, "reset"},
		"reset":                    {hijacked(func(c *net.TCPConn) { _ = c.SetLinger(0) }), OutcomeUnknown, "reset"},
		"half a header":            {says("HTTP/1.1 200 OK\r\nContent-Type: te"), OutcomeUnknown, "reset"},
		"half a body":              {says("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), OutcomeUnknown, "reset"},
		"half a refusal":           {says("HTTP/1.1 405 No\r\nContent-Length: 50\r\n\r\n{"), OutcomeRefused, "405"},
		"not HTTP":                 {says("220 mail " + canary + " ready\r\n"), OutcomeUnknown, "unreachable"},
		"status 999":               {answers(999, ``), OutcomeUnknown, "unreadable"},
		"silent":                   {hijacked(func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1)) }), OutcomeUnknown, "timeout"},
		"stalls in the body": {hijacked(func(c *net.TCPConn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
			_, _ = c.Read(make([]byte, 1))
		}), OutcomeUnknown, "timeout"},
		"too large": {answers(200, `{"ok":true,"x":"`+string(make([]byte, maxBody))+`"}`), OutcomeUnknown, "too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) == 2 {
					tc.handler(w, r)
					return
				}
				answers(200, action)(w, r)
			}))
			defer server.Close()
			c, code := overNetwork(t, server.URL, func(o *Options) {
				if tc.code == "timeout" {
					o.Timeout = 300 * time.Millisecond
				}
			})
			require.NoError(t, order(t.Context(), c), "so that the next call uses a connection again")

			err := order(t.Context(), c)
			require.Equal(t, tc.want, OutcomeOf(err), "%v", err)
			require.Equal(t, tc.code, code.Load())
			require.EqualValues(t, 2, asked.Load(), "nothing is sent twice")
			if err != nil {
				require.NotContains(t, err.Error(), canary)
			}
			if tc.code != "429" { // After which the gate is closed for a second.
				require.NoError(t, order(t.Context(), c), "the client goes on")
			}
		})
	}
}

// TestHints: an error says what to look at first.
func TestHints(t *testing.T) {
	require.EqualError(t, &Error{Operation: OpSession, Outcome: OutcomeRefused, Status: 401, Message: "jwt expired"},
		`eDRV get_session: refused (HTTP 401): "jwt expired" (is the API key right and current?)`)
	require.EqualError(t, &Error{Operation: OpSetSessionLimit, Outcome: OutcomeRefused, Status: 405},
		`eDRV set_session_limit: refused (HTTP 405) (is the method of the limit calls right?)`)
	require.EqualError(t, &Error{Operation: OpSession, Outcome: OutcomeRefused, Status: 404}, `eDRV get_session: refused (HTTP 404)`)
	require.EqualError(t, &Error{Operation: OpSetSessionLimit, Outcome: OutcomeNotReached, Cause: ErrSuperseded},
		`eDRV set_session_limit: not reached: a newer order took its place`)
}

// TestNotReached: before there is a connection it is certain that eDRV got nothing.
func TestNotReached(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, l.Close())
		c, code := overNetwork(t, "http://"+l.Addr().String())
		err = order(t.Context(), c)
		require.Equal(t, OutcomeNotReached, OutcomeOf(err), "%v", err)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.Equal(t, "refused", code.Load())
	})
	t.Run("bad certificate", func(t *testing.T) {
		server := httptest.NewUnstartedServer(answers(200, `{}`))
		server.Config.ErrorLog = quiet()
		server.StartTLS()
		defer server.Close()
		c, code := overNetwork(t, server.URL)
		err := order(t.Context(), c)
		require.Equal(t, OutcomeNotReached, OutcomeOf(err), "%v", err)
		require.Equal(t, "tls", code.Load())
	})
	t.Run("not TLS", func(t *testing.T) {
		server := httptest.NewServer(answers(200, `{}`))
		defer server.Close()
		c, code := overNetwork(t, "https"+server.URL[len("http"):])
		err := order(t.Context(), c)
		require.Equal(t, OutcomeNotReached, OutcomeOf(err), "%v", err)
		require.Equal(t, "tls", code.Load())
	})
	t.Run("handshake stalls", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			if conn, err := l.Accept(); err == nil {
				_, _ = io.Copy(io.Discard, bufio.NewReader(conn))
				_ = conn.Close()
			}
		}()
		c, code := overNetwork(t, "https://"+l.Addr().String(), func(o *Options) { o.Timeout = 100 * time.Millisecond })
		err = order(t.Context(), c)
		require.Equal(t, OutcomeNotReached, OutcomeOf(err), "%v", err)
		require.Equal(t, "timeout", code.Load())
		<-gone
	})
	t.Run("caller gives up before the connection", func(t *testing.T) {
		dialling := make(chan struct{})
		c, code := overNetwork(t, "http://127.0.0.1:1", func(o *Options) {
			o.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				close(dialling)
				<-ctx.Done()
				return nil, ctx.Err()
			}}
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-dialling; cancel() }()
		err := order(ctx, c)
		require.Equal(t, OutcomeNotReached, OutcomeOf(err), "%v", err)
		require.Equal(t, "cancelled", code.Load())
	})
	t.Run("unknown name", func(t *testing.T) {
		c, code := overNetwork(t, "http://localhost:1", func(o *Options) {
			o.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "api.edrv.io", IsNotFound: true}}
			}}
		})
		require.Equal(t, OutcomeNotReached, OutcomeOf(order(t.Context(), c)))
		require.Equal(t, "dns", code.Load())
	})
	t.Run("a transport that tells nothing", func(t *testing.T) {
		c, code := overNetwork(t, "http://127.0.0.1:1", func(o *Options) {
			o.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("dial failed") })
		})
		require.Equal(t, OutcomeUnknown, OutcomeOf(order(t.Context(), c)), "a word in an error is no proof")
		require.Equal(t, "unreachable", code.Load())
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestNoProxyOfTheEnvironment: a proxy variable takes the key nowhere else.
func TestNoProxyOfTheEnvironment(t *testing.T) {
	tr := newTransport(time.Second, true)
	require.Nil(t, tr.Proxy)
}

// TestPrivateAddresses is threat T12: a public name that comes to mean an address
// inside is not dialled.
func TestPrivateAddresses(t *testing.T) {
	inside := []string{
		"127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "0.1.2.3",
		"192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "fe80::1%eth0",
	}
	for _, a := range inside {
		require.False(t, isPublic(netip.MustParseAddr(a)), a)
		err := refusePrivate(t.Context(), "tcp", net.JoinHostPort(a, "443"), nil)
		require.ErrorIs(t, err, ErrPrivateHost, a)
		require.True(t, isLocalHost(a), a)
	}
	for _, a := range []string{"1.1.1.1", "52.16.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"} {
		require.True(t, isPublic(netip.MustParseAddr(a)), a)
		require.NoError(t, refusePrivate(t.Context(), "tcp", net.JoinHostPort(a, "443"), nil), a)
		require.False(t, isLocalHost(a), a)
	}
	require.Error(t, refusePrivate(t.Context(), "tcp", "no address", nil))
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST.": true, "a.localhost": true, "edrvsim": true,
		"api.edrv.io": false, "localhost.example.com": false, "10.0.0.1.nip.io": false,
	} {
		require.Equal(t, want, isLocalHost(host), host)
	}

	// Through the whole client: the server listens, and is not dialled.
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("dialled") }))
	defer server.Close()
	c, code := overNetwork(t, server.URL, func(o *Options) { o.Transport = newTransport(time.Second, true) })
	err := order(t.Context(), c)
	require.ErrorIs(t, err, ErrPrivateHost)
	require.Equal(t, OutcomeNotReached, OutcomeOf(err))
	require.Equal(t, "forbidden", code.Load())
}

// TestRedirectsAreNotFollowed: the key goes to one host only.
func TestRedirectsAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(answers(status, ``, "Location", other.URL+"/v1.1/sessions/s1"))
		c, _ := overNetwork(t, server.URL)
		_, err := c.Session(t.Context(), "s1")
		require.Equal(t, status, asError(t, err).Status)
		require.Equal(t, OutcomeUnknown, OutcomeOf(order(t.Context(), c)))
		server.Close()
	}
}

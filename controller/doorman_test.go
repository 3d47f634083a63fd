package controller

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// caller is a connection from an address.
type caller struct {
	net.Conn
	from   string
	closed bool
}

func (c *caller) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}

func (c *caller) Close() error {
	c.closed = true
	return nil
}

// come has somebody knock, and closes whoever has to leave for it.
func (d *doorman) come(from string) (*guest, *caller) {
	conn := &caller{from: from}
	in, leaves := d.admit(conn, time.Now())
	if leaves != nil {
		_ = leaves.Close()
	}
	return in, conn
}

func TestOneAddressHasItsShareOfConnections(t *testing.T) {
	d := newDoorman(nil, doorLimits{connections: 100, perSource: 32, failures: 10})
	var guests []*guest
	for i := range 40 {
		in, conn := d.come("203.0.113.7:1000")
		require.Equal(t, i < 32, in != nil)
		require.Equal(t, i >= 32, conn.closed)
		if in != nil {
			guests = append(guests, in)
		}
	}
	in, _ := d.come("203.0.113.8:1000")
	require.NotNil(t, in, "others are not held liable")
	require.NoError(t, guests[0].Close())
	require.NoError(t, guests[0].Close(), "closing twice frees one place only")
	in, _ = d.come("203.0.113.7:1000")
	require.NotNil(t, in)
	in, _ = d.come("203.0.113.7:1000")
	require.Nil(t, in)
	for _, proxy := range []string{"127.0.0.1:1", "[::1]:1", "10.1.2.3:1", "[fd00::1]:1"} {
		d := newDoorman(nil, doorLimits{connections: 100, perSource: 32, failures: 10})
		for range 100 {
			in, _ := d.come(proxy)
			require.NotNil(t, in, "behind %s stands a proxy", proxy)
		}
	}
}

// TestANewConnectionTakesThePlaceOfTheOldestUnproven: an authentic delivery is
// what makes a connection stay.
func TestANewConnectionTakesThePlaceOfTheOldestUnproven(t *testing.T) {
	d := newDoorman(nil, doorLimits{connections: 3, perSource: 3, failures: 10})
	first, firstConn := d.come("127.0.0.1:1")
	_, secondConn := d.come("127.0.0.1:2")
	d.come("127.0.0.1:3")
	first.proved()
	in, _ := d.come("127.0.0.1:4")
	require.NotNil(t, in)
	require.False(t, firstConn.closed)
	require.True(t, secondConn.closed)
	for _, g := range []string{"127.0.0.1:5", "127.0.0.1:6"} {
		in, _ := d.come(g)
		in.proved()
	}
	in, conn := d.come("127.0.0.1:7")
	require.Nil(t, in, "all are proven: the new one has to wait")
	require.True(t, conn.closed)
	require.Equal(t, 3, d.guests)
}

func TestAnAddressThatForgesIsShutOutForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoorman(nil, webhookDoor)
		in, _ := d.come("203.0.113.7:1")
		for i := range webhookDoor.failures {
			require.Equal(t, i == webhookDoor.failures-1, in.failed(time.Now()))
		}
		require.NoError(t, in.Close())
		out, conn := d.come("203.0.113.7:2")
		require.Nil(t, out)
		require.True(t, conn.closed)
		time.Sleep(time.Second)
		in, _ = d.come("203.0.113.7:3")
		require.NotNil(t, in)
		require.False(t, in.failed(time.Now()))

		proxy, _ := d.come("127.0.0.1:1")
		for range 100 {
			require.False(t, proxy.failed(time.Now()), "eDRV may be behind the same proxy")
		}
	})
}

func TestAddressesAreForgotten(t *testing.T) {
	d := newDoorman(nil, doorLimits{connections: 100, perSource: 32, failures: 10})
	for i := range 100_000 {
		in, _ := d.come(fmt.Sprintf("203.%d.%d.%d:1", i>>16, i>>8&0xff, i&0xff))
		in.failed(time.Now())
		require.NoError(t, in.Close())
	}
	require.LessOrEqual(t, len(d.sources), 200)
	require.Zero(t, d.guests)
}

// TestDrippingConnectionsDoNotBlockTheDoor: however many connections send a byte
// a second, a delivery is answered at once, and they are closed in time.
func TestDrippingConnectionsDoNotBlockTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cfg := newYard(t, 1)
		b.start(cfg)
		for range 3 * webhookDoor.connections {
			conn, err := b.hooks.dial(t.Context(), "", "")
			require.NoError(t, err)
			go func() {
				defer conn.Close()
				for _, c := range "POST /webhooks/edrv HTTP/1.1\r\nHost: daemon\r\nX: y" {
					if _, err := conn.Write([]byte(string(c))); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
				t.Error("a connection dripped for half a minute")
			}()
		}
		synctest.Wait()
		client := &http.Client{Transport: &http.Transport{DialContext: b.hooks.dial, DisableKeepAlives: true}}
		start := time.Now()
		for i := range 100 {
			body := sessionEvent(fmt.Sprint("e", i), "c0")
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://daemon/webhooks/edrv", strings.NewReader(body))
			require.NoError(t, err)
			r.Header.Set(edrvsim.SignatureHeader, sign(body, time.Now()))
			answer, err := client.Do(r)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, http.StatusOK, answer.StatusCode)
		}
		require.Zero(t, time.Since(start), "nothing waits")
		time.Sleep(40 * time.Second) // the drips have ended: ReadHeaderTimeout is 2 s
	})
}

// endless is a body that counts how much of it was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestHugeBodiesAreNotReadToTheirEnd(t *testing.T) {
	d := door(t)
	body := new(endless)
	r := httptest.NewRequest(http.MethodPost, "/webhooks/edrv", io.LimitReader(body, 1<<30))
	w := httptest.NewRecorder()
	d.hooks.ServeHTTP(w, r)
	require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
	require.LessOrEqual(t, body.read, 2*edrvapi.MaxEventBytes)

	body = new(endless)
	r = httptest.NewRequest(http.MethodPost, "/webhooks/edrv", body)
	r.ContentLength = edrvapi.MaxEventBytes + 1
	w = httptest.NewRecorder()
	d.hooks.ServeHTTP(w, r)
	require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
	require.Equal(t, "close", w.Header().Get("Connection"))
	require.Zero(t, body.read, "its length said enough")
}

// TestLargeBodiesAreBounded: a sender that holds all places for large bodies is
// in nobody's way but that of other large ones.
func TestLargeBodiesAreBounded(t *testing.T) {
	d := door(t)
	big := strings.Repeat(" ", smallBody)
	var held []func()
	for range largeBodies {
		_, release, err := d.hooks.bodies.read(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(big)))
		require.NoError(t, err)
		held = append(held, release)
	}
	body := sessionEvent("e1", "c0")
	require.Equal(t, 200, d.post(body, sign(body, time.Now())).Code)
	large := sessionEvent("e2", "c0") + big
	w := d.post(large, sign(large, time.Now()))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	held[0]()
	require.Equal(t, 200, d.post(large, sign(large, time.Now())).Code)
}

package controller

import (
	"container/list"
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// doorLimits are how many connections the webhook listener has at a time, and
// how many failures it bears from one address of the Internet.
type doorLimits struct {
	connections int // in all
	perSource   int // from one address
	failures    int // deliveries in a second, from one address, that are not authentic
}

// webhookDoor is what one eDRV needs many times over, and what 256 MiB hold.
var webhookDoor = doorLimits{connections: 1024, perSource: 32, failures: 10}

// doorman is a listener that nobody can block by holding connections. When all are
// taken a new one is let in, and the oldest one that has not brought an
// authentic delivery is closed for it: an honest sender is done within
// milliseconds, somebody who drips bytes is not.
//
// What is counted by address is counted for addresses of the Internet only.
// Behind a local one stands a proxy, with eDRV on its other side.
type doorman struct {
	net.Listener
	limits doorLimits

	mu       sync.Mutex
	guests   int
	unproven list.List // of *guest, oldest first
	sources  map[netip.Addr]*source
}

// source is an address that connections came from.
type source struct {
	guests   int
	failures int       // since
	since    time.Time // when the second began in which failures are counted
}

// guest is a connection that was let in.
type guest struct {
	net.Conn
	door  *doorman
	from  netip.Addr    // the zero Addr: not counted
	place *list.Element // in unproven; nil once it brought an authentic delivery
	gone  bool
}

func newDoorman(l net.Listener, limits doorLimits) *doorman {
	return &doorman{Listener: l, limits: limits, sources: make(map[netip.Addr]*source)}
}

// Accept waits for the next connection that may come in.
func (d *doorman) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g, leaves := d.admit(conn, time.Now())
		if leaves != nil {
			_ = leaves.Close() // whatever it says, its place is free
		}
		if g != nil {
			return g, nil
		}
	}
}

// admit lets a connection in and says which one has to leave for it, or that it
// has to leave itself.
func (d *doorman) admit(conn net.Conn, now time.Time) (in *guest, leaves net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := sourceOf(conn)
	if from.IsValid() {
		s := d.source(from)
		if s.guests >= d.limits.perSource || s.failures >= d.limits.failures && now.Sub(s.since) < time.Second {
			return nil, conn
		}
		s.guests++
	}
	if d.guests >= d.limits.connections {
		oldest := d.unproven.Front()
		if oldest == nil {
			d.left(from)
			return nil, conn
		}
		g := oldest.Value.(*guest)
		d.remove(g)
		leaves = g.Conn
	}
	in = &guest{Conn: conn, door: d, from: from}
	in.place = d.unproven.PushBack(in)
	d.guests++
	return in, leaves
}

// source is what is known of an address. Those without a connection are
// forgotten when there are many.
func (d *doorman) source(from netip.Addr) *source {
	s, ok := d.sources[from]
	if !ok {
		if len(d.sources) >= 2*d.limits.connections {
			for addr, other := range d.sources {
				if other.guests == 0 {
					delete(d.sources, addr)
				}
			}
		}
		s = new(source)
		d.sources[from] = s
	}
	return s
}

// left takes one connection off the count of an address.
func (d *doorman) left(from netip.Addr) {
	s, ok := d.sources[from]
	if !ok {
		return
	}
	if s.guests--; s.guests == 0 && s.failures == 0 {
		delete(d.sources, from)
	}
}

// remove takes a guest off the lists.
func (d *doorman) remove(g *guest) {
	if g.gone {
		return
	}
	g.gone = true
	d.guests--
	d.left(g.from)
	if g.place != nil {
		d.unproven.Remove(g.place)
		g.place = nil
	}
}

// Close gives the place free.
func (g *guest) Close() error {
	g.door.mu.Lock()
	g.door.remove(g)
	g.door.mu.Unlock()
	return g.Conn.Close()
}

// proved records that the connection brought an authentic delivery.
func (g *guest) proved() {
	if g == nil {
		return
	}
	g.door.mu.Lock()
	defer g.door.mu.Unlock()
	if g.place != nil {
		g.door.unproven.Remove(g.place)
		g.place = nil
	}
}

// failed records a delivery that was not authentic. It reports whether the
// connection is to be closed, because its address brought too many.
func (g *guest) failed(now time.Time) (tooMany bool) {
	if g == nil || !g.from.IsValid() {
		return false
	}
	g.door.mu.Lock()
	defer g.door.mu.Unlock()
	s, ok := g.door.sources[g.from]
	if !ok {
		return true // it was closed meanwhile
	}
	if now.Sub(s.since) >= time.Second {
		s.since, s.failures = now, 0
	}
	s.failures++
	return s.failures >= g.door.limits.failures
}

// sourceOf is the address on the Internet that a connection comes from, or the
// zero Addr where it comes from inside: from this machine, its network, or a
// transport without addresses.
func sourceOf(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	a := tcp.AddrPort().Addr().Unmap().WithZone("")
	if a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() {
		return netip.Addr{}
	}
	return a
}

type guestKey struct{}

// withGuest puts a connection where the handlers of its requests find it.
func withGuest(ctx context.Context, conn net.Conn) context.Context {
	g, _ := conn.(*guest)
	return context.WithValue(ctx, guestKey{}, g)
}

// guestOf is the connection that a request came by, nil where it is not known.
func guestOf(ctx context.Context) *guest {
	g, _ := ctx.Value(guestKey{}).(*guest)
	return g
}

package cluster

import (
	"io"
	"net"
	"sync"
)

// Door passes TCP connections on to an address while it is open. When it is shut
// those that are there end, and new ones do at once.
type Door struct {
	to       string
	listener net.Listener
	passing  sync.WaitGroup

	mu    sync.Mutex
	shut  bool
	conns map[net.Conn]struct{}
}

// NewDoor opens a door on a free port of the loopback address.
func NewDoor(to string) (*Door, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &Door{to: to, listener: l, conns: map[net.Conn]struct{}{}}
	d.passing.Go(d.accept)
	return d, nil
}

// Addr is where to connect.
func (d *Door) Addr() string { return d.listener.Addr().String() }

// Shut ends all connections and refuses new ones.
func (d *Door) Shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	for c := range d.conns {
		_ = c.Close()
	}
}

// Open lets connections through again.
func (d *Door) Open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = false
}

// Close removes the door.
func (d *Door) Close() {
	_ = d.listener.Close()
	d.Shut()
	d.passing.Wait()
}

func (d *Door) accept() {
	for {
		in, err := d.listener.Accept()
		if err != nil {
			return
		}
		if !d.enter(in) {
			continue
		}
		d.passing.Go(func() { d.pass(in) })
	}
}

// enter takes note of a connection, or ends it.
func (d *Door) enter(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		_ = c.Close()
		return false
	}
	d.conns[c] = struct{}{}
	return true
}

func (d *Door) leave(c net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = c.Close()
	delete(d.conns, c)
}

func (d *Door) pass(in net.Conn) {
	defer d.leave(in)
	out, err := net.Dial("tcp", d.to)
	if err != nil || !d.enter(out) {
		return
	}
	defer d.leave(out)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
}

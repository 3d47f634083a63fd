// Package cluster runs NATS servers with JetStream in this process, joined over
// loopback, each behind a door that can be shut. Tests kill and cut off servers
// with it.
package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Cluster is a set of NATS servers.
type Cluster struct {
	dir     string
	servers []*Server
}

// Server is one of them.
type Server struct {
	options server.Options
	running *server.Server
	routes  []*Door // between the others and this one
}

// Start starts n servers that keep everything on disk, synced at every write. It
// returns when they have a leader.
func Start(n int) (c *Cluster, err error) {
	for range 3 { // somebody else may have taken a port meanwhile
		if c, err = tryStart(n); err == nil {
			return c, nil
		}
	}
	return nil, err
}

func tryStart(n int) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "headroom-nats-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir}
	if err := c.start(n); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(n int) error {
	for i := range n {
		client, err := freePort()
		if err != nil {
			return err
		}
		name := fmt.Sprintf("nats-%d", i+1)
		c.servers = append(c.servers, &Server{options: server.Options{
			ServerName: name, Host: "127.0.0.1", Port: client, JetStream: true, StoreDir: filepath.Join(c.dir, name), SyncAlways: true,
			NoSigs: true, NoLog: true, MaxPayload: 1 << 20,
		}})
	}
	if n > 1 {
		if err := c.join(); err != nil {
			return err
		}
	}
	for i := range c.servers {
		if err := c.Revive(i); err != nil {
			return err
		}
	}
	return c.await()
}

// join makes a cluster of the servers, each of which reaches every other one
// through a door.
func (c *Cluster) join() error {
	for _, s := range c.servers {
		port, err := freePort()
		if err != nil {
			return err
		}
		s.options.Cluster = server.ClusterOpts{Name: "fleet", Host: "127.0.0.1", Port: port, NoAdvertise: true, PoolSize: -1}
	}
	for i, from := range c.servers {
		for k, to := range c.servers {
			if i == k {
				continue
			}
			door, err := NewDoor(fmt.Sprintf("127.0.0.1:%d", to.options.Cluster.Port))
			if err != nil {
				return err
			}
			from.routes, to.routes = append(from.routes, door), append(to.routes, door)
			from.options.Routes = append(from.options.Routes, &url.URL{Scheme: "nats", Host: door.Addr()})
		}
	}
	return nil
}

// URLs are where clients connect.
func (c *Cluster) URLs() (urls []string) {
	for _, s := range c.servers {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", s.options.Port))
	}
	return urls
}

// Len is the number of servers.
func (c *Cluster) Len() int { return len(c.servers) }

// Kill stops a server. What it has on disk stays.
func (c *Cluster) Kill(i int) {
	s := c.servers[i]
	if s.running != nil {
		s.running.Shutdown()
		s.running.WaitForShutdown()
		s.running = nil
	}
}

// Revive starts a server again with what it has on disk.
func (c *Cluster) Revive(i int) error {
	s := c.servers[i]
	options := s.options // the server changes them
	running, err := server.NewServer(&options)
	if err != nil {
		return err
	}
	running.Start()
	s.running = running
	if !running.ReadyForConnections(20 * time.Second) {
		return fmt.Errorf("%s does not take connections", options.ServerName)
	}
	return nil
}

// CutOff cuts a server off from the other servers; clients reach it still.
func (c *Cluster) CutOff(i int) { c.eachRoute(i, (*Door).Shut) }

// Rejoin undoes CutOff.
func (c *Cluster) Rejoin(i int) { c.eachRoute(i, (*Door).Open) }

func (c *Cluster) eachRoute(i int, do func(*Door)) {
	for _, d := range c.servers[i].routes {
		do(d)
	}
}

// Leader is the server that leads a stream, or -1.
func (c *Cluster) Leader(stream string) int {
	for i, s := range c.servers {
		if s.running != nil && s.running.JetStreamIsStreamLeader("$G", stream) {
			return i
		}
	}
	return -1
}

// await returns when JetStream has a leader that sees all servers.
func (c *Cluster) await() error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		current := 0
		for _, s := range c.servers {
			if s.running.JetStreamIsCurrent() || len(c.servers) == 1 {
				current++
			}
		}
		if current == len(c.servers) {
			return nil
		}
	}
	return errors.New("the NATS servers do not find a leader")
}

// Close stops everything and removes what is on disk.
func (c *Cluster) Close() {
	for i, s := range c.servers {
		c.Kill(i)
		for _, d := range s.routes {
			d.Close()
		}
	}
	_ = os.RemoveAll(c.dir)
}

// freePort is a port of the loopback address that nobody listened on just now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

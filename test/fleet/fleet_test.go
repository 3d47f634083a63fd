package main_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/fleet"
	"github.com/headroom-ev/headroom/test/fleet/cluster"
)

// lease is short, so that tests are; the servers stop gracefully here and find a
// new leader at once.
const lease = 3 * time.Second

func start(t *testing.T, n int) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Start(n)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// world is what the nodes of a test do to their sites, and the judge of it.
type world struct {
	t      *testing.T
	c      *cluster.Cluster
	sites  []fleet.Site
	config string // of the nodes that join

	mu      sync.Mutex
	owner   map[string]string // who steers a site, by what it says itself
	terms   map[string]uint64 // the last term of each
	orders  map[string][]uint64
	handled map[string]map[string]int
	broken  []string
}

func newWorld(t *testing.T, c *cluster.Cluster, sites int) *world {
	w := &world{t: t, c: c, owner: map[string]string{}, terms: map[string]uint64{}, orders: map[string][]uint64{}, handled: map[string]map[string]int{}}
	for i := range sites {
		w.sites = append(w.sites, fleet.Site{ID: fmt.Sprintf("site-%02d.north:a", i), Load: 1 + i%3})
	}
	return w
}

// node is one machine.
type node struct {
	name  string
	fleet *fleet.Fleet
	stop  context.CancelFunc
	done  chan struct{}
	line  *wire
}

// wire is the connection of a node to the servers, which can be cut.
type wire struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (w *wire) Dial(network, address string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return nil, fmt.Errorf("dial %s: cut off", address)
	}
	c, err := net.DialTimeout(network, address, time.Second)
	if err == nil {
		w.conns = append(w.conns, c)
	}
	return c, err
}

func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for _, c := range w.conns {
			_ = c.Close()
		}
		w.conns = nil
	}
}

func (w *world) join(name string, steers bool) *node {
	if !steers {
		return w.joinAs(name, nil)
	}
	return w.joinAs(name, func(ctx context.Context, t *fleet.Term) error { return w.steer(ctx, name, t) })
}

func (w *world) joinAs(name string, steer func(context.Context, *fleet.Term) error) *node {
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("FLEET_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	n := &node{name: name, done: make(chan struct{}), line: &wire{}}
	sites, config := w.sites, w.config
	n.fleet = fleet.New(fleet.Options{
		Servers: w.c.URLs(), Node: name, Lease: lease, Logger: log, Dialer: n.line, Steer: steer,
		Sites: func() []fleet.Site { return sites }, Config: func() string { return config },
	})
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	go func() {
		defer close(n.done)
		_ = n.fleet.Run(ctx)
	}()
	w.t.Cleanup(n.leave)
	return n
}

func (n *node) leave() {
	n.line.set(false)
	n.stop()
	<-n.done
}

// steer counts events, and writes an order each time that it is saved, as a
// controller would. Two that are saved under one number, or one of an earlier
// term after one of a later, would be two owners at a time.
func (w *world) steer(ctx context.Context, name string, t *fleet.Term) error {
	w.mu.Lock()
	if t.Number <= w.terms[t.Site] {
		w.broken = append(w.broken, fmt.Sprintf("%s: term %d after %d", t.Site, t.Number, w.terms[t.Site]))
	}
	w.terms[t.Site], w.owner[t.Site] = t.Number, name
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.owner[t.Site] == name {
			w.owner[t.Site] = ""
		}
	}()
	count := uint64(0)
	if kept, _ := t.Values("count"); kept[""] != nil {
		_, _ = fmt.Sscan(string(kept[""]), &count)
	}
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		t.Events(ctx, func(e fleet.Event) {
			w.mu.Lock()
			if w.handled[t.Site] == nil {
				w.handled[t.Site] = map[string]int{}
			}
			w.handled[t.Site][string(e.Body)]++
			w.mu.Unlock()
			t.Handled(e.Seq)
		})
	})
	for ctx.Err() == nil {
		count++
		saved := make(chan error, 1)
		t.Save(map[string][]byte{"count": fmt.Append(nil, count)}, func(err error) { saved <- err })
		select {
		case err := <-saved:
			if err == nil {
				w.mu.Lock()
				w.orders[t.Site] = append(w.orders[t.Site], count)
				w.mu.Unlock()
			}
		case <-ctx.Done():
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// spread waits until every site has an owner among the named nodes alone.
func (w *world) spread(among ...string) map[string]int {
	w.t.Helper()
	var counts map[string]int
	require.Eventually(w.t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		counts = map[string]int{}
		for _, s := range w.sites {
			counts[w.owner[s.ID]]++
		}
		total := 0
		for _, name := range among {
			if counts[name] == 0 {
				return false
			}
			total += counts[name]
		}
		return total == len(w.sites)
	}, 60*time.Second, 50*time.Millisecond, "sites %v among %v", &counts, among)
	return counts
}

// sound checks that no saved order came twice or went backwards: every owner knew
// all orders of the one before it.
func (w *world) sound() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(w.t, w.broken)
	for site, orders := range w.orders {
		for i := 1; i < len(orders); i++ {
			require.Greater(w.t, orders[i], orders[i-1], "%s: order %d of %d", site, i, len(orders))
		}
	}
}

func TestSitesSpreadMoveAndAreGivenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, start(t, 1), 12)
	a := w.join("a", true)
	w.spread("a")
	b := w.join("b.1", true)
	counts := w.spread("a", "b.1")
	require.GreaterOrEqual(t, counts["a"], 3)
	require.GreaterOrEqual(t, counts["b.1"], 3)
	require.Eventually(t, func() bool {
		st := a.fleet.Status()
		return len(st.Nodes) == 2 && len(st.Sites) == 12 && st.Sites[0].Node != "" && st.Sites[0].Term > 0
	}, 10*time.Second, 50*time.Millisecond)

	begun := time.Now()
	a.leave()
	w.spread("b.1")
	t.Logf("given back and taken over after %s, with a lease of %s", time.Since(begun).Round(time.Millisecond), lease)
	b.leave()
	w.sound()
}

// A machine that leaves gives each site back as soon as it can, and the next owner
// takes it at once: one that is slow to let go holds up no other.
func TestASlowSiteHoldsUpNoOtherWhenAMachineLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, start(t, 1), 8)
	var slow string // once the machine leaves
	release := make(chan struct{})
	a := w.joinAs("a", func(ctx context.Context, term *fleet.Term) error {
		err := w.steer(ctx, "a", term)
		w.mu.Lock()
		wait := term.Site == slow
		w.mu.Unlock()
		if wait {
			<-release
		}
		return err
	})
	w.spread("a")
	w.join("b", true)
	w.spread("a", "b")
	w.mu.Lock()
	for site, owner := range w.owner {
		if owner == "a" {
			slow = site
		}
	}
	w.mu.Unlock()
	a.stop()
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, s := range w.sites {
			if s.ID != slow && w.owner[s.ID] != "b" {
				return false
			}
		}
		return true
	}, 20*time.Second, 20*time.Millisecond)
	select {
	case <-a.done:
		t.Fatal("it has not given its last site back")
	default:
	}
	close(release)
	w.spread("b")
	w.sound()
}

// A machine that is told to stop says that it has left, whatever it is just doing:
// under its name another process begins at once.
func TestAMachineThatLeftIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, start(t, 3), 1)
	for range 10 {
		n := w.join("gateway", false)
		require.Eventually(t, func() bool { return n.fleet.Unready() == "" }, 20*time.Second, time.Millisecond)
		n.leave()
		require.Eventually(t, func() bool { // what is read may be behind
			status, err := fleet.Read(t.Context(), fleet.Options{Servers: w.c.URLs(), Node: "b"})
			return err == nil && status.Nodes[0].Over
		}, lease/2, 20*time.Millisecond)
	}
}

func TestEventsReachTheNextOwner(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	w := newWorld(t, c, 6)
	gateway := w.join("gateway", false)
	nodes := map[string]*node{}
	for _, name := range []string{"a", "b", "c"} {
		nodes[name] = w.join(name, true)
	}
	w.spread("a", "b", "c")

	acknowledged := map[string][]string{}
	var mu sync.Mutex
	ctx, stop := context.WithCancel(t.Context())
	var sending sync.WaitGroup
	for _, s := range w.sites {
		sending.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("%s/%d", s.ID, i)
				for ctx.Err() == nil { // as eDRV: again until it is taken
					if _, err := gateway.fleet.Publish(ctx, s.ID, id, []byte(id)); err == nil {
						mu.Lock()
						acknowledged[s.ID] = append(acknowledged[s.ID], id)
						mu.Unlock()
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	nodes["a"].line.set(true) // cut off from the servers: it must stop by itself
	w.spread("b", "c")
	nodes["a"].line.set(false)
	w.spread("a", "b", "c")

	leader := c.Leader(fleet.Stream)
	require.GreaterOrEqual(t, leader, 0)
	c.Kill(leader)
	time.Sleep(2 * time.Second)
	require.NoError(t, c.Revive(leader))

	cut := c.Leader("KV_" + fleet.Bucket)
	require.GreaterOrEqual(t, cut, 0)
	c.CutOff(cut)
	time.Sleep(2 * time.Second)
	c.Rejoin(cut)
	nodes["b"].leave()
	w.spread("a", "c")
	stop()
	sending.Wait()

	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for site, ids := range acknowledged {
			for _, id := range ids {
				if w.handled[site][id] == 0 {
					return false
				}
			}
		}
		return true
	}, 60*time.Second, 100*time.Millisecond, "an event that was acknowledged is lost")
	total, again := 0, 0
	for site, ids := range acknowledged {
		total += len(ids)
		for _, n := range w.handled[site] {
			again += n - 1
		}
	}
	require.Greater(t, total, 100)
	t.Logf("%d events acknowledged, none lost, %d came again", total, again)
	w.sound()
}

func TestGivingAnEventTwiceHasNoEffect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, start(t, 1), 1)
	gateway := w.join("gateway", false)
	w.join("a", true)
	w.spread("a")
	for i := range 3 {
		known, err := gateway.fleet.Publish(t.Context(), w.sites[0].ID, "id", []byte("once"))
		require.NoError(t, err)
		require.Equal(t, i > 0, known)
	}
	_, err := gateway.fleet.Publish(t.Context(), "", "for-all", []byte("all"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		h := w.handled[w.sites[0].ID]
		return h["once"] == 1 && h["all"] == 1
	}, 10*time.Second, 20*time.Millisecond)
}

func TestAMachineWithTheNameOfAnotherWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, start(t, 1), 1)
	first := w.join("a", true)
	w.spread("a")
	second := w.join("a", true)
	time.Sleep(lease + lease/2)
	require.NotEmpty(t, second.fleet.Unready())
	require.Empty(t, first.fleet.Unready())
	first.leave()
	require.Eventually(t, func() bool { return second.fleet.Unready() == "" }, 10*time.Second, 50*time.Millisecond)
	w.sound()
}

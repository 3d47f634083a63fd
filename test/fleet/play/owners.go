package play

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/headroom-ev/headroom/controller/fleet"
)

// owners watches who owns the sites, by the entries themselves and the times that
// the servers gave them.
type owners struct {
	close func()

	mu      sync.Mutex
	node    map[string]string    // owner of each site; empty: it was given back
	since   map[string]time.Time // when it was
	longest time.Duration        // without an owner
	moves   int
	seized  []string // sites that were taken from an owner
}

func watchOwners(ctx context.Context, urls []string) (*owners, error) {
	nc, err := nats.Connect(strings.Join(urls, ","))
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	kv, err := js.KeyValue(ctx, fleet.Bucket)
	if err != nil {
		nc.Close()
		return nil, err
	}
	w, err := kv.Watch(ctx, "site.*")
	if err != nil {
		nc.Close()
		return nil, err
	}
	o := &owners{node: map[string]string{}, since: map[string]time.Time{}}
	var watching sync.WaitGroup
	watching.Go(func() {
		for e := range w.Updates() {
			if e != nil {
				o.saw(e)
			}
		}
	})
	o.close = func() {
		_ = w.Stop()
		nc.Close()
		watching.Wait()
	}
	return o, nil
}

func (o *owners) saw(e jetstream.KeyValueEntry) {
	var entry struct {
		Node string `json:"node"`
	}
	if err := json.Unmarshal(e.Value(), &entry); err != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	site := strings.TrimPrefix(e.Key(), "site.")
	before, known := o.node[site]
	switch {
	case !known || entry.Node == "":
	case before == "":
		o.moves++
		o.longest = max(o.longest, e.Created().Sub(o.since[site]))
	default:
		o.seized = append(o.seized, fmt.Sprintf("%s by %s from %s", site, entry.Node, before))
	}
	o.node[site], o.since[site] = entry.Node, e.Created()
}

// result is what was seen. A site that is nobody's still counts until now.
func (o *owners) result() (longest time.Duration, moves int, seized []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	longest = o.longest
	for site, node := range o.node {
		if node == "" {
			longest = max(longest, time.Since(o.since[site]))
		}
	}
	return longest, o.moves, o.seized
}

package play

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/headroom-ev/headroom/controller/fleet"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// state is what is read of a site's state on the admin listener.
type state struct {
	ID         string    `json:"id"`
	Time       time.Time `json:"time"`
	State      string    `json:"state"`
	Synced     bool      `json:"synced"`
	Listed     time.Time `json:"last_list"`
	Connectors []struct {
		ID        string  `json:"id"`
		Committed float64 `json:"committed_a"`
	} `json:"connectors"`
}

// balancer is what stands between eDRV and the gateways: it leads every new
// connection to the next gateway that takes it. It remembers what was answered
// with 200.
type balancer struct {
	gateways []*node
	inner    *http.Transport

	mu    sync.Mutex
	next  int
	taken map[string]time.Time // ids of events, and when their 200 came
	again int                  // answers that were no 200
}

func newBalancer(gateways []*node) *balancer {
	b := &balancer{gateways: gateways, taken: map[string]time.Time{}}
	b.inner = &http.Transport{DialContext: b.dial, MaxIdleConnsPerHost: 64}
	return b
}

func (b *balancer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	for range b.gateways {
		b.mu.Lock()
		to := b.gateways[b.next%len(b.gateways)]
		b.next++
		b.mu.Unlock()
		if c, err := d.DialContext(ctx, network, to.webhooks); err == nil {
			return c, nil
		}
	}
	return nil, errors.New("no gateway takes connections")
}

// RoundTrip delivers one webhook.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var event struct {
		ID string `json:"_id"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, fmt.Errorf("an event of the simulator: %w", err)
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer, err := b.inner.RoundTrip(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil && answer.StatusCode == http.StatusOK {
		b.taken[event.ID] = time.Now()
	} else {
		b.again++
	}
	return answer, err
}

// newest is when an event was last answered with 200.
func (b *balancer) newest() (at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.taken {
		if t.After(at) {
			at = t
		}
	}
	return at
}

// eyes watch what the controllers say, beside what is true.
type eyes struct {
	eDRV        *edrvsim.Server
	controllers []*node
	client      http.Client

	mu       sync.Mutex
	seen     map[string]map[string]state // by node and site
	unsound  []string
	compared int
}

func newEyes(eDRV *edrvsim.Server, controllers []*node) *eyes {
	return &eyes{eDRV: eDRV, controllers: controllers, client: http.Client{Timeout: 3 * time.Second}, seen: map[string]map[string]state{}}
}

// run looks until the context ends.
func (e *eyes) run(ctx context.Context) {
	for ctx.Err() == nil {
		before := e.look(ctx)
		truth := e.eDRV.TrueState()
		after := e.look(ctx)
		e.compare(before, &truth, after)
		e.mu.Lock()
		e.seen = after
		e.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// look asks all controllers for their sites.
func (e *eyes) look(ctx context.Context) map[string]map[string]state {
	all := map[string]map[string]state{}
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, n := range e.controllers {
		if n.frozen.Load() { // nobody waits for it
			continue
		}
		asking.Go(func() {
			states, err := e.ask(ctx, n)
			if err != nil {
				return // it is killed, or stopped: it says nothing
			}
			mu.Lock()
			defer mu.Unlock()
			all[n.name] = states
		})
	}
	asking.Wait()
	return all
}

func (e *eyes) ask(ctx context.Context, n *node) (map[string]state, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.admin+"/api/v1/sites", http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := e.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var list []state
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		return nil, err
	}
	states := map[string]state{}
	for _, s := range list {
		states[s.ID] = s
	}
	return states, nil
}

// compare holds what chargers truly permit against what the owner of their site
// says that they may: if it is more than it said both before and after, it is
// unsound. What is not looked at by one owner both times is left out.
func (e *eyes) compare(before map[string]map[string]state, truth *edrvsim.TrueState, after map[string]map[string]state) {
	permitted := map[string]float64{}
	for _, c := range truth.Connectors {
		permitted[c.ID] = c.Offer.Value
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, sites := range after {
		for id, s := range sites {
			was, ok := before[name][id]
			if !ok || len(was.Connectors) != len(s.Connectors) {
				continue
			}
			for k := range s.Connectors {
				e.compared++
				if most := max(s.Connectors[k].Committed, was.Connectors[k].Committed); permitted[s.Connectors[k].ID] > most+1e-6 {
					e.unsound = append(e.unsound, fmt.Sprintf("%s: %s permits %.1f A, and %s says %.1f A at most",
						truth.At.Format(time.TimeOnly), s.Connectors[k].ID, permitted[s.Connectors[k].ID], name, most))
				}
			}
		}
	}
}

// steered counts the sites that one controller, and only one, steers with a list
// from after a time.
func (e *eyes) steered(since time.Time) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	owners := map[string]int{}
	for _, sites := range e.seen {
		for id, s := range sites {
			if s.Synced && s.Time.After(since) {
				owners[id]++
			}
		}
	}
	for _, count := range owners {
		if count == 1 {
			n++
		}
	}
	return n
}

// busiest is the controller with the most sites.
func (e *eyes) busiest() (busiest *node) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range e.controllers {
		if n.runs() && (busiest == nil || len(e.seen[n.name]) > len(e.seen[busiest.name])) {
			busiest = n
		}
	}
	return busiest
}

// over are the sites that passed their limit.
func over(truth *edrvsim.TrueState) (sites []string) {
	for _, c := range truth.Circuits {
		if c.Trace.Over > 0 {
			sites = append(sites, fmt.Sprintf("%s for %s", c.ID, c.Trace.Over))
		}
	}
	return sites
}

// leader is the server that leads the bucket.
func leader(ctx context.Context, urls []string) (string, error) {
	nc, err := nats.Connect(strings.Join(urls, ","))
	if err != nil {
		return "", err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return "", err
	}
	s, err := js.Stream(ctx, "KV_"+fleet.Bucket)
	if err != nil {
		return "", err
	}
	return s.CachedInfo().Cluster.Leader, nil
}

// lost compares the events that were answered with 200 with what is in the stream,
// and the end of the stream with how far each site has come.
func lost(ctx context.Context, urls []string, taken map[string]time.Time, sites int) (missing []string, behind []string, err error) {
	nc, err := nats.Connect(strings.Join(urls, ","))
	if err != nil {
		return nil, nil, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, nil, err
	}
	stored, last, err := stream(ctx, js)
	if err != nil {
		return nil, nil, err
	}
	for id := range taken {
		if !stored[id] {
			missing = append(missing, id)
		}
	}
	kv, err := js.KeyValue(ctx, fleet.Bucket)
	if err != nil {
		return nil, nil, err
	}
	for i := range sites {
		e, err := kv.Get(ctx, "state."+siteName(i))
		if err != nil {
			return nil, nil, fmt.Errorf("state of %s: %w", siteName(i), err)
		}
		var s struct {
			Seq uint64 `json:"seq"`
		}
		if err := json.Unmarshal(e.Value(), &s); err != nil {
			return nil, nil, err
		}
		if s.Seq < last[siteName(i)] {
			behind = append(behind, fmt.Sprintf("%s: %d of %d", siteName(i), s.Seq, last[siteName(i)]))
		}
	}
	return missing, behind, nil
}

// stream reads the ids of all events, and the number of the last one of each site.
func stream(ctx context.Context, js jetstream.JetStream) (ids map[string]bool, last map[string]uint64, err error) {
	ids, last = map[string]bool{}, map[string]uint64{}
	s, err := js.Stream(ctx, fleet.Stream)
	if err != nil {
		return nil, nil, err
	}
	all := s.CachedInfo().State
	c, err := js.OrderedConsumer(ctx, fleet.Stream, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return nil, nil, err
	}
	messages, err := c.Messages()
	if err != nil {
		return nil, nil, err
	}
	defer messages.Stop()
	for n := uint64(0); n < all.Msgs; n++ {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, nil, err
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, nil, err
		}
		ids[m.Headers().Get(nats.MsgIdHdr)] = true
		last[strings.TrimPrefix(m.Subject(), "headroom.events.site.")] = meta.Sequence.Stream
	}
	return ids, last, nil
}

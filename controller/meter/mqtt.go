package meter

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"

	"github.com/headroom-ev/headroom/controller/config"
)

// subscriber takes what a meter publishes at an MQTT broker, by MQTT 5.
type subscriber struct {
	config *config.Meter
	shape  shape
	broker *url.URL
	trust  *tls.Config
}

func newSubscriber(c *config.Meter, trust *tls.Config) (*subscriber, error) {
	broker, err := url.Parse(c.Broker)
	if err != nil {
		return nil, errors.New("the broker is no URL") // err would repeat it
	}
	if broker.Port() == "" {
		port := map[string]string{"mqtt": "1883", "mqtts": "8883"}[broker.Scheme]
		broker.Host = broker.Hostname() + ":" + port
	}
	return &subscriber{config: c, shape: shapeOf(c), broker: broker, trust: trust}, nil
}

// What a connection to a broker is given, and how often a lost one is tried
// again.
const (
	connectWithin = 5 * time.Second
	keepAlive     = 20 // seconds
	leastBackoff  = time.Second
	mostBackoff   = 30 * time.Second
)

// withoutRetained asks the broker for new messages only: of a kept one nobody
// knows the age.
const withoutRetained = 2

func (s *subscriber) run(ctx context.Context, put func(Reading)) {
	var subscribing sync.WaitGroup
	defer subscribing.Wait()
	var mu sync.Mutex // the callbacks below come from several goroutines
	tell := func(r Reading) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() == nil {
			put(r)
		}
	}
	fail := func(format string, args ...any) { tell(Reading{Err: fmt.Errorf(format, args...)}) }
	session := autopaho.ClientConfig{
		ServerUrls: []*url.URL{s.broker}, TlsCfg: s.trust, KeepAlive: keepAlive, CleanStartOnInitialConnection: true,
		ConnectTimeout:   connectWithin,
		ReconnectBackoff: autopaho.NewExponentialBackoff(leastBackoff, mostBackoff, 2*leastBackoff, 1.5),
		ConnectUsername:  s.config.Username, ConnectPassword: []byte(s.config.Password.Reveal()),
		ConnectPacketBuilder: func(c *paho.Connect, _ *url.URL) (*paho.Connect, error) {
			c.Properties = &paho.ConnectProperties{MaximumPacketSize: paho.Uint32(maxAnswer)}
			return c, nil
		},
		OnConnectionUp: func(m *autopaho.ConnectionManager, _ *paho.Connack) {
			subscribing.Go(func() { s.subscribe(ctx, m, fail) }) // must not block here
		},
		OnConnectionDown: func() bool {
			fail("the connection to the broker is lost")
			return true
		},
		OnConnectError: func(err error) { fail("the broker can not be reached: %w", reasonOf(err)) },
		ClientConfig: paho.ClientConfig{
			ClientID: "headroom-" + rand.Text(), // two with one id would throw each other out
			OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
				if !p.Packet.Retain {
					tell(s.take(p.Packet.Payload))
				}
				return true, nil
			}},
		},
	}
	connection, err := autopaho.NewConnection(ctx, session)
	if err != nil {
		fail("the broker can not be used: %w", err)
		<-ctx.Done()
		return
	}
	<-connection.Done() // when the context ends
}

func (s *subscriber) subscribe(ctx context.Context, m *autopaho.ConnectionManager, fail func(string, ...any)) {
	_, err := m.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{
		{Topic: s.config.Topic, RetainHandling: withoutRetained},
	}})
	if err != nil && ctx.Err() == nil {
		fail("the broker refuses the topic %s: %w", s.config.Topic, err)
	}
}

// take makes a reading of a message.
func (s *subscriber) take(payload []byte) Reading {
	r, err := s.shape.read(payload)
	if err != nil {
		return Reading{Err: err}
	}
	return r
}

// reasonOf is what a broker says when it refuses a connection.
func reasonOf(err error) error {
	if refused, ok := errors.AsType[*autopaho.ConnackError](err); ok {
		return fmt.Errorf("it refuses the connection: %s (reason code %d)", refused.Reason, refused.ReasonCode)
	}
	return err
}

package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Publish gives an event to the owner of a site, or, without a site, to all
// owners. It returns nil when the event is with a majority of the servers; known
// tells that it was before. After an error it may be there, or come to be.
func (f *Fleet) Publish(ctx context.Context, site, id string, body []byte) (known bool, err error) {
	l := f.link.Load()
	if l == nil {
		return false, ErrNotConnected
	}
	begun := time.Now()
	subject := subjectAll
	if site != "" {
		subject = subjectOf + token(site)
	}
	m := nats.NewMsg(subject)
	m.Data = body
	ctx, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	for {
		ack, err := l.publish(ctx, m, id)
		if err == nil {
			f.metrics.gave(ack, nil, time.Since(begun))
			return ack.Duplicate, nil
		}
		if !wait(ctx, 100*time.Millisecond) {
			f.metrics.gave(nil, err, time.Since(begun))
			return false, fmt.Errorf("publish an event: %w", err)
		}
	}
}

// publishWithin is how long Publish tries: as long as an answer to eDRV may take.
const publishWithin = 4 * time.Second

func (l *link) publish(ctx context.Context, m *nats.Msg, id string) (*jetstream.PubAck, error) {
	ctx, cancel := context.WithTimeout(ctx, call)
	defer cancel()
	return l.js.PublishMsg(ctx, m, jetstream.WithMsgID(id), jetstream.WithExpectStream(Stream))
}

// Event is what a gateway published.
type Event struct {
	Seq  uint64
	Body []byte
}

// Events hands the events of the site to take, in order, beginning after those
// that an earlier owner dealt with, until the context ends. Some may come again.
func (t *Term) Events(ctx context.Context, take func(Event)) {
	next := t.handled + 1
	told := false
	for ctx.Err() == nil {
		err := t.follow(ctx, &next, take)
		if err != nil && ctx.Err() == nil {
			if !told {
				t.f.log.Warn("the events of a site cannot be followed: trying on", "site", t.Site, "reason", err)
				told = true
			}
			wait(ctx, 500*time.Millisecond)
		}
	}
}

func (t *Term) follow(ctx context.Context, next *uint64, take func(Event)) error {
	consumer, err := t.open(ctx, *next)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(100))
	if err != nil {
		return err
	}
	// Stop must not run beside Next: while Next makes a new subscription, it would
	// stop the old one, and Next would wait for ever.
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if errors.Is(err, jetstream.ErrNoHeartbeat) {
			continue // it comes back by itself
		}
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		*next = meta.Sequence.Stream + 1
		t.f.metrics.handled.Inc()
		take(Event{Seq: meta.Sequence.Stream, Body: m.Data()})
	}
}

// open makes a reader of the events of the site from a number on.
func (t *Term) open(ctx context.Context, next uint64) (jetstream.Consumer, error) {
	if !t.l.opens.enter(ctx) {
		return nil, ctx.Err()
	}
	defer t.l.opens.leave()
	ctx, cancel := context.WithTimeout(ctx, 2*call)
	defer cancel()
	return t.l.js.OrderedConsumer(ctx, Stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subjectOf + token(t.Site), subjectAll},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy, OptStartSeq: next,
		InactiveThreshold: time.Minute, MaxResetAttempts: 1,
	})
}

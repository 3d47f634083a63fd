package fleet

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrOvertaken says that somebody else changed the configuration meanwhile.
var ErrOvertaken = errors.New("somebody else has just given the fleet another configuration: look at it, and try again")

// Apply gives the fleet a configuration, which its nodes get by Options.Configured.
// It is one value, so that nobody ever sees a part of it; its number grows with
// every change. One that is there already changes nothing.
func Apply(ctx context.Context, opts Options, text []byte) (number uint64, changed bool, err error) {
	l, done, err := visit(ctx, &opts)
	if errors.Is(err, jetstream.ErrBucketNotFound) { // before the first node came
		if err = found(ctx, &opts); err == nil {
			l, done, err = visit(ctx, &opts)
		}
	}
	if err != nil {
		return 0, false, err
	}
	defer done()
	value, number, err := l.get(ctx, configurationKey)
	if err != nil {
		return 0, false, err
	}
	if number > 0 {
		if old, err := unpack(value); err == nil && bytes.Equal(old, text) {
			return number, false, nil
		}
	}
	value = pack(text)
	if int64(len(value)) > l.limit {
		return 0, false, fmt.Errorf("the configuration has %d bytes when it is packed, and NATS takes %d: raise max_payload of the servers", len(value), l.limit)
	}
	number, err = l.swap(ctx, configurationKey, value, number)
	if swapped(err) {
		err = ErrOvertaken
	}
	return number, err == nil, err
}

// found makes bucket and stream.
func found(ctx context.Context, opts *Options) error {
	ctx, cancel := context.WithTimeout(ctx, 5*call)
	defer cancel()
	f := New(*opts)
	nc, err := connect(opts, f.log)
	if err != nil {
		return err
	}
	defer nc.Close()
	_, err = f.open(ctx, nc)
	return err
}

// Configuration is that of the fleet. Number 0: it has none.
func Configuration(ctx context.Context, opts Options) (text []byte, number uint64, err error) {
	l, done, err := visit(ctx, &opts)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	value, number, err := l.get(ctx, configurationKey)
	if err != nil || number == 0 {
		return nil, 0, err
	}
	text, err = unpack(value)
	return text, number, err
}

// watchConfiguration hands on every configuration of the fleet, until the context
// ends.
func (f *Fleet) watchConfiguration(ctx context.Context, l *link) {
	var number uint64
	for ctx.Err() == nil {
		if err := f.configurations(ctx, l, &number); err != nil && ctx.Err() == nil {
			f.log.Warn("the configuration of the fleet cannot be watched: trying again", "reason", err)
			wait(ctx, lookEvery)
		}
	}
}

func (f *Fleet) configurations(ctx context.Context, l *link, number *uint64) error {
	w, err := l.kv.Watch(ctx, configurationKey)
	if err != nil {
		return err
	}
	defer w.Stop() //nolint:errcheck // it ends with the context
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-w.Updates():
			switch {
			case !open:
				return errWatch
			case e == nil || e.Revision() <= *number:
				continue
			}
			*number = e.Revision()
			text, err := unpack(e.Value())
			if err != nil { // also where it was removed
				f.log.Error("the configuration of the fleet cannot be read: the one before stays", "number", *number, "reason", err)
				continue
			}
			f.opts.Configured(*number, text)
		}
	}
}

// pack makes a configuration small: most of it is said again for each connector.
func pack(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// maxConfiguration is more than a configuration may have.
const maxConfiguration = 64 << 20

func unpack(value []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(value))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxConfiguration))
}

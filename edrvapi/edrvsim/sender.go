package edrvsim

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// drive is the goroutine that moves the world's time and hands ready webhooks
// to senders, one goroutine each; a station has at most one under way.
func (s *Server) drive(ctx context.Context, group *sync.WaitGroup) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		ready, hook, wait := s.advance()
		for _, out := range ready {
			group.Go(func() { s.send(ctx, hook, out) })
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// parcel is a delivery with its body.
type parcel struct {
	delivery *Delivery
	body     []byte
	at       time.Time // for the signature
}

// advance brings the world up to the clock, and returns what is to be sent and
// how long nothing else will happen.
func (s *Server) advance() (ready []parcel, hook Webhook, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.Advance(s.worldTime())
	enc := s.encoder()
	for d := s.world.Take(); d != nil; d = s.world.Take() {
		if s.hook.URL == "" {
			s.world.Ack(d) // nobody has asked for events
			continue
		}
		at := time.Now()
		if s.opts.WorldTimes {
			at = s.world.Now()
		}
		ready = append(ready, parcel{d, enc.message(d.Message), at})
	}
	wait = time.Hour
	if next, ok := s.world.Next(); ok {
		wait = max(0, s.onClock(next.Sub(s.worldTime())))
	}
	return ready, s.hook, wait
}

// send delivers one webhook and reports how it went.
func (s *Server) send(ctx context.Context, hook Webhook, out parcel) {
	ok := s.post(ctx, hook, out)
	if ctx.Err() != nil {
		return
	}
	s.Do(func(w *World) {
		if ok {
			w.Ack(out.delivery)
		} else {
			w.Nack(out.delivery)
		}
	})
}

func (s *Server) post(ctx context.Context, hook Webhook, out parcel) bool {
	ctx, cancel := context.WithTimeout(ctx, s.opts.SendTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(out.body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "edrvsim")
	if sig := hook.Signing.Header(out.body, out.at); sig != "" {
		req.Header.Set(SignatureHeader, sig)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return err == nil && resp.StatusCode == http.StatusOK
}

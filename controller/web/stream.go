package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// How server-sent events are sent. Every event holds the whole state, so a
// client that reads slowly misses states and nothing else, and Last-Event-ID
// has no meaning.
const (
	heartbeatEvery = 15 * time.Second
	eventWithin    = 5 * time.Second        // a client that takes longer to take an event is cut off
	eventGap       = 100 * time.Millisecond // shortest time between two events: changes in between are one
)

// events is the stream to one client.
type events struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// openEvents begins a stream. close gives its place back.
func (s *Server) openEvents(w http.ResponseWriter) (e *events, release func(), err error) {
	select {
	case s.streams <- struct{}{}:
	default:
		w.Header().Set("Retry-After", "5")
		return nil, nil, refuse(http.StatusServiceUnavailable, "%d event streams are open already: close some", cap(s.streams))
	}
	e = &events{w: w, rc: http.NewResponseController(w)}
	// The server's deadline for reading a request would end the stream.
	_ = e.rc.SetReadDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // proxies must not hold events back
	return e, func() { <-s.streams }, nil
}

// send sends one event. data holds no line break.
func (e *events) send(name string, data []byte) error {
	return e.write(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, data))
}

// beat sends a comment, by which both ends notice a broken connection.
func (e *events) beat() error { return e.write([]byte(": beat\n\n")) }

func (e *events) write(b []byte) error {
	_ = e.rc.SetWriteDeadline(time.Now().Add(eventWithin))
	if _, err := e.w.Write(b); err != nil {
		return err
	}
	return e.rc.Flush()
}

// streamSite sends the state of a site now and whenever it changes.
func (s *Server) streamSite(w http.ResponseWriter, r *http.Request) error {
	site, _, err := s.site(r)
	if err != nil {
		return err
	}
	stream, release, err := s.openEvents(w)
	if err != nil {
		return err
	}
	defer release()
	heartbeat := time.NewTicker(heartbeatEvery)
	defer heartbeat.Stop()
	var sent []byte
	for last := (*core.View)(nil); ; {
		changed := s.opts.Sites.Changed(site) // before the view, so that no change is missed
		v, ok := s.opts.Sites.View(site)
		if !ok {
			return nil
		}
		if v != last {
			data, err := s.states.of(site, v)
			if err != nil {
				s.log.Error("a stream ends", "reason", err)
				return nil
			}
			last = v
			if !sameButTime(data, sent) {
				if stream.send("state", data) != nil {
					return nil
				}
				sent = data
				if !pause(r, eventGap) {
					return nil
				}
			}
		}
		select {
		case <-changed:
		case <-heartbeat.C:
			if stream.beat() != nil {
				return nil
			}
		case <-r.Context().Done():
			return nil
		}
	}
}

// sameButTime reports whether two encoded states of a site differ in nothing but
// their time, which every pass changes.
func sameButTime(a, b []byte) bool {
	return bytes.Equal(afterTime(a), afterTime(b))
}

// afterTime is what follows the time of an encoded state. Of all that is before
// it, the id of the site, a quotation mark is escaped.
func afterTime(state []byte) []byte {
	_, rest, _ := bytes.Cut(state, []byte(`,"time":"`))
	return rest[bytes.IndexByte(rest, '"')+1:]
}

// pause waits. It reports whether the client is still there.
func pause(r *http.Request, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-r.Context().Done():
		return false
	}
}

// encodings keep the newest state of every site as JSON, so that it is encoded
// once for all clients.
type encodings struct {
	mu     sync.Mutex
	bySite map[string]encoding
}

type encoding struct {
	view *core.View
	data []byte
}

// of is the state as JSON on one line.
func (e *encodings) of(site string, v *core.View) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if have := e.bySite[site]; have.view == v {
		return have.data, nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the state of site %s: %w", site, err)
	}
	if e.bySite == nil {
		e.bySite = make(map[string]encoding)
	}
	e.bySite[site] = encoding{v, data}
	return data, nil
}

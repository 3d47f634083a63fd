package commission

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
)

// received is an event and when it came.
type received struct {
	at    time.Time
	event edrvapi.Event
}

// hooks receives eDRV's webhooks while no daemon does.
type hooks struct {
	verifier *edrvapi.Verifier
	events   chan received // when it is full, eDRV is asked to send it again
	refused  chan struct{} // capacity 1: some delivery was not signed as it should be
	server   *http.Server
	done     chan error
}

// maxEvents is how many events may wait; they are taken at once but while a
// call is under way.
const maxEvents = 1024

// serve starts receiving. close ends it.
func serve(l net.Listener, v *edrvapi.Verifier) *hooks {
	h := &hooks{
		verifier: v, events: make(chan received, maxEvents), refused: make(chan struct{}, 1), done: make(chan error, 1),
	}
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/edrv", h)
	h.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	go func() { h.done <- h.server.Serve(l) }() // awaited by close
	return h
}

func (h *hooks) close() error {
	err := h.server.Close()
	if served := <-h.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// ServeHTTP answers a delivery as the daemon does.
func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, edrvapi.MaxEventBytes))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if err := h.verifier.Verify(r.Header, body, now); err != nil {
		select {
		case h.refused <- struct{}{}:
		default:
		}
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	event, err := edrvapi.DecodeEvent(body)
	if err != nil {
		return // 200: it would come again the same
	}
	select {
	case h.events <- received{now, event}:
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

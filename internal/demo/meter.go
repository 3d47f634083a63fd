package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// meter is the building's meter, for the daemon to read until close. Nothing is
// steered by it: the building's load jumps by more than the margin, so it is
// counted at its most.
func meter(eDRV *edrvsim.Server) (url string, closeIt func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"power_w": %g}`, eDRV.TrueState().Circuits[0].BaseWatts)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	return "http://" + listener.Addr().String() + "/power", func() {
		_ = server.Shutdown(context.Background())
		<-ended
	}, nil
}

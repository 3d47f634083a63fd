package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"sync"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/fleet"
	"github.com/headroom-ev/headroom/edrvapi"
)

// relay gives deliveries to the stream of the fleet.
type relay struct {
	fleet *fleet.Fleet
	place func(connector, station, session string) (site string, known bool)
	knows func() bool // whether the sites are known yet
}

func (r *relay) deliver(ctx context.Context, e *edrvapi.Event, body []byte) (result string, taken bool) {
	connector, station, session, says := about(e)
	if !says {
		return hookAccepted, true
	}
	site, known := r.place(connector, station, session)
	if !known && !r.knows() {
		return "", false
	}
	if !known {
		return hookForeign, true
	}
	switch again, err := r.fleet.Publish(ctx, site, e.ID, body); {
	case err != nil:
		return "", false
	case again:
		return hookDuplicate, true
	}
	return hookAccepted, true
}

func (r *relay) unreadable(ctx context.Context, body []byte) (taken bool) {
	sum := sha256.Sum256(body)
	_, err := r.fleet.Publish(ctx, "", hex.EncodeToString(sum[:]), body)
	return err == nil
}

// placeOf is the site of what an event names; empty: any may have it, and all are
// told.
func (c *Controller) placeOf(connector, station, session string) (site string, known bool) {
	now := c.setup.Load()
	if id, ok := now.ofConnector[connector]; ok {
		return id, true
	}
	if id, ok := now.ofStation[station]; ok {
		return id, true
	}
	return "", connector == "" && station == "" && session != ""
}

// place notes where a site is, and its connectors.
func (u *setup) place(site *config.Site) {
	u.places[site.ID], u.loads[site.ID] = len(u.places), max(1, len(site.Connectors))
	u.load += u.loads[site.ID]
	for i := range site.Connectors {
		u.ofConnector[site.Connectors[i].ID], u.ofStation[site.Connectors[i].Station] = site.ID, site.ID
	}
}

// noDoor is the listener of a machine that takes no webhooks: nobody comes.
type noDoor struct {
	closed chan struct{}
	close  func()
}

func newNoDoor() noDoor {
	closed := make(chan struct{})
	return noDoor{closed, sync.OnceFunc(func() { close(closed) })}
}

// Accept returns when the door is closed.
func (d noDoor) Accept() (net.Conn, error) {
	<-d.closed
	return nil, net.ErrClosed
}

// Close lets Accept return.
func (d noDoor) Close() error {
	d.close()
	return nil
}

// Addr says that there is no address.
func (noDoor) Addr() net.Addr { return noAddr{} }

type noAddr struct{}

func (noAddr) Network() string { return "none" }
func (noAddr) String() string  { return "none: the gateways take webhooks" }

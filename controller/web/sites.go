package web

import (
	"context"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// Sites is what the web shows and sets. The daemon implements it.
type Sites interface {
	// Names lists the sites in the order of the configuration.
	Names() []string
	// View is the state of a site; ok is false where there is no such site. The
	// value is never changed.
	View(site string) (v *core.View, ok bool)
	// Changed returns a channel that is closed at the next change of the view.
	Changed(site string) <-chan struct{}
	// Notes are the newest notes of a site, oldest first; at most a few hundred.
	Notes(site string) []core.Note
	// Set hands an input to the site and waits until it is taken.
	Set(ctx context.Context, site string, in core.Input) error
	// Health is the state of what all sites share.
	Health() Health
}

// Health is the state of what all sites share.
type Health struct {
	// Stuck says why the daemon is not healthy: an owner loop has not moved.
	// Empty: healthy.
	Stuck string
	// Unready says why the daemon is not ready. Empty: ready.
	Unready string
	// LastWebhook is when the last authentic webhook came; zero: none yet.
	LastWebhook time.Time
	// Webhooks counts deliveries by result, as the metric webhooks_total.
	Webhooks map[string]uint64
	// APIDown says that calls to eDRV are suspended, because it does not answer.
	APIDown bool
	// APIWaiting is how many calls wait for their turn.
	APIWaiting int
	// Config is how the last reading of the configuration went.
	Config ConfigHealth
	// Journal is the state of the journal.
	Journal JournalHealth
	// Fleet is who steers what; nil where this machine steers all sites.
	Fleet *FleetHealth
	// Version of the program.
	Version string
}

// FleetHealth is the fleet as this machine sees it.
type FleetHealth struct {
	Node  string // this one
	Nodes []FleetNode
	Sites []FleetSite
}

// FleetNode is a machine of the fleet.
type FleetNode struct {
	Name, Role, Version string
	Since               time.Time
	Sites               int  // that it steers
	Gone                bool // it left, or was silent for too long
	OtherConfig         bool // its configuration is another than here
}

// FleetSite is a site and who steers it, in which term. Node is empty where
// nobody does.
type FleetSite struct {
	ID, Node string
	Term     uint64
}

// ConfigHealth tells of the configuration in force, and of one that is not.
type ConfigHealth struct {
	Since time.Time // when the one in force was read
	// Refused says why a newer one was not taken, with the place of its first
	// mistakes. Empty: there is none.
	Refused   string
	RefusedAt time.Time
}

// JournalHealth is the state of the journal. Counts are since the start.
type JournalHealth struct {
	// Failed says why the journal cannot be written. Empty: it can.
	Failed string
	// Lines is how many lines became durable, and Lost how many found no room
	// in memory while the disk could not be written.
	Lines, Lost uint64
	// Waiting is how many lines are not durable yet.
	Waiting int
	// Durable and Refused count the writes that became durable or did not.
	Durable, Refused uint64
	// Last is when a write last became durable; zero: none has yet.
	Last time.Time
}

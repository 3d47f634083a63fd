package inventory

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/headroom-ev/headroom/controller"
	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/edrvapi"
)

// Account is what a key can see, by location.
type Account struct {
	URL       string // of the API
	Locations []Location
	// Notes say what could not be read, for people.
	Notes []string
}

// Location is a location with its stations, sorted by name. The stations that
// eDRV gives no location for are in one without an id.
type Location struct {
	edrvapi.Location
	Stations []edrvapi.Station
}

// Options are what Read is told.
type Options struct {
	EDRV      *config.EDRV
	Location  string            // only this one; empty: all
	Transport http.RoundTripper // replaces the connection, for tests
	// Progress is called with what is being read and which part of it is done;
	// nil for none.
	Progress func(what string, part float64)
}

// Read asks eDRV for everything. A list that cannot be read is an error, but
// that of the groups, which a key may not see.
func Read(ctx context.Context, o Options) (*Account, error) {
	client, err := edrvapi.New(controller.ClientOptions(o.EDRV, o.Transport))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if o.Progress == nil {
		o.Progress = func(string, float64) {}
	}
	a := &Account{URL: o.EDRV.URL}
	o.Progress("locations", 0)
	locations, err := client.Locations(ctx)
	if err != nil {
		return nil, err
	}
	a.skipped("locations", locations.Skipped)
	o.Progress("stations", 0)
	stations, err := client.Stations(ctx, o.Location)
	if err != nil {
		return nil, err
	}
	a.skipped("stations", stations.Skipped)
	a.fillIn(ctx, client, stations.Items, o.Progress)
	a.arrange(o.Location, locations.Items, stations.Items)
	if o.Location != "" && len(a.Locations) == 0 {
		return nil, fmt.Errorf("eDRV has no location %s that the key can see", o.Location)
	}
	a.noteGroups(ctx, client, o.Location)
	return a, ctx.Err()
}

func (a *Account) note(format string, args ...any) {
	a.Notes = append(a.Notes, fmt.Sprintf(format, args...))
}

func (a *Account) skipped(what string, n int) {
	if n > 0 {
		a.note("%d %s could not be read: look for them in eDRV's dashboard", n, what)
	}
}

// fillIn asks for the connectors that the stations name by their ids alone.
func (a *Account) fillIn(ctx context.Context, client *edrvapi.Client, stations []edrvapi.Station, progress func(string, float64)) {
	var bare []*edrvapi.Connector
	for i := range stations {
		for k := range stations[i].Connectors {
			if c := &stations[i].Connectors[k]; c.PowerType == edrvapi.PowerUnknown && !c.Power.Known {
				bare = append(bare, c)
			}
		}
	}
	for i, c := range bare {
		progress("connectors", float64(i)/float64(len(bare)))
		full, err := client.Connector(ctx, c.ID)
		if err != nil {
			a.note("connector %s could not be read: %v", c.ID, err)
			continue
		}
		full.Station = cmp.Or(full.Station, c.Station)
		*c = full
	}
}

// arrange puts every station to its location. A location that is not in the
// list of locations is as good as one that is.
func (a *Account) arrange(only string, locations []edrvapi.Location, stations []edrvapi.Station) {
	place := map[string]int{}
	for _, l := range locations {
		if only == "" || l.ID == only {
			place[l.ID] = len(a.Locations)
			a.Locations = append(a.Locations, Location{Location: l})
		}
	}
	for _, s := range stations {
		if only != "" && s.Location != only {
			continue
		}
		at, ok := place[s.Location]
		if !ok {
			at = len(a.Locations)
			place[s.Location] = at
			a.Locations = append(a.Locations, Location{Location: edrvapi.Location{ID: s.Location}})
		}
		a.Locations[at].Stations = append(a.Locations[at].Stations, s)
	}
	for _, l := range a.Locations {
		slices.SortFunc(l.Stations, func(a, b edrvapi.Station) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
		})
	}
	slices.SortFunc(a.Locations, func(a, b Location) int { return cmp.Compare(a.ID, b.ID) })
}

// noteGroups names the groups of eDRV's own load management: what is in one
// would be steered twice.
func (a *Account) noteGroups(ctx context.Context, client *edrvapi.Client, location string) {
	groups, err := client.Groups(ctx)
	if err != nil {
		a.note("eDRV's load-management groups could not be read: %v", err)
		return
	}
	for _, g := range groups.Items {
		if n := len(g.Connectors) + len(g.Stations); n > 0 && (location == "" || g.Location == "" || g.Location == location) {
			a.note("eDRV's load-management group %s steers %d stations or connectors: take them out of it before headroom steers them", cmp.Or(g.Name, g.ID), n)
		}
	}
}

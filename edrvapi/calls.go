package edrvapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Sessions lists the sessions that may charge: those that are Started, and those whose
// status is no word that is known. eDRV is asked for status=Started, and what it sends
// is checked, since it is not documented that it honours the filter.
func (c *Client) Sessions(ctx context.Context) (List[Session], error) {
	list, err := listing[Session]{
		op: OpSessions, path: "/sessions", query: url.Values{"status": {"Started"}},
		decode: decodeSession, id: func(s Session) string { return s.ID },
	}.read(ctx, c)
	list.keep(func(s Session) bool { return s.Status == SessionStarted || s.Status == SessionUnknown })
	return list, err
}

// Stations lists the stations of a location, or all if it is empty. Stations that eDRV
// gives no location for are in every list.
func (c *Client) Stations(ctx context.Context, location string) (List[Station], error) {
	query := url.Values{}
	if location != "" {
		if !validID(location) {
			return List[Station]{}, badID(OpStations, location)
		}
		query.Set("location", location)
	}
	list, err := listing[Station]{
		op: OpStations, path: "/chargestations", query: query,
		decode: decodeStation, id: func(s Station) string { return s.ID },
	}.read(ctx, c)
	list.keep(func(s Station) bool { return location == "" || s.Location == "" || s.Location == location })
	return list, err
}

// Locations lists the locations that the key can see.
func (c *Client) Locations(ctx context.Context) (List[Location], error) {
	return listing[Location]{
		op: OpLocations, path: "/locations", decode: decodeLocation, id: func(l Location) string { return l.ID },
	}.read(ctx, c)
}

// Groups lists eDRV's own load-management groups.
func (c *Client) Groups(ctx context.Context) (List[Group], error) {
	return listing[Group]{
		op: OpGroups, path: "/load_management/groups", decode: decodeGroup, id: func(g Group) string { return g.ID },
	}.read(ctx, c)
}

// keep drops the items that want does not hold for.
func (l *List[T]) keep(want func(T) bool) {
	kept := l.Items[:0]
	for _, v := range l.Items {
		if want(v) {
			kept = append(kept, v)
		}
	}
	l.Items = kept
}

// Session gets one session.
func (c *Client) Session(ctx context.Context, id string) (Session, error) {
	return get(ctx, c, OpSession, "/sessions/", id, decodeSession, func(s Session) string { return s.ID })
}

// Station gets one station with its connectors.
func (c *Client) Station(ctx context.Context, id string) (Station, error) {
	return get(ctx, c, OpStation, "/chargestations/", id, decodeStation, func(s Station) string { return s.ID })
}

// Connector gets one connector.
func (c *Client) Connector(ctx context.Context, id string) (Connector, error) {
	return get(ctx, c, OpConnector, "/connectors/", id, decodeConnector, func(c Connector) string { return c.ID })
}

// get gets the object with the id; an answer about another is unreadable.
func get[T any](ctx context.Context, c *Client, op Operation, path, id string,
	decode func([]byte) (T, error), idOf func(T) string,
) (T, error) {
	var none T
	if !validID(id) {
		return none, badID(op, id)
	}
	answer, err := c.do(ctx, &call{op: op, method: http.MethodGet, path: path + id, ticket: ticket{class: Read}})
	if err != nil {
		return none, err
	}
	v, err := decode(answer.result)
	if err == nil && idOf(v) != id {
		err = unreadable("the answer is about %s", idOf(v))
	}
	if err != nil {
		return none, &Error{Operation: op, Status: http.StatusOK, Cause: err}
	}
	return v, nil
}

// Order is a limit for a charger.
type Order struct {
	Session   string // for SetSessionLimit
	Connector string // for SetConnectorDefault, and of the session for SetSessionLimit
	Station   string // for SetStationDefault
	Limit     Limit  // sent rounded down, see Limit.Rounded
	Class     Class  // Cut goes first; anything else is a Raise

	// Back, once closed, takes the order back unless it is on its way to eDRV already;
	// nil for one that stands.
	Back <-chan struct{}
}

// SetSessionLimit orders a limit for a session, for as long as the session lasts (eDRV
// docs, "Manage Session Power"). The Action says that eDRV queued it; the verdict
// follows as an event with its ID. Of the calls that wait for one connector only the
// newest is sent.
func (c *Client) SetSessionLimit(ctx context.Context, o Order) (Action, error) {
	return c.order(ctx, OpSetSessionLimit, o, "/sessions/", o.Session, "/set_power_limit", "session")
}

// SetConnectorDefault orders the limit that a connector has in every session without
// one of its own (eDRV docs, "Chargestation Power Limits").
func (c *Client) SetConnectorDefault(ctx context.Context, o Order) (Action, error) {
	return c.order(ctx, OpSetConnectorDefault, o, "/connectors/", o.Connector, "/set_default_power_limit", "default")
}

// SetStationDefault is SetConnectorDefault for all connectors of a station. It goes
// before their own.
func (c *Client) SetStationDefault(ctx context.Context, o Order) (Action, error) {
	o.Connector = ""
	return c.order(ctx, OpSetStationDefault, o, "/chargestations/", o.Station, "/set_default_power_limit", "default")
}

// order sends a limit to the object with the id.
func (c *Client) order(ctx context.Context, op Operation, o Order, path, id, verb, slot string) (Action, error) {
	if err := o.Limit.check(); err != nil {
		return Action{}, &Error{Operation: op, Outcome: OutcomeNotReached, Cause: err}
	}
	return c.command(ctx, o, &call{op: op, method: *c.method.Load(), body: o.Limit.body()}, path, id, verb, slot)
}

// ClearSessionLimit orders the end of a session's limit: a raise, to whatever holds
// beneath. connector is that of the session. The path is inferred from the events (eDRV
// docs, changelog of 29 February 2024).
func (c *Client) ClearSessionLimit(ctx context.Context, session, connector string) (Action, error) {
	o := Order{Session: session, Connector: connector, Class: Raise}
	return c.command(ctx, o, &call{op: OpClearSessionLimit, method: *c.method.Load()},
		"/sessions/", session, "/clear_power_limit", "session")
}

// command sends an order in its class, one at a time for a connector, and gives the
// action that eDRV made of it. An answer without one leaves open whether there is one.
func (c *Client) command(ctx context.Context, o Order, call *call, path, id, verb, slot string) (Action, error) {
	if !validID(id) {
		return Action{}, badID(call.op, id)
	}
	if o.Class != Cut {
		o.Class = Raise
	}
	key := "connector " + o.Connector
	if o.Connector == "" {
		key = path + id
	}
	call.path = path + id + verb
	call.ticket = ticket{class: o.Class, key: key, slot: key + " " + slot, back: o.Back}
	return c.act(ctx, call)
}

// CompositeSchedule asks a charger what it will allow on a connector (eDRV docs,
// "Composite Schedules"). The Action says that eDRV asked; the schedule comes with the
// event of its ID. It changes nothing, waits as a Read, and as a GET may be repeated by
// the HTTP stack when a connection breaks.
func (c *Client) CompositeSchedule(ctx context.Context, connector string) (Action, error) {
	if !validID(connector) {
		return Action{}, badID(OpGetComposite, connector)
	}
	return c.act(ctx, &call{
		op: OpGetComposite, method: http.MethodGet,
		path: "/connectors/" + connector + "/get_composite_schedule/", ticket: ticket{class: Read},
	})
}

// act makes a call that eDRV answers with an action.
func (c *Client) act(ctx context.Context, call *call) (Action, error) {
	answer, err := c.do(ctx, call)
	if err != nil {
		return Action{}, err
	}
	a, err := decodeAction(answer.result)
	if err != nil {
		return Action{}, &Error{Operation: call.op, Status: http.StatusOK, Cause: err}
	}
	return a, nil
}

// badID is the error of an id that can not be part of a path.
func badID(op Operation, id string) *Error {
	return &Error{Operation: op, Outcome: OutcomeNotReached, Cause: fmt.Errorf("%w: %q", ErrBadID, cleanText(id, 64))}
}

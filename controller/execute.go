package controller

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
)

// edrv is what the controller asks of eDRV. An *edrvapi.Client does it.
type edrv interface {
	Sessions(ctx context.Context) (edrvapi.List[edrvapi.Session], error)
	Stations(ctx context.Context, location string) (edrvapi.List[edrvapi.Station], error)
	Groups(ctx context.Context) (edrvapi.List[edrvapi.Group], error)
	Session(ctx context.Context, id string) (edrvapi.Session, error)
	SetSessionLimit(ctx context.Context, o edrvapi.Order) (edrvapi.Action, error)
	SetConnectorDefault(ctx context.Context, o edrvapi.Order) (edrvapi.Action, error)
}

// executor carries out the effects of all sites. Every call runs in a
// goroutine of its own, behind the client's gate, and is awaited by its site.
type executor struct {
	api     edrv
	lists   singleflight.Group // one list serves all sites that ask at the same time
	verdict func(site string, took time.Duration)
}

// do begins one effect.
func (x *executor) do(ctx context.Context, s *site, e core.Effect) {
	switch e := e.(type) {
	case core.Answered:
		x.verdict(s.id, e.Took)
	case core.SendOrder:
		order := edrvapi.Order{Session: e.Session, Connector: e.Connector, Limit: e.Limit, Class: edrvapi.Cut}
		if e.Raise {
			order.Class, order.Back = edrvapi.Raise, s.mayTakeBack(e.ID)
		}
		x.call(ctx, s, func() core.Input { return replyTo(e.ID)(x.api.SetSessionLimit(ctx, order)) })
	case core.TakeBack:
		s.takeBack(e.ID)
	case core.InstallFallback:
		order := edrvapi.Order{Connector: e.Connector, Limit: e.Limit, Class: edrvapi.Cut}
		x.call(ctx, s, func() core.Input { return replyTo(e.ID)(x.api.SetConnectorDefault(ctx, order)) })
	case core.List:
		x.call(ctx, s, func() core.Input { return x.list(ctx) })
	case core.Fetch:
		x.call(ctx, s, func() core.Input { return x.fetch(ctx, e.Session) })
	}
}

// call runs f beside the owner and puts its answer into the mailbox. There is
// always room for an answer: the model waits for it.
func (x *executor) call(ctx context.Context, s *site, f func() core.Input) {
	s.calls.Go(func() {
		in := f()
		for !s.inbox.put(in) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
}

// replyTo says what is known after a call that orders something.
func replyTo(id uint64) func(edrvapi.Action, error) core.Reply {
	return func(a edrvapi.Action, err error) core.Reply {
		r := core.Reply{ID: id, Action: a.ID}
		if err != nil {
			r.Message = err.Error()
		}
		switch edrvapi.OutcomeOf(err) {
		case edrvapi.OutcomeDone:
			r.Outcome = core.Queued
		case edrvapi.OutcomeNotReached:
			r.Outcome = core.NotSent
			if errors.Is(err, edrvapi.ErrTakenBack) || errors.Is(err, edrvapi.ErrSuperseded) {
				r.Outcome = core.Dropped
			}
		case edrvapi.OutcomeRefused:
			r.Outcome = core.Refused
		default:
			r.Outcome = core.Unclear
		}
		return r
	}
}

// list asks for all running sessions and all stations.
func (x *executor) list(ctx context.Context) core.Input {
	for {
		answer, stopped, _ := x.lists.Do("all", func() (any, error) { return x.askForList(ctx), ctx.Err() })
		if stopped == nil || ctx.Err() != nil {
			return answer.(core.Listed)
		}
		// Whoever asked first, for all, has stopped: ask anew.
	}
}

func (x *executor) askForList(ctx context.Context) core.Listed {
	in := core.Listed{Began: time.Now()}
	sessions, err := x.api.Sessions(ctx)
	if err != nil {
		in.Failed = err.Error()
		return in
	}
	stations, err := x.api.Stations(ctx, "")
	if err != nil && edrvapi.OutcomeOf(err) != edrvapi.OutcomeRefused { // a key may not see stations
		in.Failed = err.Error()
		return in
	}
	in.Sessions, in.Stations = sessions.Items, stations.Items
	in.Partial = sessions.Skipped > 0
	return in
}

// fetch asks for one session.
func (x *executor) fetch(ctx context.Context, id string) core.Input {
	in := core.Fetched{Session: id}
	found, err := x.api.Session(ctx, id)
	if err == nil {
		in.Found = found
		return in
	}
	if e, ok := errors.AsType[*edrvapi.Error](err); ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone) {
		in.Gone = true
		return in
	}
	in.Failed = err.Error()
	return in
}

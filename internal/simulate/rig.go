package simulate

import (
	"container/heap"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// Rig joins the core of one site with a simulated eDRV in virtual time. It is
// what the daemon's shell is to the real thing, without a network: single
// threaded, and bit for bit repeatable.
type Rig struct {
	World *edrvsim.World
	Site  *core.Site
	// Effect, if set, sees every effect of the site at the time now.
	Effect func(now time.Time, e core.Effect)
	// After, if set, is called after every step of the site.
	After func(now time.Time)

	pending  answers
	sequence uint64
	messages uint64
	grouped  bool
}

// decodeEvery is how often a plain message takes the way through JSON.
const decodeEvery = 64

// answer is an input that becomes due later.
type answer struct {
	at       time.Time
	sequence uint64
	in       core.Input
}

// answers is a heap of them, earliest first and in the order of their making.
type answers []answer

func (a answers) Len() int { return len(a) }
func (a answers) Less(i, k int) bool {
	return a[i].at.Before(a[k].at) || a[i].at.Equal(a[k].at) && a[i].sequence < a[k].sequence
}
func (a answers) Swap(i, k int) { a[i], a[k] = a[k], a[i] }
func (a *answers) Push(x any)   { *a = append(*a, x.(answer)) }
func (a *answers) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	*a = (*a)[:last]
	return x
}

// Run goes on until the given time.
func (r *Rig) Run(until time.Time) {
	for {
		next := r.Site.Wake()
		if at, ok := r.World.Next(); ok && at.Before(next) {
			next = at
		}
		if len(r.pending) > 0 && r.pending[0].at.Before(next) {
			next = r.pending[0].at
		}
		if next.After(until) {
			r.World.Advance(until)
			return
		}
		r.World.Advance(next)
		r.step(next)
	}
}

// step hands everything that is due to the site and carries out what it wants.
func (r *Rig) step(now time.Time) {
	var inputs []core.Input
	for d := r.World.Take(); d != nil; d = r.World.Take() {
		inputs = append(inputs, r.deliver(d.Message))
		r.World.Ack(d)
	}
	for len(r.pending) > 0 && !r.pending[0].at.After(now) {
		inputs = append(inputs, heap.Pop(&r.pending).(answer).in)
	}
	if !r.grouped {
		r.grouped = true
		inputs = append(inputs, core.Grouped{})
	}
	if len(inputs) == 0 && now.Before(r.Site.Wake()) {
		return
	}
	effects := r.Site.Step(now, inputs...)
	if r.After != nil {
		defer r.After(now)
	}
	for _, e := range effects {
		if r.Effect != nil {
			r.Effect(now, e)
		}
		r.do(now, e)
	}
}

func (r *Rig) deliver(m *edrvsim.Message) core.Input {
	r.messages++
	if plain(m) && r.messages%decodeEvery != 0 {
		return inputOf(m)
	}
	return decodedInput(m)
}

// do carries out an effect on the simulated eDRV. Its answer comes when the
// reply would.
func (r *Rig) do(now time.Time, e core.Effect) {
	switch e := e.(type) {
	case core.SendOrder:
		reply := r.World.SetSessionLimit(e.Session, simLimit(e.Limit))
		r.answer(now.Add(reply.After), replyOf(e.ID, reply))
	case core.InstallFallback:
		reply := r.World.SetConnectorDefault(e.Connector, simLimit(e.Limit))
		r.answer(now.Add(reply.After), replyOf(e.ID, reply))
	case core.List:
		sessions := r.World.ListSessions(edrvsim.Query{Status: "Started", Limit: 1000})
		stations := r.World.ListStations(edrvsim.Query{Limit: 1000})
		in := core.Listed{Began: now}
		if !sessions.OK() || !stations.OK() {
			in.Failed = sessions.Message + " " + stations.Message + "no answer"
		}
		for i := range sessions.Result {
			if s := sessionOf(&sessions.Result[i]); s.Status == edrvapi.SessionStarted {
				in.Sessions = append(in.Sessions, s)
			}
		}
		for _, st := range stations.Result {
			in.Stations = append(in.Stations, edrvapi.Station{ID: st.ID, Online: edrvapi.Some(st.Online)})
		}
		r.answer(now.Add(sessions.After+stations.After), in)
	case core.Fetch:
		reply := r.World.GetSession(e.Session)
		in := core.Fetched{Session: e.Session}
		switch {
		case reply.Status == 404:
			in.Gone = true
		case !reply.OK():
			in.Failed = "no answer"
		default:
			in.Found = sessionOf(&reply.Result)
		}
		r.answer(now.Add(reply.After), in)
	}
}

func (r *Rig) answer(at time.Time, in core.Input) {
	r.sequence++
	heap.Push(&r.pending, answer{at: at, sequence: r.sequence, in: in})
}

// replyOf classifies a reply as the client does.
func replyOf(id uint64, reply edrvsim.Reply[edrvsim.Action]) core.Reply {
	out := core.Reply{ID: id, Message: reply.Message}
	switch {
	case reply.OK():
		out.Outcome, out.Action = core.Queued, reply.Result.ID
	case reply.Status == 429:
		out.Outcome = core.NotSent
	case reply.Status >= 400 && reply.Status < 500:
		out.Outcome = core.Refused
	default:
		out.Outcome = core.Unclear
	}
	return out
}

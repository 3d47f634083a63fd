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

	settings core.Settings
	saved    core.Saved // what the journal holds
	daemon   daemon     // what is wrong with the process
	check    *checker   // nil: nobody judges
	told     func(now time.Time, in core.Input)
	stepped  func(now time.Time)
	ended    func() bool                     // nil: only time ends the run
	tamper   func([]core.Input) []core.Input // with what the site hears

	kill     killing
	late     int // orders that goesOn sent
	door     *door
	lane     []waiting
	pollAt   time.Time // when the meters are read next
	pending  answers
	sequence uint64
	messages uint64
	steps    uint64
}

// killing is a crash at a chosen step.
type killing struct {
	step   uint64 // 0: none
	before bool   // its effects are carried out

	// after, in a fleet: the process only stops once the step is saved, another one
	// takes over, and so much later it goes on and sends what it had in its hands.
	after time.Duration
	hands []func()
	at    time.Time
}

// stops saves what a step asks for, and keeps its orders for goesOn.
func (r *Rig) stops(now time.Time, effects []core.Effect) {
	r.kill.at = now.Add(r.kill.after)
	for _, e := range effects {
		var send func() edrvsim.Reply[edrvsim.Action]
		var number uint64
		switch e := e.(type) {
		case core.Save:
			r.save(e)
			continue
		case core.SendOrder:
			number, send = e.ID, func() edrvsim.Reply[edrvsim.Action] { return r.World.SetSessionLimit(e.Session, simLimit(e.Limit)) }
		case core.InstallFallback:
			number, send = e.ID, func() edrvsim.Reply[edrvsim.Action] {
				return r.World.SetConnectorDefault(e.Connector, simLimit(e.Limit))
			}
		default:
			continue
		}
		r.check.ordered(now, now, e)
		id := r.check.idOf(number)
		r.kill.hands = append(r.kill.hands, func() {
			if reply := send(); reply.Result.ID != "" {
				r.check.actions[reply.Result.ID] = id
			}
		})
	}
}

// goesOn lets a process that had stopped send its orders, of which another knows
// from what was saved. Nobody hears the answers.
func (r *Rig) goesOn() {
	for _, send := range r.kill.hands {
		send()
		r.late++
	}
	r.kill.hands = nil
}

// killedFor is how long the daemon is away after it.
const killedFor = 20 * time.Second

// decodeEvery is how often a plain message takes the way through JSON.
const decodeEvery = 64

// newRig builds the world and the daemon of a scene.
func newRig(settings core.Settings, world *edrvsim.World) (*Rig, error) {
	r := &Rig{World: world, settings: settings, pollAt: world.Now()}
	return r, r.boot(world.Now())
}

// boot starts the daemon with what its journal holds.
func (r *Rig) boot(now time.Time) (err error) {
	r.saved.At = now
	if r.Site, err = core.New(r.settings, r.saved, now); err != nil {
		return err
	}
	r.door, r.lane = newDoor(), nil
	r.answer(now, core.Grouped{})
	return nil
}

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
	for r.ended == nil || !r.ended() {
		next := r.daemon.wake(r.Site.Wake())
		if at, ok := r.World.Next(); ok && at.Before(next) {
			next = at
		}
		if len(r.pending) > 0 && r.pending[0].at.Before(next) && !r.daemon.away() {
			next = r.pending[0].at
		}
		if len(r.settings.Meters) > 0 && r.pollAt.Before(next) && !r.daemon.away() {
			next = later(r.pollAt, r.World.Now())
		}
		if len(r.lane) > 0 && r.daemon.waitUntil.Before(next) && !r.daemon.away() {
			next = later(r.daemon.waitUntil, r.World.Now())
		}
		if len(r.kill.hands) > 0 && r.kill.at.Before(next) {
			next = r.kill.at
		}
		if next.After(until) {
			r.World.Advance(until)
			return
		}
		r.World.Advance(next)
		if len(r.kill.hands) > 0 && !next.Before(r.kill.at) {
			r.goesOn()
		}
		r.step(next)
	}
}

// step hands everything that is due to the site and carries out what it wants.
func (r *Rig) step(now time.Time) {
	if r.daemon.down(now) { // it is not there: eDRV's deliveries fail
		for d := r.World.Take(); d != nil; d = r.World.Take() {
			r.World.Nack(d)
		}
		return
	}
	var inputs []core.Input
	for d := r.World.Take(); d != nil; d = r.World.Take() {
		inputs = append(inputs, r.deliver(now, d.Message))
		r.World.Ack(d)
	}
	if r.daemon.frozen(now) { // its mailbox takes them, and nobody looks
		for _, in := range inputs {
			r.answer(now, in)
		}
		return
	}
	r.leave(now)
	inputs = append(inputs, r.poll(now)...)
	for len(r.pending) > 0 && !r.pending[0].at.After(now) {
		inputs = append(inputs, heap.Pop(&r.pending).(answer).in)
	}
	if len(inputs) == 0 && now.Before(r.Site.Wake()) {
		return
	}
	if r.tamper != nil {
		inputs = r.tamper(inputs)
	}
	if r.told != nil {
		for _, in := range inputs {
			r.told(now, in)
		}
	}
	r.steps++
	r.World.EndSpans() // what flowed until now is judged by what the site knew
	if r.check != nil {
		r.check.looks(now)
	}
	effects := r.Site.Step(now, inputs...)
	if r.kill.step == r.steps {
		r.daemon.isDown, r.daemon.downUntil = true, now.Add(killedFor)
		if r.kill.after > 0 {
			r.check.stepped(now)
			r.stops(now, effects)
			return
		}
		if r.kill.before {
			return
		}
	}
	if r.check != nil {
		r.check.stepped(now)
	}
	saved := true
	for _, e := range effects {
		if r.Effect != nil {
			r.Effect(now, e)
		}
		saved = r.do(now, e, saved)
	}
	if r.check != nil {
		r.check.after(now)
	}
	if r.stepped != nil {
		r.stepped(now)
	}
	r.daemon.pounce(now, inputs)
}

func (r *Rig) deliver(now time.Time, m *edrvsim.Message) core.Input {
	r.messages++
	if plain(m) && r.messages%decodeEvery != 0 {
		return inputOf(m)
	}
	body := m.Body()
	if err := r.door.take(now, body); err != nil && r.check != nil {
		r.check.broken("I13", "a genuine %s is turned away: %v", m.Type, err)
	}
	in := decodedInput(body)
	if r.check != nil {
		r.check.read(m, in)
	}
	return in
}

// do carries out an effect on the simulated eDRV. Its answer comes when the
// reply would. It reports whether the journal holds what was to be saved.
func (r *Rig) do(now time.Time, e core.Effect, saved bool) bool {
	switch e := e.(type) {
	case core.Save:
		if r.daemon.diskFails(now) {
			return false
		}
		r.save(e)
	case core.SendOrder:
		r.overtake(now, e)
		switch {
		case e.Waits(false) && !saved:
			r.answer(now, core.Reply{ID: e.ID, Outcome: core.NotSaved, Message: "no space left on device"})
		case e.Raise && now.Before(r.daemon.waitUntil):
			r.lane = append(r.lane, waiting{order: e, since: now})
		default:
			if e.Raise && !saved && r.check != nil {
				r.check.broken("I10", "a raise of %s is sent, and is not in the journal", e.Connector)
			}
			r.send(now, waiting{order: e, since: now})
		}
	case core.TakeBack:
		r.takeBack(now, e.ID)
	case core.InstallFallback:
		if r.check != nil {
			r.check.ordered(now, now, e)
		}
		reply := r.World.SetConnectorDefault(e.Connector, simLimit(e.Limit))
		r.ordered(e.ID, reply)
		r.answer(now.Add(reply.After), replyOf(e.ID, reply))
	case core.List:
		r.list(now)
	case core.Fetch:
		r.fetch(now, e.Session)
	}
	return saved
}

// ordered tells the judge which action an order became, whatever the client
// learns of it.
func (r *Rig) ordered(id uint64, reply edrvsim.Reply[edrvsim.Action]) {
	if r.check != nil && reply.Result.ID != "" {
		r.check.actions[reply.Result.ID] = r.check.idOf(id)
	}
}

// save keeps records as the journal does.
func (r *Rig) save(e core.Save) {
	for _, rec := range e.Records {
		found := false
		for k := range r.saved.Records {
			if r.saved.Records[k].Connector == rec.Connector {
				r.saved.Records[k], found = rec, true
			}
		}
		if !found {
			r.saved.Records = append(r.saved.Records, rec)
		}
	}
	if e.LimitsChanged {
		r.saved.Limits = e.Limits
	}
	if len(e.Budgets) > 0 {
		r.saved.Budgets = e.Budgets
	}
}

func (r *Rig) list(now time.Time) {
	if r.check != nil {
		r.check.ordered(now, now, core.List{})
	}
	sessions := r.World.ListSessions(edrvsim.Query{Status: "Started", Limit: 1000})
	stations := r.World.ListStations(edrvsim.Query{Limit: 1000})
	in := core.Listed{Began: now}
	if !sessions.OK() || !stations.OK() {
		in.Failed = "no answer"
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
}

func (r *Rig) fetch(now time.Time, session string) {
	reply := r.World.GetSession(session)
	in := core.Fetched{Session: session}
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

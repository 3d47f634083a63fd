package controller

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// site is the shell around the model of one site. Its owner, the goroutine in
// run, is the only one that touches the model.
type site struct {
	id     string
	model  *core.Site
	inbox  *mailbox
	exec   *executor
	log    *slog.Logger
	scribe *scribe

	observePass func(took, late time.Duration)
	streamed    atomic.Uint64            // number of the last event of the fleet's stream in the mailbox
	handled     func(seq uint64)         // told up to where they have been dealt with; nil: there is no fleet
	raises      map[uint64]chan struct{} // those without a reply, by the id of the order; the owner's

	stop   context.CancelFunc // ends run and the meters; nil before begin
	calls  sync.WaitGroup     // to eDRV that are under way
	meters []*runningMeter    // of whoever reloads

	view  atomic.Pointer[core.View]
	moved atomic.Int64 // when the owner last moved, Unix nanoseconds

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every new view
	notes   []core.Note   // the newest, oldest first
}

// maxNotes is how many notes are kept for the page.
const maxNotes = 500

// viewEvery is the shortest time between two views: readers need no more, and
// a burst of events is not slowed down by them.
const viewEvery = 100 * time.Millisecond

// begin starts the owner and the meters.
func (s *site) begin(ctx context.Context, running *sync.WaitGroup) {
	ctx = s.open(ctx, running)
	running.Go(func() {
		s.run(ctx)
		s.calls.Wait()
	})
}

// open starts the meters. The context is that of the owner.
func (s *site) open(ctx context.Context, running *sync.WaitGroup) context.Context {
	ctx, s.stop = context.WithCancel(ctx)
	for _, m := range s.meters {
		m.begin(ctx, s.inbox, running)
	}
	return ctx
}

// end stops the owner and the meters. Nobody waits for them here: Run does.
func (s *site) end() {
	s.stop()
	for _, m := range s.meters {
		m.stop()
	}
}

func newSite(model *core.Site, connectors int, exec *executor, b book, log *slog.Logger) *site {
	s := &site{
		id: model.ID(), model: model, inbox: newMailbox(connectors), exec: exec,
		log: log.With("site", model.ID()), changed: make(chan struct{}), raises: make(map[uint64]chan struct{}),
	}
	s.scribe = &scribe{site: model.ID(), book: b, wake: s.inbox.poke, targets: map[string]planned{}}
	s.view.Store(model.View())
	s.moved.Store(time.Now().UnixNano())
	return s
}

// run owns the model until the context ends.
func (s *site) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var shown time.Time
	s.scribe.reply = func(r core.Reply) { s.exec.call(ctx, s, func() core.Input { return r }) }
	stale := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.inbox.wake:
		case <-timer.C:
		}
		start := time.Now()
		due := s.model.Wake()
		streamed := s.streamed.Load() // all up to it are in what is taken next
		inputs, since := s.inbox.take()
		for _, in := range inputs {
			if reply, ok := in.(core.Reply); ok {
				delete(s.raises, reply.ID)
			}
		}
		inputs = append(inputs, s.scribe.news()...)
		effects := s.model.Step(start, inputs...)
		atOnce := s.scribe.take(start, inputs, effects, s.model.View)
		if s.handled != nil { // with what they changed, or after it
			s.handled(streamed)
		}
		for _, e := range effects {
			if n, ok := e.(core.Note); ok {
				s.record(n)
			}
		}
		s.moved.Store(start.UnixNano())
		stale = stale || len(inputs) > 0 || len(effects) > 0 || !start.Before(due)
		next := s.model.Wake()
		if !next.Equal(due) { // it was a pass, because it was time or because of what came
			late := start.Sub(due)
			if len(inputs) > 0 {
				late = max(late, start.Sub(since))
			}
			s.observePass(time.Since(start), max(0, late))
		}
		// A raise is shown before it leaves: nobody ever reads less than what may be drawn.
		if stale && start.Sub(shown) >= viewEvery || slices.ContainsFunc(effects, isRaise) {
			s.show()
			shown, stale = start, false
		} else if stale {
			next = minTime(next, shown.Add(viewEvery))
		}
		for _, e := range atOnce {
			s.exec.do(ctx, s, e)
		}
		for _, order := range s.scribe.recorded(start) {
			s.exec.do(ctx, s, order)
		}
		timer.Reset(time.Until(next))
	}
}

// mayTakeBack returns the channel that takeBack closes.
func (s *site) mayTakeBack(order uint64) <-chan struct{} {
	back := make(chan struct{})
	s.raises[order] = back
	return back
}

// takeBack withdraws a raise that may still wait for its turn.
func (s *site) takeBack(order uint64) {
	if back, ok := s.raises[order]; ok {
		close(back)
		delete(s.raises, order)
	}
}

// isRaise reports whether an effect may raise what a charger permits.
func isRaise(e core.Effect) bool {
	o, ok := e.(core.SendOrder)
	return ok && o.Raise
}

// record keeps a note for the page and writes it to the log.
func (s *site) record(n core.Note) {
	level := slog.LevelInfo
	if n.Alarm {
		level = slog.LevelWarn
	}
	s.log.Log(context.Background(), level, n.Text, "kind", string(n.Kind), "connector", n.Connector, "session", n.Session)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notes) == maxNotes {
		s.notes = append(s.notes[:0], s.notes[1:]...)
	}
	s.notes = append(s.notes, n)
}

// show publishes the state of the model.
func (s *site) show() {
	s.view.Store(s.model.View())
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

package edrvapi

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Class is how urgent a call is.
type Class uint8

// The classes. Cuts go before raises and raises before reads. The zero Class is Raise:
// an order that does not say so is not urgent.
const (
	Raise Class = iota // an order that may let a charger deliver more
	Cut                // an order that makes a charger deliver less
	Read               // a call that changes nothing
	numClasses
)

var classNames = []string{"raise", "cut", "read"}

// String is "raise", "cut" or "read".
func (c Class) String() string { return nameOf(classNames, c) }

// The limits of the gate.
const (
	maxInFlight   = 8                // calls at once; raises and reads use half of them at most
	maxQueued     = 1024             // calls that wait, per class
	maxQueueWait  = 10 * time.Second // after that the intent is stale; the caller decides anew
	maxRetryAfter = time.Minute
	readEvery     = 4                          // of the turns of raises, one in 4 goes to a waiting read
	recovery      = 1.0 / float64(time.Minute) // calls per second that a lowered rate regains, per nanosecond
	slowest       = 0.5                        // calls per second that a lowered rate keeps at least
)

// gate decides which call goes next. Cuts draw on the whole rate; raises and reads draw
// on a half of it as well, so that however many of them wait, tokens and connections
// for cuts remain.
//
// It has no goroutine: whoever arrives, leaves, or was woken by the timer moves the
// queue on.
type gate struct {
	mu       sync.Mutex
	all      *rate.Limiter // every call
	spare    *rate.Limiter // raises and reads
	top      float64       // the configured rate, calls per second
	now      float64       // the rate in force
	slowedAt time.Time     // of the last 429
	ratedAt  time.Time     // when now was computed

	waiting  [numClasses][]*ticket // in order of arrival
	busy     map[string]bool       // keys with an order in flight
	inFlight [numClasses]int
	raises   int // granted since the last read was
	shut     bool
	shutTill time.Time // eDRV's Retry-After
	timer    *time.Timer
}

// ticket is one call in the gate.
type ticket struct {
	class   Class
	key     string     // at most one call with a key is in flight; empty for reads
	slot    string     // of the waiting calls with a slot only the newest stays
	admit   chan error // capacity 1, written once: nil when the call may go
	started time.Time

	// back is closed when the call is not wanted any more: it ends here unless its
	// turn has come. Nil: that does not happen.
	back <-chan struct{}
}

func newGate(perSecond float64) *gate {
	burst := burstOf(perSecond)
	return &gate{
		all:     rate.NewLimiter(rate.Limit(perSecond), burst),
		spare:   rate.NewLimiter(rate.Limit(perSecond/2), burst/2),
		top:     perSecond,
		now:     perSecond,
		ratedAt: time.Now(),
		busy:    make(map[string]bool),
	}
}

// enter waits for the call's turn. After a nil error the caller must leave.
func (g *gate) enter(ctx context.Context, t *ticket) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.admit = make(chan error, 1)
	g.mu.Lock()
	if err := g.enqueue(t, time.Now()); err != nil {
		g.mu.Unlock()
		return err
	}
	g.dispatch(time.Now())
	g.mu.Unlock()

	patience := time.NewTimer(maxQueueWait)
	defer patience.Stop()
	select {
	case err := <-t.admit:
		return err
	case <-t.back:
		return g.withdraw(t, ErrTakenBack)
	case <-ctx.Done():
		return g.withdraw(t, ctx.Err())
	case <-patience.C:
		return g.withdraw(t, ErrQueueWait)
	}
}

// enqueue puts the call in its queue, in place of an older one for the same slot.
func (g *gate) enqueue(t *ticket, now time.Time) error {
	switch {
	case g.shut:
		return ErrClosed
	case g.shutTill.Sub(now) > maxQueueWait:
		return ErrBackingOff
	}
	if t.slot != "" {
		for _, class := range []Class{Cut, Raise} {
			for _, old := range g.waiting[class] {
				if old.slot == t.slot {
					g.remove(old)
					old.admit <- ErrSuperseded
					break
				}
			}
		}
	}
	if len(g.waiting[t.class]) >= maxQueued {
		return ErrQueueFull
	}
	g.waiting[t.class] = append(g.waiting[t.class], t)
	return nil
}

// withdraw takes back a call that no longer waits; if its turn came at the same moment,
// it is over.
func (g *gate) withdraw(t *ticket, why error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.remove(t) {
		return why
	}
	if err := <-t.admit; err != nil {
		return err
	}
	g.end(t)
	return why
}

// remove takes the ticket out of its queue, if it is in it.
func (g *gate) remove(t *ticket) bool {
	i := slices.Index(g.waiting[t.class], t)
	if i < 0 {
		return false
	}
	g.waiting[t.class] = slices.Delete(g.waiting[t.class], i, i+1)
	return true
}

// leave ends a call that was admitted.
func (g *gate) leave(t *ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.end(t)
}

func (g *gate) end(t *ticket) {
	g.inFlight[t.class]--
	delete(g.busy, t.key)
	g.dispatch(time.Now())
}

// dispatch admits every call whose turn it is, and sets the timer for the next one.
func (g *gate) dispatch(now time.Time) {
	g.adapt(now)
	for {
		wait, class := g.next(now)
		if wait > 0 {
			g.wakeIn(wait)
			return
		}
		if class == numClasses {
			return
		}
		t := g.first(class)
		g.remove(t)
		g.inFlight[class]++
		if t.key != "" {
			g.busy[t.key] = true
		}
		t.started = now
		t.admit <- nil
	}
}

// next is the class whose turn it is, its token taken; or how long until there is one,
// or numClasses if nothing can go before another call ends.
func (g *gate) next(now time.Time) (time.Duration, Class) {
	if wait := g.shutTill.Sub(now); wait > 0 {
		return wait, numClasses
	}
	if g.inFlight[Cut]+g.inFlight[Raise]+g.inFlight[Read] >= maxInFlight {
		return 0, numClasses
	}
	if g.first(Cut) != nil {
		return take(now, g.all), Cut
	}
	if g.inFlight[Raise]+g.inFlight[Read] >= maxInFlight/2 {
		return 0, numClasses
	}
	class := Raise
	if g.first(Raise) == nil || g.raises >= readEvery-1 && g.first(Read) != nil {
		class = Read
	}
	if g.first(class) == nil {
		return 0, numClasses
	}
	wait := take(now, g.spare, g.all)
	if wait == 0 {
		g.raises++
		if class == Read {
			g.raises = 0
		}
	}
	return wait, class
}

// first is the ticket of the class that waits longest and whose key is free.
func (g *gate) first(class Class) *ticket {
	for _, t := range g.waiting[class] {
		if !g.busy[t.key] {
			return t
		}
	}
	return nil
}

// wakeIn moves the queue on after d.
func (g *gate) wakeIn(d time.Duration) {
	if g.timer == nil {
		g.timer = time.AfterFunc(d, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.dispatch(time.Now())
		})
		return
	}
	g.timer.Reset(d)
}

// flush ends the wait of every call with err.
func (g *gate) flush(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for class, queue := range g.waiting {
		for _, t := range queue {
			t.admit <- err
		}
		g.waiting[class] = nil
	}
}

// close ends the wait of every call, and of those to come.
func (g *gate) close() {
	g.mu.Lock()
	g.shut = true
	if g.timer != nil {
		g.timer.Stop()
	}
	g.mu.Unlock()
	g.flush(ErrClosed)
}

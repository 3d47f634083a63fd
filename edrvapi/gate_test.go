package edrvapi

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// crowd runs calls through a gate, each holding its place for a while.
type crowd struct {
	t    *testing.T
	g    *gate
	hold time.Duration
	done chan passage
}

// passage is how one call fared.
type passage struct {
	name   string
	class  Class
	waited time.Duration
	at     time.Time
	err    error
}

func newCrowd(t *testing.T, perSecond float64, hold time.Duration) *crowd {
	return &crowd{t: t, g: newGate(perSecond), hold: hold, done: make(chan passage, 5000)}
}

// call starts one call; an order if it has a key.
func (c *crowd) call(ctx context.Context, name string, class Class, key string) {
	began := time.Now()
	go func() {
		tk := &ticket{class: class, key: key}
		if key != "" {
			tk.slot = key + " session"
		}
		err := c.g.enter(ctx, tk)
		p := passage{name: name, class: class, waited: time.Since(began), at: time.Now(), err: err}
		if err == nil {
			time.Sleep(c.hold)
			c.g.leave(tk)
		}
		c.done <- p
	}()
}

// TestACallThatIsTakenBackEndsAtOnce: it needs no turn, and takes nobody's.
func TestACallThatIsTakenBackEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		back := make(chan struct{})
		held := &ticket{class: Raise, key: "connector 1", slot: "a"}
		require.NoError(t, g.enter(t.Context(), held))
		ended := make(chan error)
		go func() {
			ended <- g.enter(t.Context(), &ticket{class: Raise, key: "connector 1", slot: "b", back: back})
		}()
		synctest.Wait()
		close(back)
		require.ErrorIs(t, <-ended, ErrTakenBack)
		g.leave(held)
		require.Empty(t, g.waiting[Raise])
		require.Empty(t, g.busy)
	})
}

// all are the next n passages.
func (c *crowd) all(n int) []passage {
	list := make([]passage, 0, n)
	for range n {
		list = append(list, <-c.done)
	}
	return list
}

// TestCutsNeverWaitForOthers: with every raise and read of a large site waiting, a cut
// goes at once.
func TestCutsNeverWaitForOthers(t *testing.T) {
	for _, perSecond := range []float64{1, 10, 50} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, perSecond, time.Duration(4/perSecond*float64(time.Second))) // Slow answers use up connections too.
			ctx, cancel := context.WithCancel(t.Context())
			const others = 300
			for i := range others {
				c.call(ctx, "raise", Raise, fmt.Sprint("r", i))
				c.call(ctx, "read", Read, "")
			}
			for i := range 8 {
				time.Sleep(time.Duration(2.05 / perSecond * float64(time.Second))) // A little less than half the rate.
				c.call(ctx, "cut", Cut, fmt.Sprint("c", i))
			}
			synctest.Wait()
			cuts := 0
			cancel()
			for _, p := range c.all(2*others + 8) {
				if p.class == Cut {
					cuts++
					require.NoError(t, p.err)
					require.Zero(t, p.waited, "%v per second", perSecond)
				}
			}
			require.Equal(t, 8, cuts)
		})
	}
}

// TestRates: over time no more than the rate passes, and raises and reads have half of
// it.
func TestRates(t *testing.T) {
	rate := func(t *testing.T, classes ...Class) (passed int) {
		c := newCrowd(t, 10, 0)
		for i := range 400 {
			class := classes[i%len(classes)]
			c.call(t.Context(), "", class, fmt.Sprint(i))
		}
		for _, p := range c.all(400) { // They give up after maxQueueWait.
			if p.err == nil {
				passed++
			} else {
				require.ErrorIs(t, p.err, ErrQueueWait)
			}
		}
		return passed
	}
	synctest.Test(t, func(t *testing.T) { require.InDelta(t, 5+50, rate(t, Raise, Read), 1) })
	synctest.Test(t, func(t *testing.T) { require.InDelta(t, 10+100, rate(t, Cut), 1) })
	synctest.Test(t, func(t *testing.T) { require.InDelta(t, 10+100, rate(t, Cut, Raise, Read), 1) })
}

// TestReadsAreNotStarved: one of four turns that are not cuts is theirs.
func TestReadsAreNotStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 10, 0)
		c.g.pause(time.Second, time.Now()) // Until all have come.
		for i := range 200 {
			c.call(t.Context(), "", Raise, fmt.Sprint(i))
			c.call(t.Context(), "", Read, "")
		}
		passed := map[Class]int{}
		for _, p := range c.all(400) {
			if p.err == nil {
				passed[p.class]++
			}
		}
		require.InDelta(t, passed[Raise], 3*passed[Read], 3)
	})
}

func TestConnectionsAreKeptForCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1000, time.Second)
		for range 20 {
			c.call(t.Context(), "read", Read, "")
		}
		synctest.Wait()
		require.Equal(t, maxInFlight/2, c.g.stats(time.Now()).InFlight)
		for i := range 20 {
			c.call(t.Context(), "cut", Cut, fmt.Sprint(i))
		}
		synctest.Wait()
		s := c.g.stats(time.Now())
		require.Equal(t, maxInFlight, s.InFlight)
		require.Equal(t, 16, s.WaitingReads)
		require.Equal(t, 16, s.WaitingCuts)
		c.all(40)
	})
}

func TestOneOrderPerConnector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 100, time.Second)
		c.call(t.Context(), "first", Raise, "A1")
		synctest.Wait()
		c.call(t.Context(), "second", Raise, "A1")
		synctest.Wait()
		c.call(t.Context(), "other", Raise, "A2")
		synctest.Wait()
		c.call(t.Context(), "third", Cut, "A1")
		got := map[string]passage{}
		for _, p := range c.all(4) {
			got[p.name] = p
		}
		require.ErrorIs(t, got["second"].err, ErrSuperseded)
		require.Zero(t, got["second"].waited)
		require.Zero(t, got["other"].waited, "another connector does not wait")
		require.NoError(t, got["third"].err)
		require.Equal(t, time.Second, got["third"].waited, "even a cut waits for the order in flight")
	})
}

// TestOtherSlotsAreNotSuperseded: a default limit and a session limit of one connector
// are two intents.
func TestOtherSlotsAreNotSuperseded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100)
		held := &ticket{class: Cut, key: "A1", slot: "A1 session"}
		require.NoError(t, g.enter(t.Context(), held))
		errs := make(chan error, 2)
		for _, slot := range []string{"A1 session", "A1 default"} {
			go func() {
				tk := &ticket{class: Raise, key: "A1", slot: slot}
				err := g.enter(t.Context(), tk)
				if err == nil {
					g.leave(tk)
				}
				errs <- err
			}()
		}
		synctest.Wait()
		g.leave(held)
		require.NoError(t, <-errs)
		require.NoError(t, <-errs)
	})
}

func TestRetryAfterHoldsBackEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 10, 0)
		c.g.pause(4*time.Second, time.Now())
		c.call(t.Context(), "", Cut, "A1")
		c.call(t.Context(), "", Read, "")
		for _, p := range c.all(2) {
			require.NoError(t, p.err)
			require.Equal(t, 4*time.Second, p.waited)
		}
		c.g.pause(time.Hour, time.Now())
		require.Equal(t, time.Minute, c.g.paused(time.Now()), "no longer than a minute")
		c.call(t.Context(), "", Cut, "A1")
		p := c.all(1)[0]
		require.ErrorIs(t, p.err, ErrBackingOff)
		require.Zero(t, p.waited, "what can not go in time fails at once")
		c.g.pause(time.Second, time.Now())
		require.Equal(t, time.Minute, c.g.paused(time.Now()), "a shorter wait does not end a longer one")
	})
}

func TestRateHalvesAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10)
		rate := func() float64 { return g.stats(time.Now()).Rate }
		early := []*ticket{{class: Cut}, {class: Cut}}
		for _, tk := range early {
			require.NoError(t, g.enter(t.Context(), tk))
		}
		time.Sleep(time.Second)
		for _, tk := range early {
			g.slow(tk, time.Now())
			g.leave(tk)
		}
		require.InDelta(t, 5, rate(), 1e-9, "calls under way together count once")
		time.Sleep(time.Minute)
		require.InDelta(t, 6, rate(), 1e-9)
		time.Sleep(10 * time.Minute)
		require.InDelta(t, 10, rate(), 1e-9)
		for range 10 {
			tk := &ticket{class: Cut}
			require.NoError(t, g.enter(t.Context(), tk))
			time.Sleep(time.Millisecond)
			g.slow(tk, time.Now())
			g.leave(tk)
		}
		require.InDelta(t, slowest, rate(), 0.01, "never to nothing")
	})
}

func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 100, time.Hour)
		c.call(t.Context(), "first", Raise, "A1")
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		c.call(ctx, "deadline", Raise, "A1")
		p := c.all(1)[0]
		require.ErrorIs(t, p.err, context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, p.waited)

		c.call(t.Context(), "patience", Raise, "A1")
		p = c.all(1)[0]
		require.ErrorIs(t, p.err, ErrQueueWait)
		require.Equal(t, maxQueueWait, p.waited)

		gone, cancel := context.WithCancel(t.Context())
		cancel()
		c.call(gone, "gone", Cut, "A9")
		require.ErrorIs(t, c.all(1)[0].err, context.Canceled)

		c.call(t.Context(), "flushed", Cut, "A1")
		synctest.Wait()
		c.g.flush(ErrCircuitOpen)
		require.ErrorIs(t, c.all(1)[0].err, ErrCircuitOpen)

		c.call(t.Context(), "closed", Cut, "A1")
		synctest.Wait()
		c.g.close()
		require.ErrorIs(t, c.all(1)[0].err, ErrClosed)
		c.call(t.Context(), "after", Read, "")
		require.ErrorIs(t, c.all(1)[0].err, ErrClosed)
		require.Zero(t, c.g.stats(time.Now()).WaitingCuts)
		c.all(1)
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 0.5, 0)
		ctx, cancel := context.WithCancel(t.Context())
		for range maxQueued + 50 {
			c.call(ctx, "", Read, "")
		}
		synctest.Wait()
		require.LessOrEqual(t, c.g.stats(time.Now()).WaitingReads, maxQueued)
		c.call(ctx, "cut", Cut, "A1")
		synctest.Wait()
		cancel()
		full := 0
		for _, p := range c.all(maxQueued + 51) {
			if errors.Is(p.err, ErrQueueFull) {
				full++
			}
			if p.class == Cut {
				require.NoError(t, p.err, "reads that wait do not keep cuts out")
			}
		}
		require.InDelta(t, 49, full, 1)
	})
}

// TestTurnAtTheLastMoment: a call whose turn comes as its caller gives up gives its
// place back.
func TestTurnAtTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100)
		tk := &ticket{class: Cut, key: "A1", admit: make(chan error, 1)}
		g.mu.Lock()
		require.NoError(t, g.enqueue(tk, time.Now()))
		g.dispatch(time.Now())
		g.mu.Unlock()
		require.ErrorIs(t, g.withdraw(tk, context.Canceled), context.Canceled)
		require.Zero(t, g.stats(time.Now()).InFlight)
		require.Empty(t, g.busy)
	})
}

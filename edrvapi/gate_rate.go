package edrvapi

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// take takes a token from every limiter, or from none and says when to try again.
func take(now time.Time, limiters ...*rate.Limiter) time.Duration {
	var wait time.Duration
	taken := make([]*rate.Reservation, 0, 2)
	for _, l := range limiters {
		r := l.ReserveN(now, 1)
		taken = append(taken, r)
		wait = max(wait, r.DelayFrom(now))
	}
	if wait > 0 {
		for _, r := range taken {
			r.CancelAt(now)
		}
	}
	return wait
}

// slow heeds a 429: half the rate, once for all the calls that were under way together.
func (g *gate) slow(t *ticket, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.adapt(now)
	if t.started.Before(g.slowedAt) {
		return
	}
	g.slowedAt = now
	g.now = max(g.now/2, min(slowest, g.top))
	g.adapt(now)
}

// pause holds back every call for d.
func (g *gate) pause(d time.Duration, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if till := now.Add(min(d, maxRetryAfter)); till.After(g.shutTill) {
		g.shutTill = till
	}
}

// paused is how long every call is held back from now on.
func (g *gate) paused(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(g.shutTill.Sub(now), 0)
}

// adapt lets a lowered rate recover, by one call per second in a minute.
func (g *gate) adapt(now time.Time) {
	g.now = min(g.top, g.now+recovery*float64(now.Sub(g.ratedAt)))
	g.ratedAt = now
	g.all.SetLimitAt(now, rate.Limit(g.now))
	g.spare.SetLimitAt(now, rate.Limit(g.now/2))
}

// allow changes the rate. One that was lowered for a 429 recovers from where it is.
func (g *gate) allow(perSecond float64, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.adapt(now)
	burst := burstOf(perSecond)
	g.all.SetBurstAt(now, burst)
	g.spare.SetBurstAt(now, burst/2)
	if g.now == g.top {
		g.now = perSecond
	}
	g.top = perSecond
	g.adapt(now)
}

// burstOf is how many calls may go out at once: a second's worth, so that a cut of
// several sessions is not spread out.
func burstOf(perSecond float64) int { return max(2, int(math.Ceil(perSecond))) }

// stats is the gate's part of Client.Stats.
func (g *gate) stats(now time.Time) Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.adapt(now)
	return Stats{
		WaitingCuts:   len(g.waiting[Cut]),
		WaitingRaises: len(g.waiting[Raise]),
		WaitingReads:  len(g.waiting[Read]),
		InFlight:      g.inFlight[Cut] + g.inFlight[Raise] + g.inFlight[Read],
		Rate:          g.now,
		PausedFor:     max(g.shutTill.Sub(now), 0),
	}
}

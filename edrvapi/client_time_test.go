package edrvapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTimeout: a call without an answer ends by its own deadline, and may have been
// carried out.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inMemory(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // Only then does the server notice that the client left.
			<-r.Context().Done()
		})
		began := time.Now()
		_, err := c.SetSessionLimit(t.Context(), Order{Session: "s1", Limit: InAmperes(6000), Class: Cut})
		require.Equal(t, OutcomeUnknown, asError(t, err).Outcome)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 5*time.Second, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		_, err = c.SetSessionLimit(ctx, Order{Session: "s1", Limit: InAmperes(6000), Class: Cut})
		require.Equal(t, OutcomeUnknown, asError(t, err).Outcome)
		require.Equal(t, time.Second, time.Since(began))
		synctest.Wait()
	})
}

// TestBreaker: after five failures in a row nothing is sent but a probe every five
// seconds.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status, sent := 500, 0
		c := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
			sent++
			answers(status, ok(`{"_id":"s1"}`))(w, r)
		})
		ask := func() error { _, err := c.Session(t.Context(), "s1"); return err }
		for range 4 {
			require.Error(t, ask())
		}
		status = 404
		require.Error(t, ask(), "a refusal is an answer")
		status = 500
		for range 4 {
			require.Error(t, ask())
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Session(gone, "s1")
		require.Error(t, err, "a caller that gives up says nothing")
		require.False(t, c.Stats().BreakerOpen)
		require.Error(t, ask())
		require.True(t, c.Stats().BreakerOpen)
		require.Equal(t, 10, sent)

		began := time.Now()
		for range 100 {
			err := ask()
			require.ErrorIs(t, err, ErrCircuitOpen)
			require.Equal(t, OutcomeNotReached, OutcomeOf(err))
		}
		require.Zero(t, time.Since(began))
		require.Equal(t, 10, sent)

		time.Sleep(breakerProbe + time.Millisecond)
		require.Equal(t, OutcomeUnknown, OutcomeOf(ask()), "the probe")
		require.ErrorIs(t, ask(), ErrCircuitOpen)
		require.Equal(t, 11, sent)

		status = 404
		time.Sleep(breakerProbe + time.Millisecond)
		require.Equal(t, OutcomeRefused, OutcomeOf(ask()), "eDRV is back, whatever it says")
		status = 200
		require.NoError(t, ask())
	})
}

// TestBreakerEndsWaiting: when eDRV stops answering, what waits is told at once.
func TestBreakerEndsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inMemory(t, answers(500, ""), func(o *Options) { o.RequestsPerSecond = 1 })
		errs := make(chan error, 20)
		for range 20 {
			go func() { _, err := c.Session(t.Context(), "s1"); errs <- err }()
		}
		open := 0
		for range 20 {
			if errors.Is(<-errs, ErrCircuitOpen) {
				open++
			}
		}
		require.Equal(t, 15, open)
	})
}

// TestThrottled: a 429 holds everything back for as long as eDRV asks.
func TestThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		header, sent := "7", 0
		var at []time.Time
		c := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
			sent++
			at = append(at, time.Now())
			if sent%2 == 1 {
				answers(429, "{}", "Retry-After", header)(w, r)
				return
			}
			answers(200, ok(`{"_id":"s1"}`))(w, r)
		}, func(o *Options) { o.RequestsPerSecond = 10 })
		for _, tc := range []struct {
			header string
			want   time.Duration
			exact  time.Duration
		}{
			{"7", 7 * time.Second, 0},
			{"", time.Second, 0},
			{"soon", time.Second, 0},
			{"-3", time.Second, 0},
			// 10 s have passed by then, and dates are to the second.
			{time.Now().Add(15 * time.Second).UTC().Format(http.TimeFormat), 5 * time.Second, 2 * time.Second},
		} {
			header = tc.header
			at = nil
			_, err := c.Session(t.Context(), "s1")
			require.Equal(t, OutcomeNotReached, asError(t, err).Outcome)
			_, err = c.Session(t.Context(), "s1")
			require.NoError(t, err)
			require.InDelta(t, tc.want, at[1].Sub(at[0]), float64(tc.exact), tc.header)
		}
		header = "3600"
		_, err := c.Session(t.Context(), "s1")
		require.Equal(t, time.Minute, asError(t, err).RetryAfter)
		_, err = c.SetSessionLimit(t.Context(), Order{Session: "s1", Limit: InAmperes(6000), Class: Cut})
		require.ErrorIs(t, err, ErrBackingOff)
		require.Equal(t, time.Minute, asError(t, err).RetryAfter)
		require.Equal(t, time.Minute, c.Stats().PausedFor)
		require.Less(t, c.Stats().Rate, 5.0)
	})
}

// TestOrdersOfOneConnector: the newest intent is what eDRV gets.
func TestOrdersOfOneConnector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		c := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			time.Sleep(time.Second)
			got = append(got, string(body))
			_, _ = io.WriteString(w, ok(`{"_id":"a`+strconv.Itoa(len(got))+`"}`))
		})
		errs := make(chan error, 5)
		for i := range 5 {
			go func() {
				_, err := c.SetSessionLimit(t.Context(), Order{Session: "s1", Connector: "c1", Limit: InAmperes(Milliamps(6000 + 1000*i))})
				errs <- err
			}()
			synctest.Wait()
		}
		superseded := 0
		for range 5 {
			if err := <-errs; err != nil {
				require.ErrorIs(t, err, ErrSuperseded)
				require.Equal(t, OutcomeNotReached, OutcomeOf(err))
				superseded++
			}
		}
		require.Equal(t, 3, superseded)
		require.Equal(t, []string{`{"unit":"current","limit":6}`, `{"unit":"current","limit":10}`}, got)
	})
}

package main_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/fleet"
)

// An owner that was cut off, and does not notice that another has its site, tries
// to save what it still wants to order: it cannot, so it may not order it, and what
// the other saved stays.
func TestAnOwnerThatGoesOnCannotSave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, start(t, 3), 1)
	site := w.sites[0].ID
	var (
		began  = make(chan *fleet.Term, 10)
		late   = make(chan struct{})
		answer = make(chan error, 1)
	)
	stubborn := func(ctx context.Context, term *fleet.Term) error {
		saved := make(chan error, 1)
		term.Save(map[string][]byte{"limit": []byte(`6`)}, func(err error) { saved <- err })
		select {
		case err := <-saved:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
		began <- term
		<-late // its context is long over
		term.Save(map[string][]byte{"limit": []byte(`32`)}, func(err error) { answer <- err })
		return nil
	}
	first := w.joinAs("first", stubborn)
	term := <-began

	taken := make(chan *fleet.Term, 1)
	w.joinAs("second", func(ctx context.Context, term *fleet.Term) error {
		taken <- term
		<-ctx.Done()
		return nil
	})
	first.line.set(true)
	var next *fleet.Term
	select {
	case next = <-taken:
	case <-time.After(30 * time.Second):
		t.Fatal("nobody takes the site over")
	}
	require.Greater(t, next.Number, term.Number)
	first.line.set(false)
	require.Eventually(t, func() bool { return first.fleet.Unready() == "" }, 20*time.Second, 50*time.Millisecond, "it is back")
	close(late)
	select {
	case err := <-answer:
		require.True(t, errors.Is(err, fleet.ErrLost), "%v", err)
	case <-time.After(10 * time.Second):
		t.Fatal("no answer")
	}
	kept, _ := next.Values("limit")
	require.Equal(t, "6", string(kept[""]), "the second owner knows what the first saved, and no more")
	require.Equal(t, site, next.Site)
}

// A site whose model breaks is let go and tried again; the others are steered all
// the time.
func TestABrokenSiteStopsNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, start(t, 1), 4)
	broken := w.sites[0].ID
	tries := make(chan struct{}, 100)
	w.joinAs("a", func(ctx context.Context, term *fleet.Term) error {
		if term.Site == broken {
			tries <- struct{}{}
			panic("a mistake")
		}
		return w.steer(ctx, "a", term)
	})
	<-tries
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, s := range w.sites[1:] {
			if w.owner[s.ID] != "a" {
				return false
			}
		}
		return true
	}, 20*time.Second, 20*time.Millisecond)
	select {
	case <-tries:
	case <-time.After(40 * time.Second):
		t.Fatal("it is not tried again")
	}
	w.sound()
}

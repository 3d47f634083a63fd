package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// nodeEntry is what node.NODE holds.
type nodeEntry struct {
	Session string    `json:"session"`
	Process string    `json:"process"` // who wrote it
	Role    string    `json:"role"`
	Steers  bool      `json:"steers"`
	Version string    `json:"version"`
	Config  string    `json:"config"`
	Sites   int       `json:"sites"` // steered now
	Since   time.Time `json:"since"` // of the session, for people
	// Over ends the session for good: its node left, or was silent for a lease.
	Over bool `json:"over,omitempty"`
}

// session is one unbroken stay of this node in the fleet. It is over for good
// when its context ends.
type session struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	entry  nodeEntry
	rev    uint64    // of the entry; the goroutine of stay has it
	until  time.Time // by both of its clocks; that goroutine has it too
}

// stay keeps this node in the fleet until the context ends. Once it is leaving,
// nobody counts on it any more, and it begins no other session.
func (f *Fleet) stay(ctx context.Context, l *link, leaving <-chan struct{}) {
	for ctx.Err() == nil && !isClosed(leaving) {
		s, err := f.enter(ctx, l)
		if err != nil {
			f.log.Debug("no session yet", "reason", err)
			wait(ctx, 250*time.Millisecond)
			continue
		}
		f.session.Store(s)
		f.metrics.sessions.Inc()
		f.log.Info("this node is in the fleet", "session", s.entry.Session)
		why := f.renew(ctx, l, s, leaving)
		s.cancel(why)
		f.session.Store(nil)
		if ctx.Err() == nil {
			f.log.Warn("the session of this node is over: it steers nothing until it has another", "reason", why)
		}
	}
}

// Lasts for which the session of a node is safe, how often it is renewed, and what
// its node counts less than everybody else.
func (f *Fleet) margin() time.Duration { return f.opts.Lease / 5 }
func (f *Fleet) every() time.Duration  { return f.opts.Lease / 5 }

// enter begins a session. Where another process has one under the name of this
// node, it waits until that is over or has been silent for a lease.
func (f *Fleet) enter(ctx context.Context, l *link) (*session, error) {
	key := nodeKey + token(f.opts.Node)
	var seen uint64
	var since time.Time
	for {
		value, rev, err := l.get(ctx, key)
		if err != nil {
			return nil, err
		}
		var old nodeEntry
		if rev > 0 {
			if err := json.Unmarshal(value, &old); err != nil {
				return nil, err
			}
		}
		if rev == 0 || old.Over || old.Process == f.instance {
			return f.begin(ctx, l, rev)
		}
		if rev != seen {
			if seen != 0 {
				f.log.Error("another process runs under the name of this node: give each its own fleet.node")
			}
			seen, since = rev, time.Now()
		}
		if time.Since(since) >= f.opts.Lease {
			return f.begin(ctx, l, rev)
		}
		if !wait(ctx, f.every()/2) {
			return nil, ctx.Err()
		}
	}
}

func (f *Fleet) begin(ctx context.Context, l *link, rev uint64) (*session, error) {
	now := time.Now()
	s := &session{entry: nodeEntry{
		Session: f.instance[:8] + "-" + now.UTC().Format("150405.000"), Process: f.instance, Role: f.opts.Role, Steers: f.opts.Steer != nil,
		Version: f.opts.Version, Config: f.opts.Config(), Since: now,
	}}
	var err error
	if s.rev, err = l.swap(ctx, nodeKey+token(f.opts.Node), encode(&s.entry), rev); err != nil {
		return nil, err
	}
	s.until = now.Add(f.opts.Lease - f.margin())
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return s, nil
}

// The reasons for which a session ends.
var (
	errLeft    = errors.New("this node leaves")
	errSilent  = errors.New("it could not be renewed in time")
	errEnded   = errors.New("it was ended by another node")
	errAsleep  = errors.New("the clocks of this machine do not agree: it slept, or its clock was set")
	errNotSure = errors.New("the entry is another")
)

// renew keeps a session until it is over, and says why it is.
func (f *Fleet) renew(ctx context.Context, l *link, s *session, leaving <-chan struct{}) (why error) {
	next := f.every()
	for {
		timer := time.NewTimer(min(next, time.Until(s.until)))
		select {
		case <-timer.C:
		case <-leaving: // the others share out its sites from now on, each as it is given back
			leaving, s.entry.Steers = nil, false
		case <-ctx.Done():
			f.end(ctx, l, s)
			return errLeft
		}
		begun := time.Now()
		if !begun.Before(s.until) {
			return errSilent
		}
		// Some clocks stand still while a machine sleeps. The wall clock does not.
		if begun.Round(0).After(s.until.Round(0)) {
			return errAsleep
		}
		s.entry.Sites, s.entry.Config = int(f.metrics.owned.Load()), f.opts.Config()
		// It is not broken off when the node leaves: nobody would know what became of it.
		switch err := f.renewOnce(context.WithoutCancel(ctx), l, s); {
		case err == nil:
			s.until = begun.Add(f.opts.Lease - f.margin())
			next = f.every()
		case errors.Is(err, errEnded):
			return err
		default:
			next = 100 * time.Millisecond
		}
	}
}

// end tells the others that this node has left, so that nobody waits for it to
// come back, not even itself.
func (f *Fleet) end(ctx context.Context, l *link, s *session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), call)
	defer cancel()
	s.entry.Over = true
	for {
		err := f.renewOnce(ctx, l, s)
		if err == nil || errors.Is(err, errEnded) {
			return
		}
		if !wait(ctx, 50*time.Millisecond) {
			f.log.Warn("the others are not told that this node leaves", "reason", err)
			return
		}
	}
}

// renewOnce swaps the entry of this node. Where that fails because the entry is
// another, it may be our own: of a renewal whose answer did not come.
func (f *Fleet) renewOnce(ctx context.Context, l *link, s *session) error {
	ctx, cancel := context.WithDeadline(ctx, s.until)
	defer cancel()
	key := nodeKey + token(f.opts.Node)
	rev, err := l.swap(ctx, key, encode(&s.entry), s.rev)
	if err == nil {
		s.rev = rev
		return nil
	}
	if !swapped(err) {
		return err
	}
	value, rev, err := l.get(ctx, key)
	if err != nil {
		return err
	}
	var now nodeEntry
	if err := json.Unmarshal(value, &now); err != nil {
		return errEnded
	}
	if rev > s.rev {
		if now.Session != s.entry.Session || now.Over {
			return errEnded
		}
		s.rev = rev
	}
	return errNotSure
}

// encode is the JSON of an entry of ours, which always has one.
func encode(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("fleet: an entry without JSON: " + err.Error())
	}
	return out
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// wait waits; it reports whether the context still lasts.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

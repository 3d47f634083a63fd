package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
)

// A reload builds everything from the new file first and puts it into force
// then. Where anything is wrong with it, or changes what only a restart can
// change, nothing is changed at all, and everybody is told.

// refusal is a configuration that was not taken, and why.
type refusal struct {
	at  time.Time
	why string
}

// reloads reads the configuration anew whenever a signal comes or the file
// changes, until the context ends. It runs in the goroutine of Run.
func (c *Controller) reloads(ctx context.Context, running *sync.WaitGroup) {
	var poll <-chan time.Time
	if c.file != "" {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		poll = ticker.C
	}
	seen := watch{path: c.file, acted: c.config().SHA256}
	files := &files{own: c.config()}
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.reload:
			c.log.Info("reading the configuration again", "because", "signal")
			c.readAgain(ctx, running, files, false)
		case <-poll:
			if seen.changed() {
				c.log.Info("reading the configuration again", "because", "the file changed")
				c.readAgain(ctx, running, files, true)
			}
		case files.shared = <-c.shared:
			c.log.Info("the fleet has another configuration", "number", files.shared.number)
			next, err := files.together(files.own)
			c.take(ctx, running, next, err)
		}
	}
}

// files are what a configuration is made from.
type files struct {
	own    *config.Config // of this machine, as it is in force
	shared *fleetText
}

// together is the file of this machine with what the fleet has of its sites.
func (f *files) together(own *config.Config) (*config.Config, error) {
	if !own.Fleet.HasSites || f.shared == nil {
		return own, nil
	}
	name := fmt.Sprintf("configuration %d of the fleet", f.shared.number)
	return own.WithShared(name, f.shared.text, config.ForFleet, os.LookupEnv)
}

// readAgain reads the file and puts it into force, if it can be. A file that is
// as it was needs no new settings; but after a signal, the secrets that it names
// may be others.
func (c *Controller) readAgain(ctx context.Context, running *sync.WaitGroup, files *files, changed bool) {
	own, err := config.Load(c.file, config.ForRun)
	next := own
	if err == nil {
		next, err = files.together(own)
	}
	if err == nil && changed && next.SHA256 == c.config().SHA256 {
		c.refused.Store(nil)
		c.metrics.ConfigAgain()
		c.log.Info("the configuration is again as it is in force")
		return
	}
	if c.take(ctx, running, next, err) {
		files.own = own
	}
}

// take puts a configuration into force, if it can be.
func (c *Controller) take(ctx context.Context, running *sync.WaitGroup, next *config.Config, err error) (taken bool) {
	if err == nil {
		err = c.replace(ctx, running, next)
	}
	if err != nil {
		c.refused.Store(&refusal{at: time.Now(), why: err.Error()})
		c.metrics.ConfigRefused()
		c.log.Error("the new configuration is not taken: the one before stays in force", "reason", err)
		return false
	}
	for _, w := range next.Warnings {
		c.log.Warn("configuration", "at", w.String())
	}
	c.log.Info("a new configuration is in force", "sha256", next.SHA256, "sites", len(next.Sites))
	return true
}

// replace puts a configuration into force, or says why it can not and changes
// nothing.
func (c *Controller) replace(ctx context.Context, running *sync.WaitGroup, next *config.Config) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	before := c.setup.Load()
	if keys := config.NeedsRestart(before.cfg, next); len(keys) > 0 {
		return fmt.Errorf("a change of %s needs a restart: nothing was changed; restart headroom, or put the old value back", strings.Join(keys, ", "))
	}
	p, err := c.prepare(next)
	if err != nil {
		return err
	}
	if err := c.adjustClient(&p.setup); err != nil {
		return err
	}
	c.use(p)
	for _, s := range before.sites {
		if p.byName[s.id] == nil { // its chargers keep their limits
			s.end()
			c.log.Warn("a site is not in the configuration any more: it is let go", "site", s.id)
		}
	}
	for _, s := range p.sites {
		if meters, runs := p.meters[s]; runs {
			s.replaceMeters(ctx, running, meters)
		} else {
			s.begin(ctx, running)
		}
	}
	c.askForGroups() // of the new connectors nothing is known
	return nil
}

// watchEvery is how often the file is looked at. What it holds is compared, and
// not the time of its change, so that a file that a link leads to may be another
// one, as in Kubernetes.
const watchEvery = time.Second

// watch looks at a file for changes.
type watch struct {
	path   string
	acted  string // hash of what was last acted on
	before string // hash at the last look
}

// changed reports whether the file is another, and is as it was at the last
// look: one that is just being written is not.
func (w *watch) changed() bool {
	now := hashOf(w.path)
	settled := now == w.before
	w.before = now
	if !settled || now == w.acted {
		return false
	}
	w.acted = now
	return true
}

// hashOf is the hash of a file's bytes, or what is wrong with it.
func hashOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		if e, ok := errors.AsType[*os.PathError](err); ok {
			err = e.Err
		}
		return "unreadable: " + err.Error()
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxConfig)); err != nil {
		return "unreadable: " + err.Error()
	}
	return hex.EncodeToString(h.Sum(nil))
}

// maxConfig is more than a configuration may have.
const maxConfig = 32 << 20

package controller

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// supervisor tells systemd, or whoever set NOTIFY_SOCKET, how the daemon is
// (sd_notify(3)). Its signs of life, which a watchdog asks for, come only while
// the loops of all sites move: a loop that is stuck ends in a restart.
type supervisor struct {
	notify   func(state string) error
	watchdog time.Duration              // how long the watchdog waits for a sign of life; 0: none waits
	state    func() (stuck, now string) // why there is no sign of life, and how things are
	log      *slog.Logger
}

// statusEvery is how often the status is looked at where no watchdog waits.
const statusEvery = 10 * time.Second

// supervisor is that of the daemon, by the environment that systemd gave it.
func (c *Controller) supervisor() (*supervisor, error) {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return nil, fmt.Errorf("watchdog of systemd: %w", err)
	}
	return &supervisor{
		notify: func(state string) error {
			_, err := daemon.SdNotify(false, state)
			return err
		},
		watchdog: watchdog, log: c.log,
		state: func() (stuck, now string) {
			var sites []string
			for _, name := range c.Names() {
				if v, ok := c.View(name); ok {
					sites = append(sites, fmt.Sprintf("%s is in state %s", name, v.State))
				}
			}
			return c.Health().Stuck, strings.Join(sites, ", ")
		},
	}, nil
}

// run reports until the context ends.
func (s *supervisor) run(ctx context.Context) {
	every := statusEvery
	if s.watchdog > 0 {
		every = s.watchdog / 3
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	s.tell(daemon.SdNotifyReady)
	shown := ""
	for {
		stuck, status := s.state()
		if stuck != "" {
			status = stuck
		}
		if status != shown {
			s.tell("STATUS=" + status)
			shown = status
		}
		if stuck == "" && s.watchdog > 0 {
			s.tell(daemon.SdNotifyWatchdog)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.tell(daemon.SdNotifyStopping)
			return
		}
	}
}

// tell sends one message. That it could not be sent is worth a line, and no
// more: the watchdog acts on silence.
func (s *supervisor) tell(state string) {
	if err := s.notify(state); err != nil {
		s.log.Warn("systemd cannot be told", "message", state, "reason", err)
	}
}

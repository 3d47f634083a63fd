package controller

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/meter"
)

// runningMeter is a meter of a site and how it is stopped.
type runningMeter struct {
	*meter.Meter
	stop context.CancelFunc // nil before begin
}

// metersOf are the meters of a site, in the order of their names. They connect
// to nothing yet.
func metersOf(site *config.Site) ([]*runningMeter, error) {
	var out []*runningMeter
	for _, name := range slices.Sorted(maps.Keys(site.Meters)) {
		m, err := meter.New(name, site.Meters[name])
		if err != nil {
			return nil, err
		}
		out = append(out, &runningMeter{Meter: m})
	}
	return out, nil
}

// begin reads the meter until the context ends or it is stopped. A reading for
// which the mailbox has no room is lost; the model notices by its age.
func (m *runningMeter) begin(ctx context.Context, inbox *mailbox, running *sync.WaitGroup) {
	ctx, m.stop = context.WithCancel(ctx)
	running.Go(func() {
		m.Run(ctx, func(r meter.Reading) {
			in := core.Metered{Meter: m.Name, Power: r.Power, PerPhase: r.PerPhase, Phases: r.Phases}
			if r.Err != nil {
				in.Failed, in.Nonsense = r.Err.Error(), errors.Is(r.Err, meter.ErrNonsense)
			}
			inbox.put(in)
		})
	})
}

// replaceMeters stops the meters that changed or are gone, and starts the new
// ones. Those that read the same source in the same way go on.
func (s *site) replaceMeters(ctx context.Context, running *sync.WaitGroup, next []*runningMeter) {
	kept := map[*runningMeter]bool{}
	for i, m := range next {
		for _, old := range s.meters {
			if old.Same(m.Meter) {
				next[i], kept[old] = old, true
			}
		}
	}
	for _, old := range s.meters {
		if !kept[old] {
			old.stop()
		}
	}
	for _, m := range next {
		if !kept[m] {
			m.begin(ctx, s.inbox, running)
		}
	}
	s.meters = next
}

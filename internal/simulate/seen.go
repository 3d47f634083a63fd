package simulate

import (
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// Seen is what a run exercised. A green run that never saw a fault in a state
// proves nothing about it.
type Seen struct {
	// Faults counts every fault by the state of the site when it struck.
	Faults map[string]*[4]uint64
	// Edges counts the steps of the state ladder: from, to.
	Edges [4][4]uint64
	// Over is how long circuits carried more than their limits without a cause
	// that explains it, in so many Episodes; Excused is how long with one.
	Over     time.Duration
	Episodes int
	Excused  map[string]time.Duration

	state    core.State
	counts   []uint64
	foreign  time.Time            // when somebody else last set a limit
	fell     map[string]time.Time // when the limit of a circuit last fell
	offline  map[string]bool
	online   map[string]time.Time
	listed   bool
	lastOver map[string]time.Time
}

func newSeen() *Seen {
	s := &Seen{
		Faults: map[string]*[4]uint64{}, Excused: map[string]time.Duration{}, counts: make([]uint64, len(edrvsim.AllFaults())), state: core.Hold,
		fell: map[string]time.Time{}, offline: map[string]bool{}, online: map[string]time.Time{}, lastOver: map[string]time.Time{},
	}
	for _, name := range FaultNames() {
		s.Faults[name] = new([4]uint64)
	}
	return s
}

// look notes which faults struck since the last look.
func (s *Seen) look(now time.Time, w *edrvsim.World, state core.State) {
	if state != s.state {
		s.Edges[s.state][state]++
		s.state = state
	}
	for k, f := range edrvsim.AllFaults() {
		if n := w.FaultCount(f); n != s.counts[k] {
			s.Faults[f.String()][state] += n - s.counts[k]
			s.counts[k] = n
			if f == edrvsim.ForeignWriter {
				s.foreign = now
			}
		}
	}
}

// struck counts a fault of the daemon.
func (s *Seen) struck(f DaemonFault) { s.Faults[string(f)][s.state]++ }

// onlineSince is when a station last came online, or the beginning.
func (s *Seen) onlineSince(station string) time.Time { return s.online[station] }

// stationSeen notes what the site is told of a station.
func (s *Seen) stationSeen(now time.Time, station string, online bool) {
	s.offline[station] = !online
	if online {
		s.online[station] = now
	}
}

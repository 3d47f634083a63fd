package core

import (
	"fmt"
	"time"

	"github.com/headroom-ev/headroom/controller/ledger"
	"github.com/headroom-ev/headroom/policy"
)

// Site is the model of one site and everything that decides on it.
type Site struct {
	set    Settings
	mode   Mode // as configured, or as set since
	tree   *policy.Tree
	engine *policy.Engine
	ledger *ledger.Ledger

	circuits    []circuit // in the order of the tree
	meters      []metering
	connectors  []connector
	byConnector map[string]int
	byStation   map[string][]int
	bySession   map[string]int
	orders      map[uint64]*order
	byAction    map[string]uint64

	world policy.World
	plan  policy.Plan

	history
}

// history is what does not hang on the settings: at a reload it goes on as it
// is.
type history struct {
	ended   recent // sessions that are over: no message revives them
	settled recent // actions of ours whose verdict came or does not matter: a double of it says nothing
	touched recent // sessions that were not known when somebody else set their limits
	strays  []stray
	// foreignAt is when somebody else lately set limits here.
	foreignAt []time.Time
	verdicts  latency // how long chargers take to answer
	// clock is how far eDRV's clock is ahead of ours, once known.
	clock      time.Duration
	clockKnown bool
	nextID     uint64

	engaged bool
	busyAt  time.Time // when the site last could have passed a limit
	ladder  ladder
	listing listing
	expired map[string]bool // external limits whose fallback holds
	// limitsChanged tells that the external limits are to be kept anew.
	limitsChanged bool
	grouped       bool // it is known which connectors eDRV's own load management steers

	born    time.Time // when this model began
	now     time.Time
	lastAt  time.Time // of the last pass
	dirty   bool
	effects []Effect
	started []Effect // notes from before the first step
	lowers  []Effect
	raises  []Effect
	count   Counters
}

// New returns the model of a site. What saved does not tell, nothing is known
// of: every connector is booked at its maximum. No order is sent before the
// first full list.
func New(set Settings, saved Saved, now time.Time) (*Site, error) {
	specs := make([]policy.CircuitSpec, len(set.Circuits))
	for i, c := range set.Circuits {
		specs[i] = policy.CircuitSpec{ID: c.ID, Parent: c.Parent}
	}
	tree, err := policy.NewTree(specs)
	if err != nil {
		return nil, fmt.Errorf("site %s: %w", set.ID, err)
	}
	s := &Site{
		set: set, mode: set.Mode, tree: tree,
		engine: policy.NewEngine(tree, set.Rule, policy.Options{
			Rotate: set.Timing.Rotate, ResumeAfter: set.Timing.ResumeAfter, MinOn: set.MinOn,
		}),
		circuits:    make([]circuit, tree.Len()),
		byConnector: make(map[string]int, len(set.Connectors)),
		byStation:   make(map[string][]int),
		bySession:   make(map[string]int),
		orders:      make(map[uint64]*order),
		byAction:    make(map[string]uint64),
		history:     history{ladder: newLadder(now), expired: make(map[string]bool), born: now, now: now, lastAt: now, dirty: true},
	}
	for i := range set.Circuits {
		c := &set.Circuits[i]
		k, _ := tree.Index(c.ID)
		s.circuits[k] = newCircuit(c)
		s.circuits[k].demand = newDemand(c.Peak, now, set.Zone)
	}
	for i := range set.Meters {
		s.meters = append(s.meters, metering{set: &set.Meters[i], since: now})
	}
	books := make([]ledger.Connector, len(set.Connectors))
	for i := range set.Connectors {
		c := &set.Connectors[i]
		k, ok := tree.Index(c.Circuit)
		if !ok {
			return nil, fmt.Errorf("site %s: connector %s hangs on the unknown circuit %q", set.ID, c.ID, c.Circuit)
		}
		s.connectors = append(s.connectors, connector{set: c, circuit: k, online: true, since: now})
		s.byConnector[c.ID] = i
		s.byStation[c.Station] = append(s.byStation[c.Station], i)
		books[i] = ledger.Connector{Circuit: k, Wiring: c.Wiring, Min: c.Min, Max: c.Max, Fallback: c.Fallback, Settle: c.Settle}
	}
	s.ledger = ledger.New(tree, books, ledger.Timing{Settle: set.Timing.Settle, Verdict: set.Timing.VerdictTimeout})
	s.startInstalls()
	s.restore(saved)
	s.started, s.effects = s.effects, nil
	return s, nil
}

// ID is the site's name in the configuration.
func (s *Site) ID() string { return s.set.ID }

// Knows reports whether the site has the connector or the station, so that a
// message about it is for this site.
func (s *Site) Knows(connector, station string) bool {
	if _, ok := s.byConnector[connector]; ok {
		return true
	}
	_, ok := s.byStation[station]
	return ok
}

// Step takes what happened up to now and returns what is to be done. It
// decides anew when something happened that matters, or when it is time to.
func (s *Site) Step(now time.Time, inputs ...Input) []Effect {
	s.now = now
	if gap := now.Sub(s.lastAt); s.missed(gap) {
		s.breaks(fmt.Sprintf("no pass for %s: the machine slept, or its clock jumped", gap.Round(time.Second)))
	}
	s.effects, s.lowers, s.raises = s.started, s.lowers[:0], s.raises[:0]
	s.started = nil
	for _, in := range inputs {
		s.apply(in)
	}
	if s.dirty || !now.Before(s.Wake()) {
		s.pass()
	}
	s.effects = append(s.effects, s.lowers...)
	s.save()
	s.effects = append(s.effects, s.raises...)
	return s.effects
}

// missed reports whether so much time passed since the last pass that the model
// may have missed something.
func (s *Site) missed(gap time.Duration) bool { return gap > 2*s.set.Timing.Tick+pause || gap < 0 }

// pause is how late a pass may be before the model counts as stale.
const pause = 3 * time.Second

// Wake is when Step is to be called at the latest.
func (s *Site) Wake() time.Time { return s.lastAt.Add(s.set.Timing.Tick) }

func (s *Site) apply(in Input) {
	switch in := in.(type) {
	case Tick:
	case Heard:
		s.heard()
	case SessionSeen:
		s.heard()
		s.sawSession(&in.Session, false)
	case StationSeen:
		s.heard()
		if in.Online {
			s.cameOnline(in.Station)
		} else {
			s.sawStation(in.Station, false)
		}
	case ActionSeen:
		s.heard()
		s.sawAction(in)
	case Reply:
		s.gotReply(in)
	case Listed:
		s.gotList(in)
	case Fetched:
		s.gotFetched(in)
	case Grouped:
		s.gotGroups(in)
	case Metered:
		s.metered(in)
	case Configured:
		s.configured(in)
	case LimitSet:
		s.setLimit(in)
	case LimitEnded:
		s.endLimit(in)
	case OverrideSet:
		s.setOverride(in)
	case OverrideEnded:
		s.endOverride(in)
	case ModeSet:
		s.setMode(in)
	case Journaled:
		s.dirty = s.dirty || in.Failed != s.ladder.unsaved
		s.ladder.unsaved = in.Failed
	case ResyncWanted:
		s.listing.wanted = true
	}
}

// pass decides everything from the whole state.
func (s *Site) pass() {
	took := s.now.Sub(s.lastAt)
	s.lastAt, s.dirty = s.now, false
	s.letGo()
	s.expireOverrides()
	s.lapse()
	s.retryInstalls()
	s.askForList()
	s.judgeMeters()
	s.updateLimits()
	s.updateDemand()
	s.measure(took)
	s.paceDemand()
	s.updateLadder()
	s.decide()
	s.updateEngaged()
	s.order()
}

// note records something for people.
func (s *Site) note(kind NoteKind, n Note, format string, args ...any) {
	n.At, n.Kind, n.Text = s.now, kind, fmt.Sprintf(format, args...)
	s.effects = append(s.effects, n)
}

// about is a note on connector i and its session.
func (s *Site) about(i int) Note {
	n := Note{Connector: s.connectors[i].set.ID}
	if ses := s.connectors[i].session; ses != nil {
		n.Session = ses.id
	}
	return n
}

// id is a new number for an effect that is answered. Numbers grow.
func (s *Site) id() uint64 {
	s.nextID++
	return s.nextID
}

// recent remembers the last ids that were added.
type recent struct {
	at   map[string]int
	ring []string
	next int
}

const recentIDs = 4096

func (r *recent) add(id string) {
	if r.has(id) {
		return
	}
	if r.at == nil {
		r.at = make(map[string]int)
	}
	if len(r.ring) < recentIDs {
		r.ring = append(r.ring, id)
	} else {
		delete(r.at, r.ring[r.next])
		r.ring[r.next] = id
	}
	r.at[id] = r.next
	r.next = (r.next + 1) % recentIDs
}

func (r *recent) has(id string) bool {
	_, ok := r.at[id]
	return ok
}

package core

import (
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// Input is something that happened. The types below are all there are.
type Input interface{ input() }

// Tick is time passing.
type Tick struct{}

// Heard is a webhook about the site that says nothing the model needs.
type Heard struct{}

// SessionSeen is a session as a webhook reported it.
type SessionSeen struct{ Session edrvapi.Session }

// StationSeen is a station that a webhook reported online or offline.
type StationSeen struct {
	Station string
	Online  bool
}

// Verdict is what became of an action.
type Verdict uint8

const (
	Requested Verdict = iota // eDRV passed it on to the charger
	Accepted
	Rejected
)

// ActionSeen is an action as a webhook reported it.
type ActionSeen struct {
	Action  edrvapi.Action
	Verdict Verdict
}

// Reply is the outcome of the call that an effect asked for.
type Reply struct {
	ID      uint64 // of the effect
	Outcome Outcome
	Action  string // eDRV's id of the action, when Outcome is Queued
	Message string // eDRV's words, or ours
}

// Outcome says what is known of a call that orders something.
type Outcome uint8

const (
	Queued   Outcome = iota // eDRV took it
	NotSent                 // it certainly did not reach eDRV
	Refused                 // eDRV refused it; nothing happened
	Unclear                 // it may have happened
	Dropped                 // it did not leave: it was taken back, or a newer order took its place
	NotSaved                // not sent, because the journal could not record it
)

var outcomeNames = [...]string{"queued", "not sent", "refused", "unclear", "dropped", "not saved"}

// String is the outcome in words.
func (o Outcome) String() string { return outcomeNames[o] }

// Listed is the answer to List: all sessions that eDRV says are running and
// all stations, or that it could not be had.
type Listed struct {
	Failed   string // why there is no answer; empty: there is one
	Began    time.Time
	Sessions []edrvapi.Session
	Stations []edrvapi.Station
	Partial  bool // some items could not be read: what is missing may exist
}

// Fetched is the answer to Fetch.
type Fetched struct {
	Session string
	Failed  string // why there is no answer
	Gone    bool   // eDRV does not know the session
	Found   edrvapi.Session
}

// Grouped names the connectors and stations that belong to load-management
// groups of eDRV, with the group's name. Another limiter is at work there. No
// order is sent before the first answer, even if it is that there is none.
type Grouped struct {
	Failed     string // why there is no answer
	Connectors map[string]string
	Stations   map[string]string
}

// Metered is what came of reading a site meter.
type Metered struct {
	Meter    string
	Power    policy.Milliwatts // of all phases; negative: it flows out of the circuit
	PerPhase [3]policy.Milliwatts
	Phases   bool   // PerPhase is known
	Failed   string // why there is no reading; empty: there is one
	Nonsense bool   // the meter answered, but with what can be no reading
}

// Configured gives the site new settings, at a reload. What is known of
// sessions, chargers and orders stays.
type Configured struct{ Settings Settings }

// LimitSet puts an external limit in force, or renews it.
type LimitSet struct {
	Circuit string
	Limit   policy.External
	By      string // who set it, for the record
}

// LimitEnded ends an external limit.
type LimitEnded struct{ Name, By string }

// OverrideSet changes what one session may have, until a time.
type OverrideSet struct {
	Session  string
	Override Override
	By       string
}

// OverrideEnded ends it.
type OverrideEnded struct{ Session, By string }

// ModeSet switches between enforcing and observing.
type ModeSet struct {
	Mode Mode
	By   string
}

// Journaled tells whether the journal can be written. While it cannot, nothing
// is raised. Until the first one it can.
type Journaled struct{ Failed string } // why not; empty: it can

// ResyncWanted asks for a REST list soon, because something was missed.
type ResyncWanted struct{ Why string }

func (Tick) input()          {}
func (Heard) input()         {}
func (SessionSeen) input()   {}
func (StationSeen) input()   {}
func (ActionSeen) input()    {}
func (Reply) input()         {}
func (Listed) input()        {}
func (Fetched) input()       {}
func (Grouped) input()       {}
func (Metered) input()       {}
func (Configured) input()    {}
func (LimitSet) input()      {}
func (LimitEnded) input()    {}
func (OverrideSet) input()   {}
func (OverrideEnded) input() {}
func (ModeSet) input()       {}
func (ResyncWanted) input()  {}
func (Journaled) input()     {}

// Override is what an operator set for one session. Zero parts are not set.
type Override struct {
	Tier   *int
	Weight *int
	Max    *policy.Milliamps
	Until  time.Time // zero: until the session ends
}

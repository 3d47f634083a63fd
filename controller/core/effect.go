package core

import (
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
)

// Effect is something that the shell is to do. The types below are all there
// are. Effects are in the order in which they are to be begun; orders that
// lower come before orders that raise.
type Effect interface{ effect() }

// Save keeps what must be known after a restart. Orders that raise and come
// after it may be sent only when it is durable; where it cannot be, the shell
// answers them with NotSaved. Nothing else waits for it.
type Save struct {
	Records []Record      // of the connectors that changed
	Limits  []LimitRecord // all external limits, where LimitsChanged
	// LimitsChanged tells that Limits replaces what was kept.
	LimitsChanged bool
	// Peaks, where there are any, replace what was kept.
	Peaks []PeakRecord
	// Budgets likewise.
	Budgets []BudgetRecord
}

// SendOrder sets the limit of a session. The shell answers with a Reply.
type SendOrder struct {
	ID        uint64
	Session   string
	Connector string
	Limit     edrvapi.Limit
	// Raise tells that the order may raise what the charger permits: it must be
	// in the journal before it is sent, and waits behind all others.
	Raise bool
}

// Waits reports whether the order must be in the journal before it is sent: a raise
// must; a cut only where nothing may leave that is not on record, as in a fleet.
func (o SendOrder) Waits(all bool) bool { return o.Raise || all }

// TakeBack withdraws a raise whose call has not left yet. The shell answers the
// SendOrder as ever: with Dropped where it came in time.
type TakeBack struct{ ID uint64 }

// InstallFallback sets the default limit of a connector. The shell answers
// with a Reply.
type InstallFallback struct {
	ID        uint64
	Connector string
	Limit     edrvapi.Limit
}

// List asks eDRV for all running sessions and all stations. The shell answers
// with Listed.
type List struct{}

// Fetch asks eDRV for one session. The shell answers with Fetched.
type Fetch struct{ Session string }

// Note is something worth recording: for the log, the journal and the page.
type Note struct {
	At        time.Time `json:"at"`
	Kind      NoteKind  `json:"kind"`
	Alarm     bool      `json:"alarm,omitempty"`
	Circuit   string    `json:"circuit,omitempty"`
	Connector string    `json:"connector,omitempty"`
	Session   string    `json:"session,omitempty"`
	By        string    `json:"by,omitempty"` // who set something
	Text      string    `json:"text"`
}

// Answered is a charger's verdict on the limit of a session.
type Answered struct {
	ID        uint64 // of the order
	Connector string
	Session   string
	Limit     edrvapi.Limit
	Accepted  bool
	Took      time.Duration // since it was sent
}

func (Save) effect()            {}
func (SendOrder) effect()       {}
func (TakeBack) effect()        {}
func (InstallFallback) effect() {}
func (List) effect()            {}
func (Fetch) effect()           {}
func (Note) effect()            {}
func (Answered) effect()        {}

// NoteKind sorts notes. The names are a closed list.
type NoteKind string

const (
	NoteSession  NoteKind = "session"  // began, was found, ended
	NoteOrder    NoteKind = "order"    // sent, answered, lapsed
	NoteFallback NoteKind = "fallback" // installed, refused
	NoteStation  NoteKind = "station"  // online, offline
	NoteState    NoteKind = "state"    // of the site
	NoteLimit    NoteKind = "limit"    // set, ended, changed by the hour
	NoteOverride NoteKind = "override"
	NoteResync   NoteKind = "resync"
	NoteForeign  NoteKind = "foreign" // somebody else steers
	NoteMeter    NoteKind = "meter"
	NoteConfig   NoteKind = "config"  // new settings
	NoteJournal  NoteKind = "journal" // could not be read, or written
	NoteFleet    NoteKind = "fleet"   // which machine steers
)

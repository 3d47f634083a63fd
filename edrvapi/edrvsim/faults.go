package edrvsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fault is one way in which eDRV, a charger or a car goes wrong.
type Fault uint8

// The faults. What the number in [Faults] means is said in each group's head.
const (
	// Per webhook message: the chance that it strikes.

	HookLost       Fault = iota // never arrives
	HookDuplicated              // arrives once more, minutes later
	HookDelayed                 // arrives minutes late, and holds up what follows it
	HookReordered               // held back while other types of the station overtake it; on from the start only
	StartedLost                 // a session.started that never arrives
	BodyUnreadable              // correctly signed, but not JSON
	DataAsText                  // data is a string that holds JSON
	EventForeign                // followed by an event of another organisation's station
	EventUnknown                // followed by an event of an unknown type

	// Per order to a charger: the chance that it strikes.

	VerdictLost     // executed, and neither .accepted nor .rejected ever arrives
	VerdictRejected // the charger says no without a reason
	VerdictEarly    // the verdict's webhook overtakes the HTTP reply
	VerdictLate     // the verdict's webhook comes minutes late, and newer ones overtake it
	OfflineRefused  // for an offline station: eDRV refuses at once
	OfflineLost     // for an offline station: accepted, and forgotten
	OfflineQueued   // for an offline station: delivered at reconnect (what happens otherwise)
	OfflineLate     // one that was queued: delivered some time after the reconnect, behind newer ones

	// Per API call: the chance that it strikes.

	APIThrottled     // 429 with Retry-After
	APIThrottledBare // 429 without
	APIError         // 500 or 502, not executed
	APISlow          // the reply comes after many seconds
	APIReset         // executed, but the connection is reset before the reply
	APIRefused       // 405 with a business reason, for calls that change something
	ListUnfiltered   // a list ignores its filters
	ListUnpaged      // a list ignores its paging, and says there is more
	ListNoHasNext    // a list without hasNext
	RefsExpanded     // references are objects instead of ids

	// Per hour: of the world, a station or a location; the expected number.

	HookOutage      // world: no webhook leaves eDRV for a while
	APIOutage       // world: no call reaches eDRV for a while
	ForeignWriter   // world: somebody else sets the limit of some session
	StationOffline  // station: without a line for a while
	StationReboot   // station: restarts
	StationFlapping // station: the line comes and goes
	SitePowerCut    // location: without power for a while, then all restart at once

	// Per energy report: the chance that it strikes.

	ReadingMissing  // no power in the report
	ReadingNaN      // power is "NaN"
	ReadingNegative // power is negative
	ReadingText     // power is a word
	ReadingAbsurd   // power is a million times too high
	ReadingUnit     // power in W is labelled kW
	TimeMalformed   // a timestamp that is no ISO 8601

	// Per session: the chance that it strikes.

	SessionZombie // the car leaves, stop_failure, the session stays Started
	StartFailure  // a remote start fails
	StopFailure   // a remote stop fails

	// The share of connectors that are built so; also for ConnectorSpec.Quirks.

	ChargerIgnores     // accepts orders and does nothing
	ChargerClamps      // accepts, but never goes below its minimum
	ChargerAmpsOnly    // rejects limits in watts
	ChargerWattsOnly   // rejects limits in amperes
	ChargerRejectsNth  // rejects every third order
	ChargerSilent      // never answers, and obeys every other order
	ChargerOvershoots  // keeps drawing for one report after a cut
	ChargerNoPause     // rejects limits below its minimum
	ChargerNeedsReplug // does not resume after a pause
	ChargerPauseEnds   // ends the session when it is paused
	ChargerForgets     // a reboot loses the session's limit
	ChargerStuck       // reports the same values for ever
	ChargerMute        // sends no reports

	// The share of cars that are built so; also for CarSpec.Quirks.

	CarIgnoresPilot // reacts to the pilot a minute late
	CarNoResume     // falls asleep in a pause until it is plugged in again
	CarOverdraws    // draws a tenth more than it may, within the charger's rating

	faultCount
)

var faultNames = [faultCount]string{
	HookLost: "hook-lost", HookDuplicated: "hook-duplicated", HookDelayed: "hook-delayed",
	HookReordered: "hook-reordered", StartedLost: "started-lost", BodyUnreadable: "body-unreadable",
	DataAsText: "data-as-text", EventForeign: "event-foreign", EventUnknown: "event-unknown",
	VerdictLost: "verdict-lost", VerdictRejected: "verdict-rejected", VerdictEarly: "verdict-early", VerdictLate: "verdict-late",
	OfflineRefused: "offline-refused", OfflineLost: "offline-lost", OfflineQueued: "offline-queued",
	OfflineLate:  "offline-late",
	APIThrottled: "api-throttled", APIThrottledBare: "api-throttled-bare", APIError: "api-error",
	APISlow: "api-slow", APIReset: "api-reset", APIRefused: "api-refused",
	ListUnfiltered: "list-unfiltered", ListUnpaged: "list-unpaged", ListNoHasNext: "list-no-has-next",
	RefsExpanded: "refs-expanded",
	HookOutage:   "hook-outage", APIOutage: "api-outage", ForeignWriter: "foreign-writer",
	StationOffline: "station-offline", StationReboot: "station-reboot",
	StationFlapping: "station-flapping", SitePowerCut: "site-power-cut",
	ReadingMissing: "reading-missing", ReadingNaN: "reading-nan", ReadingNegative: "reading-negative",
	ReadingText: "reading-text", ReadingAbsurd: "reading-absurd", ReadingUnit: "reading-unit",
	TimeMalformed: "time-malformed",
	SessionZombie: "session-zombie", StartFailure: "start-failure", StopFailure: "stop-failure",
	ChargerIgnores: "charger-ignores", ChargerClamps: "charger-clamps",
	ChargerAmpsOnly: "charger-amps-only", ChargerWattsOnly: "charger-watts-only",
	ChargerRejectsNth: "charger-rejects-nth", ChargerSilent: "charger-silent",
	ChargerOvershoots: "charger-overshoots", ChargerNoPause: "charger-no-pause",
	ChargerNeedsReplug: "charger-needs-replug", ChargerPauseEnds: "charger-pause-ends",
	ChargerForgets: "charger-forgets",
	ChargerStuck:   "charger-stuck", ChargerMute: "charger-mute",
	CarIgnoresPilot: "car-ignores-pilot", CarNoResume: "car-no-resume", CarOverdraws: "car-overdraws",
}

// String is the fault's name, "hook-lost".
func (f Fault) String() string {
	if f >= faultCount {
		return fmt.Sprintf("fault-%d", uint8(f))
	}
	return faultNames[f]
}

// AllFaults lists every fault in order.
func AllFaults() []Fault {
	all := make([]Fault, faultCount)
	for i := range all {
		all[i] = Fault(i)
	}
	return all
}

// ParseFault is the fault of a name.
func ParseFault(name string) (Fault, error) {
	if i := slices.Index(faultNames[:], name); i >= 0 {
		return Fault(i), nil
	}
	return 0, fmt.Errorf("no fault %q; there are %s", name, strings.Join(faultNames[:], ", "))
}

// Faults is how often each fault strikes; those left out never do.
type Faults map[Fault]float64

// UsualFaults has every fault on, at the rates of a bad year: a few per cent of
// messages lost, doubled and late, a spell of trouble per station every few days.
func UsualFaults() Faults {
	return Faults{
		HookLost: 0.02, HookDuplicated: 0.05, HookDelayed: 0.002, HookReordered: 0.02,
		StartedLost: 0.03, BodyUnreadable: 0.0005, DataAsText: 0.01, EventForeign: 0.005, EventUnknown: 0.005,
		VerdictLost: 0.03, VerdictRejected: 0.02, VerdictEarly: 0.05, VerdictLate: 0.02, OfflineRefused: 0.3, OfflineLost: 0.2, OfflineLate: 0.2,
		APIThrottled: 0.005, APIThrottledBare: 0.002, APIError: 0.01, APISlow: 0.005, APIReset: 0.01,
		APIRefused: 0.005, ListUnfiltered: 0.02, ListUnpaged: 0.02, ListNoHasNext: 0.05, RefsExpanded: 0.02,
		HookOutage: 0.01, APIOutage: 0.01, ForeignWriter: 0.02,
		StationOffline: 0.02, StationReboot: 0.01, StationFlapping: 0.01, SitePowerCut: 0.002,
		ReadingMissing: 0.01, ReadingNaN: 0.002, ReadingNegative: 0.002, ReadingText: 0.002,
		ReadingAbsurd: 0.002, ReadingUnit: 0.002, TimeMalformed: 0.01,
		SessionZombie: 0.01, StartFailure: 0.05, StopFailure: 0.05,
		ChargerIgnores: 0.02, ChargerClamps: 0.03, ChargerAmpsOnly: 0.05, ChargerWattsOnly: 0.02,
		ChargerRejectsNth: 0.03, ChargerSilent: 0.02, ChargerOvershoots: 0.03, ChargerNoPause: 0.05,
		ChargerNeedsReplug: 0.02, ChargerPauseEnds: 0.02, ChargerForgets: 0.2, ChargerStuck: 0.02, ChargerMute: 0.02,
		CarIgnoresPilot: 0.05, CarNoResume: 0.03, CarOverdraws: 0.03,
	}
}

// Only keeps the given faults.
func (f Faults) Only(keep ...Fault) Faults {
	out := Faults{}
	for _, k := range keep {
		if rate, ok := f[k]; ok {
			out[k] = rate
		}
	}
	return out
}

// Window is a scripted fault: within it the fault strikes every time, whatever
// its rate. A spell (an outage, a power cut, a station offline) lasts as long
// as its window.
type Window struct {
	Fault Fault
	From  time.Duration // after Spec.Start
	For   time.Duration
	// Target is an id, "" for all: of a connector for readings, sessions and
	// chargers' and cars' faults, of a location for a power cut, of a station for
	// the rest. Faults of the API and of the world have none.
	Target string
}

// quirks is a set of faults that belong to one connector or car.
type quirks uint64

func quirksOf(list []Fault) quirks {
	var q quirks
	for _, f := range list {
		q |= 1 << f
	}
	return q
}

func (q quirks) has(f Fault) bool { return q&(1<<f) != 0 }

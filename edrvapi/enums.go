package edrvapi

import "strings"

// SessionStatus is the state of a session. eDRV writes it in varying letter case.
type SessionStatus uint8

// The states of a session. A word that eDRV may add later is SessionUnknown, which may
// be a session that charges.
const (
	SessionUnknown SessionStatus = iota
	SessionCreated
	SessionStarted
	SessionEnded
	SessionCancelled
)

var sessionStatusNames = []string{"unknown", "created", "started", "ended", "cancelled"}

// String is eDRV's word in lower case.
func (s SessionStatus) String() string { return nameOf(sessionStatusNames, s) }

// ConnectorStatus is the state of a connector, in OCPP's words.
type ConnectorStatus uint8

// The states of a connector: those of OCPP 1.6, and Occupied of OCPP 2.0.1.
const (
	ConnectorUnknown ConnectorStatus = iota
	ConnectorAvailable
	ConnectorPreparing
	ConnectorCharging
	ConnectorSuspendedEV
	ConnectorSuspendedEVSE
	ConnectorFinishing
	ConnectorReserved
	ConnectorUnavailable
	ConnectorFaulted
	ConnectorOccupied
)

var connectorStatusNames = []string{
	"Unknown", "Available", "Preparing", "Charging", "SuspendedEV",
	"SuspendedEVSE", "Finishing", "Reserved", "Unavailable", "Faulted", "Occupied",
}

// String is OCPP's word.
func (s ConnectorStatus) String() string { return nameOf(connectorStatusNames, s) }

// PowerType says whether a connector is AC or DC, and over how many phases.
type PowerType uint8

// The power types. Account for PowerUnknown as three-phase AC, the worst case.
const (
	PowerUnknown PowerType = iota
	PowerAC1
	PowerAC3
	PowerDC
)

var powerTypeNames = []string{"unknown", "AC1", "AC3", "DC"}

// String is "AC1", "AC3", "DC" or "unknown".
func (p PowerType) String() string { return nameOf(powerTypeNames, p) }

// ActionStatus is how far a command has come.
type ActionStatus uint8

// The states of an action. APIRequested stands in the answer to the call, Requested
// says that the charger has it, Completed that it agreed and Failed that it did not.
const (
	ActionUnknown ActionStatus = iota
	ActionAPIRequested
	ActionRequested
	ActionCompleted
	ActionFailed
)

var actionStatusNames = []string{"unknown", "apirequested", "requested", "completed", "failed"}

// String is eDRV's word in lower case.
func (s ActionStatus) String() string { return nameOf(actionStatusNames, s) }

// ActionKind is what a command is about, whatever object eDRV files it under.
type ActionKind uint8

// The kinds of action that bear on power. ActionSetLimit covers session, connector and
// station limits, defaults included: the type of a default limit's action is
// "chargestation.set_power_limit" or "connector.set_power_limit" by revision of eDRV.
const (
	ActionOther ActionKind = iota
	ActionSetLimit
	ActionClearLimit
	ActionSetProfile
	ActionClearProfile
	ActionCompositeSchedule
)

var actionKindNames = []string{
	"other", "set_power_limit", "clear_power_limit", "set_charging_profile",
	"clear_charging_profile", "get_composite_schedule",
}

// String is eDRV's name of the action, without the object it is about.
func (k ActionKind) String() string { return nameOf(actionKindNames, k) }

// nameOf is the name of an enum value, and that of the unknown for values outside.
func nameOf[E ~uint8](names []string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return names[0]
}

// lookup is the enum value with the given name in any letter case, 0 if there is none.
func lookup[E ~uint8](names []string, word []byte) E {
	for i, name := range names {
		if len(name) == len(word) && strings.EqualFold(name, string(word)) {
			return E(i)
		}
	}
	return 0
}

// parseSessionStatus also takes the American spelling.
func parseSessionStatus(word []byte) SessionStatus {
	if strings.EqualFold(string(word), "canceled") {
		return SessionCancelled
	}
	return lookup[SessionStatus](sessionStatusNames, word)
}

// parsePowerType reads eDRV's three vocabularies: "AC_1_PHASE", "AC_SINGLE_PHASE" and
// "AC Single Phase".
func parsePowerType(word []byte) PowerType {
	w := strings.ToLower(string(word))
	switch {
	case strings.Contains(w, "dc"):
		return PowerDC
	case strings.Contains(w, "3"), strings.Contains(w, "three"):
		return PowerAC3
	case strings.Contains(w, "1"), strings.Contains(w, "single"):
		return PowerAC1
	default:
		return PowerUnknown
	}
}

// parseActionKind reads the part of an action's type after its object; older revisions
// of eDRV leave the object out.
func parseActionKind(actionType string) ActionKind {
	if i := strings.LastIndexByte(actionType, '.'); i >= 0 {
		actionType = actionType[i+1:]
	}
	switch actionType {
	case "set_power_limit", "set_default_power_limit":
		return ActionSetLimit
	case "clear_power_limit", "clear_default_power_limit":
		return ActionClearLimit
	case "set_charging_profile":
		return ActionSetProfile
	case "clear_charging_profile":
		return ActionClearProfile
	case "get_composite_schedule":
		return ActionCompositeSchedule
	default:
		return ActionOther
	}
}

package web

import "github.com/headroom-ev/headroom/controller/core"

// The states of a session, as the metric sessions has them. Every session is in
// one of them.
const (
	sessionWaiting  = "waiting"  // not everybody can have the minimum; it waits for its turn
	sessionUnknown  = "unknown"  // no fresh reading
	sessionCharging = "charging" // draws
	sessionIdle     = "idle"     // draws nothing, though it may
)

var sessionStates = []string{sessionCharging, sessionWaiting, sessionIdle, sessionUnknown}

// idleBelow is the power in watts under which a car counts as not charging:
// electronics and contactors alone draw up to some tens of watts.
const idleBelow = 100

// sessionState is the state of the session at a connector, or empty where there
// is none.
func sessionState(c *core.ConnectorView) string {
	switch {
	case c.Session == "":
		return ""
	case c.Queue != nil:
		return sessionWaiting
	case c.MeasuredW == nil:
		return sessionUnknown
	case *c.MeasuredW < idleBelow:
		return sessionIdle
	}
	return sessionCharging
}

// countSessions counts the sessions of a site by state.
func countSessions(v *core.View) map[string]int {
	counts := make(map[string]int, len(sessionStates))
	for i := range v.Connectors {
		if state := sessionState(&v.Connectors[i]); state != "" {
			counts[state]++
		}
	}
	return counts
}

// inFlight reports whether an order to the connector waits for its verdict.
func inFlight(c *core.ConnectorView) bool {
	return c.InAmperes != nil && c.InAmperes.InFlight != nil || c.InWatts != nil && c.InWatts.InFlight != nil
}

// uncontrollable reports whether orders do not reach the session at a
// connector, or are not followed.
func uncontrollable(c *core.ConnectorView) bool {
	switch c.Reason.Code {
	case "offline", "group", "uncontrollable", "disobeys", "mute", "foreign":
		return c.Session != ""
	}
	return false
}

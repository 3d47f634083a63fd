package simulate

import (
	"math"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// What crosses the wire is converted here instead of rendered and decoded: the
// detour through JSON would take most of a run. Poisoned and malformed messages
// do take it, and so does one of every few others (see Rig.deliver), so that
// the decoder is in the loop; a test holds that both ways agree.

// sessionOf is a session as the client would decode it.
func sessionOf(s *edrvsim.Session) edrvapi.Session {
	out := edrvapi.Session{
		ID: s.ID, Connector: s.Connector.ID, Station: s.Station.ID, User: s.User, Status: statusOf(s.Status),
		CreatedAt: millis(s.CreatedAt), UpdatedAt: millis(s.UpdatedAt),
		ChargingStart: millis(s.StartedAt), ChargingStop: millis(s.EndedAt),
		ChargingState: s.ChargingState, StopReason: s.StopReason,
		Consumed: edrvapi.Some(edrvapi.MilliwattHours(math.Round(s.EnergyWh * 1000))),
	}
	if r := s.Report; r != nil {
		out.Report.At = millis(r.At)
		if sound(r) {
			out.Report.Power = edrvapi.Some(edrvapi.Milliwatts(math.Round(r.Power.Value * 1e6)))
		}
		if !r.Current.Missing {
			out.Report.Current = edrvapi.Some(edrvapi.Milliamps(math.Round(r.Current.Value * 1e3)))
		}
	}
	return out
}

// sound reports whether the power of a report is a reading.
func sound(r *edrvsim.Report) bool {
	return !r.Power.Missing && r.Power.Text == "" && r.Power.Unit == "kW" && r.Power.Value >= 0 && r.Power.Value < 1e9
}

// plain reports whether a message can be converted: whether nothing in it was
// spoilt.
func plain(m *edrvsim.Message) bool {
	if m.Unreadable || m.DataAsText {
		return false
	}
	if m.Session == nil {
		return m.Action != nil || m.Station != nil
	}
	r := m.Session.Report
	return !m.Session.Raw && (r == nil || r.AtForm == edrvsim.TimeISO && r.Current.Text == "" && (r.Power.Missing || sound(r)))
}

// millis cuts a time to what the wire carries.
func millis(t time.Time) time.Time { return t.Truncate(time.Millisecond) }

func statusOf(s edrvsim.Status) edrvapi.SessionStatus {
	switch s {
	case edrvsim.Created:
		return edrvapi.SessionCreated
	case edrvsim.Started:
		return edrvapi.SessionStarted
	case edrvsim.Ended:
		return edrvapi.SessionEnded
	case edrvsim.Cancelled:
		return edrvapi.SessionCancelled
	}
	return edrvapi.SessionUnknown
}

// actionOf is an action as the client would decode it.
func actionOf(a *edrvsim.Action) edrvapi.Action {
	out := edrvapi.Action{
		ID: a.ID, Type: a.Type, Kind: edrvapi.ActionSetLimit, Session: a.Session, Connector: a.Connector.ID,
		Station: a.Station.ID, CreatedAt: millis(a.CreatedAt), UpdatedAt: millis(a.UpdatedAt),
	}
	if a.Limit.IsSet() {
		out.Limit = edrvapi.Some(limitOf(a.Limit))
	}
	return out
}

func limitOf(l edrvsim.Limit) edrvapi.Limit {
	if l.Unit == edrvsim.Power {
		return edrvapi.InWatts(edrvapi.Milliwatts(math.Round(l.Value * 1000)))
	}
	return edrvapi.InAmperes(edrvapi.Milliamps(math.Round(l.Value * 1000)))
}

// simLimit is an order as the simulated eDRV takes it.
func simLimit(l edrvapi.Limit) edrvsim.Limit {
	l = l.Rounded()
	if l.Unit == edrvapi.UnitPower {
		return edrvsim.Watts(float64(l.Milli) / 1000)
	}
	return edrvsim.Amps(float64(l.Milli) / 1000)
}

// inputOf is what a message means to the core.
func inputOf(m *edrvsim.Message) core.Input {
	switch {
	case m.Session != nil:
		return core.SessionSeen{Session: sessionOf(m.Session)}
	case m.Type == "chargestation.online", m.Type == "chargestation.offline":
		return core.StationSeen{Station: m.Station.ID, Online: m.Type == "chargestation.online"}
	case m.Action != nil:
		in := core.ActionSeen{Action: actionOf(m.Action)}
		switch m.Action.Status {
		case edrvsim.Completed:
			in.Verdict = core.Accepted
		case edrvsim.Failed:
			in.Verdict = core.Rejected
		}
		return in
	}
	return core.Heard{}
}

// decodedInput is the same by way of the wire's bytes.
func decodedInput(body []byte) core.Input {
	e, err := edrvapi.DecodeEvent(body)
	switch {
	case err != nil:
		return core.ResyncWanted{Why: err.Error()}
	case e.Session != nil:
		return core.SessionSeen{Session: *e.Session}
	case e.Kind == edrvapi.EventStationOnline, e.Kind == edrvapi.EventStationOffline:
		return core.StationSeen{Station: e.Station.ID, Online: e.Kind == edrvapi.EventStationOnline}
	case e.Action != nil:
		in := core.ActionSeen{Action: *e.Action}
		switch e.Kind {
		case edrvapi.EventActionAccepted:
			in.Verdict = core.Accepted
		case edrvapi.EventActionRejected:
			in.Verdict = core.Rejected
		}
		return in
	}
	return core.Heard{}
}

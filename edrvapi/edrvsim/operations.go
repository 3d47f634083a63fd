package edrvsim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// routes lists the API, relative to /v1.1. Stopping is a GET, as eDRV has it
// ("Stop Charging"); the verb of the limit calls is an option.
func (s *Server) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	limit := s.opts.LimitMethod
	return []route{
		{get, "/locations", listOf((*World).ListLocations, (*encoder).location)},
		{get, "/chargestations", listOf((*World).ListStations, (*encoder).station)},
		{get, "/sessions", listOf((*World).ListSessions, (*encoder).session)},
		{get, "/load_management/groups", listOf((*World).ListGroups, (*encoder).group)},
		{get, "/chargestations/{id}/connectors", listConnectors},

		{get, "/locations/{id}", withID((*World).GetLocation, (*encoder).location)},
		{get, "/chargestations/{id}", withID((*World).GetStation, (*encoder).station)},
		{get, "/connectors/{id}", withID((*World).GetConnector, (*encoder).connector)},
		{get, "/sessions/{id}", withID((*World).GetSession, (*encoder).session)},
		{get, "/load_management/groups/{id}", withID((*World).GetGroup, (*encoder).group)},

		{post, "/sessions", startSession},
		{get, "/sessions/{id}/stop", withID((*World).StopSession, (*encoder).session)},

		{limit, "/sessions/{id}/set_power_limit", withLimit((*World).SetSessionLimit)},
		{limit, "/sessions/{id}/clear_power_limit", withID((*World).ClearSessionLimit, (*encoder).action)},
		{limit, "/connectors/{id}/set_default_power_limit", withLimit((*World).SetConnectorDefault)},
		{limit, "/connectors/{id}/clear_default_power_limit", withID((*World).ClearConnectorDefault, (*encoder).action)},
		{limit, "/chargestations/{id}/set_default_power_limit", withLimit((*World).SetStationDefault)},
		{limit, "/chargestations/{id}/clear_default_power_limit", withID((*World).ClearStationDefault, (*encoder).action)},

		{post, "/chargestations/{id}/set_charging_profile", withID((*World).SetChargingProfile, (*encoder).action)},
		{post, "/chargestations/{id}/clear_charging_profile", withID((*World).ClearChargingProfile, (*encoder).action)},
		{get, "/connectors/{id}/get_composite_schedule", withID((*World).GetCompositeSchedule, (*encoder).action)},
		{get, "/connectors/{id}/get_composite_schedule/{$}", withID((*World).GetCompositeSchedule, (*encoder).action)},

		{post, "/load_management/groups", createGroup},
		{post, "/load_management/groups/{id}/chargestations", addToGroup},
	}
}

type handler = func(w *World, e *encoder, r *request) outcome

// listOf is a list with the usual filters and paging.
func listOf[T any](find func(*World, Query) Reply[[]T], render func(*encoder, *T) object) handler {
	return func(w *World, e *encoder, r *request) outcome {
		q, err := r.list()
		if err != nil {
			return refuse(err)
		}
		return many(find(w, q), func(v *T) object { return render(e, v) })
	}
}

// withID is an operation that takes an id and nothing else.
func withID[T any](do func(*World, string) Reply[T], render func(*encoder, *T) object) handler {
	return func(w *World, e *encoder, r *request) outcome {
		return one(do(w, r.id), func(v *T) object { return render(e, v) })
	}
}

// withLimit is an operation that takes an id and a limit.
func withLimit(set func(*World, string, Limit) Reply[Action]) handler {
	return func(w *World, e *encoder, r *request) outcome {
		l, err := r.limit()
		if err != nil {
			return refuse(err)
		}
		return one(set(w, r.id, l), e.action)
	}
}

func listConnectors(w *World, e *encoder, r *request) outcome {
	q, err := r.list()
	if err != nil {
		return refuse(err)
	}
	return many(w.ListConnectors(r.id, q), e.connector)
}

func startSession(w *World, e *encoder, r *request) outcome {
	var body struct {
		Connector string            `json:"connector"`
		User      string            `json:"user"`
		Meta      map[string]string `json:"meta_data"`
		Target    struct {
			Energy float64 `json:"energy"`
			Time   float64 `json:"time"`
		} `json:"target"`
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		return refuse(fmt.Errorf("the body is not valid: %w", err))
	}
	return one(w.StartSession(StartRequest{
		Connector: body.Connector, User: body.User, Meta: body.Meta,
		Target: Target{EnergyKWh: body.Target.Energy, Minutes: body.Target.Time},
	}), e.session)
}

func createGroup(w *World, e *encoder, r *request) outcome {
	var body struct {
		Name     string  `json:"name"`
		Location string  `json:"location"`
		Max      float64 `json:"maximum_capacity"`
		Min      float64 `json:"minimum_connector_capacity"`
		Buffer   float64 `json:"buffer"`
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		return refuse(fmt.Errorf("the body is not valid: %w", err))
	}
	return one(w.CreateGroup(Group{
		Name: body.Name, Location: body.Location, MaxKW: body.Max, MinKW: body.Min, Buffer: body.Buffer,
	}), e.group)
}

func addToGroup(w *World, e *encoder, r *request) outcome {
	var body struct {
		Connectors []struct {
			ID string `json:"_id"`
		} `json:"connectors"`
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		return refuse(fmt.Errorf("the body is not valid: %w", err))
	}
	var ids []string
	for _, c := range body.Connectors {
		ids = append(ids, c.ID)
	}
	return one(w.AddToGroup(r.id, ids...), e.group)
}

package edrvsim

import (
	"strings"
	"time"
)

func (e *encoder) session(s *Session) object {
	status := string(s.Status)
	if s.Shape == Shape2021 {
		status = strings.ToLower(status)
	}
	metrics := object{
		"meterStart": s.MeterStartWh, "energyConsumed": s.EnergyWh,
		"energyPeriod": s.EnergyPeriod.Seconds(), "timezone": "UTC",
	}
	put(metrics, "chargingStart", e.time(s.StartedAt))
	put(metrics, "chargingStop", e.time(s.EndedAt))
	put(metrics, "chargingState", text(s.ChargingState))
	put(metrics, "chargingStopReason", text(s.StopReason))
	out := object{
		"_id": s.ID, "status": status, "metrics": metrics,
		"configurations": object{"include_raw_energy_report": s.Raw, "include_id_tag": true},
		"chargestation":  e.ref(s.Station), "connector": e.ref(s.Connector),
		"createdAt": e.time(s.CreatedAt), "updatedAt": e.time(s.UpdatedAt),
	}
	put(out, "user", text(s.User))
	put(out, "rate", text(s.Rate))
	if s.Report != nil {
		out["energy_report"] = e.report(s.Report)
		if s.Raw {
			out["raw_energy_report"] = e.rawReport(s.Report)
		}
	}
	if len(s.Meta) > 0 {
		out["meta_data"] = s.Meta
	}
	if t := s.Target; t != (Target{}) {
		target := object{}
		if t.EnergyKWh > 0 {
			target["energy"] = t.EnergyKWh
		}
		if t.Minutes > 0 {
			target["time"] = t.Minutes
		}
		out["target"] = target
	}
	return out
}

func (e *encoder) action(a *Action) object {
	out := object{
		"_id": a.ID, "type": a.Type, "status": string(a.Status), "chargestation": e.ref(a.Station),
		"createdAt": e.time(a.CreatedAt), "updatedAt": e.time(a.UpdatedAt),
	}
	put(out, "connector", e.ref(a.Connector))
	put(out, "session", text(a.Session))
	if a.Limit.IsSet() {
		out["data"] = limitObject(a.Limit)
	}
	if a.Response != nil {
		out["response_data"] = e.tree(a.Response)
	}
	return out
}

func limitObject(l Limit) object {
	return object{"unit": string(l.Unit), "limit": l.Value}
}

// tree copies a response, times in eDRV's form.
func (e *encoder) tree(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for key, item := range v {
			out[key] = e.tree(item)
		}
		return out
	case time.Time:
		return e.time(v)
	default:
		return v
	}
}

func (e *encoder) station(s *Station) object {
	connectors := make([]object, len(s.Connectors))
	for i := range s.Connectors {
		connectors[i] = e.connector(&s.Connectors[i])
	}
	out := object{
		"_id": s.ID, "protocol": s.Protocol, "online": s.Online, "active": true, "public": false,
		"is_simulator": true, "connectors": connectors, "endpoint": s.ID,
		"bootInfo":      object{"chargePointVendor": "Headroom", "chargePointModel": "edrvsim"},
		"lastConnectAt": e.time(s.ConnectedAt), "lastDisconnectAt": e.time(s.LostAt),
	}
	put(out, "location", e.ref(s.Location))
	put(out, "name", text(s.Name))
	return out
}

func (e *encoder) connector(c *Connector) object {
	powerType := "AC_1_PHASE"
	switch {
	case c.Kind == DC:
		powerType = "DC"
	case c.Phases > 1:
		powerType = "AC_3_PHASE"
	}
	plug, format := "Type2", "Socket"
	if c.Kind == DC {
		plug, format = "CCS2", "Cable"
	}
	return object{
		"_id": c.ID, "active": true, "status": c.Status, "type": plug, "format": format,
		"power_type": powerType, "power": c.PowerKW, "chargestation": e.ref(c.Station), "updatedAt": e.time(c.UpdatedAt),
	}
}

func (e *encoder) location(l *Location) object {
	return object{
		"_id": l.ID, "active": true, "operatorName": l.Operator, "timezone": l.Timezone, "meta_data": object{},
	}
}

func (e *encoder) group(g *Group) object {
	connectors := make([]string, 0, len(g.Connectors))
	return object{
		"_id": g.ID, "name": g.Name, "location": g.Location, "maximum_capacity": g.MaxKW,
		"minimum_connector_capacity": g.MinKW, "buffer": g.Buffer, "connectors": append(connectors, g.Connectors...),
	}
}

// text is s, nil for "".
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// put sets a key unless there is nothing to say.
func put(o object, key string, v any) {
	if v != nil {
		o[key] = v
	}
}

package edrvapi

// decodeStation decodes one charge station. A station without an id is unreadable.
func decodeStation(doc []byte) (Station, error) {
	var s Station
	r := newReader(doc)
	defer r.release()
	r.station(&s)
	return s, identified(r, s.ID, "chargestation")
}

func (r *reader) station(s *Station) {
	for name := range r.object() {
		switch string(name) {
		case "_id":
			s.ID = idOf(r.word())
		case "name":
			s.Name = r.text(maxText)
		case "location":
			s.Location = r.ref()
		case "protocol":
			s.Protocol = r.text(maxText)
		case "online":
			s.Online = r.boolean()
		case "active":
			s.Active = r.boolean()
		case "connectors":
			s.Connectors = r.connectors()
		case "updatedAt":
			s.UpdatedAt = r.time()
		case "meta_data":
			s.Meta = r.meta()
		default:
			r.skip()
		}
	}
	for i := range s.Connectors {
		if s.Connectors[i].Station == "" {
			s.Connectors[i].Station = s.ID
		}
	}
}

// connectors reads the connectors embedded in a station, or the ids that stand for
// them.
func (r *reader) connectors() []Connector {
	var list []Connector
	for range r.array() {
		if len(list) >= maxConnectors {
			r.skip()
			continue
		}
		var c Connector
		if r.kind() == '{' {
			r.connector(&c)
		} else {
			c.ID = r.ref()
		}
		if c.ID != "" {
			list = append(list, c)
		}
	}
	return list
}

// decodeConnector decodes one connector. A connector without an id is unreadable.
func decodeConnector(doc []byte) (Connector, error) {
	var c Connector
	r := newReader(doc)
	defer r.release()
	r.connector(&c)
	return c, identified(r, c.ID, "connector")
}

func (r *reader) connector(c *Connector) {
	for name := range r.object() {
		switch string(name) {
		case "_id":
			c.ID = idOf(r.word())
		case "chargestation":
			c.Station = r.ref()
		case "status":
			c.Status = lookup[ConnectorStatus](connectorStatusNames, r.word())
		case "power_type":
			c.PowerType = parsePowerType(r.word())
		case "power":
			c.Power = r.reading().power(unitKW)
		case "active":
			c.Active = r.boolean()
		case "updatedAt":
			c.UpdatedAt = r.time()
		default:
			r.skip()
		}
	}
}

// decodeLocation decodes one location. A location without an id is unreadable.
func decodeLocation(doc []byte) (Location, error) {
	var l Location
	r := newReader(doc)
	defer r.release()
	for name := range r.object() {
		switch string(name) {
		case "_id":
			l.ID = idOf(r.word())
		case "operatorName":
			l.Operator = r.text(maxText)
		case "timezone":
			l.Timezone = r.text(maxText)
		case "active":
			l.Active = r.boolean()
		case "meta_data":
			l.Meta = r.meta()
		default:
			r.skip()
		}
	}
	return l, identified(r, l.ID, "location")
}

// decodeGroup decodes one load-management group. How eDRV lists the members of a group
// is not documented, so every likely shape is taken: ids, objects with an _id, and
// objects that name a chargestation or connector.
func decodeGroup(doc []byte) (Group, error) {
	var g Group
	r := newReader(doc)
	defer r.release()
	for name := range r.object() {
		switch string(name) {
		case "_id":
			g.ID = idOf(r.word())
		case "name":
			g.Name = r.text(maxText)
		case "location":
			g.Location = r.ref()
		case "maximum_capacity":
			g.Maximum = r.reading().power(unitKW)
		case "chargestations", "stations":
			r.members(&g, &g.Stations)
		case "connectors":
			r.members(&g, &g.Connectors)
		default:
			r.skip()
		}
	}
	return g, identified(r, g.ID, "group")
}

// members reads the members of a group; own is the list that their own ids belong in.
func (r *reader) members(g *Group, own *[]string) {
	for range r.array() {
		if r.kind() != '{' {
			appendID(own, r.ref())
			continue
		}
		for name := range r.object() {
			switch string(name) {
			case "_id":
				appendID(own, idOf(r.word()))
			case "chargestation":
				appendID(&g.Stations, r.ref())
			case "connector":
				appendID(&g.Connectors, r.ref())
			case "connectors":
				r.members(g, &g.Connectors)
			default:
				r.skip()
			}
		}
	}
}

// appendID adds an id to a list of bounded length.
func appendID(list *[]string, id string) {
	if id != "" && len(*list) < maxMembers {
		*list = append(*list, id)
	}
}

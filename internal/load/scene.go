package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// The scene: a grid connection, panels on it, rows on the panels, posts of 22 kW
// on the rows. A row carries less than half of what its posts could draw.
const (
	siteID     = "yard"
	connectors = 2000
	circuits   = 200
	panels     = 19
	rows       = circuits - panels - 1
	spare      = 100 // posts that are free at the start, for cars that arrive

	rowAmps, panelAmps, gridAmps = 160, 1600, 32_000
	maxAmps, fallbackAmps        = 32, 6
)

func rowOf(connector int) int { return connector % rows }

// spec is the scene for the simulated eDRV. Its own reports come once in an hour:
// the senders report in their place.
func spec() edrvsim.Spec {
	s := edrvsim.NewSpec(1)
	s.Start = time.Now()
	b := &s.Behaviour
	b.Report, b.Auth = edrvsim.Exactly(time.Hour), edrvsim.Between(100*time.Millisecond, time.Second)
	b.Reaction, b.DisableAfter = edrvsim.Between(200*time.Millisecond, 2*time.Second), 0
	s.Locations = []edrvsim.LocationSpec{{ID: "yard"}}
	s.Circuits = []edrvsim.CircuitSpec{{ID: "grid", LimitAmps: gridAmps}}
	for i := range panels {
		s.Circuits = append(s.Circuits, edrvsim.CircuitSpec{ID: fmt.Sprintf("panel%d", i), Parent: "grid", LimitAmps: panelAmps})
	}
	for i := range rows {
		s.Circuits = append(s.Circuits, edrvsim.CircuitSpec{ID: fmt.Sprintf("row%d", i), Parent: fmt.Sprintf("panel%d", i%panels), LimitAmps: rowAmps})
	}
	for i := range connectors {
		s.Stations = append(s.Stations, edrvsim.StationSpec{
			ID: station(i), Location: "yard",
			Connectors: []edrvsim.ConnectorSpec{{ID: connector(i), Circuit: fmt.Sprintf("row%d", rowOf(i)), Default: edrvsim.Amps(fallbackAmps)}},
		})
	}
	return s
}

func connector(i int) string { return fmt.Sprintf("c%023d", i) }
func station(i int) string   { return fmt.Sprintf("d%023d", i) }

// configuration is the scene for the daemon. The fallbacks are in the chargers
// already; the daemon's times are its own.
func configuration(s *edrvsim.Spec, api, data string, callsPerSecond float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, `version: 1
edrv:
  url: %s
  api_key: ${LOAD_API_KEY}
  webhook_secrets: ["${LOAD_WEBHOOK_SECRET}"]
  requests_per_second: %g
listen: {webhooks: "127.0.0.1:0", admin: "127.0.0.1:0"}
data_dir: %s
sites:
  - id: %s
    location: yard
    circuits:
`, api, callsPerSecond, data, siteID)
	for _, c := range s.Circuits {
		parent := ""
		if c.Parent != "" {
			parent = ", parent: " + c.Parent
		}
		fmt.Fprintf(&b, "      - {id: %s%s, limit: {amps: %g}}\n", c.ID, parent, c.LimitAmps)
	}
	b.WriteString("    connectors:\n")
	for _, st := range s.Stations {
		c := st.Connectors[0]
		fmt.Fprintf(&b, "      - {id: %s, station: %s, circuit: %s, kind: ac, phases: L1L2L3, max: {amps: %d}, fallback: {amps: %d}, install_fallback: false}\n",
			c.ID, st.ID, c.Circuit, maxAmps, fallbackAmps)
	}
	return b.String()
}

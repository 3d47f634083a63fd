package inventory

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/headroom-ev/headroom/edrvapi"
)

var skeleton = template.Must(template.New("inventory").Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(
	`# Made by "headroom inventory" from {{.URL}}: {{.Counts}}.
#
# What eDRV does not know has no value yet: fill in every line that ends with a colon, from the panel drawing and the
# type plates, and correct what somebody typed wrong into eDRV. "headroom check --config FILE" names what is left.
{{- range .Notes}}
# Note: {{.}}.
{{- end}}
version: 1
edrv:
  url: {{quote .URL}}
  api_key: ${EDRV_API_KEY}
  webhook_secrets: ["${EDRV_WEBHOOK_SECRET}"]
listen:
  webhooks: 127.0.0.1:8080 # where the proxy with TLS hands on what eDRV sends
  admin: 127.0.0.1:9090
control:
  mode: observe # decides and shows, and sends nothing; enforce once all is right
sites:
{{- range .Sites}}
  - id: {{quote .ID}}
{{- if .Location}}
    location: {{quote .Location}}
{{- end}}
    timezone: {{.Timezone}}
    circuits:
      - id: grid
        # What the grid connection carries: {kw: 150} in all, {amps: 217} on each phase, or both.
        limit:
        # What else draws on it at most, such as {kw: 12}; without it nothing does.
        # base_load: {kw: 12}
      # One circuit for each further fuse:
      # - {id: row-a, parent: grid, limit: {amps: 63}}
    connectors:{{if not .Connectors}} []{{end}}
{{- range .Connectors}}
      - id: {{quote .ID}}
        name: {{quote .Name}}
        station: {{quote .Station}}
        circuit: grid # or the row that feeds it
        kind: {{.Kind}}{{.KindHint}}
        phases: L1L2L3 # {{.PhasesHint}}
        max:{{.Max}} # {{.MaxHint}}
{{- end}}
{{- end}}
`))

// sheet is what the skeleton is filled with.
type sheet struct {
	URL, Counts string
	Notes       []string
	Sites       []site
}

type site struct {
	ID, Location, Timezone string
	Connectors             []outlet
}

type outlet struct {
	ID, Name, Station          string
	Kind, KindHint, PhasesHint string
	Max, MaxHint               string
}

// WriteYAML writes the configuration to start from.
func (a *Account) WriteYAML(w io.Writer) error {
	s := sheet{URL: a.URL, Notes: a.Notes}
	stations, connectors := 0, 0
	ids := map[string]bool{}
	for i := range a.Locations {
		l := &a.Locations[i]
		if l.ID == "" {
			s.Notes = append(s.Notes, "eDRV gives no location for the stations of the site \"unplaced\": move them to their sites")
		}
		out := site{ID: siteID(l, ids), Location: l.ID, Timezone: zone(l.Timezone)}
		stations += len(l.Stations)
		for k := range l.Stations {
			st := &l.Stations[k]
			if len(st.Connectors) == 0 {
				s.Notes = append(s.Notes, fmt.Sprintf("station %s has no connectors in eDRV", st.ID))
			}
			for n := range st.Connectors {
				out.Connectors = append(out.Connectors, describe(st, n))
			}
		}
		connectors += len(out.Connectors)
		s.Sites = append(s.Sites, out)
	}
	s.Counts = fmt.Sprintf("%s, %s, %s", count(len(a.Locations), "location"), count(stations, "station"), count(connectors, "connector"))
	return skeleton.Execute(w, s)
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// zone is an IANA zone that the configuration takes.
func zone(name string) string {
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		return "UTC # eDRV knows none: the IANA zone of the site, such as Europe/Berlin"
	}
	return name
}

// siteID is an id made of the operator's name, different from all before.
func siteID(l *Location, taken map[string]bool) string {
	base := slug(l.Operator)
	switch {
	case l.ID == "":
		base = "unplaced"
	case base == "":
		base = "site"
	}
	id := base
	for n := 2; taken[id]; n++ {
		id = base + "-" + strconv.Itoa(n)
	}
	taken[id] = true
	return id
}

// slug is the letters and digits of a name in lower case, with single hyphens
// between them.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	id := strings.Join(words, "-")
	return strings.TrimRight(id[:min(len(id), 32)], "-")
}

// describe is the nth connector of a station.
func describe(st *edrvapi.Station, n int) outlet {
	c := &st.Connectors[n]
	o := outlet{
		ID: c.ID, Name: nameOf(st, n), Station: c.Station, Kind: "ac",
		PhasesHint: "as wired: L2L3L1 where its own L1 hangs on L2",
	}
	rating := "eDRV says nothing"
	if c.Power.Known && c.Power.Value > 0 {
		rating = "eDRV says " + strconv.FormatFloat(float64(c.Power.Value)/1e6, 'f', -1, 64) + " kW"
	}
	o.MaxHint = rating + ": write {amps: 32}, as the type plate or the fuse has it"
	phases := 3
	switch c.PowerType {
	case edrvapi.PowerDC:
		o.Kind, o.MaxHint = "dc", rating+": write {kw: 50}, as the type plate has it"
		if kw := float64(c.Power.Value) / 1e6; c.Power.Known && kw >= 1 && kw <= 1000 {
			o.Max, o.MaxHint = fmt.Sprintf(" {kw: %s}", strconv.FormatFloat(kw, 'f', -1, 64)), rating+"; compare with the type plate"
		}
		return o
	case edrvapi.PowerAC1:
		phases = 1
		o.PhasesHint = "eDRV says one phase, but not which: L1, L2 or L3; as it stands, all three are booked"
	case edrvapi.PowerUnknown:
		o.KindHint = " # eDRV does not say: ac or dc"
	}
	if amps, ok := rated(c.Power, phases); ok {
		o.Max, o.MaxHint = fmt.Sprintf(" {amps: %d}", amps), rating+"; compare with the type plate and the fuse"
	}
	return o
}

// nameOf is what people call a connector: its station, and a number where the
// station has several.
func nameOf(st *edrvapi.Station, n int) string {
	name := []rune(st.Name)
	if len(name) == 0 {
		name = []rune(st.ID)
	}
	if name = name[:min(len(name), 58)]; len(st.Connectors) > 1 {
		return fmt.Sprintf("%s-%d", string(name), n+1)
	}
	return string(name)
}

// ratings are the currents for which AC chargers are made, in A per phase.
var ratings = [...]int{6, 10, 13, 16, 20, 25, 32, 40, 48, 63, 80}

// rated is the rating, in A per phase at 230 V, that a power stands for: the one
// within 4 % of it, since 22 kW and 7.2 kW are both called 32 A.
func rated(power edrvapi.Maybe[edrvapi.Milliwatts], phases int) (amps int, ok bool) {
	if !power.Known {
		return 0, false
	}
	exact := float64(power.Value) / 1000 / 230 / float64(phases)
	for _, r := range ratings {
		if math.Abs(exact-float64(r)) <= 0.04*float64(r) {
			return r, true
		}
	}
	return 0, false
}

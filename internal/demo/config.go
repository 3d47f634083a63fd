package demo

import (
	"fmt"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// The secrets of the simulated eDRV. They open nothing.
const (
	apiKey        = "demo-api-key"
	webhookSecret = "demo-webhook-secret"
)

// The scene is ten times as quick as a real site: reports come every 3 to 6 s
// and chargers answer within 3 s. Cars are as slow as real ones. The controls
// are shorter to match.
var controls = []struct {
	key  string
	time time.Duration
}{
	{"tick", 500 * time.Millisecond},
	{"resync", 6 * time.Second},
	{"report_stale", 15 * time.Second},
	{"verdict_timeout", 12 * time.Second},
	{"settle", 2500 * time.Millisecond},
	{"raise_every", 3 * time.Second},
	{"disengage_after", 6 * time.Second},
	{"rotate", 60 * time.Second},
	{"resume_after", 30 * time.Second},
	{"reassert", 30 * time.Second},
	{"recover_after", 10 * time.Second},
}

var configuration = template.Must(template.New("demo").Parse(`version: 1
edrv:
  url: {{.URL}}
  api_key: ${DEMO_API_KEY}
  webhook_secrets: ["${DEMO_WEBHOOK_SECRET}"]
  requests_per_second: {{.Rate}}
listen:
  webhooks: 127.0.0.1:0
  admin: "{{.Admin}}"
{{- if .Token}}
  admin_token: ${HEADROOM_ADMIN_TOKEN}
{{- end}}
data_dir: {{.Data}}
control:
{{- range .Controls}}
  {{.}}
{{- end}}
sites:
  - id: demo
    location: {{.Location}}
    timezone: Europe/Berlin
    circuits:
{{- range .Circuits}}
      - {{.}}
{{- end}}
    connectors:
{{- range .Connectors}}
      - {{.}}
{{- end}}
    meters:
      building: {type: http, url: "{{.Meter}}", field: power_w, max: {kw: 50}, every: {{.Every}}, stale: {{.Stale}}, frozen: 0s}
`))

// configOf writes the configuration of the scene as an operator would, and
// reads it back as the daemon does. The admin token is HEADROOM_ADMIN_TOKEN of
// the environment, if it is set; without one the page is for this machine only.
func configOf(scene edrvsim.Demo, url, meter, admin, data string, speed float64) (*config.Config, error) {
	token := os.Getenv("HEADROOM_ADMIN_TOKEN")
	scaled := func(d time.Duration) time.Duration {
		return max(10*time.Millisecond, time.Duration(float64(d)/speed).Round(time.Millisecond))
	}
	values := map[string]any{
		"Token": token != "", "URL": url, "Admin": admin, "Data": data, "Location": scene.Location, "Rate": max(10, 10*speed),
		"Meter": meter, "Every": scaled(time.Second), "Stale": scaled(10 * time.Second),
	}
	var times, circuits, connectors []string
	for _, c := range controls {
		times = append(times, fmt.Sprintf("%s: %s", c.key, scaled(c.time)))
	}
	for _, c := range scene.Spec.Circuits {
		circuits = append(circuits, circuitLine(c, scene.MaxBaseKW))
	}
	for _, st := range scene.Spec.Stations {
		for _, c := range st.Connectors {
			connectors = append(connectors, connectorLine(st, c, scene))
		}
	}
	values["Controls"], values["Circuits"], values["Connectors"] = times, circuits, connectors
	var text strings.Builder
	if err := configuration.Execute(&text, values); err != nil {
		return nil, err
	}
	env := map[string]string{"DEMO_API_KEY": apiKey, "DEMO_WEBHOOK_SECRET": webhookSecret, "HEADROOM_ADMIN_TOKEN": token}
	return config.Parse("demo.yaml", []byte(text.String()), config.ForRun, func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
}

func circuitLine(c edrvsim.CircuitSpec, maxBaseKW float64) string {
	var limits []string
	if c.LimitWatts > 0 {
		limits = append(limits, fmt.Sprintf("kw: %g", c.LimitWatts/1000))
	}
	if c.LimitAmps > 0 {
		limits = append(limits, fmt.Sprintf("amps: %g", c.LimitAmps))
	}
	line := fmt.Sprintf("{id: %s, limit: {%s}", c.ID, strings.Join(limits, ", "))
	if c.Parent != "" {
		line += ", parent: " + c.Parent
	} else {
		line += fmt.Sprintf(", base_load: {kw: %g}", maxBaseKW)
	}
	return line + "}"
}

func connectorLine(st edrvsim.StationSpec, c edrvsim.ConnectorSpec, scene edrvsim.Demo) string {
	levels := fmt.Sprintf("max: {amps: %g}, fallback: {amps: %g}", c.MaxAmps, scene.FallbackAmps)
	if c.Kind == edrvsim.DC {
		levels = fmt.Sprintf("max: {kw: %g}, fallback: {kw: %g}", c.MaxKW, scene.FallbackKW)
	}
	return fmt.Sprintf("{id: %q, name: %s, station: %q, circuit: %s, kind: %s, phases: %s, %s}",
		c.ID, st.Name, st.ID, c.Circuit, c.Kind, c.Phases, levels)
}

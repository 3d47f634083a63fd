package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
)

// part is a piece of the page that is sent again when it changes. Its HTML has
// one outer element with the id.
type part struct {
	ID   string        `json:"id"`
	HTML template.HTML `json:"html"`
	row  bool          // of a list
}

// pages makes the page and its parts.
type pages struct {
	server    *Server
	templates *template.Template

	mu     sync.Mutex
	bySite map[string]rendered
}

// rendered are the parts of a site at a time.
type rendered struct {
	at    time.Time
	parts []part
}

// partsFor is how long parts serve all clients before they are made again.
const partsFor = pageEvery / 2

func newPages(s *Server) *pages {
	return &pages{
		server: s, bySite: make(map[string]rendered),
		templates: template.Must(template.New("").ParseFS(assets, "assets/*.html")),
	}
}

// siteData is what the parts of a site's page are made from.
type siteData struct {
	*core.View
	Headline headline
	Main     string // the circuit that the figures are of
	Figures  bar
	Facts    []fact
	Rows     []circuitRow
	Outlets  []connectorRow
	Waiting  []queued
	External []limitRow
	Events   []noteRow
}

func dataOf(v *core.View, h *Health, notes []core.Note) *siteData {
	d := &siteData{
		View: v, Headline: headlineOf(v, h), Facts: factsOf(v, h), Rows: circuitRows(v), Outlets: connectorRows(v),
		Waiting: waitingRows(v), External: limitRows(v), Events: noteRows(notes),
	}
	d.Main, d.Figures = mainCircuit(v)
	return d
}

// Moving are the connectors with an order on its way.
func (d *siteData) Moving() []connectorRow {
	var rows []connectorRow
	for _, r := range d.Outlets {
		if r.Next != "" {
			rows = append(rows, r)
		}
	}
	return rows
}

// mainCircuit is the grid connection of which the greatest part is spoken for,
// and the bar that shows it.
func mainCircuit(v *core.View) (string, bar) {
	best, figures := "", bar{Label: "Power", write: kilowatts}
	for i := range v.Circuits {
		c := &v.Circuits[i]
		if c.Parent != "" {
			continue
		}
		b := barsOf(c)[0]
		if c.LimitW == nil {
			b = tightest(c)
		}
		if best == "" || b.Load() > figures.Load() {
			best, figures = c.ID, b
		}
	}
	return best, figures
}

// of are the parts of a site's page.
func (p *pages) of(site string) ([]part, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if have, ok := p.bySite[site]; ok && now.Sub(have.at) < partsFor {
		return have.parts, nil
	}
	v, ok := p.server.opts.Sites.View(site)
	if !ok {
		delete(p.bySite, site)
		return nil, refuse(http.StatusNotFound, "no site %q", site)
	}
	health := p.server.opts.Sites.Health()
	parts, err := p.render(dataOf(v, &health, p.server.opts.Sites.Notes(site)))
	p.bySite[site] = rendered{now, parts}
	return parts, err
}

func (p *pages) render(d *siteData) ([]part, error) {
	var parts []part
	for _, id := range []string{"now", "circuits", "queue", "limits", "events", "control"} {
		html, err := p.execute(id, d)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{ID: id, HTML: html})
	}
	for i := range d.Outlets {
		html, err := p.execute("connector", &d.Outlets[i])
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{d.Outlets[i].Part, html, true})
	}
	return parts, nil
}

func (p *pages) execute(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("write %s of the page: %w", name, err)
	}
	return template.HTML(b.String()), nil
}

// link is the way to a site.
type link struct {
	Name, Path string
	Here       bool
}

func (p *pages) links(here string) []link {
	var links []link
	for _, name := range p.server.opts.Sites.Names() {
		links = append(links, link{name, "/sites/" + url.PathEscape(name), name == here})
	}
	return links
}

// cards are the parts of the overview: the fleet, if there is one, and one for
// each site that is steered here.
func (p *pages) cards() ([]part, error) {
	var parts []part
	health := p.server.opts.Sites.Health()
	if health.Fleet != nil {
		html, err := p.execute("fleet", health.Fleet)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{"fleet", html, true})
	}
	for i, l := range p.links("") {
		v, ok := p.server.opts.Sites.View(l.Name)
		if !ok {
			continue
		}
		d := struct {
			*siteData
			Part string
			Path string
		}{dataOf(v, &health, nil), fmt.Sprintf("s%d", i), l.Path}
		html, err := p.execute("card", d)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{d.Part, html, true})
	}
	return parts, nil
}

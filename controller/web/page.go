package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"
)

// How a page is kept up to date. A page that hears nothing for some beats says
// that what it shows is old.
const (
	pageEvery = 500 * time.Millisecond
	beatEvery = 2 * time.Second
)

// pageData is what the frame of a page is made from.
type pageData struct {
	Title   string
	Site    string
	Level   string
	Links   []link
	Live    string // path of the page's stream
	API     string // path of the site's API
	Assets  string // version of the assets
	Version string
	Locked  bool // writes need a token
	Parts   map[string]template.HTML
	Outlets []part
	Rows    []circuitRow
}

// Part is a part of the page.
func (d *pageData) Part(id string) template.HTML { return d.Parts[id] }

// home is the page of the only site, or the overview of all.
func (s *Server) home(w http.ResponseWriter, _ *http.Request) error {
	names := s.opts.Sites.Names()
	if len(names) == 1 && s.opts.Sites.Health().Fleet == nil {
		return s.showPage(w, names[0])
	}
	cards, err := s.pages.cards()
	if err != nil {
		return err
	}
	return s.writePage(w, "overview", &pageData{Title: "All sites", Links: s.pages.links(""), Live: "/live", Outlets: cards})
}

func (s *Server) sitePage(w http.ResponseWriter, r *http.Request) error {
	site, _, err := s.site(r)
	if err != nil {
		writeLine(w, http.StatusNotFound, err.Error())
		return nil
	}
	return s.showPage(w, site)
}

func (s *Server) showPage(w http.ResponseWriter, site string) error {
	parts, err := s.pages.of(site)
	if err != nil {
		return err
	}
	v, _ := s.opts.Sites.View(site)
	d := &pageData{
		Title: site, Site: site, Links: s.pages.links(site), Live: "/sites/" + url.PathEscape(site) + "/live",
		API: "/api/v1/sites/" + url.PathEscape(site), Parts: make(map[string]template.HTML), Rows: circuitRows(v),
	}
	for _, p := range parts {
		if p.row {
			d.Outlets = append(d.Outlets, p)
		} else {
			d.Parts[p.ID] = p.HTML
		}
	}
	return s.writePage(w, "page", d)
}

func (s *Server) writePage(w http.ResponseWriter, name string, d *pageData) error {
	d.Assets, d.Version, d.Locked = assetVersion, s.opts.Version, s.opts.Token() != ""
	html, err := s.pages.execute(name, d)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(html)) // the client may be gone
	return nil
}

func (s *Server) liveOverview(w http.ResponseWriter, r *http.Request) error {
	return s.live(w, r, s.pages.cards)
}

func (s *Server) liveSite(w http.ResponseWriter, r *http.Request) error {
	site, _, err := s.site(r)
	if err != nil {
		return err
	}
	return s.live(w, r, func() ([]part, error) { return s.pages.of(site) })
}

// beat tells a page that the connection is alive, what time it is here, which
// assets it needs, and how many parts it has to have.
type beat struct {
	Now    int64  `json:"now"` // Unix milliseconds
	Assets string `json:"assets"`
	Parts  int    `json:"parts"`
}

// live sends the parts of a page as they change.
func (s *Server) live(w http.ResponseWriter, r *http.Request, render func() ([]part, error)) error {
	stream, release, err := s.openEvents(w)
	if err != nil {
		return err
	}
	defer release()
	tick := time.NewTicker(pageEvery)
	defer tick.Stop()
	sent := make(map[string]template.HTML)
	for n := 0; ; n++ {
		parts, err := render()
		if err != nil { // the site is gone, or it is our mistake
			s.log.Warn("a page's stream ends", "path", r.URL.Path, "reason", err)
			return nil
		}
		if n%int(beatEvery/pageEvery) == 0 {
			if err := sendJSON(stream, "beat", beat{time.Now().UnixMilli(), assetVersion, len(parts)}); err != nil {
				return nil
			}
		}
		if news := changed(parts, sent); len(news) > 0 {
			if err := sendJSON(stream, "parts", news); err != nil {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return nil
		}
	}
}

// changed are the parts that are not as they were sent, which is brought up to
// date.
func changed(parts []part, sent map[string]template.HTML) []part {
	var news []part
	for _, p := range parts {
		if sent[p.ID] != p.HTML {
			news = append(news, p)
			sent[p.ID] = p.HTML
		}
	}
	return news
}

func sendJSON(stream *events, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return stream.send(name, data)
}

package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/headroom-ev/headroom/controller/core"
)

// problem is an error that the client is told.
type problem struct {
	status int
	text   string
}

func (p *problem) Error() string { return p.text }

func refuse(status int, format string, args ...any) error {
	return &problem{status, fmt.Sprintf(format, args...)}
}

// answer makes a handler of a function that may fail. What is not a problem is
// logged, and the client is told nothing of it.
func (s *Server) answer(serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := serve(w, r)
		if err == nil {
			return
		}
		p, ok := errors.AsType[*problem](err)
		if !ok {
			s.log.Error("a request could not be answered", "method", r.Method, "path", r.URL.Path, "reason", err)
			p = &problem{http.StatusInternalServerError, "internal error: see the log"}
		}
		writeProblem(w, p)
	})
}

func writeProblem(w http.ResponseWriter, p *problem) {
	_ = writeJSON(w, p.status, map[string]string{"error": p.text})
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone
	return nil
}

// writeLine answers with one line of text.
func writeLine(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, strings.Join(strings.Fields(line), " "))
}

// unmatched answers what no route does, as the mux would, but in JSON.
func (s *Server) unmatched(w http.ResponseWriter, r *http.Request, mux http.Handler) {
	probe := &statusProbe{header: http.Header{}}
	mux.ServeHTTP(probe, r)
	for key, values := range probe.header {
		if key == "Allow" || key == "Location" {
			w.Header()[key] = values
		}
	}
	text := "no such path: " + r.URL.Path
	if probe.status == http.StatusMethodNotAllowed {
		text = "method " + r.Method + " is not allowed here: use " + probe.header.Get("Allow")
	}
	writeProblem(w, &problem{probe.status, text})
}

// statusProbe keeps the status and the headers of an answer.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }

// site is the view of the site that a request is about.
func (s *Server) site(r *http.Request) (string, *core.View, error) {
	name := r.PathValue("site")
	v, ok := s.opts.Sites.View(name)
	if !ok || v == nil {
		return "", nil, refuse(http.StatusNotFound, "no site %q%s", name, s.elsewhere(name))
	}
	return name, v, nil
}

// elsewhere says which machine of the fleet steers a site that is not steered
// here.
func (s *Server) elsewhere(name string) string {
	fleet := s.opts.Sites.Health().Fleet
	if fleet == nil {
		return ""
	}
	for _, site := range fleet.Sites {
		if site.ID == name && site.Node != "" {
			return " on this machine: ask " + site.Node + ", which steers it"
		}
	}
	return " on this machine"
}

func (s *Server) listSites(w http.ResponseWriter, _ *http.Request) error {
	views := []*core.View{}
	for _, name := range s.opts.Sites.Names() {
		if v, ok := s.opts.Sites.View(name); ok {
			views = append(views, v)
		}
	}
	return writeJSON(w, http.StatusOK, views)
}

func (s *Server) showSite(w http.ResponseWriter, r *http.Request) error {
	_, v, err := s.site(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v)
}

// healthy tells a supervisor whether the daemon is to be restarted.
func (s *Server) healthy(w http.ResponseWriter, _ *http.Request) error {
	if why := s.opts.Sites.Health().Stuck; why != "" {
		writeLine(w, http.StatusServiceUnavailable, why)
		return nil
	}
	writeLine(w, http.StatusOK, "healthy")
	return nil
}

// ready tells whether every site is known in full.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) error {
	h := s.opts.Sites.Health()
	for _, why := range []string{h.Stuck, h.Unready} {
		if why != "" {
			writeLine(w, http.StatusServiceUnavailable, why)
			return nil
		}
	}
	if why := h.Journal.Failed; why != "" { // another instance would not help, and eDRV's webhooks are still needed
		writeLine(w, http.StatusOK, "ready, but nothing is raised: the journal cannot be written: "+why)
		return nil
	}
	writeLine(w, http.StatusOK, "ready")
	return nil
}

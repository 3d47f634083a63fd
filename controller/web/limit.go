package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/policy"
)

// maxLimits is how many external limits a site may have at a time.
const maxLimits = 100

// takeWithin is how long a site may take to take what is set.
const takeWithin = 5 * time.Second

// limitBody is an external limit as the API has it.
type limitBody struct {
	Circuit    string     `json:"circuit"`
	KW         *float64   `json:"kw,omitempty"`
	Amps       *float64   `json:"amps,omitempty"`
	From       *time.Time `json:"from,omitempty"`
	Until      *time.Time `json:"until"`
	FallbackKW *float64   `json:"fallback_kw,omitempty"`
}

// external checks the limit and turns it into the engine's.
func (b *limitBody) external(name string, now time.Time) (policy.External, error) {
	x := policy.External{Name: name}
	if !nameForm.MatchString(name) {
		return x, refuse(http.StatusUnprocessableEntity, "the name %q is not 1 to 64 letters, digits, dots, dashes or underscores", name)
	}
	switch {
	case b.KW == nil && b.Amps == nil:
		return x, refuse(http.StatusUnprocessableEntity, "neither kw nor amps is given")
	case b.KW != nil && b.Amps != nil:
		return x, refuse(http.StatusUnprocessableEntity, "both kw and amps are given: set two limits instead")
	case b.Until == nil:
		return x, refuse(http.StatusUnprocessableEntity, "until is missing: every limit from outside must end")
	case b.From != nil && !b.From.Before(*b.Until):
		return x, refuse(http.StatusUnprocessableEntity, "from is not before until")
	}
	power, err1 := milliwatts("kw", b.KW)
	amps, err2 := milliamps("amps", b.Amps)
	fallback, err3 := milliwatts("fallback_kw", b.FallbackKW)
	until, err4 := deadline("until", now, b.Until)
	x.Limit, x.Fallback, x.Until = policy.Symmetric(amps, power), policy.Symmetric(policy.Unlimited, fallback), until
	if b.From != nil && b.From.After(now) {
		x.From = now.Add(b.From.Sub(now))
	}
	return x, errors.Join(err1, err2, err3, err4)
}

func (s *Server) putLimit(w http.ResponseWriter, r *http.Request) error {
	site, v, err := s.site(r)
	if err != nil {
		return err
	}
	var body limitBody
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	name := r.PathValue("name")
	limit, err := body.external(name, time.Now())
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(v.Circuits, func(c core.CircuitView) bool { return c.ID == body.Circuit }) {
		return refuse(http.StatusUnprocessableEntity, "circuit: site %s has no circuit %q", site, body.Circuit)
	}
	if len(v.Limits) >= maxLimits && !hasLimit(v, name) {
		return refuse(http.StatusConflict, "site %s has %d external limits already: end some", site, maxLimits)
	}
	if err := s.set(r, site, core.LimitSet{Circuit: body.Circuit, Limit: limit, By: r.RemoteAddr}, "external limit set", "limit", name); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, body)
}

func (s *Server) deleteLimit(w http.ResponseWriter, r *http.Request) error {
	site, v, err := s.site(r)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if !hasLimit(v, name) {
		return refuse(http.StatusNotFound, "site %s has no external limit %q", site, name)
	}
	if err := s.set(r, site, core.LimitEnded{Name: name, By: r.RemoteAddr}, "external limit ended", "limit", name); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func hasLimit(v *core.View, name string) bool {
	return slices.ContainsFunc(v.Limits, func(l core.LimitView) bool { return l.Name == name })
}

// set hands an input to the site and logs who did it. attrs are keys and values
// for the log.
func (s *Server) set(r *http.Request, site string, in core.Input, what string, attrs ...any) error {
	ctx, cancel := context.WithTimeout(r.Context(), takeWithin)
	defer cancel()
	attrs = append([]any{"site", site, "remote", r.RemoteAddr}, attrs...)
	if err := s.opts.Sites.Set(ctx, site, in); err != nil {
		s.log.Warn("not taken: "+what, append(attrs, "reason", err)...)
		return refuse(http.StatusConflict, "site %s did not take it: %s", site, err)
	}
	s.log.Info(what, attrs...)
	return nil
}

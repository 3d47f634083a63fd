package web

import (
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/policy"
)

// The range of what an operator may set for a session, as in the
// configuration.
const (
	maxTier   = 1000
	minWeight = 0.001
	maxWeight = 1000
)

// overrideBody is what an operator sets for a session, as the API has it.
type overrideBody struct {
	Tier    *int       `json:"tier,omitempty"`
	Weight  *float64   `json:"weight,omitempty"`
	MaxAmps *float64   `json:"max_amps,omitempty"`
	MaxKW   *float64   `json:"max_kw,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
}

// override checks the body. level turns a power into a current of the
// session's connector.
func (b *overrideBody) override(now time.Time, level func(policy.Milliwatts) (policy.Milliamps, error)) (core.Override, error) {
	switch {
	case b.Tier == nil && b.Weight == nil && b.MaxAmps == nil && b.MaxKW == nil:
		return core.Override{}, refuse(http.StatusUnprocessableEntity,
			"none of tier, weight, max_amps and max_kw is given: to end an override, delete it")
	case b.MaxAmps != nil && b.MaxKW != nil:
		return core.Override{}, refuse(http.StatusUnprocessableEntity, "both max_amps and max_kw are given")
	case b.Tier != nil && (*b.Tier < -maxTier || *b.Tier > maxTier):
		return core.Override{}, refuse(http.StatusUnprocessableEntity, "tier: %d is not between -%d and %d", *b.Tier, maxTier, maxTier)
	case b.Weight != nil && !(*b.Weight >= minWeight && *b.Weight <= maxWeight): // a NaN is refused too
		return core.Override{}, refuse(http.StatusUnprocessableEntity, "weight: %v is not between %v and %d", *b.Weight, minWeight, maxWeight)
	}
	out := core.Override{Tier: b.Tier}
	if b.Weight != nil {
		out.Weight = new(int(math.Round(*b.Weight * 1000)))
	}
	amps, err1 := milliamps("max_amps", b.MaxAmps)
	power, err2 := milliwatts("max_kw", b.MaxKW)
	until, err3 := deadline("until", now, b.Until)
	if err := errors.Join(err1, err2, err3); err != nil {
		return core.Override{}, err
	}
	out.Until = until
	if b.MaxAmps != nil {
		out.Max = &amps
	}
	if b.MaxKW != nil {
		most, err := level(power)
		if err != nil {
			return core.Override{}, err
		}
		out.Max = &most
	}
	return out, nil
}

// session is the session that a request names, its site, and the connector at
// which it is.
func (s *Server) session(r *http.Request) (site, session string, c *core.ConnectorView, err error) {
	site, v, err := s.site(r)
	if err != nil {
		return "", "", nil, err
	}
	session = r.PathValue("session")
	for i := range v.Connectors {
		if v.Connectors[i].Session == session && session != "" {
			return site, session, &v.Connectors[i], nil
		}
	}
	return "", "", nil, refuse(http.StatusNotFound, "no session %q is running at site %s", session, site)
}

func (s *Server) putOverride(w http.ResponseWriter, r *http.Request) error {
	site, session, c, err := s.session(r)
	if err != nil {
		return err
	}
	var body overrideBody
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	if body.MaxAmps != nil && c.InWatts != nil {
		return refuse(http.StatusUnprocessableEntity, "max_amps: connector %s takes its limit in watts, give max_kw", c.ID)
	}
	override, err := body.override(time.Now(), func(p policy.Milliwatts) (policy.Milliamps, error) {
		if s.opts.Wiring != nil {
			if wiring, ok := s.opts.Wiring(site, c.ID); ok {
				return wiring.Level(p), nil
			}
		}
		return 0, refuse(http.StatusUnprocessableEntity, "max_kw: the voltage of connector %s is not known, give max_amps", c.ID)
	})
	if err != nil {
		return err
	}
	if err := s.set(r, site, core.OverrideSet{Session: session, Override: override, By: r.RemoteAddr}, "override set", "session", session); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, body)
}

func (s *Server) deleteOverride(w http.ResponseWriter, r *http.Request) error {
	site, session, c, err := s.session(r)
	if err != nil {
		return err
	}
	if !c.Override {
		return refuse(http.StatusNotFound, "session %s has no override", session)
	}
	if err := s.set(r, site, core.OverrideEnded{Session: session, By: r.RemoteAddr}, "override ended", "session", session); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// modeBody says whether orders are sent.
type modeBody struct {
	Mode string `json:"mode"`
}

func (s *Server) putMode(w http.ResponseWriter, r *http.Request) error {
	site, _, err := s.site(r)
	if err != nil {
		return err
	}
	var body modeBody
	if err := readBody(w, r, &body); err != nil {
		return err
	}
	for _, mode := range []core.Mode{core.Enforce, core.Observe} {
		if body.Mode == mode.String() {
			if err := s.set(r, site, core.ModeSet{Mode: mode, By: r.RemoteAddr}, "mode set", "mode", body.Mode); err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, body)
		}
	}
	return refuse(http.StatusUnprocessableEntity, "mode: %q is neither enforce nor observe", body.Mode)
}

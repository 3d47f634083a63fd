package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// answerWithin is how long an answer may take to leave. Streams set a deadline
// of their own for every event.
const answerWithin = 30 * time.Second

// headers go with every answer. The page needs nothing from anywhere else, and
// nobody may frame it.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

// secured puts around all routes what holds for each of them.
func (s *Server) secured(mux *http.ServeMux) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.log.Warn("refused a write from another web page", "path", r.URL.Path, "origin", r.Header.Get("Origin"), "remote", r.RemoteAddr)
		writeProblem(w, &problem{http.StatusForbidden, "requests from other web pages are refused"})
	}))
	protected := origin.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for key, value := range headers {
			w.Header().Set(key, value)
		}
		// Not every ResponseWriter has deadlines: those of tests do not.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin))
		if _, pattern := mux.Handler(r); pattern == "" {
			s.unmatched(w, r, mux)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// write lets a write through that carries the token, if one is set.
func (s *Server) write(serve func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		switch token := s.opts.Token(); {
		case token == "" && !loopbackHost(r.Host):
			// A page elsewhere may have made its own name resolve to this machine;
			// the browser then thinks that it comes from here.
			return refuse(http.StatusForbidden, "without an admin token, writes need the address of this machine in the URL, not %q", r.Host)
		case token != "" && !carries(r, token):
			w.Header().Set("WWW-Authenticate", `Bearer realm="headroom"`)
			return refuse(http.StatusUnauthorized, "this needs the admin token: Authorization: Bearer …")
		}
		return serve(w, r)
	}
}

// carries reports whether the request has the token, in a time that does not
// tell how much of it is right.
func carries(r *http.Request, token string) bool {
	given := r.Header.Values("Authorization")
	if len(given) != 1 {
		return false
	}
	scheme, value, _ := strings.Cut(given[0], " ")
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(strings.TrimSpace(value)))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// loopbackHost reports whether a Host header can not be a name that somebody
// else controls.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return strings.EqualFold(host, "localhost")
}

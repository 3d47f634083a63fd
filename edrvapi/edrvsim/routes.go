package edrvsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// outcome is a [Reply] whose result is ready to be written as JSON.
type outcome struct {
	status     int // 0 resets the connection
	message    string
	result     any
	hasNext    *bool
	retryAfter time.Duration
	after      time.Duration
}

// route is one operation of the API. Its handler runs under the server's lock.
type route struct {
	method, path string
	handle       func(w *World, e *encoder, r *request) outcome
}

// request is what handlers see of an HTTP request.
type request struct {
	id    string
	query url.Values
	body  []byte
}

// Handler is the REST API. It works before Run, while the world stands still.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	verbs := map[string]map[string]route{}
	for _, rt := range s.routes() {
		if verbs[rt.path] == nil {
			verbs[rt.path] = map[string]route{}
			mux.HandleFunc("/v1.1"+rt.path, func(w http.ResponseWriter, r *http.Request) {
				s.answer(w, r, verbs[rt.path])
			})
		}
		verbs[rt.path][rt.method] = rt
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeEnvelope(w, outcome{status: http.StatusNotFound, message: "Not found"})
	})
	return mux
}

// answer checks a request, runs it, and lets the reply take its time.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, verbs map[string]route) {
	out := s.run(r, verbs)
	select {
	case <-time.After(s.onClock(out.after)):
	case <-r.Context().Done():
		out.status = 0
	}
	if out.status == 0 {
		panic(http.ErrAbortHandler) // the connection breaks
	}
	writeEnvelope(w, out)
}

func (s *Server) run(r *http.Request, verbs map[string]route) (out outcome) {
	auth := r.Header.Get("Authorization")
	if s.opts.APIKey != "" && auth != "Bearer "+s.opts.APIKey {
		s.Do(func(w *World) { w.calls["unauthorized"]++ })
		return outcome{status: http.StatusUnauthorized, message: "jwt expired"}
	}
	rt, ok := verbs[r.Method]
	if !ok {
		s.Do(func(w *World) { w.calls["wrong-verb"]++ })
		return outcome{status: http.StatusMethodNotAllowed, message: "Method Not Allowed"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return outcome{status: http.StatusBadRequest, message: "The body could not be read"}
	}
	req := &request{id: r.PathValue("id"), query: r.URL.Query(), body: body}
	s.Do(func(w *World) { out = rt.handle(w, s.encoder(), req) })
	return out
}

// writeEnvelope writes eDRV's envelope. A bad gateway answers in HTML, as those do.
func writeEnvelope(w http.ResponseWriter, out outcome) {
	if out.retryAfter > 0 {
		seconds := (out.retryAfter + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	if out.status == http.StatusBadGateway {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(out.status)
		fmt.Fprint(w, "<html><body><h1>502 Bad Gateway</h1></body></html>")
		return
	}
	envelope := object{"ok": out.status/100 == 2, "message": out.message, "result": out.result}
	if out.hasNext != nil {
		envelope["hasNext"] = *out.hasNext
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(out.status)
	w.Write((&encoder{}).json(envelope)) //nolint:errcheck // the client has gone
}

// one is the outcome of a reply with a single object.
func one[T any](r Reply[T], render func(*T) object) outcome {
	out := outcome{status: r.Status, message: r.Message, hasNext: r.HasNext, retryAfter: r.RetryAfter, after: r.After}
	if r.OK() {
		out.result = render(&r.Result)
	}
	return out
}

// many is the outcome of a reply with a list.
func many[T any](r Reply[[]T], render func(*T) object) outcome {
	out := outcome{status: r.Status, message: r.Message, hasNext: r.HasNext, retryAfter: r.RetryAfter, after: r.After}
	if r.OK() {
		list := make([]object, len(r.Result))
		for i := range r.Result {
			list[i] = render(&r.Result[i])
		}
		out.result = list
	}
	return out
}

// refuse is the outcome of a request that makes no sense.
func refuse(err error) outcome {
	return outcome{status: http.StatusBadRequest, message: err.Error()}
}

// list reads a list's query parameters.
func (r *request) list() (Query, error) {
	v := r.query
	q := Query{
		Status: v.Get("status"), Connector: v.Get("connector"),
		Station: v.Get("chargestation"), Location: v.Get("location"),
	}
	var mistakes []error
	number := func(name string, into *int) {
		if text := v.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				mistakes = append(mistakes, fmt.Errorf("%q must be a positive number", name))
			}
			*into = n
		}
	}
	number("paginate_limit", &q.Limit)
	number("paginate_page", &q.Page)
	if text := v.Get("online"); text != "" {
		online := text == "true"
		q.Online = &online
	}
	q.Expand = v.Get("include_chargestation") == "true" || v.Get("include_connector") == "true" ||
		v.Get("include_location") == "true"
	return q, errors.Join(mistakes...)
}

// limit reads {"unit", "limit"}. What is wrong with the values is the world's
// to say; what is no such document is refused here.
func (r *request) limit() (Limit, error) {
	var body struct {
		Unit  Unit     `json:"unit"`
		Limit *float64 `json:"limit"`
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		return Limit{}, fmt.Errorf("the body is not valid: %w", err)
	}
	if body.Limit == nil {
		return Limit{}, errors.New(`"limit" is required`)
	}
	return Limit{Unit: body.Unit, Value: *body.Limit}, nil
}

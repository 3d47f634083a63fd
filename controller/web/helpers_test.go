package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/headroom-ev/headroom/controller/web"
	"github.com/headroom-ev/headroom/controller/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// token is a canary: it must never be in an answer or in the log.
const token = "canary-admin-token-0123456789-abcdef"

// began is when the script of the tests begins, unless the time matters.
var began = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// fixture is a server over a scripted site.
type fixture struct {
	t      *testing.T
	sites  *webtest.Sites
	server *web.Server
	log    bytes.Buffer
}

func newFixture(t *testing.T, change ...func(*web.Options)) *fixture {
	f := &fixture{t: t, sites: webtest.New(began, "depot")}
	opts := web.Options{
		Sites: f.sites, Token: func() string { return token }, Version: "v1.2.3",
		Logger: slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&opts)
	}
	f.server = web.New(opts)
	return f
}

// request is a request to the server by the address of this machine.
func request(method, path, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:9090"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// do sends a request and returns the status and the body of the answer.
func (f *fixture) do(method, path, body string, header ...string) (int, string) {
	f.t.Helper()
	answer := f.answer(request(method, path, body, header...))
	text, err := io.ReadAll(answer.Body)
	require.NoError(f.t, err)
	return answer.StatusCode, string(text)
}

func (f *fixture) answer(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	f.server.ServeHTTP(w, r)
	return w.Result()
}

// write is do with the token.
func (f *fixture) write(method, path, body string) (int, string) {
	f.t.Helper()
	return f.do(method, path, body, "Authorization", "Bearer "+token)
}

// session is the running session at a connector.
func (f *fixture) session(name string) string { return f.sites.SessionAt("depot", name) }

// reason is the error that an answer tells.
func reason(t *testing.T, text string) string {
	t.Helper()
	var answer struct{ Error string }
	require.NoError(t, json.Unmarshal([]byte(text), &answer))
	return answer.Error
}

package browser

import (
	"context"
	"fmt"
	"iter"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/web"
	"github.com/headroom-ev/headroom/controller/web/webtest"
	"github.com/headroom-ev/headroom/policy"
)

const token = "a-token-for-the-browser-tests-0123456789"

// chromium is one browser for all tests.
var chromium context.Context

func TestMain(m *testing.M) {
	path := find()
	if path == "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "headroom-browser")
	if err != nil {
		panic(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(dir),
		chromedp.DisableGPU, chromedp.Flag("no-sandbox", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	var cancel context.CancelFunc
	chromium, cancel = chromedp.NewContext(allocator)
	if err := chromedp.Do(chromium); err != nil {
		fmt.Fprintln(os.Stderr, "start", path+":", err)
		os.Exit(1)
	}
	code := m.Run()
	cancel()
	stop()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// find is where Chromium is, or empty.
func find() string {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
}

// page is a page of the server in a tab of its own.
type page struct {
	t      *testing.T
	ctx    context.Context
	sites  *webtest.Sites
	server *httptest.Server
	web    *web.Server

	mu       sync.Mutex
	mistakes []string // what the console complained of
}

// open shows the sites after an hour of their script and what play adds to it.
// The hour ends so long before now that play can take the time left.
func open(t *testing.T, path string, left time.Duration, play func(*page), names ...string) *page {
	t.Helper()
	if chromium == nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium found: apt-get install chromium, or set CHROMIUM")
		}
		t.Skip("no Chromium found: apt-get install chromium, or set CHROMIUM")
	}
	p := &page{t: t, sites: webtest.New(time.Now().Add(-time.Hour-time.Minute-left), names...)}
	p.web = web.New(web.Options{Sites: p.sites, Token: func() string { return token }, Version: "v1.2.3", Wiring: wiring})
	p.hour(names...)
	play(p)
	p.server = httptest.NewServer(p.web)
	var listening sync.WaitGroup
	t.Cleanup(listening.Wait)
	ctx, cancel := chromedp.NewContext(chromium)
	t.Cleanup(func() {
		cancel()
		p.server.CloseClientConnections()
		p.server.Close()
	})
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	p.ctx = ctx
	console := chromedp.Console(ctx)
	listening.Go(func() { p.listen(console) })
	p.do(chromedp.EmulateViewport(1440, 1000))
	p.scheme("light")
	p.do(chromedp.Navigate(p.server.URL + path))
	p.eventually(`document.documentElement.classList.contains("js") && document.querySelector("#link.live") !== null`)
	return p
}

// wiring is that of every connector of the script, as far as the tests ask.
func wiring(string, string) (policy.Wiring, bool) {
	return policy.Wiring{Phases: policy.AllPhases, Volts: 230}, true
}

// hour plays an hour: cars come and go, the site gets congested.
func (p *page) hour(names ...string) {
	cars := []int{3, 4, 4, 6, 8, 9, 10, 10, 9, 8, 9, 9}
	for i := range 360 {
		for _, name := range names {
			p.sites.Depot(name, func(d *webtest.Depot) { d.Cars = cars[i*len(cars)/360] })
		}
		p.step(10 * time.Second)
	}
}

// present plays up to now.
func present(p *page) { p.step(time.Minute) }

// step lets time pass at the sites, in steps of ten seconds at most.
func (p *page) step(d time.Duration) {
	for ; d > 0; d -= 10 * time.Second {
		p.sites.Step(min(d, 10*time.Second))
		p.web.Sample()
	}
}

func (p *page) listen(console iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range console {
		if err != nil {
			return
		}
		if m.IsException() || m.Type == "error" || m.Type == "warning" {
			p.mu.Lock()
			p.mistakes = append(p.mistakes, m.String())
			p.mu.Unlock()
		}
	}
}

// quiet requires that the console has nothing to complain of.
func (p *page) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Empty(p.t, p.mistakes)
}

func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.ctx, actions...))
}

// eval is what an expression is in the page.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	require.NoError(p.t, err, expression)
	return v
}

// eventually waits until a condition is true in the page, which may be another
// page by then.
func (p *page) eventually(condition string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		yes, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		return err == nil && yes
	}, 15*time.Second, 30*time.Millisecond, condition)
}

// scheme makes the page light or dark.
func (p *page) scheme(name string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	require.NoError(p.t, err)
}

package browser

import (
	_ "embed"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/web"
	"github.com/headroom-ev/headroom/controller/web/webtest"
	"github.com/headroom-ev/headroom/policy"
)

//go:embed contrast.js
var contrast string

// A moment is a state of the site that the page must show well.
type moment struct {
	name  string
	title string // what the window's title then says
	left  time.Duration
	play  func(*page)
}

var moments = []moment{
	{name: "congested", title: "Safe", left: time.Minute, play: present},
	{name: "calm", title: "Safe", left: 5 * time.Minute, play: func(p *page) {
		p.sites.Depot("depot", func(d *webtest.Depot) { d.Cars = 2 })
		p.step(5 * time.Minute)
	}},
	{name: "waiting", title: "Safe", left: 4 * time.Minute, play: func(p *page) {
		p.limit("grid-operator", 42, 42*time.Minute, 80)
		p.sites.Depot("depot", func(d *webtest.Depot) { d.Cars = 11 })
		p.step(4 * time.Minute)
	}},
	{name: "reducing", title: "Over the limit", left: 5 * time.Second, play: func(p *page) {
		p.limit("grid-operator", 78, 42*time.Minute, 85)
		p.step(5 * time.Second)
	}},
	{name: "observing", title: "Only observing", left: 20 * time.Second, play: func(p *page) {
		p.sites.Depot("depot", func(d *webtest.Depot) { d.Mode = core.Observe })
		p.step(20 * time.Second)
	}},
	{name: "outage", title: "On hold", left: 4 * time.Minute, play: func(p *page) {
		p.sites.Depot("depot", func(d *webtest.Depot) { d.Silent = true })
		p.step(4 * time.Minute)
	}},
	{name: "unreachable", title: "On hold", left: 8 * time.Minute, play: func(p *page) {
		p.sites.Depot("depot", func(d *webtest.Depot) { d.Silent, d.Down = true, true })
		p.sites.SetHealth(func(h *web.Health) { h.APIDown, h.APIWaiting = true, 7 })
		p.step(8 * time.Minute)
	}},
	{name: "troubles", title: "Configuration", left: time.Minute, play: func(p *page) {
		present(p)
		p.sites.SetHealth(func(h *web.Health) {
			h.Config.Refused = `/etc/headroom/headroom.yaml:31:9: sites[0].connectors[2].circuit: site has no circuit "row-c": it has grid, row-a, row-b` + "\nanother"
			h.Config.RefusedAt = time.Now().Add(-time.Minute)
		})
		p.sites.Edit("depot", func(v *core.View) {
			v.Limits = []core.LimitView{{Name: "grid-operator", Circuit: "grid", KW: new(95.0), FallbackW: new(80e3), State: "fallback"}}
			v.Meters = []core.MeterView{
				{Name: "main", Why: "no reading for more than 30s: dial tcp 10.0.0.5:80: connect: connection refused", MeasuredW: new(12e3), At: new(v.Time.Add(-time.Minute))},
				{Name: "row-a", Measures: "circuit", Known: true, MeasuredW: new(51e3), At: new(v.Time), Suspect: "a charger draws more than it reports, or the base load can draw more than its max"},
				{Name: "heat-pump", Known: true, MeasuredW: new(3.2e3), At: new(v.Time)},
			}
		})
	}},
	{name: "alarm", title: "Over the limit", left: 30 * time.Second, play: func(p *page) {
		p.sites.Depot("depot", func(d *webtest.Depot) {
			d.Surge = 35
			d.Note(core.NoteState, true, "site depot carries more than its limit")
		})
		p.step(30 * time.Second)
	}},
}

// limit sets an external limit on the grid connection.
func (p *page) limit(name string, kw policy.Milliwatts, lasts time.Duration, then policy.Milliwatts) {
	require.NoError(p.t, p.sites.Set(p.t.Context(), "depot", core.LimitSet{Circuit: "grid", Limit: policy.External{
		Name: name, Until: time.Now().Add(lasts), Limit: policy.Symmetric(policy.Unlimited, kw*policy.Kilowatt),
		Fallback: policy.Symmetric(policy.Unlimited, then*policy.Kilowatt),
	}}))
}

// readable requires enough contrast, and that nothing is wider than the window.
func (p *page) readable() {
	p.t.Helper()
	require.Empty(p.t, eval[[]string](p, contrast))
	require.LessOrEqual(p.t, eval[int](p, `document.documentElement.scrollWidth`), eval[int](p, `window.innerWidth`), "it scrolls sideways")
}

// TestLooks shows every moment in light and dark, on a desk and on a phone.
func TestLooks(t *testing.T) {
	for _, m := range moments {
		t.Run(m.name, func(t *testing.T) {
			p := open(t, "/", m.left, m.play, "depot")
			p.eventually(`document.title.includes("` + m.title + `")`)
			p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#c2 details").open = true`))
			for _, scheme := range []string{"light", "dark"} {
				p.scheme(scheme)
				p.do(chromedp.EmulateViewport(1440, 1000))
				p.readable()
				p.picture(m.name + "-" + scheme)
				p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
				p.readable()
				p.picture(m.name + "-" + scheme + "-phone")
			}
			p.quiet()
		})
	}
}

// TestOverview shows several sites at a glance.
func TestOverview(t *testing.T) {
	p := open(t, "/", time.Minute, func(p *page) {
		p.sites.Depot("harbour", func(d *webtest.Depot) { d.Surge = 45 })
		present(p)
	}, "depot", "airport", "harbour")
	p.eventually(`document.querySelectorAll(".card").length === 3 && document.querySelector(".card.alarm a")?.textContent === "harbour"`)
	p.scheme("dark")
	p.readable()
	p.picture("overview-dark")
	p.scheme("light")
	p.readable()
	p.picture("overview-light")
	p.do(chromedp.Click(chromedp.CSS(".card.alarm a")))
	p.eventually(`location.pathname === "/sites/harbour" && document.title.startsWith("Over the limit")`)
	require.Equal(t, "harbour", eval[string](p, `document.querySelector("nav [aria-current]").textContent`))
	p.quiet()
}

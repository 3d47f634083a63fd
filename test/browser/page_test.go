package browser

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/web/webtest"
)

// TestLive: what happens at the site is on the page at once, and what the
// reader opened, typed and focused stays.
func TestLive(t *testing.T) {
	p := open(t, "/", time.Minute, present, "depot")
	p.do(chromedp.Click(chromedp.CSS("#c0 summary")), chromedp.SendKeys(chromedp.CSS("#c0 input[name=weight]"), "2"))
	p.sites.Edit("depot", func(v *core.View) {
		v.Connectors[0].MeasuredW = new(3210.0)
		v.Connectors[0].Reason.Text = "<b>row-a</b> is full on L1; shared equally among 5"
		v.Connectors[1].MeasuredW = nil
	})
	p.eventually(`document.querySelector("#c0 .draw b").textContent === "3.2 kW"`)
	require.Equal(t, "<b>row-a</b> is full on L1; shared equally among 5", eval[string](p, `document.querySelector("#c0 .why").textContent`))
	require.Equal(t, "unknown", eval[string](p, `document.querySelector("#c1 .draw b").textContent`))
	require.True(t, eval[bool](p, `document.querySelector("#c0 details").open`))
	require.Equal(t, "2 weight", eval[string](p, `document.activeElement.value + " " + document.activeElement.name`))

	p.eventually(`document.querySelector("#chart .line.limit") !== null`)
	before := eval[string](p, `document.querySelector("#chart .line.flow").getAttribute("d")`)
	p.do(chromedp.Evaluate[chromedp.Void](`{ const s = document.getElementById("chart-what"); s.value = "L2"; s.dispatchEvent(new Event("change")); }`))
	require.NotEqual(t, before, eval[string](p, `document.querySelector("#chart .line.flow").getAttribute("d")`))
	require.Contains(t, eval[string](p, `document.getElementById("chart-text").textContent`), "limit 145.0 A")
	p.quiet()
}

// TestScriptsInNames: what eDRV or an operator named is shown as it is.
func TestScriptsInNames(t *testing.T) {
	const evil = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`
	p := open(t, "/", time.Minute, func(p *page) {
		present(p)
		p.sites.Depot("depot", func(d *webtest.Depot) { d.Note(core.NoteOrder, true, "%s", evil) })
		p.sites.Edit("depot", func(v *core.View) { v.Connectors[0].Name, v.StateWhy, v.State = evil, evil, "hold" })
	}, "depot")
	require.Equal(t, evil, eval[string](p, `document.querySelector("#c0 .who b").textContent`))
	p.sites.Edit("depot", func(v *core.View) { v.Connectors[1].Name = evil })
	p.eventually(`document.querySelector("#c1 .who b").textContent.startsWith("<img")`)
	require.True(t, strings.HasPrefix(eval[string](p, `document.title`), "On hold"))
	require.Zero(t, eval[int](p, `document.querySelectorAll("main img, main script").length`))
	p.quiet()
}

// TestKeyboard: everything can be reached and used without a mouse.
func TestKeyboard(t *testing.T) {
	p := open(t, "/", time.Minute, present, "depot")
	press := func(keys string) { p.do(chromedp.KeyEvent(keys)) }
	focus := func() string {
		return eval[string](p, `(e => e.id || e.name || e.closest("[id]")?.id + " " + e.nodeName)(document.activeElement)`)
	}
	press(kb.Tab)
	require.Equal(t, "Skip to the content", eval[string](p, `document.activeElement.textContent`))
	var reached []string
	for range 60 {
		press(kb.Tab)
		if eval[bool](p, `document.activeElement === document.body`) {
			break
		}
		reached = append(reached, focus())
		require.NotEqual(t, "none", eval[string](p, `getComputedStyle(document.activeElement).outlineStyle`), "the focus on %s is not visible", focus())
	}
	require.Subset(t, reached, []string{"chart-circuit", "chart-what", "chart", "c0 SUMMARY", "c10 SUMMARY", "control BUTTON"})

	p.do(chromedp.Focus(chromedp.CSS("#chart")))
	newest := eval[string](p, `document.getElementById("chart-text").textContent`)
	press(kb.ArrowLeft)
	require.NotEqual(t, newest, eval[string](p, `document.getElementById("chart-text").textContent`))
	press(kb.End)
	require.Equal(t, newest, eval[string](p, `document.getElementById("chart-text").textContent`))

	p.do(chromedp.Focus(chromedp.CSS("#c2 summary")))
	press(kb.Enter)
	require.True(t, eval[bool](p, `document.querySelector("#c2 details").open`))
	press(kb.Enter)
	require.False(t, eval[bool](p, `document.querySelector("#c2 details").open`))

	p.do(chromedp.Focus(chromedp.CSS("#control button")))
	press(kb.Enter)
	p.eventually(`document.getElementById("confirm").open`)
	press(kb.Escape)
	p.eventually(`!document.getElementById("confirm").open`)
	require.Empty(t, p.sites.Taken())
	p.quiet()
}

// TestLost: without the stream the page says so, and comes back by itself.
func TestLost(t *testing.T) {
	p := open(t, "/", time.Minute, present, "depot")
	address := p.server.Listener.Addr().String()
	require.NoError(t, p.server.Listener.Close())
	p.server.CloseClientConnections()
	p.eventually(`document.documentElement.classList.contains("stale") && !document.getElementById("lost").hidden`)
	require.Equal(t, "Lost", eval[string](p, `document.getElementById("link-text").textContent`))
	require.True(t, strings.HasPrefix(eval[string](p, `document.title`), "Lost – "))
	p.picture("lost-light")
	p.scheme("dark")
	p.picture("lost-dark")

	again, err := net.Listen("tcp", address)
	require.NoError(t, err)
	server := &http.Server{Handler: p.web, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(again) }()
	defer server.Close()
	p.sites.Edit("depot", func(v *core.View) { v.Connectors[0].MeasuredW = new(1234.0) })
	p.eventually(`!document.documentElement.classList.contains("stale") && document.getElementById("lost").hidden`)
	p.eventually(`document.querySelector("#c0 .draw b").textContent === "1.2 kW"`)
}

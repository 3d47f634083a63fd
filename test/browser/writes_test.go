package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/policy"
)

// TestWrites sets and ends what an operator can, with the token asked for.
func TestWrites(t *testing.T) {
	p := open(t, "/", time.Minute, present, "depot")
	p.do(
		chromedp.Click(chromedp.CSS(".adder > summary")),
		chromedp.SendKeys(chromedp.CSS("form[data-form=limit] input[name=name]"), "grid-operator"),
		chromedp.SendKeys(chromedp.CSS("form[data-form=limit] input[name=value]"), "60"),
		chromedp.SendKeys(chromedp.CSS("form[data-form=limit] input[name=fallback]"), "80"),
		chromedp.KeyEvent(kb.Enter),
	)
	p.eventually(`document.getElementById("token").open`)
	p.picture("token-light")
	p.do(chromedp.SendKeys(chromedp.CSS("#token input"), "wrong"), chromedp.KeyEvent(kb.Enter))
	p.eventually(`document.getElementById("token").open && document.querySelector("#token input").value === ""`)
	p.do(chromedp.SendKeys(chromedp.CSS("#token input"), token), chromedp.KeyEvent(kb.Enter))
	p.eventually(`document.querySelector("#limits li b")?.textContent === "grid-operator"`)
	require.Len(t, p.sites.Taken(), 1)
	set := p.sites.Taken()[0].(core.LimitSet)
	require.Equal(t, "grid", set.Circuit)
	require.Equal(t, policy.Symmetric(policy.Unlimited, 60*policy.Kilowatt), set.Limit.Limit)
	require.WithinDuration(t, time.Now().Add(time.Hour), set.Limit.Until, 10*time.Second)
	p.eventually(`/^ends in (1:00:00 h|59:\d\d min), then 80.0 kW holds$/.test(document.querySelector("#limits .sub").textContent.trim())`)
	require.Equal(t, token, eval[string](p, `sessionStorage.getItem("headroom-token")`))
	require.Zero(t, eval[int](p, `localStorage.length + document.cookie.length`))

	p.do(chromedp.Click(chromedp.CSS("#limits button[data-do=end-limit]")))
	p.eventually(`document.getElementById("confirm").open`)
	p.picture("confirm-light")
	p.do(chromedp.Click(chromedp.CSS("#confirm-ok")))
	p.eventually(`document.querySelector("#limits .none") !== null`)

	p.do(
		chromedp.Click(chromedp.CSS("#c0 summary")),
		chromedp.SendKeys(chromedp.CSS("#c0 input[name=max]"), "10"),
		chromedp.Click(chromedp.CSS("#c0 button.primary")),
	)
	p.eventually(`document.querySelector("#c0 .tag")?.textContent === "override"`)
	p.eventually(`document.querySelector("#c0 output").textContent === "Done."`)
	taken := p.sites.Taken()
	override := taken[len(taken)-1].(core.OverrideSet)
	require.Equal(t, 10*policy.Ampere, *override.Override.Max)

	p.do(chromedp.Click(chromedp.CSS("#c0 button[data-do=end-override]")))
	p.eventually(`document.querySelector("#c0 .what .tag") === null`)

	p.do(chromedp.Click(chromedp.CSS("#c0 button.primary")))
	p.eventually(`document.querySelector("#c0 output").textContent === "Done."`)

	p.do(chromedp.Click(chromedp.CSS("#control button")))
	p.eventually(`document.getElementById("confirm").open`)
	p.do(chromedp.Click(chromedp.CSS("#confirm-ok")))
	p.eventually(`document.title.startsWith("Only observing")`)
	taken = p.sites.Taken()
	mode := taken[len(taken)-1].(core.ModeSet)
	require.Equal(t, core.Observe, mode.Mode)
	require.NotEmpty(t, mode.By, "the record is to say who")
}

// TestRefusedWrite shows the server's reason.
func TestRefusedWrite(t *testing.T) {
	p := open(t, "/", time.Minute, present, "depot")
	p.do(
		chromedp.Evaluate[chromedp.Void](`sessionStorage.setItem("headroom-token", "`+token+`")`),
		chromedp.Click(chromedp.CSS("#c1 summary")),
		chromedp.Click(chromedp.CSS("#c1 button.primary")),
	)
	p.eventually(`document.querySelector("#c1 output").textContent.startsWith("Refused: none of tier, weight")`)
	require.Empty(t, p.sites.Taken())
}

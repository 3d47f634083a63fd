package browser

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// picture takes a picture of the whole page, and leaves it in the folder that
// SCREENSHOTS names.
func (p *page) picture(name string) {
	p.t.Helper()
	shot, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	require.NoError(p.t, err)
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		require.NoError(p.t, os.MkdirAll(dir, 0o755))
		require.NoError(p.t, os.WriteFile(filepath.Join(dir, name+".png"), shot, 0o644))
	}
}

// guide is where the operator's guide has its pictures.
const guide = "../../docs/images"

// TestPicturesOfTheGuide takes the pictures that the operator's guide shows. With
// UPDATE=true they are written anew; look at them.
func TestPicturesOfTheGuide(t *testing.T) {
	for _, c := range []struct {
		name, moment, open, scheme string
		width, height              int64
	}{
		{"calm", "calm", "", "light", 1280, 900},
		{"congested", "congested", "#c0", "light", 1280, 1480},
		{"webhook-outage", "outage", "", "light", 1280, 900},
		{"phone", "waiting", "", "dark", 390, 844},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := moments[slices.IndexFunc(moments, func(m moment) bool { return m.name == c.moment })]
			p := open(t, "/", m.left, m.play, "depot")
			p.scheme(c.scheme)
			p.do(chromedp.EmulateViewport(c.width, c.height))
			if c.open != "" {
				p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("` + c.open + ` details").open = true`))
			}
			p.eventually(`document.title.includes("` + m.title + `") && document.querySelector("#chart .line.flow") !== null`)
			shot, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
			require.NoError(t, err)
			taken := small(t, shot)
			require.Less(t, len(taken), 200<<10)
			path := filepath.Join(guide, c.name+".png")
			if os.Getenv("UPDATE") == "true" {
				require.NoError(t, os.WriteFile(path, taken, 0o644))
			}
			have, err := os.ReadFile(path)
			require.NoError(t, err)
			size, err := png.DecodeConfig(bytes.NewReader(have))
			require.NoError(t, err)
			require.Equal(t, []int{int(c.width), int(c.height)}, []int{size.Width, size.Height})
		})
	}
}

// small is the picture with a palette: a page has few colours beside the edges
// of its letters, and looks the same without the rest in a third of the size. A
// colour gets its place by how often it is there, if none like it has one yet.
func small(t *testing.T, shot []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(shot))
	require.NoError(t, err)
	area := full.Bounds()
	count := map[color.Color]int{}
	for y := range area.Dy() {
		for x := range area.Dx() {
			count[full.At(x, y)]++
		}
	}
	var colours color.Palette
	for _, c := range slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] }) {
		if len(colours) < 256 && (len(colours) == 0 || !alike(c, colours.Convert(c))) {
			colours = append(colours, c)
		}
	}
	few, index := image.NewPaletted(area, colours), map[color.Color]uint8{}
	for c := range count {
		index[c] = uint8(colours.Index(c))
	}
	for y := range area.Dy() {
		for x := range area.Dx() {
			few.SetColorIndex(x, y, index[full.At(x, y)])
		}
	}
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few))
	return out.Bytes()
}

// alike reports whether nobody can tell two colours apart at the edge of a
// letter.
func alike(a, b color.Color) bool {
	r, g, bl, _ := a.RGBA()
	s, h, cl, _ := b.RGBA()
	near := func(v, w uint32) bool { return max(v, w)-min(v, w) <= 10<<8 }
	return near(r, s) && near(g, h) && near(bl, cl)
}

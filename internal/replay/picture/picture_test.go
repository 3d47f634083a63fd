package picture

import (
	"encoding/xml"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var midnight = time.Date(2026, 3, 28, 0, 0, 0, 0, berlin())

func berlin() *time.Location {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return zone
}

func TestPoints(t *testing.T) {
	line := NewTimeline(midnight, midnight.Add(3*time.Hour)) // in minutes
	line.Add(midnight, midnight.Add(30*time.Second), 10, 50, 2)
	line.Add(midnight.Add(30*time.Second), midnight.Add(2*time.Minute), 4, 40, 0)
	line.Add(midnight.Add(time.Hour), midnight.Add(time.Hour+time.Minute), 8, math.Inf(1), 1)
	points := line.Points()
	require.Len(t, points, 3)
	first := points[0]
	require.Equal(t, []float64{7, 10, 40, 1, 2}, []float64{first.Mean, first.Most, first.Limit, first.Waiting, float64(first.MostWaiting)})
	require.Equal(t, 4.0, points[1].Mean)
	require.True(t, points[2].From.Equal(midnight.Add(time.Hour)))

	days := NewTimeline(midnight, midnight.AddDate(0, 0, 11))
	days.Add(midnight, midnight.AddDate(0, 0, 2), 1, 2, 0)
	require.Len(t, days.Points(), 2)
	require.Equal(t, 23*time.Hour, days.Points()[1].To.Sub(days.Points()[1].From), "the day that loses an hour")
}

func labels[T any](ticks []tick[T]) (out []string) {
	for _, tick := range ticks {
		out = append(out, tick.label)
	}
	return out
}

func TestTicks(t *testing.T) {
	span := func(d time.Duration) []string {
		return labels(timeTicks(midnight, midnight.Add(d)))
	}
	require.Equal(t, []string{"28 Mar", "01:00", "02:00", "03:00", "04:00"}, span(4*time.Hour))
	// The clocks go from 02:00 to 03:00 on 29 March.
	require.Equal(t, []string{"28 Mar", "06:00", "12:00", "18:00", "29 Mar", "06:00", "12:00", "18:00", "30 Mar"}, span(47*time.Hour))
	require.Equal(t, []string{"6 Apr", "20 Apr", "4 May", "18 May", "1 Jun", "15 Jun", "29 Jun"}, span(100 * 24 * time.Hour)[:7])
	require.Equal(t, []string{"Apr 2026", "Jul 2026", "Oct 2026"}, span(3 * 365 * 24 * time.Hour)[:3])
	require.Equal(t, []string{"0", "20", "40", "60", "80", "100"}, labels(wholeTicks(110)))
	require.Equal(t, []string{"0", "1"}, labels(wholeTicks(1)))
}

// countLike is the number of pixels that have nearly that colour.
func countLike(picture image.Image, want color.RGBA) (n int) {
	near := func(a uint32, b uint8) bool { return max(a>>8, uint32(b))-min(a>>8, uint32(b)) < 40 }
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			if r, g, b, _ := picture.At(x, y).RGBA(); near(r, want.R) && near(g, want.G) && near(b, want.B) {
				n++
			}
		}
	}
	return n
}

func TestWrite(t *testing.T) {
	line := NewTimeline(midnight, midnight.Add(26*time.Hour))
	line.Add(midnight, midnight.Add(12*time.Hour), 10, 50, 2)
	line.Add(midnight.Add(12*time.Hour), midnight.Add(26*time.Hour), 20, math.Inf(1), 0)
	rows := []Row{{"equal", line}, {"nobody", NewTimeline(midnight, midnight.Add(time.Hour))}}

	name := filepath.Join(t.TempDir(), "p.PNG")
	require.NoError(t, Write(name, rows, berlin()))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	picture, err := png.Decode(f)
	require.NoError(t, err)
	for what, c := range map[string]color.RGBA{"power": powerColor, "limit": limitColor, "waiting": waitingColor} {
		require.Positive(t, countLike(picture, c), what)
	}

	name = filepath.Join(t.TempDir(), "p.svg")
	require.NoError(t, Write(name, rows, berlin()))
	svg, err := os.Open(name)
	require.NoError(t, err)
	defer svg.Close()
	for d, n := xml.NewDecoder(svg), 0; ; n++ {
		if _, err := d.Token(); err == io.EOF {
			require.Greater(t, n, 100)
			break
		}
		require.NoError(t, err)
	}
	require.Error(t, Write(filepath.Join(t.TempDir(), "no", "p.svg"), rows, berlin()))
	require.False(t, Can("p.gif"))
}

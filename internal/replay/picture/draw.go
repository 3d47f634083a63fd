package picture

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	_ "gonum.org/v1/plot/vg/vgimg" // PNG
	_ "gonum.org/v1/plot/vg/vgsvg" // SVG
)

// Row is one run in a picture.
type Row struct {
	Title string
	Line  *Timeline
}

// The colours: what is drawn, its highest in each point, and the limit.
var (
	powerColor   = color.RGBA{0x1f, 0x6f, 0xb4, 0xff}
	mostColor    = color.RGBA{0xa9, 0xcc, 0xe8, 0xff}
	limitColor   = color.RGBA{0xc6, 0x28, 0x28, 0xff}
	waitingColor = color.RGBA{0xe0, 0x7b, 0x00, 0xff}
	someColor    = color.RGBA{0xf8, 0xd3, 0xa2, 0xff}
	gridColor    = color.RGBA{0xe6, 0xe6, 0xe6, 0xff}
)

const (
	width  = 12 * vg.Inch
	height = 2 * vg.Inch // of each of a row's two plots
)

// Can reports whether a picture can be written to a file of that name.
func Can(file string) bool {
	e := extension(file)
	return e == "png" || e == "svg"
}

func extension(file string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(file), "."))
}

// Write draws the rows one below the other, all with the same axes, into a file
// in the format that its name ends in. Times are in the zone.
func Write(file string, rows []Row, zone *time.Location) error {
	canvas, err := draw.NewFormattedCanvas(width, vg.Length(2*len(rows))*height, extension(file))
	if err != nil {
		return fmt.Errorf("draw %s: %w", file, err)
	}
	pen, err := newPen()
	if err != nil {
		return fmt.Errorf("draw %s: %w", file, err)
	}
	page := draw.New(canvas)
	page.FillPolygon(color.White, []vg.Point{page.Min, {X: page.Max.X, Y: page.Min.Y}, page.Max, {X: page.Min.X, Y: page.Max.Y}})
	kw, cars := highest(rows)
	tiles := draw.Tiles{Rows: 2 * len(rows), Cols: 1, PadY: 8, PadRight: 12, PadTop: 4, PadBottom: 4, PadLeft: 4}
	for i := range rows {
		points := rows[i].Line.Points()
		title := rows[i].Title + ": power (light: highest, dark: mean, red: limit) and cars waiting (light: most, dark: mean)"
		power := newPlot(tiles.At(page, 0, 2*i), pen, points, kw)
		power.axes(zone, title, "kW")
		power.area(mostColor, func(p *Point) float64 { return p.Most })
		power.area(powerColor, func(p *Point) float64 { return p.Mean })
		power.limit()
		wait := newPlot(tiles.At(page, 0, 2*i+1), pen, points, cars)
		wait.axes(zone, "", "cars waiting")
		wait.area(someColor, func(p *Point) float64 { return float64(p.MostWaiting) })
		wait.area(waitingColor, func(p *Point) float64 { return p.Waiting })
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	if _, err := canvas.WriteTo(f); err != nil {
		_ = f.Close() // the first error counts
		return fmt.Errorf("draw %s: %w", file, err)
	}
	return f.Close()
}

// highest is the top of the axes of power and of waiting cars.
func highest(rows []Row) (kw, cars float64) {
	kw, cars = 1, 1
	for i := range rows {
		for _, p := range rows[i].Line.Points() {
			kw = max(kw, p.Most)
			if !math.IsInf(p.Limit, 1) {
				kw = max(kw, p.Limit)
			}
			cars = max(cars, float64(p.MostWaiting))
		}
	}
	return kw * 1.08, cars * 1.08
}

package picture

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
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
	kw, cars := highest(rows)
	var plots [][]*plot.Plot
	for i := range rows {
		points := rows[i].Line.Points()
		power := powerPlot(points, zone)
		power.Title.Text = rows[i].Title + ": power (light: highest, dark: mean, red: limit) and cars waiting (light: most, dark: mean)"
		wait := waitPlot(points, zone)
		power.Y.Max, wait.Y.Max = kw, cars
		plots = append(plots, []*plot.Plot{power}, []*plot.Plot{wait})
	}
	tiles := draw.Tiles{Rows: len(plots), Cols: 1, PadY: 8, PadRight: 12, PadTop: 4, PadBottom: 4, PadLeft: 4}
	for i, c := range plot.Align(plots, tiles, draw.New(canvas)) {
		plots[i][0].Draw(c[0])
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

func powerPlot(points []Point, zone *time.Location) *plot.Plot {
	p := newPlot(points, zone, "kW")
	area(p, points, mostColor, func(p *Point) float64 { return p.Most })
	area(p, points, powerColor, func(p *Point) float64 { return p.Mean })
	for _, part := range limitParts(points) {
		line := must(plotter.NewLine(part))
		line.Color, line.Width = limitColor, vg.Points(1.2)
		p.Add(line)
	}
	return p
}

func waitPlot(points []Point, zone *time.Location) *plot.Plot {
	p := newPlot(points, zone, "cars waiting")
	area(p, points, someColor, func(p *Point) float64 { return float64(p.MostWaiting) })
	area(p, points, waitingColor, func(p *Point) float64 { return p.Waiting })
	return p
}

// newPlot is an empty plot with its axes.
func newPlot(points []Point, zone *time.Location, label string) *plot.Plot {
	p := plot.New()
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Y.Label.TextStyle} {
		style.Font.Variant, style.Font.Size = "Sans", vg.Points(9)
	}
	p.Y.Label.Text = label
	p.Y.Min = 0
	p.X.Padding, p.Y.Padding = 0, 0
	p.X.Tick.Marker, p.Y.Tick.Marker = calendar{zone}, wholes{}
	if n := len(points); n > 0 {
		p.X.Min, p.X.Max = unix(points[0].From), unix(points[n-1].To)
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = gridColor, gridColor
	p.Add(grid)
	return p
}

// area fills what lies below the points' values.
func area(p *plot.Plot, points []Point, fill color.Color, value func(*Point) float64) {
	if len(points) == 0 {
		return
	}
	ring := plotter.XYs{{X: unix(points[0].From)}}
	for i := range points {
		v := value(&points[i])
		ring = append(ring, plotter.XY{X: unix(points[i].From), Y: v}, plotter.XY{X: unix(points[i].To), Y: v})
	}
	ring = append(ring, plotter.XY{X: unix(points[len(points)-1].To)})
	shape := must(plotter.NewPolygon(ring))
	shape.Color, shape.Width = fill, 0
	p.Add(shape)
}

// limitParts is the limit as lines, broken where there is none.
func limitParts(points []Point) []plotter.XYs {
	var parts []plotter.XYs
	open := false
	for _, p := range points {
		if math.IsInf(p.Limit, 1) {
			open = false
			continue
		}
		if !open {
			parts, open = append(parts, nil), true
		}
		last := &parts[len(parts)-1]
		*last = append(*last, plotter.XY{X: unix(p.From), Y: p.Limit}, plotter.XY{X: unix(p.To), Y: p.Limit})
	}
	return parts
}

// must is for values of which gonum/plot says that they are finite and not
// empty: all of ours are.
func must[T any](v T, err error) T {
	if err != nil {
		panic("picture: " + err.Error())
	}
	return v
}

func unix(t time.Time) float64 { return float64(t.Unix()) }

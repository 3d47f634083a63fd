package picture

import (
	"image/color"
	"math"
	"time"

	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// plot is values over time, upwards from 0. Its canvas is what lies within the
// axes. It is drawn with gonum's canvases alone: package gonum.org/v1/plot takes
// twelve fonts and three formats more into the binary, 6 MB.
type plot struct {
	draw.Canvas
	pen    text.Style
	points []Point
	top    float64 // the highest value that fits
}

// newPen writes in the only font of the picture.
func newPen() (text.Style, error) {
	sans, err := opentype.Parse(liberationsansregular.TTF)
	if err != nil {
		return text.Style{}, err
	}
	what := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(9)}
	fonts := font.NewCache(font.Collection{{Font: what, Face: sans}})
	return text.Style{Color: color.Black, Font: what, Handler: text.Plain{Fonts: fonts}}, nil
}

// newPlot leaves room for the axes in a part of the page.
func newPlot(part draw.Canvas, pen text.Style, points []Point, top float64) *plot {
	return &plot{draw.Crop(part, 46, 0, 22, -14), pen, points, top}
}

// x is where a time lies. There must be points.
func (p *plot) x(t time.Time) vg.Length {
	from, to := p.points[0].From, p.points[len(p.points)-1].To
	return p.X(t.Sub(from).Seconds() / to.Sub(from).Seconds())
}

func (p *plot) y(value float64) vg.Length { return p.Y(value / p.top) }

func (p *plot) write(at vg.Point, x text.XAlignment, y text.YAlignment, rotation float64, s string) {
	style := p.pen
	style.XAlign, style.YAlign, style.Rotation = x, y, rotation
	p.FillText(style, at, s)
}

// axes draws all but the values.
func (p *plot) axes(zone *time.Location, title, label string) {
	const length = 5 // of a tick
	line := draw.LineStyle{Color: color.Black, Width: vg.Points(0.5)}
	grid := draw.LineStyle{Color: gridColor, Width: vg.Points(0.25)}
	p.write(vg.Point{X: p.Center().X, Y: p.Max.Y + 2}, text.XCenter, text.YBottom, 0, title)
	p.write(vg.Point{X: p.Min.X - 34, Y: p.Center().Y}, text.XCenter, text.YBottom, math.Pi/2, label)
	if len(p.points) > 0 {
		for _, t := range timeTicks(p.points[0].From.In(zone), p.points[len(p.points)-1].To) {
			x := p.x(t.at)
			p.StrokeLine2(grid, x, p.Min.Y, x, p.Max.Y)
			p.StrokeLine2(line, x, p.Min.Y-length, x, p.Min.Y)
			p.write(vg.Point{X: x, Y: p.Min.Y - length - 2}, text.XCenter, text.YTop, 0, t.label)
		}
	}
	for _, t := range wholeTicks(p.top) {
		y := p.y(float64(t.at))
		p.StrokeLine2(grid, p.Min.X, y, p.Max.X, y)
		p.StrokeLine2(line, p.Min.X-length, y, p.Min.X, y)
		p.write(vg.Point{X: p.Min.X - length - 2, Y: y}, text.XRight, text.YCenter, 0, t.label)
	}
	p.StrokeLine2(line, p.Min.X, p.Min.Y, p.Max.X, p.Min.Y)
	p.StrokeLine2(line, p.Min.X, p.Min.Y, p.Min.X, p.Max.Y)
}

// area fills what lies below the points' values.
func (p *plot) area(fill color.Color, value func(*Point) float64) {
	if len(p.points) == 0 {
		return
	}
	ring := []vg.Point{p.Min}
	for i := range p.points {
		y := p.y(value(&p.points[i]))
		ring = append(ring, vg.Point{X: p.x(p.points[i].From), Y: y}, vg.Point{X: p.x(p.points[i].To), Y: y})
	}
	p.FillPolygon(fill, append(ring, vg.Point{X: p.Max.X, Y: p.Min.Y}))
}

// limit is a line, broken where there is none.
func (p *plot) limit() {
	var parts [][]vg.Point
	open := false
	for _, at := range p.points {
		if math.IsInf(at.Limit, 1) {
			open = false
			continue
		}
		if !open {
			parts, open = append(parts, nil), true
		}
		last, y := &parts[len(parts)-1], p.y(at.Limit)
		*last = append(*last, vg.Point{X: p.x(at.From), Y: y}, vg.Point{X: p.x(at.To), Y: y})
	}
	p.StrokeLines(draw.LineStyle{Color: limitColor, Width: vg.Points(1.2)}, parts...)
}

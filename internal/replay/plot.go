package replay

import (
	"github.com/headroom-ev/headroom/internal/replay/picture"
)

// CanPlot is an error where no picture can be written to a file of that name.
func CanPlot(file string) error {
	if file != "" && !picture.Can(file) {
		return usage("no picture %q: want a name that ends in .png or .svg", file)
	}
	return nil
}

// Plot draws the site's power, its limit and the waiting cars of every run. The
// report must come from a replay with timelines.
func (r *Report) Plot(file string) error {
	rows := make([]picture.Row, len(r.Runs))
	for i := range r.Runs {
		rows[i] = picture.Row{Title: r.Runs[i].Share, Line: r.timelines[i]}
		if len(r.Optima) > 1 {
			rows[i].Title = r.Runs[i].Config + " " + r.Runs[i].Share
		}
	}
	return picture.Write(file, rows, r.zone)
}

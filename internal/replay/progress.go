package replay

import (
	"fmt"
	"io"
	"strings"
)

// ProgressOn is a function for Options.Progress that redraws a line on a
// terminal, and one that clears it.
func ProgressOn(w io.Writer) (show func(what string, part float64), end func()) {
	last := ""
	show = func(what string, part float64) {
		const width = 30
		filled := int(part * width)
		line := fmt.Sprintf("%s%s %3.0f %%  %s", strings.Repeat("█", filled), strings.Repeat("░", width-filled), 100*part, what)
		if line != last {
			fmt.Fprintf(w, "\r\x1b[K%s", line)
			last = line
		}
	}
	return show, func() { fmt.Fprint(w, "\r\x1b[K") }
}

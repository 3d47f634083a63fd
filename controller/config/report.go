package config

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/headroom-ev/headroom/policy"
)

// Report writes for each site its circuits as a tree, with the sums that decide
// whether it is safe, and a verdict. Draws are rounded up and limits down, to
// 0.1 kW and 0.1 A; the amperes are those of the worst phase. Lines in brackets
// are schedule windows.
func (c *Config) Report(w io.Writer) error {
	var b strings.Builder
	for i := range c.Sites {
		if i > 0 {
			b.WriteByte('\n')
		}
		c.Sites[i].report(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell is a table cell of two parts, kW and A, which align by themselves.
type cell [2]string

func (s *Site) report(b *strings.Builder) {
	fmt.Fprintf(b, "site %s: %s, %d V, share %s, margin %s, connectors %d\n\n",
		s.ID, s.Timezone, s.Voltage, s.Share, s.Margin, len(s.Connectors))
	rows := [][]cell{{{"circuit"}, {"Σ fallback"}, {"Σ maximum"}, {"base load"}, {"margin"}, {"limit"}}}
	var missing []string
	for _, balance := range s.Balances() {
		k := s.Circuits[balance.Circuit]
		for _, bound := range balance.Bounds {
			name := strings.Repeat("  ", balance.Depth) + k.ID
			row := []cell{{name}, loadCell(balance.Fallback), loadCell(balance.Maximum), loadCell(balance.Base)}
			if bound.Window >= 0 {
				name += " [" + k.Schedule[bound.Window].String() + "]"
				row = []cell{{name}, {}, {}, {}}
			}
			rows = append(rows, append(row, marginCell(bound), limitCell(bound.Limit)))
			if !bound.Fits() {
				missing = append(missing, strings.TrimSpace(name)+": "+balance.Shortfall(bound))
			}
		}
	}
	table(b, rows)
	if len(missing) == 0 {
		b.WriteString("\nfail-safe: yes: with nobody steering, fallbacks and base load fit every circuit\n")
		return
	}
	fmt.Fprintf(b, "\nfail-safe: no: with nobody steering, fallbacks and base load do not fit\n")
	for _, m := range missing {
		b.WriteString("  " + m + "\n")
	}
}

func loadCell(l policy.Load) cell {
	amps, _ := worst(l)
	return cell{tenths(ceilDiv(int64(l.Power), 100_000)) + " kW", tenths(ceilDiv(int64(amps), 100)) + " A"}
}

func limitCell(l policy.Load) cell {
	out := cell{"-", "-"}
	if l.Power < policy.Unlimited {
		out[0] = tenths(int64(l.Power)/100_000) + " kW"
	}
	if l.Amps[policy.L1] < policy.Unlimited {
		out[1] = tenths(int64(l.Amps[policy.L1])/100) + " A"
	}
	return out
}

// marginCell has a unit where the limit has it.
func marginCell(b Bound) cell {
	out, limit := loadCell(b.Limit.Minus(b.Usable)), limitCell(b.Limit)
	for i := range out {
		if limit[i] == "-" {
			out[i] = "-"
		}
	}
	return out
}

func tenths(v int64) string { return fmt.Sprintf("%d.%d", v/10, v%10) }

// table writes rows under a head: the first column to the left, the others to the
// right.
func table(b *strings.Builder, rows [][]cell) {
	widths := make([]columnWidth, len(rows[0]))
	for r, row := range rows {
		for i, c := range row {
			if r == 0 || i == 0 {
				widths[i].all = max(widths[i].all, utf8.RuneCountInString(c[0]))
				continue
			}
			widths[i].kw = max(widths[i].kw, len(c[0]))
			widths[i].amps = max(widths[i].amps, len(c[1]))
		}
	}
	for r, row := range rows {
		line := pad(row[0][0], -widths[0].all)
		for i, c := range row[1:] {
			w := widths[i+1]
			text := c[0]
			if r > 0 {
				text = pad(c[0], w.kw) + "  " + pad(c[1], w.amps)
			}
			line += "   " + pad(text, max(w.all, w.kw+2+w.amps))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// columnWidth is the width of a column: of its head, and of its two parts.
type columnWidth struct{ all, kw, amps int }

// pad fills a text with spaces, on the left, or on the right for a negative width.
func pad(text string, width int) string {
	fill := strings.Repeat(" ", max(0, max(width, -width)-utf8.RuneCountInString(text)))
	if width < 0 {
		return text + fill
	}
	return fill + text
}

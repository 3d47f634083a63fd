package edrvapi

import "time"

// parseTime reads a time as eDRV and chargers write it, or is zero. Besides RFC 3339 it
// takes what eDRV's own samples show: fractions of any length, a dot in place of the
// second colon ("2023-08-16T13:30.00.00Z"), and no zone, which means UTC. Times before
// 2000 or after 2099 are clocks that were never set.
func parseTime(b []byte) time.Time {
	p := timeParser{b: b}
	year := p.digits(4)
	p.oneOf("-")
	month := p.digits(2)
	p.oneOf("-")
	day := p.digits(2)
	p.oneOf("Tt ")
	hour := p.digits(2)
	p.oneOf(":")
	minute := p.digits(2)
	p.oneOf(":.")
	second := p.digits(2)
	nanos := p.fraction()
	offset := p.zone()
	if p.bad || len(p.b) > 0 || year < 2000 || year > 2099 ||
		month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if t.Day() != day { // There is no such day in that month.
		return time.Time{}
	}
	return t.Add(-offset)
}

// timeParser takes a time apart from the left. Once bad, it stays so.
type timeParser struct {
	b   []byte
	bad bool
}

// digits is the number in the next n characters.
func (p *timeParser) digits(n int) int {
	if p.bad || digits(p.b) < n {
		p.bad = true
		return 0
	}
	v := 0
	for _, c := range p.b[:n] {
		v = v*10 + int(c-'0')
	}
	p.b = p.b[n:]
	return v
}

// oneOf takes one character, which must be in set.
func (p *timeParser) oneOf(set string) byte {
	if !p.bad && len(p.b) > 0 {
		c := p.b[0]
		for i := range len(set) {
			if set[i] == c {
				p.b = p.b[1:]
				return c
			}
		}
	}
	p.bad = true
	return 0
}

// fraction is the optional fraction of a second in nanoseconds; digits after the ninth
// are dropped.
func (p *timeParser) fraction() int {
	if p.bad || len(p.b) == 0 || p.b[0] != '.' && p.b[0] != ',' {
		return 0
	}
	n := digits(p.b[1:])
	if n == 0 {
		p.bad = true
		return 0
	}
	nanos, weight := 0, 100_000_000
	for _, c := range p.b[1 : 1+min(n, 9)] {
		nanos += int(c-'0') * weight
		weight /= 10
	}
	p.b = p.b[1+n:]
	return nanos
}

// zone is the offset from UTC: "Z", "+02:00", "+0200" or nothing.
func (p *timeParser) zone() time.Duration {
	if p.bad || len(p.b) == 0 {
		return 0
	}
	sign := time.Duration(1)
	switch p.oneOf("Zz+-") {
	case '-':
		sign = -1
	case '+':
	default:
		return 0
	}
	hours := p.digits(2)
	if len(p.b) > 0 && p.b[0] == ':' {
		p.b = p.b[1:]
	}
	minutes := p.digits(2)
	if hours > 14 || minutes > 59 {
		p.bad = true
	}
	return sign * (time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute)
}

// time is the next value as a time, zero if it is none.
func (r *reader) time() time.Time { return parseTime(r.word()) }

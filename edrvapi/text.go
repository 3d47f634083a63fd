package edrvapi

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cleanText makes text of strangers fit for a log line: no control or other unprintable
// characters, valid UTF-8, at most limit bytes.
func cleanText(s string, limit int) string {
	if len(s) <= limit && strings.IndexFunc(s, unfit) < 0 {
		return s
	}
	// Look no further than what can remain: s may be the whole body of an answer.
	s = s[:min(len(s), 4*limit)]
	s = strings.Map(func(c rune) rune {
		if unfit(c) {
			return -1
		}
		return c
	}, s)
	if len(s) > limit {
		s = s[:limit]
		for len(s) > 0 && !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return s
}

// unfit is true of characters that have no place in a line of text.
func unfit(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) }

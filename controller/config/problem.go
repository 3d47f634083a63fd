package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Problem is one thing to mend in a configuration file, and where.
type Problem struct {
	File    string
	Line    int // From 1.
	Col     int // In characters, from 1.
	Key     string
	Message string
}

// String is file:line:col: key: message, on one line.
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", p.File, p.Line, p.Col, p.Key, p.Message)
}

// Problems are the mistakes of one file, sorted by position. As an error it
// holds at least one.
type Problems []Problem

// Error joins the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(a.Line-b.Line, a.Col-b.Col, cmp.Compare(a.Key, b.Key))
	})
}

// wholeFile is the key of a problem that belongs to no key.
const wholeFile = "(file)"

// position is a place in the file, from 1.
type position struct{ line, col int }

// source is one file being read: where its values stand, and what is wrong with
// them. Keys are full paths such as sites[0].circuits[1].parent.
type source struct {
	file     string
	at       map[string]position // Of every key's value.
	bad      map[string]bool     // Keys with a problem.
	badBelow map[string]bool     // Keys with a problem in a part of them.
	problems Problems
	warnings Problems
}

func newSource(file string) *source {
	return &source{file: file, at: map[string]position{}, bad: map[string]bool{}, badBelow: map[string]bool{}}
}

// has reports whether the file gives the key.
func (s *source) has(path string) bool {
	_, ok := s.at[path]
	return ok
}

// sound reports whether nothing is wrong with a key so far, nor with a part of it.
func (s *source) sound(path string) bool { return !s.bad[path] && !s.badBelow[path] }

// usable reports whether the file gives the key, and soundly.
func (s *source) usable(path string) bool { return s.has(path) && s.sound(path) }

// problem records a mistake at a key; where the key is missing, at the section
// that should have it.
func (s *source) problem(path, format string, args ...any) {
	s.problemAt(s.where(path), path, format, args...)
}

func (s *source) problemAt(at position, path, format string, args ...any) {
	s.problems = append(s.problems, s.entry(at, path, format, args...))
	s.bad[path] = true
	for up := parentPath(path); ; up = parentPath(up) {
		s.badBelow[up] = true
		if up == "" {
			return
		}
	}
}

func (s *source) warn(path, format string, args ...any) {
	s.warnings = append(s.warnings, s.entry(s.where(path), path, format, args...))
}

func (s *source) entry(at position, path, format string, args ...any) Problem {
	if path == "" {
		path = wholeFile
	}
	return Problem{File: s.file, Line: at.line, Col: at.col, Key: path, Message: fmt.Sprintf(format, args...)}
}

func (s *source) where(path string) position {
	for {
		if at, ok := s.at[path]; ok {
			return at
		}
		if path == "" {
			return position{1, 1}
		}
		path = parentPath(path)
	}
}

func place(n *yaml.Node) position { return position{max(1, n.Line), max(1, n.Column)} }

// join is the path of a key in a section. A key that is not a plain word is
// quoted, so that a path stays on one line and means one key.
func join(section, key string) string {
	switch {
	case !plainKey(key):
		return fmt.Sprintf("%s[%q]", section, clip(key))
	case section == "":
		return key
	default:
		return section + "." + key
	}
}

func plainKey(key string) bool {
	return key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func parentPath(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// clip keeps a quoted value readable in a message.
func clip(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

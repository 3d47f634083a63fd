package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Use is what a file is read for. It decides what must be in it; what is in it is
// checked for every use.
type Use uint8

const (
	// ForRun needs edrv, listen and the values of the secrets.
	ForRun Use = iota
	// ForCheck takes a file with sites alone. A file with edrv or listen must
	// be complete for a run, but secrets that are not at hand are warnings: the
	// machine that checks a file need not be the one that runs it.
	ForCheck
	// ForReplay, ForSimulate and ForExplain take a file with sites alone, and
	// fetch no secrets. ForReplay and ForExplain also take a site that is not
	// fail-safe, because there every charger obeys.
	ForReplay
	ForSimulate
	ForExplain
	// ForInventory needs edrv.url and the value of edrv.api_key, and nothing else.
	ForInventory
	// ForFleet takes what all machines of a fleet have alike, and nothing else: sites,
	// and control. It needs what a run needs of them.
	ForFleet
	// ForApply is ForFleet on a machine that need not have the secrets: they are
	// warnings.
	ForApply
)

// String is the name of the command.
func (u Use) String() string {
	names := [...]string{
		ForRun: "run", ForCheck: "check", ForReplay: "replay", ForSimulate: "simulate", ForExplain: "explain", ForInventory: "inventory",
		ForFleet: "fleet", ForApply: "fleet apply",
	}
	if int(u) >= len(names) {
		return fmt.Sprintf("Use(%d)", u)
	}
	return names[u]
}

// shared reports whether a file holds only what all machines of a fleet have alike.
func (u Use) shared() bool { return u == ForFleet || u == ForApply }

// maxSize bounds a file: some 200,000 connectors.
const maxSize = 32 << 20

// Load reads and checks the file at path. The error is [Problems] where the file
// could be read.
func Load(path string, use Use) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	return Parse(path, data, use, os.LookupEnv)
}

// Parse reads and checks a file's bytes. Name is the file's name in messages, env
// looks up environment variables. The error is always [Problems].
func Parse(name string, data []byte, use Use, env func(string) (string, bool)) (cfg *Config, err error) {
	s := newSource(name)
	defer func() {
		if r := recover(); r != nil {
			s.problem("", "cannot be read because of a mistake in headroom, please report it: %v", r)
			cfg, err = nil, s.problems
		}
	}()
	cfg = &Config{}
	root := s.document(data)
	if root != nil {
		d := &decoder{source: s, use: use, complete: use == ForRun || use.shared() || use == ForCheck && meantToRun(root)}
		d.value(root, reflect.ValueOf(cfg).Elem(), "", "")
		c := &checker{decoder: d, cfg: cfg, env: env}
		c.check()
	}
	if len(s.problems) > 0 {
		s.problems.sort()
		return nil, s.problems
	}
	s.warnings.sort()
	cfg.Warnings = s.warnings
	sum := sha256.Sum256(data)
	cfg.SHA256 = hex.EncodeToString(sum[:])
	cfg.Shared = sharedHash(root)
	return cfg, nil
}

// WithShared is the configuration of a machine together with what all machines of
// its fleet have alike, which the text holds. Use is ForFleet or ForApply, name is
// for messages.
func (cfg *Config) WithShared(name string, text []byte, use Use, env func(string) (string, bool)) (*Config, error) {
	shared, err := Parse(name, text, use, env)
	if err != nil {
		return nil, err
	}
	both := *cfg
	both.Control, both.Sites, both.Shared = shared.Control, shared.Sites, shared.Shared
	both.Warnings = append(slices.Clip(cfg.Warnings), shared.Warnings...)
	sum := sha256.Sum256([]byte(cfg.SHA256 + shared.SHA256))
	both.SHA256 = hex.EncodeToString(sum[:])
	return &both, nil
}

// sharedHash is the hash of the sections control and sites.
func sharedHash(root *yaml.Node) string {
	h := sha256.New()
	var add func(n *yaml.Node)
	add = func(n *yaml.Node) {
		fmt.Fprintf(h, "%d %q %d\n", n.Kind, n.Value, len(n.Content))
		for _, child := range n.Content {
			add(child)
		}
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if key := root.Content[i].Value; key == "control" || key == "sites" {
			add(root.Content[i])
			add(root.Content[i+1])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// meantToRun reports whether a file holds more than sites.
func meantToRun(root *yaml.Node) bool {
	for i := 0; root.Kind == yaml.MappingNode && i < len(root.Content); i += 2 {
		if key := root.Content[i].Value; key == "edrv" || key == "listen" {
			return true
		}
	}
	return false
}

// document is the root of the one document in the file; nil is recorded.
func (s *source) document(data []byte) *yaml.Node {
	if len(data) > maxSize {
		s.problem("", "is larger than %d MiB: is it the right file?", maxSize>>20)
		return nil
	}
	if i := invalidUTF8(data); i >= 0 {
		s.problemAt(positionOf(data[:i]), "", "is not text in UTF-8: save it as UTF-8")
		return nil
	}
	r := &byteReader{data: data}
	decoder := yaml.NewDecoder(r)
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		s.syntax(r, err)
		return nil
	}
	if len(doc.Content) == 0 || doc.Content[0].ShortTag() == "!!null" && doc.Content[0].Anchor == "" {
		s.problem("", "is empty: a configuration needs at least sites; see config.example.yaml")
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		s.problemAt(place(&second), "", "a second document begins here: one file holds one configuration; remove the line ---")
	case !errors.Is(err, io.EOF):
		s.syntax(r, err)
	}
	return doc.Content[0]
}

// yamlPrefix is what yaml.v3 puts before its messages. Its line is that of the
// construct in which it gave up, often far above the mistake.
var yamlPrefix = regexp.MustCompile(`^yaml: (line \d+: )?`)

// syntax records that the text is not YAML, at the last word that was read: the
// parser looks ahead, so that the mistake is there or in the line above.
func (s *source) syntax(r *byteReader, err error) {
	read := bytes.TrimRight(r.data[:r.next], " \t\r\n")
	line := read[bytes.LastIndexByte(read, '\n')+1:]
	at := positionOf(read)
	at.col = 1 + len(line) - len(bytes.TrimLeft(line, " \t"))
	s.problemAt(at, "", "is not YAML here or in the line above: %s", yamlPrefix.ReplaceAllString(err.Error(), ""))
}

// byteReader hands out one byte at a time, so that its position tells how far the
// parser came.
type byteReader struct {
	data []byte
	next int
}

func (r *byteReader) Read(p []byte) (int, error) {
	if r.next == len(r.data) {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	p[0] = r.data[r.next]
	r.next++
	return 1, nil
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// positionOf is the place right after a text.
func positionOf(before []byte) position {
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return position{line: 1 + bytes.Count(before, []byte{'\n'}), col: 1 + utf8.RuneCount(line)}
}

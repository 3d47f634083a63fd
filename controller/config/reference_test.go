package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The guide's page of all keys is made from the types; go test -rewrite writes it
// anew.
func TestReference(t *testing.T) {
	compare(t, "../../docs/configuration.md", reference(t))
}

// compare holds a file of the guide against what it is made from.
func compare(t *testing.T, path, want string) {
	t.Helper()
	if *rewrite {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "go test ./controller/config -run 'Reference|Schema' -rewrite, and read the difference")
}

const preface = `# Configuration

This page is made from the program: every key, what it means, what to write, and what holds without it. Start from
[config.example.yaml](../config.example.yaml), which has all of them in place. ` + "`headroom check --config FILE`" + ` names every mistake at once, each with
its line.

The file is strict. An unknown key, a key given twice and a key without a value are mistakes; there are no anchors, aliases or tags. Times
carry their unit, powers are in kW, currents in A per phase. Secrets never stand in the file: the whole value is ` + "`${NAME}`" + ` for an environment
variable, or ` + "`${file:PATH}`" + ` for a file that not everybody may read.

**run** marks what is needed by ` + "`headroom run`" + ` only; other commands take a file with ` + "`sites`" + ` alone. What is not marked **restart** may be
changed while headroom runs: see [operating](operate.md#change-the-configuration).

Editors complete and check the file with the [schema](headroom.schema.json), named in its first line:

` + "```yaml\n# yaml-language-server: $schema=https://raw.githubusercontent.com/headroom-ev/headroom/main/docs/headroom.schema.json\n```\n"

// reference is the page, with a section for each section of the file.
func reference(t *testing.T) string {
	docs := commentsOf(t)
	var page strings.Builder
	page.WriteString(preface)
	fields := Fields()
	first := map[string]string{} // where a struct's keys are explained
	for _, s := range append([]Field{{Type: "section"}}, fields...) {
		keys := within(s.Path, fields)
		if len(keys) == 0 {
			continue
		}
		if s.Path != "" {
			fmt.Fprintf(&page, "\n## `%s`\n\n%s\n", s.Path, docs.of(s))
		} else {
			page.WriteString("\n## The file\n")
		}
		if at, ok := first[keys[0].Struct]; ok {
			fmt.Fprintf(&page, "\nThe keys are those of `%s`.\n", at)
			continue
		}
		first[keys[0].Struct] = s.Path
		page.WriteString("\n| key | meaning | write | default |\n|---|---|---|---|\n")
		for _, f := range keys {
			fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", strings.TrimPrefix(f.Path, s.Path+"."), meaning(f, docs), form(f), standard(f))
		}
	}
	return page.String()
}

// within lists the keys directly in a section.
func within(section string, fields []Field) (keys []Field) {
	for _, f := range fields {
		parent := ""
		if at := strings.LastIndexByte(strings.TrimSuffix(f.Path, ".*"), '.'); at >= 0 {
			parent = f.Path[:at]
		}
		if parent == section {
			keys = append(keys, f)
		}
	}
	return keys
}

func meaning(f Field, docs comments) string {
	text := docs.of(f)
	switch f.Required {
	case "always":
		text += " **Required.**"
	case "run":
		text += " **Required: run.**"
	case "alone":
		text += " **Required without `fleet`.**"
	}
	if !f.Reload {
		text += " **restart**"
	}
	return text
}

func form(f Field) string {
	if f.Type == "section" {
		return "section"
	}
	text := f.Form
	if f.Values != nil {
		text = "`" + strings.Join(f.Values, "`, `") + "`"
	}
	switch {
	case f.Min != "" && f.Max != "":
		text += fmt.Sprintf("; %s to %s", f.Min, f.Max)
	case f.Max != "":
		text += "; at most " + f.Max
	}
	return strings.NewReplacer("|", `\|`).Replace(text)
}

func standard(f Field) string {
	if f.Default == "" {
		return ""
	}
	return "`" + f.Default + "`"
}

// comments are the doc comments of fields, by Struct.Field, and the keys that
// the fields of each struct are written as.
type comments struct {
	texts map[string]string
	keys  map[string]map[string]string
}

func commentsOf(t *testing.T) comments {
	c := comments{fieldDocs(t, "config.go", "site.go", "quantity.go"), map[string]map[string]string{}}
	for _, f := range Fields() {
		if c.keys[f.Struct] == nil {
			c.keys[f.Struct] = map[string]string{}
		}
		c.keys[f.Struct][f.Name] = lastKey(f.Path)
	}
	return c
}

// lastKey is the last key of a path.
func lastKey(path string) string {
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".*"), "[]")
	return path[strings.LastIndexByte(path, '.')+1:]
}

// isWord matches names that are a word of a sentence as well.
var isWord = regexp.MustCompile(`^[A-Z][a-z]+$`).MatchString

var goName = regexp.MustCompile(`\b[A-Z]\w*`)

// of is the doc comment of a field for readers of the file: keys instead of Go
// names, on one line. A key is not repeated before its own meaning.
func (c comments) of(f Field) string {
	text := strings.Join(strings.Fields(c.texts[f.Struct+"."+f.Name]), " ")
	keys := c.keys[f.Struct]
	own := regexp.MustCompile(`^` + f.Name + ` (is |are )?`).FindString(text)
	if rest := text[len(own):]; own != f.Name+" " || !isWord(f.Name) {
		text = strings.ToUpper(rest[:1]) + rest[1:]
	}
	sentence := 0 // where it begins: a capital there is no name
	return goName.ReplaceAllStringFunc(text, func(word string) string {
		at := sentence + strings.Index(text[sentence:], word)
		sentence = at + len(word)
		begins := at == 0 || strings.HasSuffix(text[:at], ". ")
		if key, ok := keys[word]; ok && !begins {
			return "`" + key + "`"
		}
		return word
	})
}

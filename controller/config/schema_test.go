package config

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The schema for editors is made from the types; go test -rewrite writes it anew.
func TestSchema(t *testing.T) {
	text, err := json.MarshalIndent(schemaOf(t), "", "  ")
	require.NoError(t, err)
	compare(t, "../../docs/headroom.schema.json", string(text)+"\n")
}

// node is a schema. What the program accepts, it accepts; it need not see every
// mistake.
type node struct {
	Schema      string           `json:"$schema,omitempty"`
	Title       string           `json:"title,omitempty"`
	Description string           `json:"description,omitempty"`
	Type        any              `json:"type,omitempty"` // a name, or several
	Default     any              `json:"default,omitempty"`
	Enum        []string         `json:"enum,omitempty"`
	Pattern     string           `json:"pattern,omitempty"`
	Minimum     *float64         `json:"minimum,omitempty"`
	Maximum     *float64         `json:"maximum,omitempty"`
	Items       *node            `json:"items,omitempty"`
	AnyOf       []*node          `json:"anyOf,omitempty"`
	Properties  map[string]*node `json:"properties,omitempty"`
	Additional  any              `json:"additionalProperties,omitempty"` // a node, or false
	Required    []string         `json:"required,omitempty"`
}

func schemaOf(t *testing.T) *node {
	docs := commentsOf(t)
	root := section("")
	root.Schema, root.Title = "https://json-schema.org/draft/2020-12/schema", "Configuration of headroom"
	at := map[string]*node{"": root} // where the keys of a section go
	for _, f := range Fields() {
		parent := ""
		if dot := strings.LastIndexByte(strings.TrimSuffix(f.Path, ".*"), '.'); dot >= 0 {
			parent = f.Path[:dot]
		}
		keys, outer := section(docs.of(f)), (*node)(nil)
		switch {
		case f.Type != "section":
			outer = leafNode(f, docs)
			if f.Form == leaves[reflect.TypeFor[Margin]()].want { // a percentage, or a section
				outer.AnyOf = []*node{{Type: outer.Type}, keys}
				outer.Type = nil
			}
			if strings.HasSuffix(f.Path, "[]") {
				outer = &node{Description: outer.Description, Type: "array", Items: outer}
			}
		case strings.HasSuffix(f.Path, "[]"):
			outer = &node{Description: keys.Description, Type: "array", Items: keys}
		case strings.HasSuffix(f.Path, ".*"):
			outer = &node{Description: keys.Description, Type: "object", Additional: keys}
		default:
			outer = keys
		}
		at[f.Path] = keys
		at[parent].Properties[lastKey(f.Path)] = outer
		switch f.Required {
		case "always":
			at[parent].Required = append(at[parent].Required, lastKey(f.Path))
		case "alone":
			at[parent].AnyOf = []*node{{Required: []string{lastKey(f.Path)}}, {Required: []string{"fleet"}}}
		}
	}
	return root
}

func section(description string) *node {
	return &node{Description: description, Type: "object", Properties: map[string]*node{}, Additional: false}
}

// leafNode is the schema of a value. A text may look like a number in YAML.
func leafNode(f Field, docs comments) *node {
	n := &node{Description: docs.of(f) + " Write " + f.Form + ".", Enum: f.Values}
	switch f.Type {
	case "number":
		n.Type, n.Minimum, n.Maximum = "number", number64(f.Min), number64(f.Max)
		if v := number64(f.Default); v != nil {
			n.Default = *v
		}
	case "bool":
		n.Type = "boolean"
		n.Default = f.Default == "true"
	default:
		n.Type = "string"
		if f.Default != "" {
			n.Default = f.Default
		}
		switch {
		case strings.HasPrefix(f.Form, "an id"), strings.HasPrefix(f.Form, "one line"):
			n.Type = []string{"string", "number"}
		case strings.HasPrefix(f.Form, "${NAME}"):
			n.Pattern = secretEnv.String() + "|" + regexp.MustCompile(`\\x00`).ReplaceAllString(secretFile.String(), "")
		case strings.HasPrefix(f.Form, "days "):
			n.Type = []string{"string", "array"}
		}
	}
	return n
}

// number64 is a number of a tag, or nil.
func number64(text string) *float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	return &v
}

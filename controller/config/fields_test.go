package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/policy"
)

// Every key has a doc comment, readable tags, and a type that the decoder knows.
func TestFields(t *testing.T) {
	docs := fieldDocs(t, "config.go", "site.go", "quantity.go")
	seen := map[string]bool{}
	for _, f := range Fields() {
		require.False(t, seen[f.Path], f.Path)
		seen[f.Path] = true
		require.Equal(t, f.Form == "", f.Type == "section", f.Path)
		require.NotEmpty(t, docs[f.Struct+"."+f.Name], "%s.%s needs a doc comment", f.Struct, f.Name)
		require.Contains(t, []string{"", "always", "run", "alone"}, f.Required, f.Path)
	}
	for _, path := range []string{
		"version", "edrv.api_key", "edrv.webhook_secrets[]", "listen.admin_token", "control.recover_after", "sites[]", "sites[].margin",
		"sites[].margin.kw", "sites[].circuits[].schedule[].limit.amps", "sites[].connectors[].phases", "sites[].meters.*", "sites[].meters.*.url",
	} {
		require.True(t, seen[path], path)
	}
}

// Every default, min and max of the tags can be read, and lies in its own range.
func TestTags(t *testing.T) {
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		for _, k := range keysOf(typ) {
			inner := typ.Field(k.index).Type
			if inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
				inner = inner.Elem()
			}
			l, isLeaf := leafOf(inner, k.tag)
			if !isLeaf {
				require.Equal(t, reflect.Struct, inner.Kind(), "%s.%s: no form", typ, k.name)
				visit(inner)
				continue
			}
			for _, tag := range []string{"default", "min", "max"} {
				text, ok := k.tag.Lookup(tag)
				if !ok {
					continue
				}
				v := reflect.New(inner).Elem()
				require.NoError(t, l.parse(text, v), "%s.%s: %s", typ, k.name, tag)
				d := &decoder{source: newSource("tags")}
				d.within(v, l, k.tag, k.name, text)
				require.Empty(t, d.problems)
			}
		}
	}
	visit(reflect.TypeFor[Config]())
}

// Every sharing rule of the file is one of the engine, and the other way round.
func TestSharesAreRules(t *testing.T) {
	require.ElementsMatch(t, policy.RuleNames(), Share("").Values())
}

// What needs a restart is a choice worth seeing.
func TestFieldsThatNeedARestart(t *testing.T) {
	var frozen []string
	for _, f := range Fields() {
		if !f.Reload {
			frozen = append(frozen, f.Path)
		}
	}
	require.Equal(t, []string{"edrv.url", "listen.webhooks", "listen.admin", "data_dir", "fleet.nats[]", "fleet.creds", "fleet.node", "fleet.role"}, frozen)
}

func TestDefaultThatCannotBeReadPanics(t *testing.T) {
	var wrong struct {
		A bool `yaml:"a" default:"maybe"`
	}
	require.Panics(t, func() { setDefaults(reflect.ValueOf(&wrong).Elem()) })
}

// fieldDocs is the doc comments of the struct fields in files, by Struct.Field.
func fieldDocs(t *testing.T, files ...string) map[string]string {
	t.Helper()
	docs := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					for _, id := range field.Names {
						docs[spec.Name.Name+"."+id.Name] = strings.TrimSpace(field.Doc.Text())
					}
				}
			}
			return false
		})
	}
	return docs
}

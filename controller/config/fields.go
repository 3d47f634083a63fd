package config

import "reflect"

// Field is one key of the file, as the types and their tags define it. The path
// of a list ends with [], that of a section with freely chosen names with .*; the
// rest of the Field is then about their items.
type Field struct {
	Path     string   // Such as sites[].circuits[].limit.kw, sites[].meters.*.url.
	Struct   string   // The Go struct and
	Name     string   // its field, for the doc comment.
	Type     string   // "text", "number", "bool" or "section".
	Form     string   // What to write, in words; empty for sections.
	Values   []string // What an enumeration may say.
	Default  string   // As text; empty for none.
	Min, Max string   // Both included; empty for none.
	Required string   // "always", "run", "alone" (without fleet) or empty.
	Reload   bool     // Whether a reload may change it.
}

// Fields lists every key of the file in the order of the types. The reference page
// and the JSON Schema are made from it and from the fields' doc comments.
func Fields() []Field {
	var out []Field
	listFields(reflect.TypeFor[Config](), "", &out)
	return out
}

func listFields(t reflect.Type, section string, out *[]Field) {
	for _, k := range keysOf(t) {
		f := t.Field(k.index)
		path, inner := join(section, k.name), f.Type
		if inner.Kind() == reflect.Slice {
			path, inner = path+"[]", inner.Elem()
		} else if inner.Kind() == reflect.Map {
			path, inner = path+".*", inner.Elem()
		}
		l, isLeaf := leafOf(inner, k.tag)
		*out = append(*out, Field{
			Path: path, Struct: t.Name(), Name: f.Name, Type: "section", Form: l.want, Values: valuesOf(inner),
			Default: k.tag.Get("default"), Min: k.tag.Get("min"), Max: k.tag.Get("max"),
			Required: k.tag.Get("required"), Reload: k.tag.Get("reload") != "no",
		})
		if isLeaf {
			(*out)[len(*out)-1].Type = l.style.String()
		}
		if !isLeaf || inner == reflect.TypeFor[Margin]() {
			listFields(inner, path, out)
		}
	}
}

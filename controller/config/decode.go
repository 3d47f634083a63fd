package config

import (
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// decoder reads nodes into values by the tags of their fields. It notes the place
// of every value, records every mistake, and goes on: what cannot be read keeps
// its default.
type decoder struct {
	*source
	use      Use
	complete bool // Whether keys that are required to run must be there.
}

// key is one key of a section.
type key struct {
	name  string
	index int // Of the field in its struct.
	tag   reflect.StructTag
}

// keysOf lists the keys of a section in the order of its fields.
func keysOf(t reflect.Type) []key {
	var keys []key
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		if name := tag.Get("yaml"); name != "-" {
			keys = append(keys, key{name: name, index: i, tag: tag})
		}
	}
	return keys
}

// setDefaults fills in the defaults of a section and of the sections in it. A
// default that cannot be read is a mistake in the program; a test reads them all.
func setDefaults(v reflect.Value) {
	if d, ok := v.Addr().Interface().(interface{ setDefaults() }); ok {
		d.setDefaults()
		return
	}
	if v.Kind() != reflect.Struct {
		return
	}
	for _, k := range keysOf(v.Type()) {
		field := v.Field(k.index)
		l, isLeaf := leafOf(field.Type(), k.tag)
		if !isLeaf {
			setDefaults(field)
		} else if text, ok := k.tag.Lookup("default"); ok {
			if err := l.parse(text, field); err != nil {
				panic(fmt.Sprintf("config: default of %s: %q", k.name, text))
			}
		}
	}
}

// value reads one node into a value.
func (d *decoder) value(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string) {
	d.at[path] = place(n)
	if !d.plain(n, path) {
		return
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		d.problem(path, "has no value: give it one, or remove the key")
		return
	}
	l, isLeaf := leafOf(v.Type(), tag)
	switch {
	case isLeaf && n.Kind == yaml.SequenceNode && v.Type() == reflect.TypeFor[Days]():
		d.days(n, v, path)
	case isLeaf && !(n.Kind == yaml.MappingNode && v.Type() == reflect.TypeFor[Margin]()):
		d.leaf(n, v, l, tag, path)
	case v.Kind() == reflect.Slice:
		d.list(n, v, tag, path)
	case v.Kind() == reflect.Map:
		d.named(n, v, path)
	default:
		v.SetZero()
		setDefaults(v)
		d.section(n, v, path)
	}
}

// plain refuses what makes a value stand elsewhere than where it holds, or be
// something else than it looks. It reports whether there is a value to read.
func (d *decoder) plain(n *yaml.Node, path string) bool {
	if n.Anchor != "" {
		d.problemAt(place(n), path, "&%s is an anchor: remove it; aliases are not allowed", clip(n.Anchor))
	}
	switch {
	case n.Kind == yaml.AliasNode:
		d.problemAt(place(n), path, "*%s is an alias: write the value out here", clip(n.Value))
	case n.Style&yaml.TaggedStyle != 0:
		d.problemAt(place(n), path, "has the explicit tag %q: remove it", clip(n.Tag))
	default:
		return true
	}
	return false
}

// leaf reads a scalar.
func (d *decoder) leaf(n *yaml.Node, v reflect.Value, l leaf, tag reflect.StructTag, path string) {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	switch {
	case n.Kind != yaml.ScalarNode:
		d.problem(path, "is a %s: want %s", kindOf(n), l.want)
		return
	case l.style == asText && n.ShortTag() == "!!bool":
		d.problem(path, "is true or false: want %s; a text that looks like that needs quotes", l.want)
		return
	case l.style != asText && n.Style&quoted != 0:
		d.problem(path, "is in quotes: want %s, without quotes", l.want)
		return
	}
	err := l.parse(n.Value, v)
	switch {
	case err != nil && l.secret:
		d.problem(path, "want %s", l.want)
	case err != nil:
		detail := err.Error()
		if detail != "" {
			detail = ": " + detail
		}
		d.problem(path, "want %s, not %q%s", l.want, clip(n.Value), detail)
	default:
		d.within(v, l, tag, path, n.Value)
	}
}

// within checks a value against the tags min and max.
func (d *decoder) within(v reflect.Value, l leaf, tag reflect.StructTag, path, text string) {
	limit := reflect.New(v.Type()).Elem()
	if least, ok := tag.Lookup("min"); ok {
		if l.parse(least, limit) == nil && magnitude(v) < magnitude(limit) {
			d.problem(path, "must be at least %s, not %s (want %s)", least, clip(text), l.want)
		}
	}
	if most, ok := tag.Lookup("max"); ok {
		if l.parse(most, limit) == nil && magnitude(v) > magnitude(limit) {
			d.problem(path, "must be at most %s, not %s (want %s)", most, clip(text), l.want)
		}
	}
}

// magnitude is the number by which two values of a leaf type compare.
func magnitude(v reflect.Value) int64 {
	if m, ok := v.Interface().(Margin); ok {
		return int64(m.Share)
	}
	return v.Int()
}

// days reads a list of days, each in the text form.
func (d *decoder) days(n *yaml.Node, v reflect.Value, path string) {
	var all Days
	for i, item := range n.Content {
		var days Days
		d.value(item, reflect.ValueOf(&days).Elem(), "", fmt.Sprintf("%s[%d]", path, i))
		all |= days
	}
	if all == 0 && d.sound(path) {
		d.problem(path, "is an empty list: name the days, or remove the key for all days")
	}
	v.Set(reflect.ValueOf(all))
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string) {
	if n.Kind != yaml.SequenceNode {
		d.problem(path, "is a %s: want a list, each item after \"- \"", kindOf(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, v.Index(i), tag, fmt.Sprintf("%s[%d]", path, i))
	}
}

// named reads a section whose keys are names that the operator chooses.
func (d *decoder) named(n *yaml.Node, v reflect.Value, path string) {
	out := reflect.MakeMap(v.Type())
	d.pairs(n, path, func(name string, at position, node *yaml.Node) {
		if !isID(name) {
			d.problemAt(at, join(path, name), "want as a name %s", formats["id"].want)
			return
		}
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(node, item, "", join(path, name))
		out.SetMapIndex(reflect.ValueOf(name), item)
	})
	v.Set(out)
}

// section reads a section with the keys of a struct.
func (d *decoder) section(n *yaml.Node, v reflect.Value, path string) {
	keys := keysOf(v.Type())
	d.pairs(n, path, func(name string, at position, node *yaml.Node) {
		for _, k := range keys {
			if k.name == name {
				d.value(node, v.Field(k.index), k.tag, join(path, name))
				return
			}
		}
		d.problemAt(at, join(path, name), "unknown key: known here are %s", strings.Join(names(keys), ", "))
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	for _, k := range keys {
		if child := join(path, k.name); !d.has(child) && d.demands(child, k.tag.Get("required")) {
			d.problem(child, "is missing: %s", wanted(v.Field(k.index).Type(), k.tag))
		}
	}
}

// demands reports whether the file must give a key, by its tag required.
func (d *decoder) demands(path, required string) bool {
	if d.use == ForInventory {
		return path == "edrv" || path == apiKey || required == "always"
	}
	if d.use.shared() && (path == "edrv" || path == "listen") {
		return false
	}
	return required == "always" || required == "run" && d.complete || required == "alone" && !d.sitesElsewhere()
}

// sitesElsewhere reports whether the file is of a machine that finds its sites in
// the fleet.
func (d *decoder) sitesElsewhere() bool {
	return d.has("fleet") && !d.has("sites") && (d.use == ForRun || d.use == ForCheck)
}

// pairs visits the keys of a mapping, and refuses those that are no plain texts or
// stand there twice.
func (d *decoder) pairs(n *yaml.Node, path string, visit func(name string, at position, node *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.problem(path, "is a %s: want a section of keys, each as \"key: value\"", kindOf(n))
		return
	}
	seen := map[string]position{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, at := n.Content[i], place(n.Content[i])
		if k.Kind != yaml.ScalarNode {
			d.problemAt(at, path, "a %s stands where a key is expected: write a plain word", kindOf(k))
			continue
		}
		child := join(path, k.Value)
		first, again := seen[k.Value]
		switch {
		case k.ShortTag() == "!!merge":
			d.problemAt(at, child, "merge keys are not allowed: write the keys out")
		case !d.plain(k, child):
		case again:
			d.problemAt(at, child, "given twice: first in line %d; keep one of them", first.line)
		default:
			seen[k.Value] = at
			visit(k.Value, at, n.Content[i+1])
		}
	}
}

// wanted says what to write for a key.
func wanted(t reflect.Type, tag reflect.StructTag) string {
	if l, ok := leafOf(t, tag); ok {
		return "want " + l.want
	}
	if t.Kind() != reflect.Struct {
		return "want a list"
	}
	return "want a section with " + strings.Join(names(keysOf(t)), ", ")
}

func names(keys []key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.name
	}
	return out
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "section of keys"
	case yaml.SequenceNode:
		return "list"
	case yaml.AliasNode:
		return "alias"
	default:
		return "single value"
	}
}

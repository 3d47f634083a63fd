package config

import "reflect"

// NeedsRestart lists the keys that differ between two configurations and that a
// reload can not change: those with the tag reload:"no", outside of lists, and
// sites where the file has them before or after, and the fleet has them else.
func NeedsRestart(now, next *Config) []string {
	var keys []string
	compareFixed(reflect.ValueOf(*now), reflect.ValueOf(*next), "", &keys)
	if now.Fleet.HasSites != next.Fleet.HasSites {
		keys = append(keys, "sites")
	}
	return keys
}

func compareFixed(now, next reflect.Value, section string, keys *[]string) {
	for _, k := range keysOf(now.Type()) {
		a, b, path := now.Field(k.index), next.Field(k.index), join(section, k.name)
		if k.tag.Get("reload") == "no" {
			if !reflect.DeepEqual(a.Interface(), b.Interface()) {
				*keys = append(*keys, path)
			}
			continue
		}
		if _, isLeaf := leafOf(a.Type(), k.tag); !isLeaf && a.Kind() == reflect.Struct {
			compareFixed(a, b, path, keys)
		}
	}
}

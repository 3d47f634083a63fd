package config

import (
	"net/url"
	"slices"
	"strings"
)

// meterKeys are the keys that a type of meter needs, and those that only some
// types have.
var meterKeys = map[MeterType]struct{ needs, takes []string }{
	MeterHTTP:       {needs: []string{"url"}, takes: []string{"field"}},
	MeterMQTT:       {needs: []string{"broker", "topic"}, takes: []string{"field"}},
	MeterPrometheus: {needs: []string{"url", "query"}},
}

// schemes are those of a meter's addresses.
var schemes = map[string][]string{"url": {"http", "https"}, "broker": {"mqtt", "mqtts"}}

func (c *checker) meter(path string, m *Meter) {
	c.secret(path+".password", &m.Password)
	if every := path + ".every"; c.sound(every) && c.sound(path+".stale") && m.Stale < m.Every {
		c.problem(path+".stale", "is shorter than every: each reading would be stale before the next")
	}
	if m.Type == MeterModbus {
		c.problem(path+".type", "modbus is not read directly: put a gateway that speaks MQTT or HTTP beside the meter (Telegraf, evcc, Node-RED), and use type mqtt or http")
	}
	keys, ok := meterKeys[m.Type]
	if !ok {
		return
	}
	for _, key := range []string{"url", "broker", "topic", "query", "field"} {
		at := join(path, key)
		switch needed := slices.Contains(keys.needs, key); {
		case needed && !c.has(at):
			c.problem(at, "is missing: a meter of type %s needs %s", m.Type, strings.Join(keys.needs, " and "))
		case !needed && c.has(at) && !slices.Contains(keys.takes, key):
			c.problem(at, "does not belong to a meter of type %s: remove it", m.Type)
		}
	}
	c.scheme(path+".url", m.URL, "url")
	c.scheme(path+".broker", m.Broker, "broker")
}

func (c *checker) scheme(path, address, key string) {
	u, err := url.Parse(address)
	if err == nil && c.usable(path) && !slices.Contains(schemes[key], u.Scheme) {
		c.problem(path, "must begin with %s://", strings.Join(schemes[key], ":// or "))
	}
}

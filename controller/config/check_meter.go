package config

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/headroom-ev/headroom/policy"
)

// meterKeys are the keys that a type of meter needs, and those that only some
// types have.
var meterKeys = map[MeterType]struct{ needs, takes []string }{
	MeterHTTP:       {needs: []string{"url"}, takes: []string{"field", "unit_field", "token"}},
	MeterMQTT:       {needs: []string{"broker", "topic"}, takes: []string{"field", "unit_field"}},
	MeterPrometheus: {needs: []string{"url", "query"}, takes: []string{"token"}},
}

// schemes are those of a meter's addresses; the second is encrypted.
var schemes = map[string][]string{"url": {"http", "https"}, "broker": {"mqtt", "mqtts"}}

func (c *checker) meter(path string, m *Meter) {
	c.secret(path+".password", &m.Password)
	c.secret(path+".token", &m.Token)
	if every := path + ".every"; m.Type != MeterMQTT && c.sound(every) && c.sound(path+".stale") && m.Stale < m.Every {
		c.problem(path+".stale", "is shorter than every: each reading would be stale before the next")
	}
	if m.Type == MeterModbus {
		c.problem(path+".type", "modbus is not read directly: put a gateway that speaks MQTT or HTTP beside the meter (Telegraf, evcc, Node-RED), and use type mqtt or http")
	}
	keys, ok := meterKeys[m.Type]
	if !ok {
		return
	}
	for _, key := range []string{"url", "broker", "topic", "query", "field", "unit_field", "token"} {
		at := join(path, key)
		switch needed := slices.Contains(keys.needs, key); {
		case key == "query" && needed && len(m.Phases) > 0: // then their sum is the reading
		case needed && !c.has(at):
			c.problem(at, "is missing: a meter of type %s needs %s", m.Type, strings.Join(keys.needs, " and "))
		case !needed && c.has(at) && !slices.Contains(keys.takes, key):
			c.problem(at, "does not belong to a meter of type %s: remove it", m.Type)
		}
	}
	if phases := path + ".phases"; c.usable(phases) && len(m.Phases) != 3 {
		c.problem(phases, "want three, of L1, L2 and L3 in this order, not %d", len(m.Phases))
	}
	if c.has(path+".unit") && c.has(path+".unit_field") {
		c.problem(path+".unit_field", "want unit or unit_field, not both")
	}
	if topic := path + ".topic"; c.usable(topic) && strings.ContainsAny(m.Topic, "+#") {
		c.problem(topic, "names one topic, without the wildcards + and #")
	}
	c.login(path, m)
	c.scheme(path+".url", m.URL, "url")
	c.scheme(path+".broker", m.Broker, "broker")
}

// login checks how headroom proves who it is, and the source who that is.
func (c *checker) login(path string, m *Meter) {
	name, password, token := c.has(path+".username"), c.has(path+".password"), c.has(path+".token")
	switch {
	case name && token, password && token:
		c.problem(path+".token", "want a token, or username and password, not both")
	case password && !name:
		c.problem(path+".password", "has no username beside it: add one, or remove it")
	}
	address := m.URL + m.Broker
	encrypted := strings.HasPrefix(address, "https:") || strings.HasPrefix(address, "mqtts:")
	if (password || token) && !encrypted && !localAddress(address) {
		c.warn(path+".type", "the login is sent in the clear over the Internet: use https or mqtts")
	}
	ca := path + ".ca_file"
	if !c.usable(ca) || c.use != ForRun && c.use != ForFleet && c.use != ForCheck {
		return
	}
	pem, err := os.ReadFile(m.CAFile)
	switch {
	case err != nil:
		c.problem(ca, "%v", readError(m.CAFile, err))
	case !x509.NewCertPool().AppendCertsFromPEM(pem):
		c.problem(ca, "%s holds no certificate: want PEM, a block that begins with -----BEGIN CERTIFICATE-----", m.CAFile)
	case !encrypted:
		c.warn(ca, "is not used without https or mqtts")
	}
}

// localAddress reports whether an address is inside the network: a name without
// a dot, one under .local or the like, or a private address.
func localAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	if err == nil {
		return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast()
	}
	return !strings.Contains(host, ".") || slices.ContainsFunc([]string{".local", ".lan", ".internal", ".home.arpa"}, func(suffix string) bool {
		return strings.HasSuffix(host, suffix)
	})
}

// meterRange checks between what a reading can be, and fills in what is not
// given.
func (c *checker) meterRange(path string, s *Site, name string, m *Meter) {
	for _, key := range []string{"export", "max"} {
		if at := join(path, key); c.has(at+".amps") || c.usable(at) && !c.has(at+".kw") {
			c.problem(at, "want {kw: …}")
		}
	}
	var base, limit policy.Milliwatts
	for i := range s.Circuits {
		k := &s.Circuits[i]
		if k.BaseLoad.Meter != name {
			continue
		}
		base = max(base, k.BaseLoad.Worst(s.Voltage).Power)
		carries := k.Limit.Power
		if !k.Limit.HasPower() && k.Limit.HasCurrent() {
			carries = wiring(policy.AllPhases, s.Voltage).Power(k.Limit.Current)
		}
		if carries < policy.Unlimited {
			limit = max(limit, carries)
		}
	}
	switch most := path + ".max"; {
	case !c.has(most):
		m.Max = Level{Power: 2 * max(limit, base)}
	case c.sound(most) && m.Max.Power < base:
		c.problem(most, "is %s, below the max of the base_load, %s: a load that high would count as no reading", levelText(m.Max, DC), levelText(Level{Power: base}, DC))
	}
}

func (c *checker) scheme(path, address, key string) {
	u, err := url.Parse(address)
	if err == nil && c.usable(path) && !slices.Contains(schemes[key], u.Scheme) {
		c.problem(path, "must begin with %s://", strings.Join(schemes[key], ":// or "))
	}
}

package config

import (
	"net/netip"
	"net/url"
	"os"
	"slices"
)

// natsSchemes are those of NATS servers, with and without TLS.
var natsSchemes = []string{"tls", "wss", "nats", "ws"}

func (c *checker) fleet(f *Fleet) {
	const servers = "fleet.nats"
	if c.sound(servers) && len(f.NATS) == 0 {
		c.problem(servers, "needs at least one server, such as tls://nats.example.org:4222")
	}
	for i, address := range f.NATS {
		c.natsServer(item(servers, i), address)
	}
	if !c.has("fleet.node") {
		f.Node, _ = os.Hostname()
		if !isID(f.Node) {
			c.problem("fleet.node", "is missing, and the host name is none that can take its place: want a name that no other machine of the fleet has")
		}
	}
	f.Creds.lines = true
	c.secret("fleet.creds", &f.Creds)
}

func (c *checker) natsServer(path, address string) {
	u, err := url.Parse(address)
	if err != nil || !c.sound(path) {
		return
	}
	ip, notIP := netip.ParseAddr(u.Hostname())
	switch {
	case !slices.Contains(natsSchemes, u.Scheme):
		c.problem(path, "must begin with tls:// or wss:// (nats:// and ws:// are without encryption)")
	case u.Scheme == "tls", u.Scheme == "wss", loopbackHost(u.Hostname()):
	case notIP == nil && !ip.IsPrivate():
		c.problem(path, "sends orders and credentials in the clear over a public network: use tls://")
	default:
		c.warn(path, "sends credentials and events in the clear over the network: use tls:// where the servers can")
	}
}

package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// checker holds the rules between keys. It runs after the whole file is read, fills
// in the defaults that depend on other keys, and leaves alone what could not be
// read.
type checker struct {
	*decoder
	cfg *Config
	env func(string) (string, bool)
}

func (c *checker) check() {
	if c.usable("version") && c.cfg.Version != 1 {
		c.problem("version", "is %d: this program reads version 1", c.cfg.Version)
	}
	if c.has("edrv") {
		c.edrv(&c.cfg.EDRV)
	}
	if c.has("listen") {
		c.listen(&c.cfg.Listen)
	}
	if c.has("fleet") {
		c.fleet(&c.cfg.Fleet)
	}
	if c.use.shared() {
		for _, key := range []string{"edrv", "listen", "data_dir", "fleet"} {
			if c.has(key) {
				c.problem(key, "is of one machine: what all machines of a fleet share is control and sites")
			}
		}
	}
	c.cfg.Fleet.HasSites = c.sitesElsewhere()
	if c.cfg.Fleet.HasSites && c.has("control") {
		c.problem("control", "stands where the sites stand: without sites here, the fleet has both")
	}
	c.sites()
}

const apiKey = "edrv.api_key"

func (c *checker) edrv(e *EDRV) {
	c.edrvURL(e)
	c.secret(apiKey, &e.APIKey)
	for i := range e.WebhookSecrets {
		c.secret(item("edrv.webhook_secrets", i), &e.WebhookSecrets[i])
	}
	listen := "listen.webhooks"
	switch {
	case !e.InsecureUnsigned:
		if c.complete && len(e.WebhookSecrets) == 0 && c.sound("edrv.webhook_secrets") {
			c.problem("edrv.webhook_secrets", "needs at least one secret, as ${NAME} or ${file:PATH}: without it nobody can tell eDRV's webhooks from forged ones")
		}
	case c.has("listen") && c.sound(listen) && !loopback(c.cfg.Listen.Webhooks):
		c.problem("edrv.insecure_unsigned", "is only for tests with a loopback listen.webhooks such as 127.0.0.1:8080, not %s", c.cfg.Listen.Webhooks)
	default:
		c.warn("edrv.insecure_unsigned", "webhooks are accepted without a signature: only for tests")
	}
}

func (c *checker) edrvURL(e *EDRV) {
	const path = "edrv.url"
	u, err := url.Parse(e.URL)
	if err != nil || !c.sound(path) {
		return
	}
	e.URL = strings.TrimRight(e.URL, "/")
	address, notIP := netip.ParseAddr(u.Hostname())
	switch {
	case u.RawQuery != "" || u.ForceQuery:
		c.problem(path, "must not have a query: remove everything from the question mark on")
	case u.Scheme == "https", u.Scheme == "http" && loopbackHost(u.Hostname()):
	case u.Scheme == "http" && notIP == nil && address.IsPrivate():
		c.warn(path, "sends the API key in the clear over the network: use https where the server can")
	default:
		c.problem(path, "must begin with https:// (http:// is for loopback and private addresses)")
	}
}

// minTokenBytes is the least length of a token that guards a reachable listener.
const minTokenBytes = 32

func (c *checker) listen(l *Listen) {
	const token = "listen.admin_token"
	c.secret(token, &l.AdminToken)
	if !c.sound("listen.admin") {
		return
	}
	if !loopback(l.Admin) {
		switch {
		case !c.has(token):
			c.problem(token, "is missing: %s can be reached from outside; give a token as ${NAME} or ${file:PATH}, or listen on 127.0.0.1", l.Admin)
		case l.AdminToken.value != nil && len(l.AdminToken.Reveal()) < minTokenBytes:
			c.problem(token, "has fewer than %d bytes, and %s can be reached from outside: make one with openssl rand -hex 32", minTokenBytes, l.Admin)
		}
	}
	if l.Admin == l.Webhooks && !strings.HasSuffix(l.Admin, ":0") {
		c.problem("listen.admin", "is the same as listen.webhooks: give each its own port")
	}
}

// secret fetches the value of a secret where the use needs it.
func (c *checker) secret(path string, s *Secret) {
	needed := c.use == ForRun || c.use == ForFleet || c.use == ForInventory && path == apiKey
	if s.ref == "" || !needed && c.use != ForCheck && c.use != ForApply {
		return
	}
	warning, err := s.resolve(c.env)
	switch {
	case err != nil && needed:
		c.problem(path, "%v", err)
	case err != nil:
		c.warn(path, "%v (needed to run)", err)
	case warning != "":
		c.warn(path, "%s", warning)
	}
}

// loopback reports whether an address host:port is reached from this host only.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopbackHost(host)
}

func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

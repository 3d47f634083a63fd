package edrvapi

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// newTransport is the connection to eDRV: explicit timeouts at every stage, no proxy of
// the environment, and with guarded set no address inside a network.
//
// It speaks HTTP/1.1 only. With one call per connection, "was a connection handed out?"
// answers "can eDRV have seen this?". Idle connections are dropped before a load
// balancer drops them, since an order that is written to a connection just closed has
// an unknown outcome.
func newTransport(timeout time.Duration, guarded bool) *http.Transport {
	dialer := &net.Dialer{Timeout: min(timeout, 3*time.Second), KeepAlive: 15 * time.Second}
	if guarded {
		dialer.ControlContext = refusePrivate
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    min(timeout, 3*time.Second),
		ResponseHeaderTimeout:  timeout,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    maxInFlight,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // A small body must not unfold into a large one.
		Protocols:              protocols,
	}
}

// refusePrivate is asked with the address that is about to be dialled, after names were
// resolved, so a name that comes to point inside the network is refused too.
func refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrPrivateHost, address)
	}
	if !isPublic(ap.Addr()) {
		return fmt.Errorf("%w: %s", ErrPrivateHost, ap.Addr())
	}
	return nil
}

// special are the blocks that are not the Internet, beyond those that netip knows:
// "this" network, carrier NAT (with a cloud's metadata service in it), protocol
// assignments (another one), benchmarking, and the reserved rest with broadcast.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"),
}

// nat64 embeds an IPv4 address in its last four bytes.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// isPublic reports whether an address is one of the Internet.
func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate()
}

// isLocalHost reports whether a host of a URL is by itself inside the network: such an
// address, localhost, or a name without a dot, as containers in one network have. What
// other names resolve to is known only when they are dialled.
func isLocalHost(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return !isPublic(a)
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost")
}

package edrvsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// SignatureHeader carries the signature of a webhook ("Secure Webhooks").
const SignatureHeader = "edrv-signature"

// Scheme is which bytes a signature covers, and how its header looks. eDRV's
// page does not show it, so a client must cope with all.
type Scheme uint8

// The schemes. All are SHA-256 HMACs in hex, keyed by the endpoint's secret.
const (
	SignBody          Scheme = iota // t=<timestamp>,v1=<hmac of body>
	SignTimestampBody               // t=<timestamp>,v1=<hmac of t + "." + body>
	SignLegacy                      // sha256=<hmac of body>
	Unsigned                        // no header
)

// Signing is how webhooks are signed.
type Signing struct {
	Secret  string
	Scheme  Scheme
	Seconds bool // t in seconds instead of milliseconds
}

// Header is the value of [SignatureHeader] for a body sent at a time; "" if
// webhooks are not signed.
func (s Signing) Header(body []byte, at time.Time) string {
	t := strconv.FormatInt(at.UnixMilli(), 10)
	if s.Seconds {
		t = strconv.FormatInt(at.Unix(), 10)
	}
	switch s.Scheme {
	case SignBody:
		return "t=" + t + ",v1=" + s.mac(body)
	case SignTimestampBody:
		return "t=" + t + ",v1=" + s.mac([]byte(t+"."), body)
	case SignLegacy:
		return "sha256=" + s.mac(body)
	default:
		return ""
	}
}

func (s Signing) mac(parts ...[]byte) string {
	h := hmac.New(sha256.New, []byte(s.Secret))
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

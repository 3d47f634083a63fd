package edrvapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// SignatureHeader is the header that carries eDRV's signature.
const SignatureHeader = "Edrv-Signature"

// Why a delivery was not accepted. All of them are to be answered with 401.
var (
	ErrSignatureMissing   = errors.New("no signature")
	ErrSignatureMalformed = errors.New("malformed signature")
	ErrSignatureMismatch  = errors.New("signature does not match")
	ErrSignatureTooOld    = errors.New("signed too long ago")
	ErrSignatureTooNew    = errors.New("signed in the future")
	ErrSignatureWeaker    = errors.New("signed by a weaker scheme than deliveries before it, and its event is not new")
)

// ClockError is a signature that is right, of a time that is not: an ErrSignatureTooOld
// or ErrSignatureTooNew. Many of them say that a clock is wrong.
type ClockError struct {
	Skew time.Duration // local time less signed time
}

// Error says how far the times are apart.
func (e *ClockError) Error() string {
	return fmt.Sprintf("%s: by %s", e.Unwrap(), e.Skew.Abs().Round(time.Millisecond))
}

// Unwrap is ErrSignatureTooOld or ErrSignatureTooNew.
func (e *ClockError) Unwrap() error {
	if e.Skew > 0 {
		return ErrSignatureTooOld
	}
	return ErrSignatureTooNew
}

// Scheme is how eDRV signs. Its documentation shows two headers and not which bytes are
// signed, so there are three, in order of strength.
type Scheme uint8

// The schemes. The header of Body and TimestampBody is "t=<time>,v1=<hex>", of SHA256
// it is "sha256=<hex>". All are HMAC-SHA256 with the endpoint's secret as key.
const (
	Auto          Scheme = iota // any of those below; one weaker than one that has matched before for new events only
	SHA256                      // legacy: the body; no time, so no protection from replays
	Body                        // the body; the time is not signed
	TimestampBody               // the time as written, a dot, and the body
)

var schemeNames = []string{"auto", "sha256", "body", "timestamp.body"}

// String is the scheme's name in a configuration.
func (s Scheme) String() string { return nameOf(schemeNames, s) }

// ParseScheme is the scheme with the given name: auto, body, timestamp.body or sha256.
func ParseScheme(name string) (Scheme, error) {
	for i, n := range schemeNames {
		if n == name {
			return Scheme(i), nil
		}
	}
	return 0, fmt.Errorf("unknown signing scheme %q: want auto, body, timestamp.body or sha256", name)
}

// VerifierConfig says which deliveries are accepted.
type VerifierConfig struct {
	Secrets   []string      // of the endpoint; several while rotating, at most 8
	Signing   Scheme        // Auto unless eDRV's scheme is known
	Tolerance time.Duration // of the signed time, both ways; 5 minutes if 0

	// Unsigned accepts deliveries without a signature, which anyone can send. One with
	// a signature is still checked if there are secrets.
	Unsigned bool
}

// Verifier checks the signatures of webhook deliveries. It is safe for concurrent use.
type Verifier struct {
	keys      []*key
	scheme    Scheme
	tolerance time.Duration
	unsigned  bool
	strongest atomic.Uint32 // the strongest scheme that has matched
}

// NewVerifier is a verifier for the configuration.
func NewVerifier(cfg VerifierConfig) (*Verifier, error) {
	v := &Verifier{scheme: cfg.Signing, tolerance: cfg.Tolerance, unsigned: cfg.Unsigned}
	switch {
	case len(cfg.Secrets) == 0 && !cfg.Unsigned:
		return nil, errors.New("no webhook secret")
	case len(cfg.Secrets) > 8:
		return nil, errors.New("more than 8 webhook secrets")
	case cfg.Tolerance < 0:
		return nil, fmt.Errorf("negative webhook tolerance %s", cfg.Tolerance)
	case cfg.Signing > TimestampBody:
		return nil, fmt.Errorf("unknown signing scheme %d", cfg.Signing)
	}
	if v.tolerance == 0 {
		v.tolerance = 5 * time.Minute
	}
	for i, secret := range cfg.Secrets {
		if secret == "" {
			return nil, fmt.Errorf("webhook secret %d is empty", i+1)
		}
		v.keys = append(v.keys, newKey(secret))
	}
	return v, nil
}

// Matched is the strongest scheme that a delivery has matched so far, Auto if none has.
func (v *Verifier) Matched() Scheme { return Scheme(v.strongest.Load()) }

// Verify returns nil if body was signed by one of the secrets at a time within the
// tolerance of now. body is the body as received, byte for byte.
//
// The header must be there once. Its digest is 64 lower-case hexadecimal digits, as
// eDRV documents; upper case is malformed. A v1 header may carry several v1 digests,
// and keys that are unknown. Its time is in milliseconds if it is above 1e11, else in
// seconds. It is judged after the digest, so that a ClockError speaks of an authentic
// delivery. In the schemes Body and SHA256 an old body can be sent again with a fresh
// time, or none: the callers' record of event ids is the protection from that.
//
// With Auto, a scheme weaker than one that has matched is accepted only for an event
// that was created within the tolerance: its own time is part of the body, and so signed
// in all schemes. Somebody who recorded an old delivery cannot fall back to a scheme that
// does not sign the time, and eDRV may change how it signs at any time.
func (v *Verifier) Verify(header http.Header, body []byte, now time.Time) error {
	values := header[SignatureHeader]
	if len(values) == 0 {
		if v.unsigned {
			return nil
		}
		return ErrSignatureMissing
	}
	if len(v.keys) == 0 {
		return nil // Unsigned, and nothing to check it with.
	}
	if len(values) > 1 {
		return fmt.Errorf("%w: %d signature headers", ErrSignatureMalformed, len(values))
	}
	sig, err := parseSignature(values[0])
	if err != nil {
		return err
	}
	scheme := v.match(sig, body)
	if scheme == Auto {
		return ErrSignatureMismatch
	}
	if scheme != SHA256 {
		if skew := now.Sub(sig.time); skew.Abs() > v.tolerance {
			return &ClockError{Skew: skew}
		}
	}
	if v.scheme == Auto && scheme < v.Matched() && !v.isNew(body, now) {
		return ErrSignatureWeaker
	}
	v.raise(scheme)
	return nil
}

// isNew reports whether the event in a body was created within the tolerance.
func (v *Verifier) isNew(body []byte, now time.Time) bool {
	e, _, err := decodeEnvelope(body)
	return err == nil && !e.CreatedAt.IsZero() && now.Sub(e.CreatedAt).Abs() <= v.tolerance
}

// match is the scheme that the signature matches, of those that are accepted; Auto if
// none. Every secret is tried.
func (v *Verifier) match(sig signature, body []byte) Scheme {
	candidates := []Scheme{Body, TimestampBody}
	if sig.timestamp == "" {
		candidates = []Scheme{SHA256}
	}
	for _, scheme := range candidates {
		if v.scheme != Auto && v.scheme != scheme {
			continue
		}
		for _, k := range v.keys {
			var prefix string
			if scheme == TimestampBody {
				prefix = sig.timestamp
			}
			if k.signed(prefix, body, sig.digests[:sig.count]) {
				return scheme
			}
		}
	}
	return Auto
}

// raise records that the scheme has matched.
func (v *Verifier) raise(s Scheme) {
	for {
		old := v.strongest.Load()
		if uint32(s) <= old || v.strongest.CompareAndSwap(old, uint32(s)) {
			return
		}
	}
}

// key is one secret. Its HMAC states are kept, since setting one up costs as much as
// hashing a body.
type key struct{ macs sync.Pool }

type mac struct {
	hash.Hash
	sum [sha256.Size]byte
	hex [2 * sha256.Size]byte
}

func newKey(secret string) *key {
	k := new(key)
	k.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, []byte(secret))} }
	return k
}

// signed reports whether one of the digests is the key's, of body or of
// "timestamp.body".
func (k *key) signed(timestamp string, body []byte, digests []string) bool {
	m := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	m.Reset()
	if timestamp != "" {
		m.Write(append(append(m.hex[:0], timestamp...), '.'))
	}
	m.Write(body)
	hex.Encode(m.hex[:], m.Sum(m.sum[:0]))
	match := 0
	for _, d := range digests {
		match |= subtle.ConstantTimeCompare(m.hex[:], []byte(d))
	}
	return match == 1
}

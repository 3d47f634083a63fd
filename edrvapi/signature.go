package edrvapi

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The bounds of a signature header.
const (
	maxHeader  = 1024 // bytes
	maxDigests = 4    // v1 digests
	maxStamp   = 16   // digits of the time
)

// signature is a signature header taken apart. The legacy shape has no timestamp.
type signature struct {
	timestamp string // as written
	time      time.Time
	digests   [maxDigests]string
	count     int
}

// parseSignature reads "t=<digits>,v1=<hex>[,v1=<hex>…][,<key>=<anything>…]" or
// "sha256=<hex>", with nothing around or between.
func parseSignature(header string) (signature, error) {
	var sig signature
	if len(header) > maxHeader {
		return sig, malformed("%d bytes", len(header))
	}
	if digest, legacy := strings.CutPrefix(header, "sha256="); legacy {
		err := sig.addDigest(digest)
		return sig, err
	}
	for part := range strings.SplitSeq(header, ",") {
		name, value, found := strings.Cut(part, "=")
		if !found || name == "" {
			return sig, malformed("want key=value between commas")
		}
		var err error
		switch name {
		case "t":
			err = sig.setTime(value)
		case "v1":
			err = sig.addDigest(value)
		}
		if err != nil {
			return sig, err
		}
	}
	if sig.timestamp == "" || sig.count == 0 {
		return sig, malformed("want t=<time>,v1=<hex>")
	}
	return sig, nil
}

// setTime reads the time of the signature: milliseconds if it is above 1e11, which as
// seconds would be the year 5138, else seconds.
func (s *signature) setTime(value string) error {
	if s.timestamp != "" {
		return malformed("two times")
	}
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil || len(value) > maxStamp {
		return malformed("time is not a number")
	}
	s.timestamp, s.time = value, time.Unix(int64(n), 0)
	if n > 1e11 {
		s.time = time.UnixMilli(int64(n))
	}
	return nil
}

// addDigest takes a digest of 64 lower-case hexadecimal digits.
func (s *signature) addDigest(value string) error {
	if s.count == maxDigests {
		return malformed("more than %d digests", maxDigests)
	}
	if len(value) != 64 {
		return malformed("digest of %d characters", len(value))
	}
	for i := range len(value) {
		if c := value[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return malformed("digest is not lower-case hexadecimal")
		}
	}
	s.digests[s.count] = value
	s.count++
	return nil
}

// malformed is an ErrSignatureMalformed with its reason.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSignatureMalformed, fmt.Sprintf(format, args...))
}

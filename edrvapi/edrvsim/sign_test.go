package edrvsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// The digests were made with: printf '%s' "$TEXT" | openssl dgst -sha256 -hmac key
func TestSignatureHeader(t *testing.T) {
	body := []byte(`{"a":1}`)
	at := time.UnixMilli(1700000000123)
	for name, tt := range map[string]struct {
		signing edrvsim.Signing
		want    string
	}{
		"body":           {edrvsim.Signing{Scheme: edrvsim.SignBody}, "t=1700000000123,v1=88a67f24bbcdaed0e6c997404bb79a743baf44c6bab2f4c27328e3009d22e342"},
		"body, seconds":  {edrvsim.Signing{Scheme: edrvsim.SignBody, Seconds: true}, "t=1700000000,v1=88a67f24bbcdaed0e6c997404bb79a743baf44c6bab2f4c27328e3009d22e342"},
		"timestamp.body": {edrvsim.Signing{Scheme: edrvsim.SignTimestampBody}, "t=1700000000123,v1=7234ef74374a6c1b288391c58d083eba21c8638f0731eed85b936bbf595d1b72"},
		"legacy":         {edrvsim.Signing{Scheme: edrvsim.SignLegacy}, "sha256=88a67f24bbcdaed0e6c997404bb79a743baf44c6bab2f4c27328e3009d22e342"},
		"unsigned":       {edrvsim.Signing{Scheme: edrvsim.Unsigned}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.signing.Secret = "key"
			require.Equal(t, tt.want, tt.signing.Header(body, at))
		})
	}
}

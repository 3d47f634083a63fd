package edrvapi

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	secretA = "whsec_a9f1c2"
	secretB = "whsec_b7d3e4"
)

var (
	signedAt   = time.UnixMilli(1_700_000_000_000)
	signedBody = []byte(`{"_id":"644fc18f84c4b5000981ad7b","type":"session.updated","data":{"_id":"a1","status":"Started"}}`)
)

// sign is the header of a delivery, as eDRV makes it.
func sign(scheme Scheme, secret, stamp string, body []byte) string {
	switch scheme {
	case SHA256:
		return "sha256=" + sum(secret, string(body))
	case TimestampBody:
		return "t=" + stamp + ",v1=" + sum(secret, stamp+"."+string(body))
	default:
		return "t=" + stamp + ",v1=" + sum(secret, string(body))
	}
}

func signed(values ...string) http.Header { return http.Header{SignatureHeader: values} }

func newVerifier(t testing.TB, scheme Scheme, secrets ...string) *Verifier {
	t.Helper()
	v, err := NewVerifier(VerifierConfig{Secrets: secrets, Signing: scheme})
	require.NoError(t, err)
	return v
}

const stamp = "1700000000000"

// TestSchemes: every scheme takes its own signature and no other; Auto takes any at
// first.
func TestSchemes(t *testing.T) {
	all := []Scheme{SHA256, Body, TimestampBody}
	for _, signing := range all {
		header := signed(sign(signing, secretA, stamp, signedBody))
		for _, configured := range all {
			err := newVerifier(t, configured, secretA).Verify(header, signedBody, signedAt)
			if configured == signing {
				require.NoError(t, err, "%s", signing)
			} else {
				require.ErrorIs(t, err, ErrSignatureMismatch, "%s as %s", signing, configured)
			}
		}
		v := newVerifier(t, Auto, secretA)
		require.Equal(t, Auto, v.Matched())
		require.NoError(t, v.Verify(header, signedBody, signedAt), "%s", signing)
		require.Equal(t, signing, v.Matched())
	}
}

// TestMutations is threat T1: of a request that is accepted, no mutation is.
func TestMutations(t *testing.T) {
	good := sign(TimestampBody, secretA, stamp, signedBody)
	digest := good[len(good)-64:]
	header := "t=" + stamp + ",v1="
	flip := func(b []byte, bit int) []byte {
		b = append([]byte(nil), b...)
		b[bit/8] ^= 1 << (bit % 8)
		return b
	}
	replace := func(s string, i int, c byte) string { return s[:i] + string(c) + s[i+1:] }
	other := byte('0')
	if digest[0] == '0' {
		other = '1'
	}
	raw, err := hex.DecodeString(digest)
	require.NoError(t, err)

	type mutation struct {
		headers http.Header
		body    []byte
		now     time.Time
	}
	table := map[string]mutation{
		"no header":                   {headers: http.Header{}},
		"empty header":                {headers: signed("")},
		"two headers, both right":     {headers: signed(good, good)},
		"two headers, one right":      {headers: signed("t=1,v1="+strings.Repeat("0", 64), good)},
		"two headers joined":          {headers: signed(good + "," + good)},
		"other secret":                {headers: signed(sign(TimestampBody, secretB, stamp, signedBody))},
		"no secret":                   {headers: signed(sign(TimestampBody, "", stamp, signedBody))},
		"secret with a newline":       {headers: signed(sign(TimestampBody, secretA+"\n", stamp, signedBody))},
		"other scheme: body":          {headers: signed(sign(Body, secretA, stamp, signedBody))},
		"other scheme: legacy":        {headers: signed(sign(SHA256, secretA, stamp, signedBody))},
		"digest as legacy":            {headers: signed("sha256=" + digest)},
		"stamp and body run together": {headers: signed(header + sum(secretA, stamp+string(signedBody)))},
		"dot after the body":          {headers: signed(header + sum(secretA, string(signedBody)+"."+stamp))},
		"upper-case hex":              {headers: signed(header + strings.ToUpper(digest))},
		"upper-case keys":             {headers: signed("T=" + stamp + ",V1=" + digest)},
		"truncated hex":               {headers: signed(header + digest[:63])},
		"half a digest":               {headers: signed(header + digest[:32])},
		"extended hex":                {headers: signed(header + digest + "0")},
		"doubled digest":              {headers: signed(header + digest + digest)},
		"raw digest":                  {headers: signed(header + string(raw))},
		"base64 digest":               {headers: signed(header + "qrvM3e7/ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJk=")},
		"first digit":                 {headers: signed(header + replace(digest, 0, other))},
		"last digit":                  {headers: signed(header + replace(digest, 63, 'g'))},
		"digits turned round":         {headers: signed(header + digest[1:] + digest[:1])},
		"zero digest":                 {headers: signed(header + strings.Repeat("0", 64))},
		"no digest":                   {headers: signed("t=" + stamp)},
		"empty digest":                {headers: signed(header)},
		"v0 instead of v1":            {headers: signed("t=" + stamp + ",v0=" + digest)},
		"v1 without stamp":            {headers: signed("v1=" + digest)},
		"empty stamp":                 {headers: signed("t=,v1=" + digest)},
		"two stamps":                  {headers: signed("t=" + stamp + ",t=" + stamp + ",v1=" + digest)},
		"stamp one later":             {headers: signed("t=1700000000001,v1=" + digest)},
		"stamp in seconds":            {headers: signed("t=1700000000,v1=" + digest)},
		"stamp with leading zero":     {headers: signed("t=0" + stamp + ",v1=" + digest)},
		"stamp negative":              {headers: signed("t=-" + stamp + ",v1=" + digest)},
		"stamp in hex":                {headers: signed("t=0x18bcfe56800,v1=" + digest)},
		"stamp with a fraction":       {headers: signed("t=" + stamp + ".0,v1=" + digest)},
		"stamp of 30 digits":          {headers: signed("t=" + strings.Repeat("1", 30) + ",v1=" + digest)},
		"stamp is a date":             {headers: signed("t=2023-11-14T22:13:20Z,v1=" + digest)},
		"trailing comma":              {headers: signed(good + ",")},
		"leading comma":               {headers: signed("," + good)},
		"space after comma":           {headers: signed("t=" + stamp + ", v1=" + digest)},
		"space inside":                {headers: signed("t =" + stamp + ",v1=" + digest)},
		"semicolon":                   {headers: signed("t=" + stamp + ";v1=" + digest)},
		"quoted":                      {headers: signed(`"` + good + `"`)},
		"five digests":                {headers: signed(good + strings.Repeat(",v1="+digest, 4))},
		"one bad of two digests":      {headers: signed(good + ",v1=x")},
		"huge header":                 {headers: signed(good + ",x=" + strings.Repeat("y", 2000))},
		"other header name":           {headers: http.Header{"X-Edrv-Signature": {good}}},
		"body empty":                  {body: []byte{}},
		"body cut":                    {body: signedBody[:len(signedBody)-1]},
		"body with newline":           {body: append(append([]byte(nil), signedBody...), '\n')},
		"body with space":             {body: []byte(strings.Replace(string(signedBody), ":", ": ", 1))},
		"body, other word":            {body: []byte(strings.Replace(string(signedBody), "Started", "Ended", 1))},
		"body, first bit":             {body: flip(signedBody, 0)},
		"body, a middle bit":          {body: flip(signedBody, len(signedBody)*4)},
		"body, last bit":              {body: flip(signedBody, len(signedBody)*8-1)},
		"dot moved into stamp":        {headers: signed("t=" + stamp + ".,v1=" + digest)},
		"a second late":               {now: signedAt.Add(5*time.Minute + time.Second)},
		"a second early":              {now: signedAt.Add(-5*time.Minute - time.Second)},
		"a year late":                 {now: signedAt.AddDate(1, 0, 0)},
	}
	require.GreaterOrEqual(t, len(table), 40)

	for _, configured := range []Scheme{TimestampBody, Auto} {
		v := newVerifier(t, configured, secretA)
		require.NoError(t, v.Verify(signed(good), signedBody, signedAt))
		for name, m := range table {
			if m.headers == nil {
				m.headers = signed(good)
			}
			if m.body == nil {
				m.body = signedBody
			}
			if m.now.IsZero() {
				m.now = signedAt
			}
			err := v.Verify(m.headers, m.body, m.now)
			require.Error(t, err, "%s: %s", configured, name)
			require.NotContains(t, err.Error(), digest, "an error must not hand out digests")
		}
		for bit := range 8 * len(signedBody) {
			require.ErrorIs(t, v.Verify(signed(good), flip(signedBody, bit), signedAt), ErrSignatureMismatch)
		}
		for bit := range 8 * len(good) {
			require.Error(t, v.Verify(signed(string(flip([]byte(good), bit))), signedBody, signedAt), "bit %d of the header", bit)
		}
		require.NoError(t, v.Verify(signed(good), signedBody, signedAt), "still the same verifier")
	}
}

func TestAcceptedVariants(t *testing.T) {
	for name, header := range map[string]string{
		"seconds":           sign(TimestampBody, secretA, "1700000000", signedBody),
		"second secret":     sign(TimestampBody, secretB, stamp, signedBody),
		"digest first":      "v1=" + sum(secretA, stamp+"."+string(signedBody)) + ",t=" + stamp,
		"several digests":   "t=" + stamp + ",v1=" + strings.Repeat("0", 64) + ",v1=" + sum(secretB, stamp+"."+string(signedBody)),
		"unknown keys":      sign(TimestampBody, secretA, stamp, signedBody) + ",v0=zz,kid=7,empty=",
		"4 minutes 59 late": sign(TimestampBody, secretA, "1699999701000", signedBody),
		"5 minutes early":   sign(TimestampBody, secretA, "1700000300000", signedBody),
	} {
		require.NoError(t, newVerifier(t, Auto, secretA, secretB).Verify(signed(header), signedBody, signedAt), name)
	}
}

func TestClockError(t *testing.T) {
	v, err := NewVerifier(VerifierConfig{Secrets: []string{secretA}, Tolerance: time.Minute})
	require.NoError(t, err)
	header := signed(sign(Body, secretA, stamp, signedBody))
	err = v.Verify(header, signedBody, signedAt.Add(2*time.Minute))
	require.ErrorIs(t, err, ErrSignatureTooOld)
	clock, ok := errors.AsType[*ClockError](err)
	require.True(t, ok)
	require.Equal(t, 2*time.Minute, clock.Skew)
	require.EqualError(t, err, "signed too long ago: by 2m0s")
	require.ErrorIs(t, v.Verify(header, signedBody, signedAt.Add(-2*time.Minute)), ErrSignatureTooNew)
	require.Equal(t, Auto, v.Matched(), "a delivery that is not accepted settles nothing")
	forged := signed(sign(Body, secretB, stamp, signedBody))
	require.ErrorIs(t, v.Verify(forged, signedBody, signedAt.Add(2*time.Minute)), ErrSignatureMismatch,
		"only authentic deliveries speak of clocks")
	require.Error(t, v.Verify(signed(sign(TimestampBody, secretA, "9999999999999999", signedBody)), signedBody, signedAt))
}

// TestAutoBelievesWeakerSchemesOfNewEventsOnly: an old delivery neither opens a weaker
// scheme nor shuts out the one in use, and eDRV may change its scheme.
func TestAutoBelievesWeakerSchemesOfNewEventsOnly(t *testing.T) {
	v := newVerifier(t, Auto, secretA)
	at := func(created time.Time) []byte {
		return fmt.Appendf(nil, `{"_id":"644fc18f84c4b5000981ad7b","type":"session.updated","createdAt":%q,"data":{}}`, created.UTC().Format(time.RFC3339))
	}
	recent, old := at(signedAt.Add(-time.Minute)), at(signedAt.Add(-6*time.Minute))
	verify := func(s Scheme, body []byte) error {
		return v.Verify(signed(sign(s, secretA, stamp, body)), body, signedAt)
	}
	require.NoError(t, verify(SHA256, old), "nothing stronger is known yet")
	require.NoError(t, verify(Body, old), "somebody brought a legacy delivery first")
	require.ErrorIs(t, verify(SHA256, old), ErrSignatureWeaker)
	require.NoError(t, verify(TimestampBody, old))
	require.Equal(t, TimestampBody, v.Matched())
	for _, weaker := range []Scheme{SHA256, Body} {
		require.ErrorIs(t, verify(weaker, old), ErrSignatureWeaker)
		require.ErrorIs(t, verify(weaker, at(signedAt.Add(6*time.Minute))), ErrSignatureWeaker)
		require.ErrorIs(t, verify(weaker, signedBody), ErrSignatureWeaker, "it does not say when it was created")
		require.NoError(t, verify(weaker, recent))
	}
	require.NoError(t, verify(TimestampBody, old))

	strict := newVerifier(t, TimestampBody, secretA)
	require.ErrorIs(t, strict.Verify(signed(sign(Body, secretA, stamp, recent)), recent, signedAt), ErrSignatureMismatch)
}

func TestUnsigned(t *testing.T) {
	open, err := NewVerifier(VerifierConfig{Unsigned: true})
	require.NoError(t, err)
	require.NoError(t, open.Verify(http.Header{}, signedBody, signedAt))
	require.NoError(t, open.Verify(signed("whatever"), signedBody, signedAt))

	both, err := NewVerifier(VerifierConfig{Unsigned: true, Secrets: []string{secretA}})
	require.NoError(t, err)
	require.NoError(t, both.Verify(http.Header{}, signedBody, signedAt))
	require.NoError(t, both.Verify(signed(sign(Body, secretA, stamp, signedBody)), signedBody, signedAt))
	require.ErrorIs(t, both.Verify(signed(sign(Body, secretB, stamp, signedBody)), signedBody, signedAt), ErrSignatureMismatch)
}

func TestVerifierConfig(t *testing.T) {
	for name, cfg := range map[string]VerifierConfig{
		"no secret":          {},
		"empty secret":       {Secrets: []string{"a", ""}},
		"nine secrets":       {Secrets: strings.Split("a,b,c,d,e,f,g,h,i", ",")},
		"negative tolerance": {Secrets: []string{"a"}, Tolerance: -1},
		"unknown scheme":     {Secrets: []string{"a"}, Signing: 9},
	} {
		_, err := NewVerifier(cfg)
		require.Error(t, err, name)
	}
	for _, s := range []Scheme{Auto, SHA256, Body, TimestampBody} {
		got, err := ParseScheme(s.String())
		require.NoError(t, err)
		require.Equal(t, s, got)
	}
	_, err := ParseScheme("t.body")
	require.ErrorContains(t, err, `"t.body"`)
}

func TestVerifyConcurrently(t *testing.T) {
	v := newVerifier(t, Auto, secretB, secretA)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				body := fmt.Appendf(nil, `{"_id":"%d-%d"}`, i, j)
				header := signed(sign(TimestampBody, secretA, stamp, body))
				if err := v.Verify(header, body, signedAt); err != nil {
					t.Errorf("valid: %v", err)
				}
				body[0] = '['
				if err := v.Verify(header, body, signedAt); !errors.Is(err, ErrSignatureMismatch) {
					t.Errorf("mutated: %v", err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, TimestampBody, v.Matched())
}

// FuzzVerify: whatever is accepted carries a digest that the secret makes of the body.
func FuzzVerify(f *testing.F) {
	for _, s := range []Scheme{SHA256, Body, TimestampBody} {
		f.Add(sign(s, secretA, stamp, signedBody), signedBody)
	}
	f.Add("t=1,v1=,", []byte("{}"))
	f.Add("sha256=", []byte(""))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		v := newVerifier(t, Auto, secretA)
		if v.Verify(signed(header), body, signedAt) != nil {
			return
		}
		sig, err := parseSignature(header)
		require.NoError(t, err)
		require.True(t, strings.Contains(header, sum(secretA, string(body))) ||
			strings.Contains(header, sum(secretA, sig.timestamp+"."+string(body))))
		if sig.timestamp != "" {
			n, err := strconv.ParseInt(sig.timestamp, 10, 64)
			require.NoError(t, err)
			require.True(t, n > 1_699_000_000)
		}
	})
}

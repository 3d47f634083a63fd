package simulate

import (
	"net/http"
	"time"

	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// door is the daemon's webhook endpoint, with the verifier that the real one has.
// Messages that take the way through JSON are signed and verified as well.
type door struct {
	verifier *edrvapi.Verifier
	recorded []byte // a genuine body that somebody has recorded
	header   string // its signature
	at       time.Time
}

// eDRV and whoever else knows where the door is sign with different secrets.
var (
	genuine  = edrvsim.Signing{Secret: "of the endpoint", Scheme: edrvsim.SignTimestampBody}
	stranger = edrvsim.Signing{Secret: "guessed", Scheme: edrvsim.SignTimestampBody}
	formerly = edrvsim.Signing{Secret: genuine.Secret, Scheme: edrvsim.SignLegacy}
)

func newDoor() *door {
	verifier, err := edrvapi.NewVerifier(edrvapi.VerifierConfig{Secrets: []string{genuine.Secret}})
	if err != nil {
		panic(err) // it has a secret
	}
	return &door{verifier: verifier}
}

// recordEvery is how often a new delivery is recorded; older ones are replayed.
const recordEvery = time.Hour

// take verifies a delivery of eDRV.
func (d *door) take(now time.Time, body []byte) error {
	header := genuine.Header(body, now)
	if now.Sub(d.at) >= recordEvery {
		d.recorded, d.header, d.at = body, header, now
	}
	return d.verify(now, body, header)
}

func (d *door) verify(now time.Time, body []byte, header string) error {
	return d.verifier.Verify(http.Header{edrvapi.SignatureHeader: {header}}, body, now)
}

// staleAfter is how old a signature must be to be refused for it: more than the
// verifier's five minutes.
const staleAfter = 6 * time.Minute

// knock brings a delivery that is not eDRV's, and reports whether it was let in;
// done is false where there is nothing to bring yet.
func (d *door) knock(now time.Time, f DaemonFault) (in, done bool) {
	header := ""
	switch {
	case d.recorded == nil:
		return false, false
	case f == HookForged:
		header = stranger.Header(d.recorded, now)
	case f == HookReplayed && now.Sub(d.at) > staleAfter:
		header = d.header
	case f == HookDowngraded && d.verifier.Matched() == edrvapi.TimestampBody && now.Sub(d.at) > staleAfter:
		header = formerly.Header(d.recorded, d.at)
	default:
		return false, false
	}
	return d.verify(now, d.recorded, header) == nil, true
}

// attack lets somebody knock.
func (r *Rig) attack(now time.Time, f DaemonFault) bool {
	in, done := r.door.knock(now, f)
	if in {
		r.check.broken("I13", "%s: a delivery that eDRV did not send is let in", f)
	}
	return done
}

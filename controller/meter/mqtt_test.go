package meter

import (
	"crypto/tls"
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/policy"
)

// broker is a real one in this process.
type broker struct {
	*mqtt.Server
	address string
	stop    func()
}

// newBroker listens at the address, where 127.0.0.1:0 is any. It lets the user
// "meter" in with the password "secret".
func newBroker(t *testing.T, address string, trust *tls.Config) *broker {
	t.Helper()
	server := mqtt.New(&mqtt.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, server.AddHook(new(auth.Hook), &auth.Options{Ledger: &auth.Ledger{
		Auth: auth.AuthRules{{Username: "meter", Password: "secret", Allow: true}, {Username: "inline", Allow: true}},
		ACL:  auth.ACLRules{{Username: "meter", Filters: auth.Filters{"grid/power": auth.ReadWrite, "somebody/#": auth.Deny}}},
	}}))
	listener := listeners.NewTCP(listeners.Config{ID: "tcp", Address: address, TLSConfig: trust})
	require.NoError(t, server.AddListener(listener))
	require.NoError(t, server.Serve())
	b := &broker{server, listener.Address(), sync.OnceFunc(func() { _ = server.Close() })}
	t.Cleanup(b.stop)
	return b
}

// say publishes again and again until a reading comes: the meter may not have
// subscribed yet.
func (b *broker) say(t *testing.T, next <-chan Reading, payload string) Reading {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		require.NoError(t, b.Publish("grid/power", []byte(payload), false, 0))
		select {
		case r := <-next:
			return r
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			t.Fatal("no reading at all")
		}
	}
}

func mqttMeter(address string) config.Meter {
	return config.Meter{
		Type: config.MeterMQTT, Broker: "mqtt://" + address, Topic: "grid/power", Field: "power", Unit: config.UnitKilowatts,
		Username: "meter", Password: config.NewSecret("secret"), Stale: 10 * time.Second,
	}
}

func TestMQTT(t *testing.T) {
	b := newBroker(t, "127.0.0.1:0", nil)
	require.NoError(t, b.Publish("grid/power", []byte(`{"power": 99}`), true, 0), "kept for whoever comes later")
	next := readings(t, mqttMeter(b.address))
	r := b.say(t, next, `{"power": 12.5}`)
	require.NoError(t, r.Err)
	require.Equal(t, policy.Milliwatts(12_500_000), r.Power, "not what the broker kept: nobody knows how old that is")
	for r = b.say(t, next, `{"power": "NaN"}`); r.Err == nil; r = b.say(t, next, `{"power": "NaN"}`) {
	}
	require.ErrorIs(t, r.Err, ErrNonsense)

	b.stop()
	for r.Err == nil || !strings.Contains(r.Err.Error(), "lost") {
		r = one(t, next)
	}
	again := newBroker(t, b.address, nil)
	for r = again.say(t, next, `{"power": 3}`); r.Err != nil; r = again.say(t, next, `{"power": 3}`) {
	}
	require.Equal(t, 3*policy.Kilowatt, r.Power)
}

func TestMQTTRefusals(t *testing.T) {
	b := newBroker(t, "127.0.0.1:0", nil)
	stranger := mqttMeter(b.address)
	stranger.Password = config.NewSecret("canary")
	r := first(t, stranger)
	require.ErrorContains(t, r.Err, "it refuses the connection")
	require.NotContains(t, r.Err.Error(), "canary")

	elsewhere := mqttMeter(b.address)
	elsewhere.Topic = "somebody/else"
	r = first(t, elsewhere)
	require.ErrorContains(t, r.Err, "refuses the topic somebody/else")

	gone := mqttMeter("127.0.0.1:1")
	r = first(t, gone)
	require.ErrorContains(t, r.Err, "the broker can not be reached")
}

func TestMQTTOverTLS(t *testing.T) {
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()
	b := newBroker(t, "127.0.0.1:0", &tls.Config{Certificates: certificate.TLS.Certificates})
	m := mqttMeter(b.address)
	m.Broker = "mqtts://" + b.address
	r := first(t, m)
	require.ErrorContains(t, r.Err, "certificate")

	m.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate().Raw})
	require.NoError(t, os.WriteFile(m.CAFile, block, 0o600))
	r = b.say(t, readings(t, m), `{"power": 1}`)
	require.NoError(t, r.Err)
}

package edrvapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// plainEvent is what somebody who takes eDRV's sample at its word would decode into.
type plainEvent struct {
	ID        string    `json:"_id"`
	Type      string    `json:"type"`
	Object    string    `json:"object"`
	CreatedAt time.Time `json:"createdAt"`
	Data      struct {
		ID        string `json:"_id"`
		User      string `json:"user"`
		Station   string `json:"chargestation"`
		Connector string `json:"connector"`
		Status    string `json:"status"`
		Metrics   struct {
			ChargingStart  time.Time `json:"chargingStart"`
			ChargingStop   time.Time `json:"chargingStop"`
			EnergyPeriod   float64   `json:"energyPeriod"`
			EnergyConsumed float64   `json:"energyConsumed"`
		} `json:"metrics"`
		Report struct {
			Timestamp time.Time  `json:"timestamp"`
			Current   plainValue `json:"current"`
			Power     plainValue `json:"power"`
			Meter     plainValue `json:"energy_meter"`
		} `json:"energy_report"`
		Meta      map[string]string `json:"meta_data"`
		CreatedAt time.Time         `json:"createdAt"`
		UpdatedAt time.Time         `json:"updatedAt"`
	} `json:"data"`
}

type plainValue struct {
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// BenchmarkWebhook compares what the package does with a delivery to the least that
// anybody would do: one HMAC and one decoding by encoding/json. "verify+decode" must
// reach 0.6 of its rate.
func BenchmarkWebhook(b *testing.B) {
	body := fixture(b, "session-plain.json")
	const secret = "whsec_benchmark"
	now := time.Now()
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	header := http.Header{SignatureHeader: {"t=" + stamp + ",v1=" + sum(secret, string(body))}}

	b.Run("hmac+encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write(body)
			if hex.EncodeToString(mac.Sum(nil)) == "" {
				b.Fatal("no digest")
			}
			var ev plainEvent
			if err := json.Unmarshal(body, &ev); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, decodes := range []bool{true, false} {
		name := "verify"
		if decodes {
			name = "verify+decode"
		}
		b.Run(name, func(b *testing.B) {
			v, err := NewVerifier(VerifierConfig{Secrets: []string{secret}})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Verify(header, body, now); err != nil {
					b.Fatal(err)
				}
				if !decodes {
					continue
				}
				if _, err := DecodeEvent(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sum is the digest that a sender puts in the header.
func sum(secret, message string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}

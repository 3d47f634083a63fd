package meter

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/policy"
)

// ErrNonsense marks what a meter told that can be no reading.
var ErrNonsense = errors.New("no reading")

// Reading is what came of one attempt to read a meter.
type Reading struct {
	Power    policy.Milliwatts // of all phases
	PerPhase [3]policy.Milliwatts
	Phases   bool  // PerPhase is known
	Err      error // there is no reading
}

// Meter is one source of readings.
type Meter struct {
	Name   string
	config config.Meter
	source source
}

// source brings readings until the context ends.
type source interface {
	run(ctx context.Context, put func(Reading))
}

// New is a meter. It connects to nothing yet.
func New(name string, c config.Meter) (*Meter, error) {
	m := &Meter{Name: name, config: c}
	trust, err := trustOf(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("meter %s: %w", name, err)
	}
	switch c.Type {
	case config.MeterHTTP:
		m.source = newPoller(&c, trust, (*web).plain)
	case config.MeterPrometheus:
		m.source = newPoller(&c, trust, (*web).prometheus)
	case config.MeterMQTT:
		if m.source, err = newSubscriber(&c, trust); err != nil {
			return nil, fmt.Errorf("meter %s: %w", name, err)
		}
	default:
		return nil, fmt.Errorf("meter %s: type %s can not be read", name, c.Type)
	}
	return m, nil
}

// Run reads the meter until the context ends.
func (m *Meter) Run(ctx context.Context, put func(Reading)) { m.source.run(ctx, put) }

// Same reports whether two meters read the same source in the same way.
func (m *Meter) Same(other *Meter) bool {
	return m.Name == other.Name && reflect.DeepEqual(m.config, other.config)
}

// trustOf says whose certificates are believed: those in the file, or without
// one those of the system.
func trustOf(file string) (*tls.Config, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return trust, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	trust.RootCAs = x509.NewCertPool()
	if !trust.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file %s holds no certificate", file)
	}
	return trust, nil
}

// The most that an attempt to read may take, and the least that it is given.
const (
	mostPatience  = 5 * time.Second
	leastPatience = 100 * time.Millisecond
)

// patience is how long one attempt may take.
func patience(c *config.Meter) time.Duration {
	return max(leastPatience, min(mostPatience, c.Stale/2))
}

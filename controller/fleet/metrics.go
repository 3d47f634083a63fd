package fleet

import (
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a node tells of its part in the fleet.
type metrics struct {
	owned     atomic.Int64
	sessions  prometheus.Counter
	ended     prometheus.Counter
	takeovers prometheus.Counter
	failures  prometheus.Counter
	handled   prometheus.Counter
	published *prometheus.CounterVec
	terms     *prometheus.GaugeVec
	saves     *prometheus.CounterVec
	takeover  prometheus.Histogram
	publish   prometheus.Histogram
	save      prometheus.Histogram
}

// buckets reach from a round trip to a new leader of the servers.
var buckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5}

func newMetrics(f *Fleet, reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "headroom_fleet_" + name, Help: help})
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "headroom_fleet_" + name, Help: help, Buckets: buckets})
	}
	m := &metrics{
		sessions:  counter("sessions_total", "Sessions that this node began."),
		ended:     counter("sessions_ended_total", "Sessions of silent nodes that this node ended."),
		takeovers: counter("takeovers_total", "Sites that this node took over."),
		failures:  counter("failures_total", "Times in which steering a site failed because of a mistake in the program."),
		handled:   counter("events_received_total", "Events of own sites that came from the stream."),
		published: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "headroom_fleet_events_published_total", Help: "Events given to the stream, by what became of them."}, []string{"result"}),
		saves:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "headroom_fleet_saves_total", Help: "States of own sites that were saved, or not."}, []string{"result"}),
		terms: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "headroom_fleet_site_term", Help: "Term in which this node steers the site: it grows with every owner.",
		}, []string{"site"}),
		takeover: histogram("takeover_seconds", "Time from deciding to take a site over to steering it, without the list of its sessions."),
		publish:  histogram("publish_seconds", "Time until an event was durable."),
		save:     histogram("save_seconds", "Time until a state was durable."),
	}
	for _, result := range []string{"stored", "known", "failed"} {
		m.published.WithLabelValues(result)
	}
	for _, result := range []string{"durable", "failed"} {
		m.saves.WithLabelValues(result)
	}
	if reg == nil {
		return m
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "headroom_fleet_" + name, Help: help}, value)
	}
	reg.MustRegister(
		m.sessions, m.ended, m.takeovers, m.failures, m.handled, m.published, m.saves, m.terms, m.takeover, m.publish, m.save,
		gauge("sites", "Sites that this node steers.", func() float64 { return float64(m.owned.Load()) }),
		gauge("in_session", "1 if this node has a session in the fleet; without one it steers nothing.", func() float64 {
			if f.session.Load() != nil {
				return 1
			}
			return 0
		}),
	)
	return m
}

func (m *metrics) gave(ack *jetstream.PubAck, err error, took time.Duration) {
	switch {
	case err != nil:
		m.published.WithLabelValues("failed").Inc()
		return
	case ack.Duplicate:
		m.published.WithLabelValues("known").Inc()
	default:
		m.published.WithLabelValues("stored").Inc()
	}
	m.publish.Observe(took.Seconds())
}

func (m *metrics) saved(err error, took time.Duration) {
	if err != nil {
		m.saves.WithLabelValues("failed").Inc()
		return
	}
	m.saves.WithLabelValues("durable").Inc()
	m.save.Observe(took.Seconds())
}

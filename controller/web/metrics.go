package web

import (
	"encoding/binary"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/headroom-ev/headroom/edrvapi"
)

// webhookResults is the closed list of what becomes of a delivery (contract,
// "Webhook listener").
var webhookResults = []string{"accepted", "duplicate", "unauthorized", "too_large", "unreadable", "foreign"}

// The buckets reach from what is usual to what is an incident.
var (
	webhookBuckets = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1}
	requestBuckets = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15}
	verdictBuckets = []float64{0.25, 0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120}
	passBuckets    = []float64{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5}
	lateBuckets    = []float64{0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
)

// Metrics are what the daemon observes itself, beside what follows from the
// views. All methods are safe for concurrent use and do not block.
type Metrics struct {
	webhooks        map[string]*atomic.Uint64
	webhookDuration prometheus.Histogram
	requests        *prometheus.CounterVec
	requestDuration *prometheus.HistogramVec
	verdict         *prometheus.HistogramVec
	pass            *prometheus.HistogramVec
	lateness        *prometheus.HistogramVec
	clockSkew       prometheus.Gauge
	reloaded        prometheus.Gauge
	reloadedAt      prometheus.Gauge
	configHash      prometheus.Gauge
}

// NewMetrics registers the metrics with all their series, and those of the Go
// runtime and the process. It panics if the registry has them already.
func NewMetrics(reg prometheus.Registerer, sites []string) *Metrics {
	m := &Metrics{
		webhooks:        make(map[string]*atomic.Uint64),
		webhookDuration: prometheus.NewHistogram(histogram("webhook_duration_seconds", "Time to answer a webhook.", webhookBuckets)),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "edrv_requests_total", Help: "Exchanges with eDRV, by HTTP status or by what went wrong.",
		}, []string{"operation", "code"}),
		requestDuration: histograms("edrv_request_duration_seconds", "Time of an exchange with eDRV, without the wait for its turn.",
			requestBuckets, "operation"),
		verdict:    histograms("order_verdict_seconds", "Time from an order to the verdict of the charger.", verdictBuckets, "site"),
		pass:       histograms("pass_duration_seconds", "Time to decide on a site.", passBuckets, "site"),
		lateness:   histograms("pass_lateness_seconds", "How much later than due a pass began.", lateBuckets, "site"),
		clockSkew:  newGauge("clock_skew_seconds", "How far this machine's clock is ahead of eDRV's; NaN: not known yet."),
		reloaded:   newGauge("config_reload_success", "1 if the configuration was last read without a mistake."),
		reloadedAt: newGauge("config_reload_timestamp_seconds", "When the configuration in force was read; NaN: not yet."),
		configHash: newGauge("config_hash", "Hash of the configuration in force; NaN: none yet."),
	}
	m.clockSkew.Set(math.NaN())
	m.reloadedAt.Set(math.NaN())
	m.configHash.Set(math.NaN())
	for _, result := range webhookResults {
		count := new(atomic.Uint64)
		m.webhooks[result] = count
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: prefix + "webhooks_total", Help: "Deliveries of eDRV by what became of them.", ConstLabels: prometheus.Labels{"result": result},
		}, func() float64 { return float64(count.Load()) }))
	}
	for _, op := range edrvapi.Operations() {
		m.requestDuration.WithLabelValues(string(op))
		for _, code := range edrvapi.Codes() {
			m.requests.WithLabelValues(string(op), code)
		}
	}
	m.SetSites(sites)
	reg.MustRegister(m.webhookDuration, m.requests, m.requestDuration, m.verdict, m.pass, m.lateness,
		m.clockSkew, m.reloaded, m.reloadedAt, m.configHash,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func histogram(name, help string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: prefix + name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
	}
}

func histograms(name, help string, buckets []float64, label string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(histogram(name, help, buckets), []string{label})
}

func newGauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + name, Help: help})
}

// SetSites creates the series of sites that a reload added.
func (m *Metrics) SetSites(names []string) {
	for _, site := range names {
		for _, vec := range []*prometheus.HistogramVec{m.verdict, m.pass, m.lateness} {
			vec.WithLabelValues(site)
		}
	}
}

// Webhook observes a delivery. The result is one of the contract's.
func (m *Metrics) Webhook(result string, took time.Duration) {
	if count := m.webhooks[result]; count != nil {
		count.Add(1)
	}
	m.webhookDuration.Observe(took.Seconds())
}

// Webhooks is how many deliveries had the result.
func (m *Metrics) Webhooks(result string) uint64 {
	if count := m.webhooks[result]; count != nil {
		return count.Load()
	}
	return 0
}

// Request observes an exchange with eDRV: an operation and a code of package
// edrvapi.
func (m *Metrics) Request(operation, code string, took time.Duration) {
	if !slices.Contains(edrvapi.Codes(), code) {
		code = "other" // a label is never free text
	}
	m.requests.WithLabelValues(operation, code).Inc()
	m.requestDuration.WithLabelValues(operation).Observe(took.Seconds())
}

// Verdict observes how long a charger took to answer an order.
func (m *Metrics) Verdict(site string, took time.Duration) {
	m.verdict.WithLabelValues(site).Observe(took.Seconds())
}

// Pass observes a decision: how long it took, and how late it began.
func (m *Metrics) Pass(site string, took, late time.Duration) {
	m.pass.WithLabelValues(site).Observe(took.Seconds())
	m.lateness.WithLabelValues(site).Observe(max(0, late).Seconds())
}

// ClockSkew observes how far the local clock is ahead of eDRV's.
func (m *Metrics) ClockSkew(skew time.Duration) { m.clockSkew.Set(skew.Seconds()) }

// ConfigLoaded records that a configuration came into force. Of the hash the
// first six bytes are shown, which a float64 holds exactly.
func (m *Metrics) ConfigLoaded(at time.Time, hash []byte) {
	m.reloaded.Set(1)
	m.reloadedAt.Set(seconds(at))
	if len(hash) >= 6 {
		m.configHash.Set(float64(binary.BigEndian.Uint64(append([]byte{0, 0}, hash[:6]...))))
	}
}

// ConfigAgain records that the file is again the one in force.
func (m *Metrics) ConfigAgain() { m.reloaded.Set(1) }

// ConfigRefused records that a configuration had mistakes, and that the one
// before stays in force.
func (m *Metrics) ConfigRefused() { m.reloaded.Set(0) }

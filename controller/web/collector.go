package web

import (
	"math"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headroom-ev/headroom/controller/core"
)

const prefix = "headroom_"

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

func ofSite(name, help string, labels ...string) *prometheus.Desc {
	return desc(name, help, append([]string{"site"}, labels...)...)
}

func ofCircuit(name, help string) *prometheus.Desc   { return ofSite(name, help, "circuit") }
func ofPhase(name, help string) *prometheus.Desc     { return ofSite(name, help, "circuit", "phase") }
func ofMeter(name, help string) *prometheus.Desc     { return ofSite(name, help, "meter") }
func ofConnector(name, help string) *prometheus.Desc { return ofSite(name, help, "connector") }

// worstDraw explains what counts as measured.
const worstDraw = "Draw of the chargers below; one without a fresh reading counts at the most it may draw."

// The metrics that are a function of the views and the health. A gauge is NaN
// where its value is not known, and +Inf where there is no limit.
var (
	circuitLimit     = ofCircuit("circuit_limit_watts", "Power limit in force; +Inf: none.")
	circuitCommitted = ofCircuit("circuit_committed_watts", "Most that the chargers below may draw.")
	circuitMeasured  = ofCircuit("circuit_measured_watts", worstDraw)
	circuitBaseLoad  = ofCircuit("circuit_base_load_watts", "Draw of everything else below.")
	circuitFailSafe  = ofCircuit("circuit_failsafe", "1 if the fallbacks of all chargers below fit the limit.")
	circuitOver      = ofCircuit("over_limit_seconds_total", "Time in which more flowed than the limit.")
	circuitBudget    = ofCircuit("overload_budget_ratio", "Part left of the overload that the breaker of the circuit stands; 1 where the configuration has none.")

	phaseLimit     = ofPhase("circuit_phase_limit_amperes", "Current limit in force; +Inf: none.")
	phaseCommitted = ofPhase("circuit_phase_committed_amperes", "Most that the chargers below may draw.")
	phaseMeasured  = ofPhase("circuit_phase_measured_amperes", worstDraw)
	phaseBaseLoad  = ofPhase("circuit_phase_base_load_amperes", "Draw of everything else below.")

	peakTarget = ofCircuit("circuit_peak_target_watts", "What the mean power over every demand window is to stay below.")
	peakMean   = ofCircuit("circuit_demand_watts", "Mean power over the demand window that runs, so far.")
	peakPaced  = ofCircuit("circuit_paced_watts", "Power that the rest of the demand window leaves; NaN: not decided yet.")
	peakMonth  = ofCircuit("circuit_month_peak_watts", "Highest mean of a whole demand window in this month; NaN: none yet.")

	meterUp       = ofMeter("meter_up", "1 if the last reading counts; 0: the configured most does.")
	meterPower    = ofMeter("meter_watts", "Last reading; NaN: none yet.")
	meterAt       = ofMeter("meter_last_reading_timestamp_seconds", "When the last reading came; NaN: none yet.")
	meterResidual = ofMeter("meter_residual_watts", "What the meter sees beside what the chargers report; NaN: it measures the base load alone, or is not compared yet.")
	meterSuspect  = ofMeter("meter_disagrees", "1 if the meter and the reports of the chargers can not both be right.")

	connectorMeasured  = ofConnector("connector_measured_watts", "Draw; NaN: no fresh reading.")
	connectorCommitted = ofConnector("connector_committed_watts", "Most that it may draw.")
	connectorOnline    = ofConnector("connector_online", "1 if its station is connected to eDRV.")
	connectorInfo      = ofSite("connector_info", "1, with what the configuration says of the connector.", "connector", "name", "circuit")

	siteState          = ofSite("site_state", "1 for the state that the site is in.", "state")
	siteMode           = ofSite("site_mode", "1 for the mode that the site is in.", "mode")
	siteEngaged        = ofSite("site_engaged", "1 if the site is congested and its sessions are steered.")
	siteFailSafe       = ofSite("site_failsafe", "1 if losing every message would keep the site within its limits.")
	siteSessions       = ofSite("sessions", "Running sessions: charging, waiting for a turn, idle (below 100 W), or without a fresh reading.", "state")
	siteOrders         = ofSite("orders_total", "Orders that lower or raise the limit of a session, by what became of them.", "direction", "result")
	siteInFlight       = ofSite("orders_in_flight", "Connectors with an order that waits for its verdict.")
	siteUncontrollable = ofSite("uncontrollable_sessions", "Sessions that orders do not reach or that do not follow them.")
	siteForeign        = ofSite("foreign_orders_total", "Limits that somebody else set at the chargers.")
	siteLimits         = ofSite("external_limits", "Limits from outside: not yet in force, in force, or expired with the fallback in force.", "state")
	sitePass           = ofSite("last_pass_timestamp_seconds", "When the site last decided.")
	siteHeard          = ofSite("last_webhook_timestamp_seconds", "When eDRV last sent a webhook about the site, or the start.")
	siteListed         = ofSite("last_list_timestamp_seconds", "When the last full list of sessions was asked for; NaN: none yet.")

	circuitExcursions = ofSite("excursions_total", "Times in which more flowed than the limit: for 15 s, for more than 60 s, twice in 10 min, more than 3 times in 24 h.", "circuit", "class")

	journalWritable = desc("journal_writable", "1 if the journal can be written; if not, nothing is raised.")
	journalCommits  = desc("journal_commits_total", "Writes of the journal, by what became of them.", "result")
	journalRecords  = desc("journal_records_total", "Lines of the record that became durable.")
	journalLost     = desc("journal_lost_records_total", "Lines of the record that found no room in memory while the disk could not be written.")
	journalWaiting  = desc("journal_waiting_records", "Lines of the record that are not durable yet.")
	journalLast     = desc("journal_last_commit_timestamp_seconds", "When a write of the journal last became durable; NaN: none has yet.")

	apiDown    = desc("edrv_suspended", "1 if calls to eDRV are suspended because it does not answer.")
	apiWaiting = desc("edrv_waiting_calls", "Calls to eDRV that wait for their turn.")
	openPages  = desc("event_streams", "Event streams that are open.")
	buildInfo  = desc("build_info", "1, with the version of the program.", "version", "revision", "goversion")
)

// collector makes metrics of the views at the time of the scrape.
type collector struct {
	sites   Sites
	version string
	streams func() int
}

// Describe sends nothing: which series there are depends on the sites.
func (*collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends all series of all sites.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	h := c.sites.Health()
	gauge(out, apiDown, flag(h.APIDown))
	gauge(out, apiWaiting, float64(h.APIWaiting))
	collectJournal(out, &h.Journal)
	gauge(out, openPages, float64(c.streams()))
	gauge(out, buildInfo, 1, c.version, revision(), runtime.Version())
	for _, name := range c.sites.Names() {
		if v, ok := c.sites.View(name); ok {
			collectSite(out, name, v)
			collectCircuits(out, name, v)
			collectConnectors(out, name, v)
			collectMeters(out, name, v)
		}
	}
}

func collectJournal(out chan<- prometheus.Metric, j *JournalHealth) {
	gauge(out, journalWritable, flag(j.Failed == ""))
	counter(out, journalCommits, float64(j.Durable), "durable")
	counter(out, journalCommits, float64(j.Refused), "failed")
	counter(out, journalRecords, float64(j.Lines))
	counter(out, journalLost, float64(j.Lost))
	gauge(out, journalWaiting, float64(j.Waiting))
	gauge(out, journalLast, seconds(j.Last))
}

func collectSite(out chan<- prometheus.Metric, site string, v *core.View) {
	for _, state := range core.StateNames() {
		gauge(out, siteState, flag(v.State == state), site, state)
	}
	for _, mode := range []core.Mode{core.Enforce, core.Observe} {
		gauge(out, siteMode, flag(v.Mode == mode.String()), site, mode.String())
	}
	gauge(out, siteEngaged, flag(v.Engaged), site)
	gauge(out, siteFailSafe, flag(v.FailSafe), site)
	gauge(out, sitePass, seconds(v.Time), site)
	gauge(out, siteHeard, seconds(v.Heard), site)
	gauge(out, siteListed, seconds(v.Listed), site)
	counts := countSessions(v)
	for _, state := range sessionStates {
		gauge(out, siteSessions, float64(counts[state]), site, state)
	}
	for d, direction := range core.Directions() {
		for r, result := range core.Results() {
			counter(out, siteOrders, float64(v.Counters.Orders[d][r]), site, direction, result)
		}
	}
	counter(out, siteForeign, float64(v.Counters.Foreign), site)
	collectLimits(out, site, v.Limits)
	orders, lost := 0, 0
	for i := range v.Connectors {
		if inFlight(&v.Connectors[i]) {
			orders++
		}
		if uncontrollable(&v.Connectors[i]) {
			lost++
		}
	}
	gauge(out, siteInFlight, float64(orders), site)
	gauge(out, siteUncontrollable, float64(lost), site)
}

func collectLimits(out chan<- prometheus.Metric, site string, limits []core.LimitView) {
	counts := map[string]int{}
	for i := range limits {
		counts[limits[i].State]++
	}
	for _, state := range core.LimitStates() {
		gauge(out, siteLimits, float64(counts[state]), site, state)
	}
}

func collectCircuits(out chan<- prometheus.Metric, site string, v *core.View) {
	for i := range v.Circuits {
		k := &v.Circuits[i]
		budget := 1.0
		if k.Overload != nil {
			budget = *k.Overload
		}
		gauge(out, circuitLimit, limit(k.LimitW), site, k.ID)
		gauge(out, circuitCommitted, k.CommittedW, site, k.ID)
		gauge(out, circuitMeasured, k.MeasuredW, site, k.ID)
		gauge(out, circuitBaseLoad, k.BaseLoadW, site, k.ID)
		gauge(out, circuitFailSafe, flag(k.FailSafe), site, k.ID)
		gauge(out, circuitBudget, budget, site, k.ID)
		if p := k.Peak; p != nil {
			gauge(out, peakTarget, p.TargetW, site, k.ID)
			gauge(out, peakMean, p.MeanW, site, k.ID)
			gauge(out, peakPaced, known(p.PacedW), site, k.ID)
			gauge(out, peakMonth, known(p.MonthW), site, k.ID)
		}
		counter(out, circuitOver, k.OverSeconds, site, k.ID)
		for class, name := range core.ExcursionClasses() {
			counter(out, circuitExcursions, float64(k.Excursions[class]), site, k.ID, name)
		}
		for _, p := range k.Phases {
			gauge(out, phaseLimit, limit(p.LimitA), site, k.ID, p.Phase)
			gauge(out, phaseCommitted, p.CommittedA, site, k.ID, p.Phase)
			gauge(out, phaseMeasured, p.MeasuredA, site, k.ID, p.Phase)
			gauge(out, phaseBaseLoad, p.BaseLoadA, site, k.ID, p.Phase)
		}
	}
}

func collectConnectors(out chan<- prometheus.Metric, site string, v *core.View) {
	for i := range v.Connectors {
		c := &v.Connectors[i]
		gauge(out, connectorMeasured, known(c.MeasuredW), site, c.ID)
		gauge(out, connectorCommitted, c.Committed, site, c.ID)
		gauge(out, connectorOnline, flag(c.Online), site, c.ID)
		gauge(out, connectorInfo, 1, site, c.ID, c.Name, c.Circuit)
	}
}

func collectMeters(out chan<- prometheus.Metric, site string, v *core.View) {
	for i := range v.Meters {
		m := &v.Meters[i]
		last := math.NaN()
		if m.At != nil {
			last = seconds(*m.At)
		}
		gauge(out, meterUp, flag(m.Known), site, m.Name)
		gauge(out, meterPower, known(m.MeasuredW), site, m.Name)
		gauge(out, meterAt, last, site, m.Name)
		gauge(out, meterResidual, known(m.ResidualW), site, m.Name)
		gauge(out, meterSuspect, flag(m.Suspect != ""), site, m.Name)
	}
}

// known is a value, or NaN where there is none.
func known(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func flag(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// limit is a limit, which may not exist.
func limit(v *float64) float64 {
	if v == nil {
		return math.Inf(1)
	}
	return *v
}

// seconds is a time, which may not be known.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return math.NaN()
	}
	return float64(t.UnixMilli()) / 1000
}

// revision is the commit that the program was built from, as far as the
// toolchain recorded it.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

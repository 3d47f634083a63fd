package config

import (
	"time"

	"github.com/headroom-ev/headroom/policy"
)

// Site is a place with one or more grid connections and their chargers.
type Site struct {
	// ID names the site in the API, the metrics and the journal.
	ID string `yaml:"id" required:"always" format:"id"`
	// Location is the site's location in eDRV.
	Location string `yaml:"location" format:"id"`
	// Timezone is the IANA zone in which schedule windows are read.
	Timezone *time.Location `yaml:"timezone" default:"UTC"`
	// Voltage in V between a phase and neutral.
	Voltage Volts `yaml:"voltage" default:"230" min:"100" max:"400"`
	// Share is the rule by which power is shared when it is short.
	Share Share `yaml:"share" default:"equal"`
	// Engage says what makes the site steer: what its cars could draw
	// (potential), what is drawn (measured), or always.
	Engage Engage `yaml:"engage" default:"potential"`
	// Margin is kept free on every circuit: a percentage of each limit such as
	// 5%, or {kw: 2} in all, or {amps: 2} on each phase.
	Margin Margin `yaml:"margin" default:"5%" max:"50%"`
	// CutHedge is how much more than needed the first round of cuts takes.
	CutHedge Permille `yaml:"cut_hedge" default:"30%" max:"100%"`
	// AcceptNotFailsafe lets headroom start although the fallbacks do not fit.
	// The site is then shown as not fail-safe.
	AcceptNotFailsafe bool `yaml:"accept_not_failsafe" default:"false"`
	// MinOn is the least time that a session charges before one that never
	// charged may take its place. It never delays a cut that a limit needs.
	MinOn time.Duration `yaml:"min_on" default:"5m" max:"24h"`
	// Stay is what the deadline rule assumes of a session that says nothing.
	Stay Stay `yaml:"stay"`
	// Circuits are what limits the site, as a tree by their parents, or several
	// trees where a site has several grid connections.
	Circuits []Circuit `yaml:"circuits" required:"always"`
	// Connectors are what headroom steers.
	Connectors []Connector `yaml:"connectors"`
	// Meters measure what the base loads draw, by name.
	Meters map[string]Meter `yaml:"meters"`
}

// Stay is what the deadline rule assumes of a session that says neither when it
// leaves nor what it needs. The defaults are the median stay and the upper
// quartile of energy in four months of a workplace car park (ACN-Data, Caltech
// 2019): a need guessed too high costs less than one guessed too low.
type Stay struct {
	// Duration from the start of the session to its departure.
	Duration time.Duration `yaml:"duration" default:"6h" min:"1m" max:"168h"`
	// Energy in kWh that it wants.
	Energy policy.MilliwattHours `yaml:"kwh" default:"12" min:"0.1" max:"1000"`
}

// Circuit is a conductor with a limit: a grid connection, a panel, a row.
type Circuit struct {
	// ID names the circuit within its site.
	ID string `yaml:"id" required:"always" format:"id"`
	// Parent is the circuit that feeds this one; none for a grid connection.
	Parent string `yaml:"parent" format:"id"`
	// Limit is what the circuit may carry.
	Limit Limit `yaml:"limit" required:"always"`
	// BaseLoad is what draws on this circuit beside the chargers and beside
	// the base loads of the circuits below, which are added to it.
	BaseLoad BaseLoad `yaml:"base_load"`
	// Schedule lowers the limit in windows of the week. Where windows overlap,
	// the lowest holds; none can raise the limit.
	Schedule []Window `yaml:"schedule"`
	// ArrivalReserve is kept free for the sessions that may start before the
	// next pass.
	ArrivalReserve Level `yaml:"arrival_reserve"`
	// Breaker is what protects the circuit. With it, the circuit has an overload
	// budget: what is left of the time for which the breaker stands what flows.
	Breaker Breaker `yaml:"breaker"`
	// Peak holds the average over a demand window.
	Peak Peak `yaml:"peak"`
}

// Window is a time of the week with a lower limit.
type Window struct {
	// Days on which the window begins: mon-fri, "sat,sun", or [mon, wed].
	Days Days `yaml:"days" default:"mon-sun"`
	// From is the local time at which the window begins.
	From Clock `yaml:"from" required:"always"`
	// To is the local time at which it ends: on the next day if it is not
	// after From; "24:00" is the end of the day.
	To Clock `yaml:"to" required:"always"`
	// Limit holds in the window where it is lower than the circuit's.
	Limit Limit `yaml:"limit" required:"always"`
}

// BaseLoad is a draw beside the chargers: configured, or metered.
type BaseLoad struct {
	// Power in kW, all phases together.
	Power policy.Milliwatts `yaml:"kw" max:"100000"`
	// Current in A on each phase.
	Current policy.Milliamps `yaml:"amps" max:"100000"`
	// Meter that measures the load.
	Meter string `yaml:"meter" format:"id"`
	// Max is the most that a metered load can draw. It counts when the site is
	// checked, and whenever the meter is silent or stale.
	Max Level `yaml:"max"`
}

// Breaker is what protects a circuit. How long it stands an overload follows from
// its standard. When its budget drains, nobody is raised below 100 %, the circuit
// sheds below 75 %, the site takes the state floor below 50 %, and alarm below 25 %;
// each until 90 % are restored. At the first start, half counts as used.
type Breaker struct {
	// Type of the protection: mcb (IEC 60898), mccb (IEC 60947-2), gg (fuse,
	// IEC 60269) or transformer (oil-filled, IEC 60076-7). An mccb whose short-time
	// release is set below 2.55 times its rating is quicker than is assumed.
	Type BreakerType `yaml:"type" required:"always"`
	// Rating is the rated current in A, or the rated power of a transformer in
	// kW (take its kVA). Of an adjustable breaker, what it is set to.
	Rating Level `yaml:"rating" required:"always"`
}

// Peak holds the average over a demand window that is aligned with the clock.
type Peak struct {
	// Window over which the average is taken; a whole number of windows makes
	// an hour.
	Window time.Duration `yaml:"window" default:"15m" min:"1m" max:"1h"`
	// Power in kW that the average may not pass.
	Power policy.Milliwatts `yaml:"kw" required:"always" min:"0.1" max:"100000"`
}

// Connector is an outlet that headroom steers.
type Connector struct {
	// ID of the connector in eDRV; unique over all sites.
	ID string `yaml:"id" required:"always" format:"id"`
	// Name for people; the id where there is none.
	Name string `yaml:"name" format:"name"`
	// Station is the connector's chargestation in eDRV.
	Station string `yaml:"station" required:"run" format:"id"`
	// Circuit that feeds the connector.
	Circuit string `yaml:"circuit" required:"always" format:"id"`
	// Kind ac takes orders in A per phase, dc in W.
	Kind Kind `yaml:"kind" required:"always"`
	// Phases as wired, in the order of the connector's own L1, L2, L3: the
	// first is where a one-phase car lands. dc: L1L2L3 if not given.
	Phases Wiring `yaml:"phases"`
	// Max is the most that may be ordered: {amps: …} for ac, at most 500, and
	// {kw: …} for dc, 1 to 1000.
	Max Level `yaml:"max" required:"always"`
	// Min is the least that may be ordered, except 0 where CanPause. Default
	// for ac 6 A (no car takes less: IEC 61851-1), for dc 5 kW.
	Min Level `yaml:"min"`
	// Fallback is what the charger does when nobody steers it. Default: Min
	// where InstallFallback, else Max.
	Fallback Level `yaml:"fallback"`
	// InstallFallback puts the fallback into the charger at start and checks
	// it. false: it is there already.
	InstallFallback bool `yaml:"install_fallback" default:"true"`
	// CanPause allows an order of 0.
	CanPause bool `yaml:"can_pause" default:"true"`
	// Unit in which the charger takes limits: current or power. Default for ac
	// current, for dc power, which is all that dc takes.
	Unit OrderUnit `yaml:"unit"`
	// DefaultLimit is what the charger makes of its fallback while a session
	// has a limit: floor where the session's replaces it, ceiling where the
	// fallback caps every session. Then no session is given more.
	DefaultLimit DefaultLimit `yaml:"default_limit" default:"floor"`
	// Settle is the time from an accepted cut until its power is free, where
	// the charger or its cars are slower than control.settle, its default.
	Settle time.Duration `yaml:"settle" min:"10ms" max:"168h"`
	// Tier of the rule priority: a higher tier comes first.
	Tier int `yaml:"tier" default:"0" min:"-1000" max:"1000"`
	// Weight in the shares: 2 gets twice of what 1 gets.
	Weight Weight `yaml:"weight" default:"1" min:"0.001" max:"1000"`
}

// Meter is a source of readings.
type Meter struct {
	// Type of the source.
	Type MeterType `yaml:"type" required:"always"`
	// Measures says what the meter sees: the base_load alone, or all that the
	// circuit carries with its chargers (circuit).
	Measures Measures `yaml:"measures" default:"base_load"`
	// URL of the reading (http), or of the server (prometheus). Redirects are
	// not followed.
	URL string `yaml:"url" format:"url"`
	// Broker of type mqtt, such as mqtt://10.0.0.5:1883, or mqtts://….
	Broker string `yaml:"broker" format:"url"`
	// Topic of type mqtt.
	Topic string `yaml:"topic" format:"text"`
	// Query of type prometheus: PromQL with one value.
	Query string `yaml:"query" format:"text"`
	// Field is the path of the reading in a JSON answer, such as grid.power_w;
	// none where the answer is the number itself.
	Field string `yaml:"field" format:"name"`
	// Phases are the powers of L1, L2 and L3, in this order: three paths in the
	// JSON answer, or three queries. Without Field or Query their sum is the
	// reading; without Phases it is taken to be spread evenly.
	Phases []string `yaml:"phases" format:"text"`
	// Unit of the reading.
	Unit Unit `yaml:"unit" default:"W"`
	// UnitField is the path of the unit in a JSON answer, in place of Unit.
	UnitField string `yaml:"unit_field" format:"name"`
	// Every is how often the meter is read. A meter of type mqtt tells by itself.
	Every time.Duration `yaml:"every" default:"5s" min:"10ms" max:"1h"`
	// Stale is the age from which a reading counts as none.
	Stale time.Duration `yaml:"stale" default:"30s" min:"10ms" max:"24h"`
	// Frozen is for how long readings may be exactly alike before they count as
	// none; 0s is for ever.
	Frozen time.Duration `yaml:"frozen" default:"5m" max:"168h"`
	// Export is how far below zero a reading may be, such as from solar panels,
	// as {kw: …}. Below it, it counts as none. Down to it, it counts as 0: a cloud
	// takes power away faster than chargers follow.
	Export Level `yaml:"export"`
	// Max is the most that a reading can be, as {kw: …}; above it, it counts as
	// none. Default: twice the limit of the circuit, or of base_load.max if that
	// is more.
	Max Level `yaml:"max"`
	// Username for the source.
	Username string `yaml:"username" format:"name"`
	// Password for the source.
	Password Secret `yaml:"password"`
	// Token is sent as a bearer token, by http and prometheus.
	Token Secret `yaml:"token"`
	// CAFile holds the certificates, as PEM, by which the source's own is
	// verified, in place of those of the system.
	CAFile string `yaml:"ca_file" format:"path"`
}

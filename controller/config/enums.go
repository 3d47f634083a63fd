package config

import "github.com/headroom-ev/headroom/policy"

// The enumerations are texts, so that files, metrics and pages show one word.
// Their methods Values list what a file may say.

// Signing is the form of a webhook's signature.
type Signing string

// The forms of a webhook's signature; see edrvapi for what each of them covers.
const (
	SigningAuto          Signing = "auto"
	SigningBody          Signing = "body"
	SigningTimestampBody Signing = "timestamp.body"
	SigningSHA256        Signing = "sha256"
)

// Values lists the forms.
func (Signing) Values() []string {
	return texts(SigningAuto, SigningBody, SigningTimestampBody, SigningSHA256)
}

// Method is the HTTP method of the calls that set a limit.
type Method string

// The methods that eDRV's pages leave possible.
const (
	MethodPost  Method = "POST"
	MethodPut   Method = "PUT"
	MethodPatch Method = "PATCH"
)

// Values lists the methods.
func (Method) Values() []string { return texts(MethodPost, MethodPut, MethodPatch) }

// Mode says whether orders are sent.
type Mode string

// The modes.
const (
	ModeEnforce Mode = "enforce"
	ModeObserve Mode = "observe"
)

// Values lists the modes.
func (Mode) Values() []string { return texts(ModeEnforce, ModeObserve) }

// Role is what a machine does in a fleet.
type Role string

// The roles.
const (
	RoleAll        Role = "all"
	RoleGateway    Role = "gateway"
	RoleController Role = "controller"
)

// Values lists the roles.
func (Role) Values() []string { return texts(RoleAll, RoleGateway, RoleController) }

// TakesWebhooks reports whether a machine with the role answers webhooks.
func (r Role) TakesWebhooks() bool { return r != RoleController }

// Steers reports whether a machine with the role steers sites.
func (r Role) Steers() bool { return r != RoleGateway }

// Share is the rule by which short power is shared: one of the engine's.
type Share string

// Values lists the rules.
func (Share) Values() []string { return policy.RuleNames() }

// Engage says what makes a site steer.
type Engage string

// What makes a site steer.
const (
	EngagePotential Engage = "potential"
	EngageMeasured  Engage = "measured"
	EngageAlways    Engage = "always"
)

// Values lists them.
func (Engage) Values() []string { return texts(EngagePotential, EngageMeasured, EngageAlways) }

// Kind of a connector: it decides the unit of its orders.
type Kind string

// The kinds of connectors.
const (
	AC Kind = "ac" // Ordered in A per phase.
	DC Kind = "dc" // Ordered in W.
)

// Values lists the kinds.
func (Kind) Values() []string { return texts(AC, DC) }

// OrderUnit is what a charger's limits are given in.
type OrderUnit string

// The units of a limit, in eDRV's words.
const (
	OrderCurrent OrderUnit = "current" // A per phase
	OrderPower   OrderUnit = "power"   // W in all
)

// Values lists the units.
func (OrderUnit) Values() []string { return texts(OrderCurrent, OrderPower) }

// DefaultLimit is what a charger makes of its default limit while a session has
// a limit of its own.
type DefaultLimit string

// The meanings of a default limit.
const (
	DefaultFloor   DefaultLimit = "floor"   // The session's limit replaces it (OCPP 1.6: TxDefaultProfile).
	DefaultCeiling DefaultLimit = "ceiling" // It caps every session (OCPP 1.6: ChargePointMaxProfile).
)

// Values lists the meanings.
func (DefaultLimit) Values() []string { return texts(DefaultFloor, DefaultCeiling) }

// BreakerType is a kind of protection; it decides how long an overload lasts.
type BreakerType string

// The kinds of protection.
const (
	BreakerMCB         BreakerType = "mcb"
	BreakerMCCB        BreakerType = "mccb"
	BreakerGG          BreakerType = "gg"
	BreakerTransformer BreakerType = "transformer"
)

// Values lists them.
func (BreakerType) Values() []string {
	return texts(BreakerMCB, BreakerMCCB, BreakerGG, BreakerTransformer)
}

// MeterType is a kind of meter.
type MeterType string

// The kinds of meters. MeterModbus is known only to be refused with advice.
const (
	MeterHTTP       MeterType = "http"
	MeterMQTT       MeterType = "mqtt"
	MeterModbus     MeterType = "modbus"
	MeterPrometheus MeterType = "prometheus"
)

// Values lists them.
func (MeterType) Values() []string {
	return texts(MeterHTTP, MeterMQTT, MeterModbus, MeterPrometheus)
}

// Measures says what a meter sees.
type Measures string

// What a meter sees.
const (
	MeasuresBaseLoad Measures = "base_load"
	MeasuresCircuit  Measures = "circuit"
)

// Values lists them.
func (Measures) Values() []string { return texts(MeasuresBaseLoad, MeasuresCircuit) }

// Unit of a meter's reading.
type Unit string

// The units of a meter's reading.
const (
	UnitWatts     Unit = "W"
	UnitKilowatts Unit = "kW"
)

// Values lists the units.
func (Unit) Values() []string { return texts(UnitWatts, UnitKilowatts) }

func texts[T ~string](values ...T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

package edrvsim

import "time"

// DefaultMeaning is what a station's or connector's default limit means to a
// charger while a session has a limit of its own. eDRV does not document it.
type DefaultMeaning string

// The two readings of a default limit.
const (
	// Floor: OCPP's TxDefaultProfile, which a session limit replaces.
	Floor DefaultMeaning = "floor"
	// Ceiling: OCPP's ChargePointMaxProfile, which always caps.
	Ceiling DefaultMeaning = "ceiling"
)

// Behaviour is how this eDRV, its chargers and the line to the client behave
// when nothing is wrong. Every duration may be as short as milliseconds.
type Behaviour struct {
	Reaction  Range // from a call to the charger's answer, and to the limit's effect
	Reply     Range // until the client sees the HTTP reply
	HookDelay Range // from an event to its webhook being ready
	Report    Range // between two energy reports of a session
	Auth      Range // from plugging in to a local start
	Finish    Range // from the cable's removal to eDRV learning of it

	StartTimeout    time.Duration // a created session without a start is cancelled
	MaxEnergyPeriod time.Duration // eDRV's default time target, of drawing
	ZombieLife      time.Duration // until a session without a car is cleared away

	Retry        []time.Duration // after a failed delivery; then the message is dropped
	DisableAfter int             // failed deliveries in a row that disable the webhook; 0: never

	Default            DefaultMeaning
	ThreePhasesAssumed bool // a limit in watts is divided by three phases whatever the car
	CurrentPerPhase    bool // the reported scalar current is of one phase, not the sum
	RebootLosesLimit   bool // session limits do not survive a reboot

	// Spells of trouble, used by the faults of the same name.
	Offline    Range         // station without a line
	Flap       Range         // each of the short losses of a flapping line
	Reboot     Range         // charger restarting
	Cut        Range         // site without power
	Outage     Range         // eDRV's API or webhooks
	Late       Range         // delayed webhook, and late duplicate
	Redeliver  Range         // late order, after its station is back
	Slow       Range         // slow API reply
	RetryAfter Range         // of a 429
	PilotLag   time.Duration // a car that ignores the pilot does so for this long

	KeepEnded int // ended sessions that stay in lists
}

// DefaultBehaviour is eDRV as its pages describe it: reports every 30 to 60 s
// and reactions of up to 30 s ("Manage Session Power", "Session Targets"),
// cancelling after 120 s and stopping after 12 h ("Sessions"). Retry schedule,
// time-out and disabling are not public; those here are the usual ones.
func DefaultBehaviour() Behaviour {
	const sec, minute, hour = time.Second, time.Minute, time.Hour
	return Behaviour{
		Reaction:  Between(1*sec, 30*sec),
		Reply:     Between(20*time.Millisecond, 200*time.Millisecond),
		HookDelay: Between(50*time.Millisecond, 1*sec),
		Report:    Between(30*sec, 60*sec),
		Auth:      Between(1*sec, 8*sec),
		Finish:    Between(1*sec, 5*sec),

		StartTimeout:    120 * sec,
		MaxEnergyPeriod: 12 * hour,
		ZombieLife:      6 * hour,

		Retry:        []time.Duration{5 * sec, 30 * sec, 5 * minute, 30 * minute},
		DisableAfter: 20,
		Default:      Floor,

		Offline:    Between(30*sec, 30*minute),
		Flap:       Between(5*sec, 20*sec),
		Reboot:     Between(20*sec, 90*sec),
		Cut:        Between(10*sec, 10*minute),
		Outage:     Between(10*sec, 2*hour),
		Late:       Between(1*minute, 10*minute),
		Redeliver:  Between(10*sec, 80*sec),
		Slow:       Between(5*sec, 30*sec),
		RetryAfter: Between(1*sec, 30*sec),
		PilotLag:   60 * sec,

		KeepEnded: 100,
	}
}

// Faster divides every duration by x: 100 turns a report every 30 s into one
// every 300 ms, for tests on a real clock. Physics keeps its own time: a car
// takes in as much energy per second as before.
func (b Behaviour) Faster(x float64) Behaviour {
	div := func(d *time.Duration) { *d = time.Duration(float64(*d) / x) }
	for _, r := range []*Range{
		&b.Reaction, &b.Reply, &b.HookDelay, &b.Report, &b.Auth, &b.Finish, &b.Offline, &b.Flap,
		&b.Reboot, &b.Cut, &b.Outage, &b.Late, &b.Redeliver, &b.Slow, &b.RetryAfter,
	} {
		div(&r.Min)
		div(&r.Max)
	}
	b.Retry = append([]time.Duration(nil), b.Retry...)
	for i := range b.Retry {
		div(&b.Retry[i])
	}
	for _, d := range []*time.Duration{&b.StartTimeout, &b.MaxEnergyPeriod, &b.ZombieLife, &b.PilotLag} {
		div(d)
	}
	return b
}

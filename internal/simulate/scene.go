package simulate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/policy"
)

// Scene is one site to simulate: what is true of it, what the controller is
// told of it, and what happens from outside.
type Scene struct {
	Name     string
	World    edrvsim.Spec
	Settings core.Settings
	Limits   []LimitDrop
}

// LimitDrop is a limit from outside that comes and goes.
type LimitDrop struct {
	At      time.Duration
	For     time.Duration
	Circuit string
	Load    policy.Load
}

// epoch is when every simulation begins: a Monday.
var epoch = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// control is the control section with its defaults.
func control() core.Timing {
	return core.Timing{
		Tick: 5 * time.Second, Resync: time.Minute, ReportStale: 90 * time.Second, VerdictTimeout: 2 * time.Minute,
		Settle: 5 * time.Second, RaiseEvery: 30 * time.Second, DisengageAfter: time.Minute, Rotate: 15 * time.Minute,
		ResumeAfter: 10 * time.Minute, Reassert: 5 * time.Minute, RecoverAfter: 2 * time.Minute,
	}
}

// randomScene draws a site: its circuits, its connectors and how they are
// wired, its building's load, its cars, and the limits that others set. Some
// sites are small and simple, some have everything.
func randomScene(seed uint64, length time.Duration, faults edrvsim.Faults) (Scene, error) {
	d := &draw{rand.New(rand.NewPCG(seed, 0x5ce9e))}
	sc := Scene{Name: fmt.Sprintf("site-%d", seed), World: edrvsim.NewSpec(seed)}
	sc.World.Start, sc.World.Faults = epoch, faults
	sc.World.Locations = []edrvsim.LocationSpec{{ID: "location"}}
	sc.World.Behaviour.DisableAfter = 0 // a disabled endpoint needs a human: HookOutage stands for it
	rule, err := policy.RuleNamed(policy.RuleNames()[d.IntN(len(policy.RuleNames()))])
	if err != nil {
		return Scene{}, err
	}
	sc.Settings = core.Settings{
		ID: sc.Name, Zone: time.UTC, Rule: rule, CutHedge: int64(d.IntN(7)) * 100, MinOn: 5 * time.Minute,
		Stay: 6 * time.Hour, StayEnergy: 12 * policy.KWh, Timing: control(),
	}
	d.circuits(&sc)
	d.connectors(&sc)
	d.limits(&sc)
	d.cars(&sc)
	d.drops(&sc, length)
	d.meters(&sc)
	d.breakers(&sc)
	return sc, nil
}

// configuredScene lets cars come to a configured site, whose base loads are as
// high as they may be at times.
func configuredScene(set core.Settings, seed uint64, faults edrvsim.Faults) Scene {
	d := &draw{rand.New(rand.NewPCG(seed, 0x5ce9e))}
	sc := Scene{Name: set.ID, World: edrvsim.NewSpec(seed), Settings: set}
	sc.Settings.Mode = core.Enforce
	sc.World.Start, sc.World.Faults = epoch, faults
	sc.World.Locations = []edrvsim.LocationSpec{{ID: "location"}}
	sc.World.Behaviour.DisableAfter = 0
	for _, c := range set.Circuits {
		spec := edrvsim.CircuitSpec{ID: c.ID, Parent: c.Parent, LimitWatts: watts(c.Limit.Power), LimitAmps: amps(c.Limit.Amps[0])}
		if c.Base.Power > 0 {
			spec.BaseLoad = d.steps(watts(c.Base.Power))
		}
		sc.World.Circuits = append(sc.World.Circuits, spec)
	}
	sc.Settings.Connectors = slices.Clone(set.Connectors)
	stations := map[string]int{}
	for i := range sc.Settings.Connectors {
		c := &sc.Settings.Connectors[i]
		if c.Station == "" { // one that has no name is not the same as the next
			c.Station = "station-" + c.ID
		}
		at, ok := stations[c.Station]
		if !ok {
			at = len(sc.World.Stations)
			stations[c.Station] = at
			sc.World.Stations = append(sc.World.Stations, edrvsim.StationSpec{
				ID: c.Station, Location: "location", Shape: edrvsim.Shape(d.IntN(4)), Raw: d.IntN(3) == 0,
			})
		}
		spec := edrvsim.ConnectorSpec{ID: c.ID, Circuit: c.Circuit, Kind: edrvsim.AC, Phases: wiredAs(c), Voltage: float64(c.Wiring.Volts), MaxAmps: amps(c.Max)}
		if c.Kind == policy.DC {
			spec.Kind, spec.MaxAmps, spec.MaxKW = edrvsim.DC, 0, watts(c.MaxPower)/1000
		}
		if !c.InstallFallback && c.Fallback < c.Max {
			if spec.Default = edrvsim.Amps(amps(c.Fallback)); c.Kind == policy.DC {
				spec.Default = edrvsim.Watts(watts(c.FallbackPower))
			}
		}
		sc.World.Stations[at].Connectors = append(sc.World.Stations[at].Connectors, spec)
	}
	d.cars(&sc)
	return sc
}

// wiredAs names the phases of a connector from the one on which a single-phase
// car draws.
func wiredAs(c *core.Connector) string {
	name := ""
	for k := range 3 {
		if p := (c.First + policy.Phase(k)) % 3; c.Wiring.Phases.Has(p) {
			name += p.String()
		}
	}
	return name
}

// draw draws a scene.
type draw struct{ *rand.Rand }

func (d *draw) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

func (d *draw) circuits(sc *Scene) {
	n := d.between(1, 6)
	for i := range n {
		c := edrvsim.CircuitSpec{ID: fmt.Sprintf("circuit-%d", i)}
		if i > 0 {
			c.Parent = fmt.Sprintf("circuit-%d", d.IntN(min(i, 3)))
		}
		sc.World.Circuits = append(sc.World.Circuits, c)
		sc.Settings.Circuits = append(sc.Settings.Circuits, core.Circuit{ID: c.ID, Parent: c.Parent, Margin: policy.Margin{PerMille: int64(d.IntN(3)) * 30}})
	}
}

// wirings are how posts are wired, three-phase ones rotated.
var wirings = []struct {
	name   string
	phases policy.Phases
	first  policy.Phase
}{
	{"L1L2L3", policy.AllPhases, policy.L1},
	{"L2L3L1", policy.AllPhases, policy.L2},
	{"L3L1L2", policy.AllPhases, policy.L3},
	{"L1L2L3", policy.AllPhases, policy.L1},
	{"L1", policy.On(policy.L1), policy.L1},
	{"L2", policy.On(policy.L2), policy.L2},
	{"L3", policy.On(policy.L3), policy.L3},
	{"L2L3", policy.On(policy.L2, policy.L3), policy.L2},
}

func (d *draw) connectors(sc *Scene) {
	n := d.between(4, 16)
	for i := range n {
		id := fmt.Sprintf("connector-%d", i)
		circuit := fmt.Sprintf("circuit-%d", d.IntN(len(sc.World.Circuits)))
		w := wirings[d.IntN(len(wirings))]
		spec := edrvsim.ConnectorSpec{ID: id, Circuit: circuit, Phases: w.name}
		set := core.Connector{
			ID: id, Name: id, Station: "station-" + id, Circuit: circuit, Wiring: policy.Wiring{Phases: w.phases, Volts: 230}, First: w.first,
			InstallFallback: true, CanPause: d.IntN(5) > 0, Tier: d.IntN(3), Weight: 1000 * d.between(1, 3),
		}
		if d.IntN(6) == 0 {
			kw := d.between(3, 15) * 10
			spec.Kind, spec.Phases, spec.MaxKW = edrvsim.DC, "L1L2L3", float64(kw)
			set.Kind, set.Wiring.Phases = policy.DC, policy.AllPhases
			set.MinPower, set.MaxPower, set.FallbackPower = 5*policy.Kilowatt, policy.Milliwatts(kw)*policy.Kilowatt, policy.Milliwatts(d.between(5, 10))*policy.Kilowatt
			set.Min, set.Max, set.Fallback = set.Wiring.LevelAbove(set.MinPower), set.Wiring.LevelAbove(set.MaxPower), set.Wiring.LevelAbove(set.FallbackPower)
		} else {
			amps := []int{16, 32, 32, 63}[d.IntN(4)]
			spec.Kind, spec.MaxAmps = edrvsim.AC, float64(amps)
			set.Min, set.Max = 6*policy.Ampere, policy.Milliamps(amps)*policy.Ampere
			if set.Fallback = 6 * policy.Ampere; d.IntN(6) == 0 && set.CanPause {
				set.Fallback = 0
			}
		}
		sc.World.Stations = append(sc.World.Stations, edrvsim.StationSpec{
			ID: set.Station, Location: "location", Shape: edrvsim.Shape(d.IntN(4)), Raw: d.IntN(3) == 0, Connectors: []edrvsim.ConnectorSpec{spec},
		})
		sc.Settings.Connectors = append(sc.Settings.Connectors, set)
	}
}

// limits gives every circuit a limit that the fallbacks and the base load fit,
// and that binds when many charge.
func (d *draw) limits(sc *Scene) {
	n := len(sc.Settings.Circuits)
	low, high, base := make([]policy.Load, n), make([]policy.Load, n), make([]policy.Load, n)
	at := map[string]int{}
	for k, c := range sc.Settings.Circuits {
		at[c.ID] = k
		if d.IntN(2) == 0 {
			kw := int64(d.between(1, 12))
			base[k] = policy.Symmetric(policy.Milliamps(kw*1_000_000/690+1), policy.Milliwatts(kw)*policy.Kilowatt)
			sc.Settings.Circuits[k].Base = base[k]
			sc.World.Circuits[k].BaseLoad = d.steps(float64(kw) * 1000)
		}
	}
	for _, c := range sc.Settings.Connectors {
		k := at[c.Circuit]
		low[k], high[k] = low[k].Plus(c.Wiring.At(c.Fallback)), high[k].Plus(c.Wiring.At(c.Max))
	}
	for k := n - 1; k >= 0; k-- {
		if c := &sc.Settings.Circuits[k]; c.Parent != "" {
			p := at[c.Parent]
			low[p], high[p], base[p] = low[p].Plus(low[k]), high[p].Plus(high[k]), base[p].Plus(base[k])
		}
	}
	for k := range sc.Settings.Circuits {
		c := &sc.Settings.Circuits[k]
		c.Limit = policy.NoLimit()
		share := int64(d.between(35, 90)) // ‰·10 of the way from the fallbacks to everything
		part := func(lo, hi, base int64) int64 {
			need := lo + (hi-lo)*share/100 + base
			return (need*1000/(1000-c.Margin.PerMille)/100_000 + 1) * 100_000 // whole tenths of kW, hundreds of A
		}
		if k == 0 || d.IntN(2) == 0 {
			c.Limit.Power = policy.Milliwatts(part(int64(low[k].Power), int64(high[k].Power), int64(base[k].Power)))
			sc.World.Circuits[k].LimitWatts = float64(c.Limit.Power) / 1000
		}
		if c.Limit.Power == policy.Unlimited || d.IntN(2) == 0 {
			most := int64(0)
			for p := range 3 {
				lo, hi := int64(low[k].Amps[p]), int64(high[k].Amps[p])
				most = max(most, (lo+(hi-lo)*share/100+int64(base[k].Amps[p]))*1000/(1000-c.Margin.PerMille))
			}
			amps := policy.Milliamps(most/1000+1) * policy.Ampere
			c.Limit.Amps = [3]policy.Milliamps{amps, amps, amps}
			sc.World.Circuits[k].LimitAmps = float64(amps) / 1000
		}
	}
}

// meters has a meter tell some of the base loads.
func (d *draw) meters(sc *Scene) {
	for k := range sc.Settings.Circuits {
		if c := &sc.Settings.Circuits[k]; c.Base.Power > 0 && d.IntN(2) == 0 {
			c.Meter = "meter-" + c.ID
			sc.Settings.Meters = append(sc.Settings.Meters, core.Meter{Name: c.Meter, Volts: 230, Stale: time.Minute, Max: policy.Kilowatt * 1000})
		}
	}
}

// breakers protects some circuits by a device that stands its limit.
func (d *draw) breakers(sc *Scene) {
	for k := range sc.Settings.Circuits {
		if c := &sc.Settings.Circuits[k]; c.Limit.Amps[policy.L1] < policy.Unlimited && d.IntN(3) == 0 {
			c.Protection = core.Protection{Device: core.Device(1 + d.IntN(4)), Rating: policy.NoLimit()}
			c.Protection.Rating.Amps = c.Limit.Amps
		}
	}
}

// steps is a building's load that goes up and down below its most.
func (d *draw) steps(most float64) edrvsim.Profile {
	p := edrvsim.Profile{Repeat: 24 * time.Hour}
	for at := time.Duration(0); at < p.Repeat; at += time.Duration(d.between(10, 180)) * time.Minute {
		p.Steps = append(p.Steps, edrvsim.LoadStep{After: at, Watts: most * d.Float64()})
	}
	return p
}

// cars lets so many cars come that the site is congested at times.
func (d *draw) cars(sc *Scene) {
	n := float64(len(sc.Settings.Connectors))
	day := make([]float64, 24)
	for h := range day {
		busy := 0.05
		if h >= 7 && h < 20 {
			busy = 0.15 + 0.25*d.Float64()
		}
		day[h] = n * busy
	}
	ramp := time.Duration(d.IntN(6)) * time.Second
	mix := func(weight float64, phases int, amps, kw float64) edrvsim.CarMix {
		return edrvsim.CarMix{
			Weight: weight, Stay: edrvsim.Between(20*time.Minute, 8*time.Hour), NeedKWh: [2]float64{3, 45},
			Car: edrvsim.CarSpec{Phases: phases, MaxAmps: amps, MaxKW: kw, TailKWh: 1.5, BatteryKWh: 60, Ramp: ramp},
		}
	}
	sc.World.Arrivals = []edrvsim.ArrivalSpec{{
		PerHour: day,
		Cars:    []edrvsim.CarMix{mix(4, 3, 16, 100), mix(3, 3, 32, 150), mix(2, 1, 32, 50), mix(1, 2, 16, 50)},
	}}
}

// recovery is how long before the end of a run nobody limits the site any more.
const recovery = time.Hour

// drops lets others lower the limits now and then: a grid operator, or the
// operator of the site by the hour. Some drops go below what the fallbacks
// take: then not everybody can charge. None is in force in the end, when it is
// judged whether the site recovered.
func (d *draw) drops(sc *Scene, length time.Duration) {
	for at := time.Duration(d.between(1, 10)) * time.Hour; at < length; at += time.Duration(d.between(2, 20)) * time.Hour {
		c := &sc.Settings.Circuits[d.IntN(len(sc.Settings.Circuits))]
		drop := LimitDrop{At: at, For: time.Duration(d.between(5, 120)) * time.Minute, Circuit: c.ID, Load: c.Limit}
		part := int64(d.between(20, 80))
		if drop.Load.Power < policy.Unlimited {
			drop.Load.Power = drop.Load.Power * policy.Milliwatts(part) / 100
		}
		for p := range drop.Load.Amps {
			if drop.Load.Amps[p] < policy.Unlimited {
				drop.Load.Amps[p] = drop.Load.Amps[p] * policy.Milliamps(part) / 100
			}
		}
		if drop.At+drop.For < length-recovery {
			sc.Limits = append(sc.Limits, drop)
		}
	}
}

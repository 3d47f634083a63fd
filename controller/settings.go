package controller

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// ClientOptions is how the configuration says to reach eDRV. A transport
// replaces the connection, for tests; nil for the real one.
func ClientOptions(e *config.EDRV, transport http.RoundTripper) edrvapi.Options {
	return edrvapi.Options{
		BaseURL: e.URL, APIKey: e.APIKey.Reveal, SetLimitMethod: string(e.SetLimitMethod),
		RequestsPerSecond: e.RequestsPerSecond.PerSecond(), Transport: transport,
	}
}

// SiteSettings turns the configuration of a site into the settings of its
// model. The configuration has been checked.
func SiteSettings(site *config.Site, control *config.Control) (core.Settings, error) {
	rule, err := policy.RuleNamed(string(site.Share))
	if err != nil {
		return core.Settings{}, fmt.Errorf("site %s: %w", site.ID, err)
	}
	s := core.Settings{
		ID: site.ID, Location: site.Location, Zone: site.Timezone, Rule: rule,
		CutHedge: int64(site.CutHedge), MinOn: site.MinOn, Stay: site.Stay.Duration, StayEnergy: site.Stay.Energy,
		Timing: core.Timing{
			Tick: control.Tick, Resync: control.Resync, ReportStale: control.ReportStale,
			VerdictTimeout: control.VerdictTimeout, Settle: control.Settle, RaiseEvery: control.RaiseEvery,
			DisengageAfter: control.DisengageAfter, Rotate: control.Rotate, ResumeAfter: control.ResumeAfter,
			Reassert: control.Reassert, RecoverAfter: control.RecoverAfter,
		},
	}
	if control.Mode == config.ModeObserve {
		s.Mode = core.Observe
	}
	switch site.Engage {
	case config.EngageMeasured:
		s.Engage = core.EngageMeasured
	case config.EngageAlways:
		s.Engage = core.EngageAlways
	}
	margin := site.Margin.At(site.Voltage)
	for i := range site.Circuits {
		s.Circuits = append(s.Circuits, circuitSettings(&site.Circuits[i], margin, site.Voltage))
	}
	for _, name := range slices.Sorted(maps.Keys(site.Meters)) {
		s.Meters = append(s.Meters, meterSettings(name, site))
	}
	for i := range site.Connectors {
		s.Connectors = append(s.Connectors, connectorSettings(&site.Connectors[i], site.Voltage))
	}
	return s, nil
}

func circuitSettings(c *config.Circuit, margin policy.Margin, volts config.Volts) core.Circuit {
	out := core.Circuit{
		ID: c.ID, Parent: c.Parent, Limit: c.Limit.Load(), Margin: margin,
		Base: c.BaseLoad.Worst(volts), Meter: c.BaseLoad.Meter,
	}
	if c.Peak.Power > 0 {
		out.Peak = core.Peak{Window: c.Peak.Window, Power: c.Peak.Power}
	}
	out.Protection = protectionSettings(&c.Breaker, volts)
	if reserve := c.ArrivalReserve; reserve != (config.Level{}) {
		out.ArrivalReserve, out.ReserveSet = reserve.Load(volts), true
	}
	for _, w := range c.Schedule {
		window := policy.Window{From: int(w.From), To: int(w.To), Limit: w.Limit.Load()}
		for day := range window.Days {
			window.Days[day] = w.Days.Has(time.Weekday(day))
		}
		out.Windows = append(out.Windows, window)
	}
	return out
}

// protectionSettings takes a transformer to be loaded evenly at its rating: what
// it stands on one phase is a third of what it stands in all.
func protectionSettings(b *config.Breaker, volts config.Volts) core.Protection {
	switch b.Type {
	case config.BreakerMCB:
		return core.Protection{Device: core.MCB, Rating: policy.Symmetric(b.Rating.Current, policy.Unlimited)}
	case config.BreakerMCCB:
		return core.Protection{Device: core.MCCB, Rating: policy.Symmetric(b.Rating.Current, policy.Unlimited)}
	case config.BreakerGG:
		return core.Protection{Device: core.FuseGG, Rating: policy.Symmetric(b.Rating.Current, policy.Unlimited)}
	case config.BreakerTransformer:
		all := policy.Wiring{Phases: policy.AllPhases, Volts: int64(volts)}
		return core.Protection{Device: core.Transformer, Rating: policy.Symmetric(all.Level(b.Rating.Power), b.Rating.Power)}
	}
	return core.Protection{}
}

func meterSettings(name string, site *config.Site) core.Meter {
	m := site.Meters[name]
	return core.Meter{
		Name: name, Whole: m.Measures == config.MeasuresCircuit, Volts: int64(site.Voltage),
		Stale: m.Stale, Frozen: m.Frozen, Export: m.Export.Power, Max: m.Max.Power,
	}
}

// connectorSettings books a DC connector's watts at the level that reaches
// them, so that what is booked is never less than what is ordered.
func connectorSettings(c *config.Connector, volts config.Volts) core.Connector {
	wiring := c.Wiring(volts)
	out := core.Connector{
		ID: c.ID, Name: c.Name, Station: c.Station, Circuit: c.Circuit, Wiring: wiring, First: c.Phases.Order()[0],
		Min: c.Min.Current, Max: c.Max.Current, Fallback: c.Fallback.Current,
		InstallFallback: c.InstallFallback, CanPause: c.CanPause,
		Watts: c.Kind == config.AC && c.Unit == config.OrderPower, Capped: c.DefaultLimit == config.DefaultCeiling, Settle: c.Settle, Tier: c.Tier, Weight: int(c.Weight),
	}
	if c.Kind == config.DC {
		out.Kind = policy.DC
		out.MinPower, out.MaxPower, out.FallbackPower = c.Min.Power, c.Max.Power, c.Fallback.Power
		out.Min, out.Max, out.Fallback = wiring.LevelAbove(c.Min.Power), wiring.LevelAbove(c.Max.Power), wiring.LevelAbove(c.Fallback.Power)
	}
	return out
}

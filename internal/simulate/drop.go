package simulate

import (
	"time"

	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/policy"
)

// external is a drop as the controller is told of it.
func external(d LimitDrop, now time.Time) policy.External {
	return policy.External{Name: "grid-operator", Until: now.Add(d.For), Limit: d.Load, Fallback: policy.NoLimit()}
}

// judgeBy makes a limit from outside what the circuit is judged by, while it
// holds.
func (p *play) judgeBy(circuit string, from, until time.Time, limit policy.Load) {
	if !until.After(from) { // the daemon was away, and hears of it too late
		return
	}
	_ = p.rig.World.SetCircuitLimit(from, circuit, watts(limit.Power), amps(limit.Amps[0])) // the circuit exists
	p.judged = append(p.judged, judged{circuit: circuit, until: until})
	p.restore(until, circuit)
}

// judged is a limit from outside in force.
type judged struct {
	circuit string
	until   time.Time
}

// restore makes what the configuration says at a time what the circuit is
// judged by from then on.
func (p *play) restore(at time.Time, circuit string) {
	for k := range p.scene.Settings.Circuits {
		if c := &p.scene.Settings.Circuits[k]; c.ID == circuit {
			limit := configured(c, at, p.scene.Settings.Zone)
			_ = p.rig.World.SetCircuitLimit(at, circuit, watts(limit.Power), amps(limit.Amps[0]))
		}
	}
}

// configured is the limit of a circuit at a time, margin included.
func configured(c *core.Circuit, at time.Time, zone *time.Location) policy.Load {
	limits := policy.Limits{Configured: c.Limit, Windows: c.Windows}
	limit, _ := limits.At(at, zone)
	return limit
}

// followSchedule lets the circuits be judged by their schedules.
func (p *play) followSchedule() {
	set := &p.scene.Settings
	for k := range set.Circuits {
		c := &set.Circuits[k]
		limits := policy.Limits{Configured: c.Limit, Windows: c.Windows}
		p.restore(epoch, c.ID)
		for at, more := limits.NextChange(epoch, set.Zone); more && at.Before(p.end); at, more = limits.NextChange(at, set.Zone) {
			p.restore(at, c.ID)
		}
	}
}

// forgotten restores what a crash made the daemon forget, because its disk
// failed when it was told.
func (p *play) forgotten(now time.Time) {
	kept := map[string]bool{}
	for _, l := range p.rig.saved.Limits {
		kept[l.Circuit] = true
	}
	for _, j := range p.judged {
		if now.Before(j.until) && !kept[j.circuit] {
			p.restore(now, j.circuit)
		}
	}
}

// watts and amps are a part of a limit as the simulated world takes it: 0 where
// there is none.
func watts(w policy.Milliwatts) float64 {
	if w >= policy.Unlimited {
		return 0
	}
	return float64(w) / 1000
}

func amps(a policy.Milliamps) float64 {
	if a >= policy.Unlimited {
		return 0
	}
	return float64(a) / 1000
}

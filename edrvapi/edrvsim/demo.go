package edrvsim

import (
	"cmp"
	"fmt"
	"time"
)

// Demo is a ready scene and what a controller's configuration needs to know of
// it beyond the Spec, whose circuits, ratings and wiring are the other half.
type Demo struct {
	Spec         Spec
	Location     string
	FallbackAmps float64 // a default limit for the AC posts that fits every circuit
	FallbackKW   float64 // the same for the DC charger
	MaxBaseKW    float64 // the most that the building takes
}

// The demo's rhythm: cars pour in for 45 s of every three minutes, and none
// stays for more than 80 s. Between the waves the site falls calm.
const (
	demoSlot  = 15 * time.Second
	demoSlots = 12
	demoBusy  = 3
)

// DemoSpec is one site that gets congested within a minute of normal speed, and
// is calm again before three have passed: a grid connection of 100 kW and 160 A,
// two panels, twelve AC posts and one DC charger, all ten times as quick as real
// ones. About the given number of cars arrive in each wave; 0 is 18.
//
// The fallbacks and the building's most together take up to 66 kW and 95 A of
// the grid connection, and less than half of either panel.
func DemoSpec(seed uint64, cars int) Demo {
	ids := newIDSource(^seed) // not the ids that the world will make up
	spec := NewSpec(seed)
	id := func() string { return ids.next(spec.Start) }
	spec.Behaviour = spec.Behaviour.Faster(10)
	spec.Record = RecordSpec{Every: time.Second, Points: 600}

	location := LocationSpec{ID: id(), Operator: "Headroom Demo", Timezone: "Europe/Berlin"}
	spec.Locations = []LocationSpec{location}
	spec.Circuits = []CircuitSpec{
		{ID: "grid", LimitWatts: 100e3, LimitAmps: 160, BaseLoad: Profile{
			Steps: []LoadStep{
				{After: 0, Watts: 8e3}, {After: 25 * time.Second, Watts: 14e3}, {After: 70 * time.Second, Watts: 10e3},
			},
			Repeat: demoSlot * demoSlots,
		}},
		{ID: "panel-a", Parent: "grid", LimitAmps: 80},
		{ID: "panel-b", Parent: "grid", LimitAmps: 125},
	}
	for i, phases := range demoWiring {
		panel, shape := "panel-a", Shape2023
		if i >= len(demoWiring)/2 {
			panel, shape = "panel-b", Shape2022
		}
		spec.Stations = append(spec.Stations, StationSpec{
			ID: id(), Name: fmt.Sprintf("%c%d", 'A'+i/6, i%6+1), Location: location.ID, Shape: shape, Raw: i%4 == 0,
			Connectors: []ConnectorSpec{{ID: id(), Circuit: panel, Kind: AC, Phases: phases, Voltage: 230, MaxAmps: 32, MinAmps: 6}},
		})
	}
	spec.Stations = append(spec.Stations, StationSpec{
		ID: id(), Name: "DC1", Location: location.ID, Protocol: "ocpp2.0.1", Shape: Shape2025,
		Connectors: []ConnectorSpec{{ID: id(), Circuit: "panel-b", Kind: DC, Phases: "L1L2L3", Voltage: 230, MaxKW: 60}},
	})
	spec.Arrivals = []ArrivalSpec{demoArrivals(cmp.Or(cars, 18))}
	return Demo{Spec: spec, Location: location.ID, FallbackAmps: 6, FallbackKW: 10, MaxBaseKW: 14}
}

// demoWiring is the posts' phases, rotated from post to post as electricians do
// to spread single-phase cars.
var demoWiring = [...]string{
	"L1L2L3", "L2L3L1", "L3L1L2", "L1L2L3", "L1", "L2",
	"L2L3L1", "L3L1L2", "L1L2L3", "L2L3L1", "L3L1L2", "L3",
}

func demoArrivals(cars int) ArrivalSpec {
	rate := float64(cars) / (demoBusy * demoSlot).Hours()
	a := ArrivalSpec{Slot: demoSlot, PerHour: make([]float64, demoSlots)}
	for i := range demoBusy {
		a.PerHour[i] = rate
	}
	mix := func(weight float64, car CarSpec) {
		car.TailKWh, car.BatteryKWh = 0.08, 60
		a.Cars = append(a.Cars, CarMix{
			Weight: weight, Car: car, Stay: Between(20*time.Second, 80*time.Second), NeedKWh: [2]float64{0.2, 0.9},
		})
	}
	mix(4, CarSpec{Phases: 3, MaxAmps: 32, MaxKW: 120, Ramp: time.Second})
	mix(3, CarSpec{Phases: 3, MaxAmps: 16, MaxKW: 80, Ramp: 2 * time.Second})
	mix(2, CarSpec{Phases: 1, MaxAmps: 32, MaxKW: 50, Ramp: time.Second})
	return a
}

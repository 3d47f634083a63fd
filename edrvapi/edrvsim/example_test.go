package edrvsim_test

import (
	"fmt"
	"time"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// A world in virtual time: whoever drives it moves the time from event to event,
// takes the webhooks, and calls the API as methods.
func Example_virtualTime() {
	spec := edrvsim.NewSpec(1)
	spec.Behaviour.Reaction = edrvsim.Exactly(5 * time.Second)
	spec.Circuits = []edrvsim.CircuitSpec{{ID: "grid", LimitWatts: 20e3}}
	spec.Stations = []edrvsim.StationSpec{{Connectors: []edrvsim.ConnectorSpec{{ID: "A1", Circuit: "grid"}}}}
	world, err := edrvsim.New(spec)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := world.Plug(spec.Start, "A1", edrvsim.CarSpec{NeedKWh: 40}); err != nil {
		fmt.Println(err)
		return
	}

	for end := spec.Start.Add(time.Hour); ; {
		next, ok := world.Next()
		if !ok || next.After(end) {
			break
		}
		world.Advance(next)
		for d := world.Take(); d != nil; d = world.Take() {
			if m := d.Message; m.Type == "session.started" {
				world.SetSessionLimit(m.Session.ID, edrvsim.Amps(16))
			}
			world.Ack(d)
		}
	}
	grid, _ := world.Circuit("grid")
	fmt.Printf("%.1f kW now, %.1f kW at most, over the limit for less than 7 s: %v\n",
		grid.Watts/1e3, grid.Trace.PeakWatts/1e3, grid.Trace.Over < 7*time.Second)
	// Output: 11.0 kW now, 22.1 kW at most, over the limit for less than 7 s: true
}

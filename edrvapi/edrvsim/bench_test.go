package edrvsim_test

import (
	"testing"
	"time"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// BenchmarkReports is the cost of one energy report with everything around it:
// twenty connectors that are in use all day, each message taken and answered.
func BenchmarkReports(b *testing.B) {
	w := busyWorld(b, nil)
	b.ReportAllocs()
	reports := 0
	for b.Loop() {
		for n := reports; reports == n; {
			next, _ := w.Next()
			w.Advance(next)
			for d := w.Take(); d != nil; d = w.Take() {
				if d.Message.Type == "session.updated" {
					reports++
				}
				w.Ack(d)
			}
		}
	}
	b.ReportMetric(float64(reports)/b.Elapsed().Seconds(), "reports/s")
}

// BenchmarkBody is the cost of rendering one report as JSON.
func BenchmarkBody(b *testing.B) {
	w := busyWorld(b, nil)
	var m *edrvsim.Message
	for m == nil {
		next, _ := w.Next()
		w.Advance(next)
		for d := w.Take(); d != nil; d = w.Take() {
			if d.Message.Type == "session.updated" {
				m = d.Message
			}
			w.Ack(d)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Body()
	}
}

func busyWorld(tb testing.TB, faults edrvsim.Faults) *edrvsim.World {
	tb.Helper()
	spec := edrvsim.NewSpec(1)
	spec.Faults = faults
	spec.Behaviour.Report = edrvsim.Exactly(30 * time.Second)
	spec.Locations = []edrvsim.LocationSpec{{ID: "site"}}
	spec.Circuits = []edrvsim.CircuitSpec{{ID: "grid", LimitWatts: 150e3}, {ID: "row", Parent: "grid", LimitAmps: 200}}
	for range 20 {
		spec.Stations = append(spec.Stations, edrvsim.StationSpec{
			Location: "site", Connectors: []edrvsim.ConnectorSpec{{Circuit: "row"}},
		})
	}
	spec.Arrivals = []edrvsim.ArrivalSpec{{
		PerHour: []float64{40},
		Cars:    []edrvsim.CarMix{{Car: edrvsim.CarSpec{TailKWh: 5, Ramp: 3 * time.Second}, Stay: edrvsim.Between(time.Hour, 10*time.Hour), NeedKWh: [2]float64{5, 60}}},
	}}
	w, err := edrvsim.New(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

package edrvsim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// arrivals is one stream of cars: a Poisson process at the highest rate of its
// table, thinned to the rate of the hour.
type arrivals struct {
	spec   ArrivalSpec
	places []*connector
	most   float64 // cars per hour
	weight float64 // of all sorts of car
	timer  timer
}

func (w *World) startArrivals(spec ArrivalSpec) error {
	spec.Slot = cmp.Or(spec.Slot, time.Hour)
	spec.Cars = slices.Clone(spec.Cars)
	if len(spec.PerHour) == 0 || len(spec.Cars) == 0 {
		return errors.New("arrivals: PerHour and Cars must not be empty")
	}
	a := &arrivals{spec: spec, most: slices.Max(spec.PerHour), places: w.connectors}
	for i := range spec.Cars {
		spec.Cars[i].Weight = cmp.Or(spec.Cars[i].Weight, 1)
		a.weight += spec.Cars[i].Weight
	}
	if len(spec.Connectors) > 0 {
		a.places = nil
	}
	for _, id := range spec.Connectors {
		c, err := lookup(w.connOf, "connector", id)
		if err != nil {
			return fmt.Errorf("arrivals: %w", err)
		}
		a.places = append(a.places, c)
	}
	if len(a.places) == 0 {
		return errors.New("arrivals: there is no connector to go to")
	}
	if a.most <= 0 {
		return nil
	}
	a.timer.fire = func() {
		w.arrive(a)
		w.arm(&a.timer, w.now+gap(w.cars, a.most))
	}
	w.arm(&a.timer, w.now+gap(w.cars, a.most))
	return nil
}

func (w *World) arrive(a *arrivals) {
	slot := int(w.now/a.spec.Slot) % len(a.spec.PerHour)
	keep := w.cars.Float64() * a.most
	mix := w.pickMix(a)
	first := w.cars.IntN(len(a.places))
	spec := mix.Car
	if mix.Stay.Max > 0 {
		spec.Stay = within(w.cars, mix.Stay)
	}
	if hi := mix.NeedKWh[1]; hi > 0 {
		lo := mix.NeedKWh[0]
		spec.NeedKWh = lo + w.cars.Float64()*(hi-lo)
	}
	if keep >= a.spec.PerHour[slot] {
		return
	}
	for i := range a.places {
		if c := a.places[(first+i)%len(a.places)]; c.car == nil {
			w.plug(c, spec)
			return
		}
	}
	w.totals.TurnedAway++
}

func (w *World) pickMix(a *arrivals) *CarMix {
	x := w.cars.Float64() * a.weight
	for i := range a.spec.Cars {
		if x -= a.spec.Cars[i].Weight; x < 0 {
			return &a.spec.Cars[i]
		}
	}
	return &a.spec.Cars[len(a.spec.Cars)-1]
}

package main

import (
	"context"
	"sync"
	"time"
)

// samples are readings of the daemon's resident memory over time.
type samples struct {
	hours []float64 // since the first
	mib   []float64
}

// sample reads the daemon's memory every second until the senders are done.
func (d *daemon) sample(ctx context.Context, senders *sync.WaitGroup) *samples {
	ctx, cancel := context.WithCancel(ctx)
	s := new(samples)
	var reading sync.WaitGroup
	reading.Go(func() {
		for start := time.Now(); wait(ctx, time.Second) == nil; {
			if u, err := d.usage(); err == nil {
				s.hours = append(s.hours, time.Since(start).Hours())
				s.mib = append(s.mib, u.rss)
			}
		}
	})
	senders.Wait()
	cancel()
	reading.Wait()
	return s
}

// soak is how long a part must last for its slope to be judged: in less, the
// garbage collector's ups and downs weigh more than any leak.
const soak = time.Hour

// judge prints how fast memory grew after the first third, and judges it where
// the part was long enough.
func (s *samples) judge(t *table) {
	warm := len(s.hours) / 3
	if len(s.hours)-warm < 10 {
		return
	}
	slope := slope(s.hours[warm:], s.mib[warm:])
	if s.hours[len(s.hours)-1] < soak.Hours() {
		t.note("memory slope", slope, "MiB/h")
		return
	}
	t.most("memory slope", slope, 1, "MiB/h")
}

// slope is that of the line that fits the points best, by least squares.
func slope(x, y []float64) float64 {
	var sx, sy, sxx, sxy float64
	n := float64(len(x))
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
		sxx, sxy = sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// stream is a number of messages a second, over a number of connections.
type stream struct {
	what    message
	rate    float64
	senders int
}

// part is one part of the program: what is sent, and what has to hold.
type part struct {
	name    string
	lasts   time.Duration
	streams []stream
	drips   int // connections beside them that send one byte a second
	// strict: every genuine message is taken, and counts as late from the time
	// that it was due. Else some may be told to come back, and the time counts
	// from its sending, since more is sent than can be.
	strict bool
	p99    float64 // ms; of genuine messages
}

func parts(p *plan) []part {
	calm := stream{genuine, p.rate, 64}
	strange := stream{stranger, 50, 4}
	few := stream{genuine, 200, 16}
	recovery := part{name: "recovery", lasts: max(5*time.Second, p.burst/4), streams: []stream{calm}, strict: true, p99: 100}
	return []part{
		{name: "steady", lasts: p.steady, streams: []stream{calm, strange}, strict: true, p99: 100},
		{name: "10,000/s genuine", lasts: p.burst, streams: []stream{{genuine, 10_000, 256}}, p99: 1000},
		recovery,
		{name: "20,000/s forged", lasts: p.burst, streams: []stream{{forged, 20_000, 256}, few}, p99: 1000},
		recovery,
		{name: "1,000/s of 256 KiB", lasts: p.burst, streams: []stream{{large, 1000, 64}, few}, p99: 1000},
		recovery,
		{name: fmt.Sprintf("%d connections that drip", p.drips), lasts: p.burst, streams: []stream{few}, drips: p.drips, p99: 1000},
		recovery,
	}
}

// play goes through one part and prints what it measured.
func (r *rig) play(ctx context.Context, p part, t *table) error {
	t.head("%s, for %s", p.name, p.lasts)
	before, err := r.daemon.metrics(ctx)
	if err != nil {
		return err
	}
	cpu, err := r.daemon.usage()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.lasts+time.Minute)
	defer cancel()
	dripping, stopDrips := context.WithCancel(ctx)
	var drips, senders sync.WaitGroup
	for range p.drips {
		drips.Go(func() { drip(dripping, r.daemon.hooks) })
	}
	if p.drips > 0 {
		if err := wait(ctx, 2*time.Second); err != nil {
			stopDrips()
			drips.Wait()
			return err
		}
	}
	all := map[message][]*sender{}
	start := time.Now()
	for _, s := range p.streams {
		for n := range s.senders {
			from := newSender(r.daemon.hooks, s.what, start, n)
			all[s.what] = append(all[s.what], from)
			senders.Go(func() { r.drive(ctx, from, s, n, start, p) })
		}
	}
	listening, stopListening := context.WithCancel(ctx)
	noise := listen(listening)
	memory := r.daemon.sample(ctx, &senders)
	took := time.Since(start)
	stopListening()
	stopDrips()
	drips.Wait()
	for what, group := range all {
		report := summarise(group)
		switch what {
		case genuine:
			judgeGenuine(t, p, report, took)
		case stranger:
			t.most("strangers not answered with 200", float64(report.total()-report.status[200]), 0, fmt.Sprintf("of %d", report.total()))
		default:
			t.note("refused", float64(report.status[401]+report.status[413]+report.status[503])/took.Seconds(), "/s")
			t.most("of those taken", float64(report.status[200]), 0, "")
		}
	}
	after, err := r.daemon.metrics(ctx)
	if err != nil {
		return err
	}
	r.judgePasses(t, p.strict, before, after)
	now, err := r.daemon.usage()
	if err != nil {
		return err
	}
	t.note("daemon", (now.cpu-cpu.cpu).Seconds()/took.Seconds(), "cores")
	t.most("memory (RSS)", now.rss, 256, "MiB")
	memory.judge(t)
	noise.note(t)
	if p.strict {
		return r.judgeKept(ctx, t)
	}
	return nil
}

// drive is one sender's share of a stream: it reports on the connectors that are
// its own, one after the other, each at its time.
func (r *rig) drive(ctx context.Context, s *sender, of stream, n int, start time.Time, p part) {
	defer s.hangUp()
	every := time.Duration(float64(time.Second) / of.rate * float64(of.senders))
	due := start.Add(every * time.Duration(n) / time.Duration(of.senders))
	end := start.Add(p.lasts)
	for i, k := n%connectors, 0; due.Before(end); due, k = due.Add(every), k+1 {
		if wait(ctx, time.Until(due)) != nil {
			return
		}
		if !p.strict && time.Now().After(end) {
			return // it never keeps up: what is still due is not sent
		}
		reports := *r.reports.Load()
		for i += of.senders; i >= connectors-spare || reports[i].session == ""; i += of.senders {
			if i >= connectors-spare {
				i = n%of.senders - of.senders
			}
		}
		now := reports[i]
		now.watts = max(0, now.watts-float64(k%50)) // told apart from the last
		sent := time.Now()
		status := s.send(ctx, i, now)
		s.tally.status[status]++
		if status == 200 && s.what == genuine {
			r.last[i] = now.watts
		}
		from := sent
		if p.strict {
			from = due
		}
		if status != 0 {
			s.tally.latencies = append(s.tally.latencies, time.Since(from))
		}
	}
}

func summarise(group []*sender) tally {
	sum := tally{status: map[int]int{}}
	var all [][]time.Duration
	for _, s := range group {
		all = append(all, s.tally.latencies)
		for status, n := range s.tally.status {
			sum.status[status] += n
		}
	}
	sum.latencies = sorted(all...)
	return sum
}

// total is how many messages were sent.
func (t *tally) total() (n int) {
	for _, count := range t.status {
		n += count
	}
	return n
}

func judgeGenuine(t *table, p part, sum tally, took time.Duration) {
	total := sum.total()
	other := total - sum.status[200]
	t.note("taken", float64(sum.status[200])/took.Seconds(), "/s")
	t.note("p50", quantile(sum.latencies, 0.5), "ms")
	t.soon("p99", quantile(sum.latencies, 0.99), p.p99, "ms")
	t.note("p99.9", quantile(sum.latencies, 0.999), "ms")
	t.note("at most", quantile(sum.latencies, 1), "ms")
	if p.strict {
		t.most("not answered with 200", float64(other), 0, fmt.Sprintf("of %d", total))
		return
	}
	t.soon("told to come back", float64(sum.status[503]), float64(total)/100, fmt.Sprintf("of %d", total))
	t.most("neither taken nor told", float64(other-sum.status[503]), float64(p.drips)/1000, fmt.Sprintf("of %d", total))
}

// judgePasses judges how punctual and how long the daemon's decisions were, from
// its own metrics.
func (r *rig) judgePasses(t *table, strict bool, before, after map[string]float64) {
	part := func(metric, le string) (under, all float64) {
		bucket := fmt.Sprintf("headroom_%s_bucket{site=%q,le=%q}", metric, siteID, le)
		count := fmt.Sprintf("headroom_%s_count{site=%q}", metric, siteID)
		return after[bucket] - before[bucket], after[count] - before[count]
	}
	under, all := part("pass_lateness_seconds", "0.25")
	t.least("passes", all, 1, "")
	t.inTime("passes at most 250 ms late", 100*under/all, 99.9, "%")
	under, all = part("pass_duration_seconds", "0.05")
	if strict {
		t.inTime("passes of at most 50 ms", 100*under/all, 99, "%")
	} else { // this is time by the clock, and in an overload others have the processor
		t.note("passes of at most 50 ms", 100*under/all, "%")
	}
	sum := fmt.Sprintf("headroom_pass_duration_seconds_sum{site=%q}", siteID)
	t.note("mean pass", 1e3*(after[sum]-before[sum])/all, "ms")
}

// judgeKept compares what the daemon shows of every session with the last report
// that it took: nothing that was answered with 200 is lost.
func (r *rig) judgeKept(ctx context.Context, t *table) error {
	var lost, checked int
	for range 20 { // the view is renewed every 100 ms
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		s, err := r.daemon.state(ctx)
		if err != nil {
			return err
		}
		lost, checked = 0, 0
		for i, c := range s.Connectors {
			if r.last[i] == 0 || c.Session == "" {
				continue
			}
			checked++
			if c.MeasuredW == nil || *c.MeasuredW < r.last[i]-1 || *c.MeasuredW > r.last[i]+1 {
				lost++
			}
		}
		if lost == 0 {
			break
		}
	}
	t.least("sessions looked at", float64(checked), 1, "")
	t.most("last reports lost", float64(lost), 0, "")
	return nil
}

// drip opens a connection, sends a byte of a request every second, and opens
// another one when it is closed.
func drip(ctx context.Context, address string) {
	const request = "POST /webhooks/edrv HTTP/1.1\r\nHost: daemon\r\nContent-Length: 2000\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	var d net.Dialer
	for ctx.Err() == nil {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			for i := 0; err == nil && i < len(request); i++ {
				if _, err = conn.Write([]byte(request[i : i+1])); err == nil {
					err = wait(ctx, time.Second)
				}
			}
			_ = conn.Close() // the daemon closed it, or it has dripped enough
		}
		_ = wait(ctx, 100*time.Millisecond)
	}
}

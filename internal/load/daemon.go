package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What the daemon and this program share.
const (
	apiKey     = "load-key"
	hookSecret = "load-secret"
	forgedKey  = "somebody-elses-secret"
)

// build compiles the daemon as it is released.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "headroom")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/headroom")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the daemon (run this in the module's folder): %w\n%s", err, out)
	}
	return binary, nil
}

// daemon is the daemon's process.
type daemon struct {
	cmd         *exec.Cmd
	done        chan struct{} // closed when the process has ended
	err         error         // of its end
	log         bytes.Buffer  // what it wrote, up to maxLog; complete when done is closed
	began       time.Time
	hooks, page string // addresses
}

// startDaemon starts the daemon on a configuration, with the memory limit that
// the container image sets.
func startDaemon(p *plan, config string) (*daemon, error) {
	d := &daemon{done: make(chan struct{})}
	d.cmd = exec.Command(p.binary, "run", "--config", config)
	d.cmd.Env = append(os.Environ(), "GOMEMLIMIT=200MiB", "LOAD_API_KEY="+apiKey, "LOAD_WEBHOOK_SECRET="+hookSecret)
	pipe, err := d.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	d.began = time.Now()
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	addresses := make(chan [2]string, 1)
	go d.read(pipe, p.debug, addresses)
	select {
	case a := <-addresses:
		d.hooks, d.page = a[0], a[1]
		return d, nil
	case <-d.done:
		return nil, fmt.Errorf("the daemon ended: %w\n%s", d.err, d.log.String())
	case <-time.After(20 * time.Second):
		d.stop()
		return nil, errors.New("the daemon does not say where it listens")
	}
}

// maxLog is how much of the daemon's log is kept.
const maxLog = 1 << 20

// read reads the daemon's log to its end, finds the addresses in it, and awaits
// the process.
func (d *daemon) read(log io.Reader, show bool, addresses chan<- [2]string) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		line := lines.Text()
		if show {
			fmt.Fprintln(os.Stderr, line)
		}
		if d.log.Len() < maxLog {
			d.log.WriteString(line + "\n")
		}
		if strings.Contains(line, "headroom is running") {
			addresses <- [2]string{field(line, "webhooks="), field(line, "admin=")}
		}
	}
	d.err = errors.Join(lines.Err(), d.cmd.Wait())
	close(d.done)
}

// field is the word after a key in a line of the log.
func field(line, key string) string {
	_, rest, _ := strings.Cut(line, key)
	word, _, _ := strings.Cut(rest, " ")
	return word
}

// stop ends the daemon as a service manager does.
func (d *daemon) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-d.done:
	case <-time.After(15 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.done
	}
}

// usage is what a process has used.
type usage struct {
	rss, peak float64 // MiB
	cpu       time.Duration
}

// clockTicks is how many of the kernel's clock ticks make a second; it is 100
// on every Linux that Go runs on.
const clockTicks = 100

// usage reads the process table of Linux.
func (d *daemon) usage() (usage, error) {
	proc := fmt.Sprintf("/proc/%d/", d.cmd.Process.Pid)
	stat, err := os.ReadFile(proc + "stat")
	if err != nil {
		return usage{}, fmt.Errorf("usage of the daemon (this program needs Linux): %w", err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	if len(f) < 22 {
		return usage{}, fmt.Errorf("%sstat has %d fields", proc, len(f))
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	pages, err3 := strconv.ParseInt(f[21], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return usage{}, err
	}
	peak, err := peakMemory(proc + "status")
	return usage{
		rss:  float64(pages*int64(os.Getpagesize())) / (1 << 20),
		peak: peak,
		cpu:  time.Duration(user+system) * time.Second / clockTicks,
	}, err
}

// peakMemory is the most memory, in MiB, that a process ever had resident.
func peakMemory(status string) (float64, error) {
	text, err := os.ReadFile(status)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("%s has no VmHWM", status)
}

// get fetches a page of the admin listener.
func (d *daemon) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.page+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, bytes.TrimSpace(body))
	}
	return body, err
}

// metrics are the daemon's metrics, by series as written.
func (d *daemon) metrics(ctx context.Context) (map[string]float64, error) {
	text, err := d.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	series := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if series[name+"}"], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, fmt.Errorf("metric %s: %w", name, err)
		}
	}
	return series, nil
}

// state is what the API says of the site.
type state struct {
	Connectors []struct {
		ID        string   `json:"id"`
		Session   string   `json:"session"`
		MeasuredW *float64 `json:"measured_w"`
		InFlight  *float64 `json:"in_flight_a"`
	} `json:"connectors"`
}

func (d *daemon) state(ctx context.Context) (*state, error) {
	text, err := d.get(ctx, "/api/v1/sites/"+siteID)
	if err != nil {
		return nil, err
	}
	s := new(state)
	return s, json.Unmarshal(text, s)
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

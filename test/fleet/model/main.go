// Command model shows what a fleet costs: one machine that takes webhooks and
// steers many sites, with three NATS servers in the same process, and events as
// fast as they are taken.
//
//	cd test/fleet && go run ./model -sites 100,1000
package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/headroom-ev/headroom/controller"
	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
	"github.com/headroom-ev/headroom/test/fleet/cluster"
)

const secret = "model-secret"

func main() {
	sizes := flag.String("sites", "100,300,1000", "numbers of `sites`, each of which is measured")
	connectors := flag.Int("connectors", 20, "`connectors` of each site")
	span := flag.Duration("for", 20*time.Second, "how `long` to measure at rest, and under load")
	profile := flag.String("profile", "", "`file` for a profile of the processor's time")
	flag.Parse()
	if *profile != "" {
		out, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(out)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "model:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println("sites  connectors  steered after  memory/site  goroutines/site  CPU at rest  events/s  p50      p99      refused  CPU/event")
	for size := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err == nil {
			err = measure(n, *connectors, *span)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "model:", err)
			os.Exit(1)
		}
	}
}

// direct is eDRV without a network: an account without sessions.
type direct struct{ http.Handler }

// RoundTrip answers one call.
func (d direct) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	defer func() { // the handler aborts when the caller has gone
		if recover() != nil {
			err = context.Cause(r.Context())
		}
	}()
	w := httptest.NewRecorder()
	if r.Body == nil { // a handler may read it always
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

func measure(sites, connectors int, span time.Duration) error {
	nats, err := cluster.Start(3)
	if err != nil {
		return err
	}
	defer nats.Close()
	dir, err := os.MkdirTemp("", "headroom-model-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg, err := configuration(dir, nats.URLs(), sites, connectors)
	if err != nil {
		return err
	}
	world, err := edrvsim.New(edrvsim.NewSpec(1))
	if err != nil {
		return err
	}
	eDRV := edrvsim.NewServer(edrvsim.Options{World: world})
	before := heap()
	c, err := controller.New(controller.Options{Config: cfg, Transport: direct{eDRV.Handler()}, Logger: logger()})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() {
		stop()
		<-ended
	}()
	begun := time.Now()
	for len(c.Names()) < sites || c.Health().Unready != "" {
		if time.Since(begun) > 10*time.Minute {
			return fmt.Errorf("%d of %d sites are steered after %s: %s", len(c.Names()), sites, time.Since(begun).Round(time.Second), c.Health().Unready)
		}
		time.Sleep(50 * time.Millisecond)
	}
	steered := time.Since(begun)
	memory, routines := heap()-before, runtime.NumGoroutine()

	cpu, at := processor(), time.Now()
	time.Sleep(span)
	rest := float64(processor()-cpu) / float64(time.Since(at))

	cpu, at = processor(), time.Now()
	waits, refused, err := load("http://"+c.WebhookAddr().String()+"/webhooks/edrv", sites, connectors, span)
	if err != nil {
		return err
	}
	took := time.Since(at)
	busy := processor() - cpu - time.Duration(rest*float64(took))
	slices.Sort(waits)
	fmt.Printf("%5d  %10d  %12.1fs  %8.0f kB  %15.1f  %9.1f %%  %8.0f  %-7s  %-7s  %7d  %s\n", sites, sites*connectors, steered.Seconds(),
		float64(memory)/1000/float64(sites), float64(routines)/float64(sites), 100*rest, float64(len(waits))/took.Seconds(),
		waits[len(waits)/2].Round(100*time.Microsecond), waits[len(waits)*99/100].Round(100*time.Microsecond), refused,
		(busy / time.Duration(len(waits))).Round(10*time.Microsecond))
	return nil
}

// logger writes what goes wrong.
func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// heap is what is in use, less what nobody needs any more.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// processor is the time that this process has had of all processors.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func configuration(dir string, nats []string, sites, connectors int) (*config.Config, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `edrv: {url: "http://127.0.0.1:1/v1.1", api_key: "${KEY}", webhook_secrets: ["${SECRET}"], requests_per_second: 1000}
listen: {webhooks: "127.0.0.1:0", admin: "127.0.0.1:0"}
data_dir: %s
fleet: {nats: ["%s"], node: model}
sites:
`, dir, strings.Join(nats, `", "`))
	for i := range sites {
		fmt.Fprintf(&b, "  - id: s%d\n    circuits: [{id: grid, limit: {amps: %d}}]\n    connectors:\n", i, 36*connectors)
		for k := range connectors {
			fmt.Fprintf(&b, "      - {id: c%d-%d, station: t%d-%d, circuit: grid, kind: ac, phases: L1L2L3, max: {amps: 32}, install_fallback: false}\n", i, k, i, k)
		}
	}
	env := map[string]string{"KEY": "key", "SECRET": secret}
	return config.Parse("model.yaml", b.Bytes(), config.ForRun, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
}

// load posts reports of sessions at random connectors, each as soon as the one
// before is answered, and tells how long each that was taken took, and how many
// were not taken.
func load(url string, sites, connectors int, span time.Duration) (waits []time.Duration, refused int, err error) {
	const senders = 64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	var (
		next    atomic.Uint64
		mu      sync.Mutex
		sending sync.WaitGroup
	)
	until := time.Now().Add(span)
	for range senders {
		sending.Go(func() {
			for time.Now().Before(until) {
				n := next.Add(1)
				begun := time.Now()
				status, e := post(client, url, n, int(n*7919)%sites, int(n)%connectors)
				mu.Lock()
				if e == nil && status == http.StatusOK {
					waits = append(waits, time.Since(begun))
				} else { // eDRV would send it again
					refused++
				}
				mu.Unlock()
			}
		})
	}
	sending.Wait()
	if len(waits) == 0 {
		err = fmt.Errorf("of %d webhooks none was taken", refused)
	}
	return waits, refused, err
}

func post(client *http.Client, url string, n uint64, site, connector int) (status int, err error) {
	now := time.Now()
	body := fmt.Sprintf(`{"_id":"e%d-%d","type":"session.updated","object":"session","data":{"_id":"x%d-%d","connector":"c%d-%d","chargestation":"t%d-%d","status":"Started","updatedAt":"%s"}}`,
		now.UnixNano(), n, site, connector, site, connector, site, connector, now.UTC().Format(time.RFC3339Nano))
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "." + body))
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set(edrvsim.SignatureHeader, "t="+stamp+",v1="+hex.EncodeToString(mac.Sum(nil)))
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

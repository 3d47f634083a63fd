package replay

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/policy"
)

// yard is a site of two single-phase posts of 32 A at 200 V on a limit of 6.4
// kW, which is one of them at its maximum.
const yard = `sites:
  - id: yard
    timezone: UTC
    voltage: 200
    margin: 0%
    circuits: [{id: grid, limit: {kw: 6.4}}]
    connectors:
      - {id: a, circuit: grid, kind: ac, phases: L1, max: {amps: 32}, fallback: {amps: 6}}
      - {id: b, circuit: grid, kind: ac, phases: L2, max: {amps: 32}, fallback: {amps: 6}}
`

func file(t *testing.T, text string) File {
	cfg, err := config.Parse("site.yaml", []byte(text), config.ForReplay, nil)
	require.NoError(t, err)
	return File{"site.yaml", cfg}
}

func recording(t *testing.T, lines ...string) *Recording {
	text := strings.Join(columns[:required], ",") + "\n" + strings.Join(lines, "\n") + "\n"
	if strings.HasPrefix(lines[0], "session,") {
		text = strings.Join(lines, "\n") + "\n"
	}
	rec, err := ParseRecording("sessions.csv", []byte(text))
	require.NoError(t, err)
	return rec
}

// at writes a time of 1 June.
func at(clock string) string { return "2026-06-01T" + clock + ":00Z" }

func one(t *testing.T, site string, car Car, rule string, lines ...string) (Run, Optimum) {
	report, err := Replay(t.Context(), Options{
		Files: []File{file(t, site)}, Recording: recording(t, lines...), Shares: []string{rule}, Step: 5 * time.Minute, Car: car,
	})
	require.NoError(t, err)
	return report.Runs[0], report.Optimum
}

// Two cars share 6.4 kW for an hour, one of them leaves served, and the other
// has all until it leaves.
func TestEqualSharesByHand(t *testing.T) {
	run, best := one(
		t, yard, Ideal, "equal",
		"s1,a,"+at("08:00")+","+at("12:00")+",3.2",
		"s2,b,"+at("08:00")+","+at("10:00")+",10",
	)
	require.InDelta(t, 1.96*1.96/(2*(1+0.96*0.96)), run.Jain, 1e-12)
	run.Jain = 0
	require.Equal(t, Run{
		Config: "site.yaml", Site: "yard", Share: "equal", Car: "ideal", Sessions: 2, RequestedKWh: 13.2, DeliveredKWh: 3.2 + 3.2 + 6.4,
		Delivered: 12.8 / 13.2, FullyServed: 0.5, PeakKW: 6.4, Orders: 3, OrdersPer: 0.5,
	}, run)
	// Somebody who knew the future would have served the second one first.
	require.Equal(t, 13.2, best.DeliveredKWh)
	require.True(t, best.Exact)

	run, _ = one(
		t, yard, Ideal, "deadline",
		"s1,a,"+at("08:00")+","+at("12:00")+",3.2",
		"s2,b,"+at("08:00")+","+at("10:00")+",10",
	)
	require.Equal(t, 13.2, run.DeliveredKWh)
	require.Equal(t, 1.0, run.FullyServed)
	require.Equal(t, 1.0, run.Jain)
}

// A charger that makes a ceiling of its fallback gives no session more: 6 A at 200 V for
// two hours.
func TestACeilingCapsEverySession(t *testing.T) {
	capped := strings.Replace(yard, "fallback: {amps: 6}}", "fallback: {amps: 6}, default_limit: ceiling}", 1)
	run, best := one(t, capped, Ideal, "equal", "s1,a,"+at("08:00")+","+at("10:00")+",10")
	require.Equal(t, 2.4, run.DeliveredKWh)
	require.Equal(t, 2.4, best.DeliveredKWh)
}

// A real car draws its maximum up to 85 % of 6.4 kWh, then in ten steps of
// 0.096 kWh at 6.4, 5.76, … 0.64 kW: 51 minutes and 9 minutes × Σ 1/k·… .
func TestARealCarTapersOff(t *testing.T) {
	at := recording(t, "s,a,"+at("08:00")+","+at("20:00")+",6.4")
	site, err := SiteOf(file(t, yard), "")
	require.NoError(t, err)
	stays, err := site.staysOf(at, epochOf(at.Sessions))
	require.NoError(t, err)
	p := arrive(&stays[0], &site.connectors[0], Real)
	var minutes []float64
	var draws []policy.Milliamps
	for p.left > 0 {
		p.take(32_000, Real)
		ms := p.change(Real)
		minutes, draws = append(minutes, float64(ms)/60_000), append(draws, p.draw)
		p.deliver(ms)
	}
	require.Equal(t, []policy.Milliamps{32_000, 28_800, 25_600, 22_400, 19_200, 16_000, 12_800, 9600, 6400, 3200}, draws)
	require.InDelta(t, 51+0.9, minutes[0], 0.001)
	for k, m := range minutes[1:] {
		require.InDelta(t, 0.096/(0.64*float64(9-k))*60, m, 0.001)
	}
	require.Equal(t, policy.MilliwattHours(6_400_000), p.delivered())
}

// On 1.6 kW one of two cars can have 6 A. They take turns of 15 minutes, and
// nothing flows into one that waits.
func TestRealCarsTakeTurns(t *testing.T) {
	site := strings.Replace(yard, "kw: 6.4", "kw: 1.6", 1)
	lines := []string{"s1,a," + at("08:00") + "," + at("10:00") + ",10", "s2,b," + at("08:00") + "," + at("10:00") + ",10"}
	run, best := one(t, site, Real, "equal", lines...)
	require.Equal(t, 3.2, run.DeliveredKWh)
	require.Equal(t, 900.0, run.LongestWait)
	require.Equal(t, 3600.0, run.WaitP95)
	require.Equal(t, 1.0, run.Jain)
	require.Equal(t, 3.2, best.DeliveredKWh)

	run, _ = one(t, site, Ideal, "equal", lines...) // of 4 A each
	require.Equal(t, 3.2, run.DeliveredKWh)
	require.Zero(t, run.LongestWait)
}

func TestWindowsBaseLoadAndMarginLimitTheReplay(t *testing.T) {
	site := strings.Replace(yard, "circuits: [{id: grid, limit: {kw: 6.4}}]",
		`circuits: [{id: grid, limit: {kw: 10}, base_load: {kw: 2}, schedule: [{from: "09:00", to: "10:00", limit: {kw: 5}}]}]`, 1)
	run, best := one(t, strings.Replace(site, "margin: 0%", "margin: 10%", 1), Ideal, "equal",
		"s1,a,"+at("08:00")+","+at("11:00")+",50", "s2,b,"+at("08:30")+","+at("11:00")+",50")
	// 6.4 kW for half an hour, 9 − 2 kW for another, 4.5 − 2 kW for one hour, 7 kW for one.
	require.InDelta(t, 3.2+3.5+2.5+7, run.DeliveredKWh, 0.001)
	require.InDelta(t, run.DeliveredKWh, best.DeliveredKWh, 0.001)
	require.Equal(t, 9.0, run.PeakKW) // with the base load
	require.Zero(t, run.OverLimit)
}

// The base load alone passes the limit for an hour.
func TestTimeOverALimitIsCounted(t *testing.T) {
	site := strings.Replace(yard, "limit: {kw: 6.4}", `limit: {kw: 6.4}, base_load: {kw: 2}, schedule: [{from: "09:00", to: "10:00", limit: {kw: 1}}]`, 1)
	run, best := one(t, site, Ideal, "equal", "s1,a,"+at("08:30")+","+at("10:30")+",50")
	require.Equal(t, 3600.0, run.OverLimit)
	require.Equal(t, 4.4, run.DeliveredKWh)
	require.Equal(t, 4.4, best.DeliveredKWh)
	require.Equal(t, 3600.0, run.LongestWait)
}

func TestConnectorsThatAreTaken(t *testing.T) {
	run, best := one(
		t, yard, Ideal, "first_come",
		"s1,a,"+at("08:00")+","+at("10:00")+",1",
		"s2,a,"+at("09:00")+","+at("11:00")+",6.4", // stands in line for an hour
		"s3,a,"+at("09:30")+","+at("10:30")+",1",   // and this one in vain
		"s4,,"+at("08:00")+","+at("09:00")+",1",    // the first free one that nobody names
		"s5,,"+at("10:45")+","+at("11:00")+",0",    // wants nothing
	)
	require.Equal(t, []int{5, 1, 1}, []int{run.Sessions, run.Queued, run.TurnedAway})
	require.Equal(t, 8.4, run.DeliveredKWh)
	require.Equal(t, 8.4, best.DeliveredKWh)
	require.Equal(t, 3600.0, run.LongestWait)
	require.Equal(t, 0.8, run.FullyServed)
}

// Random days on a site with nested limits on single phases, three phases, and
// DC, by every rule: nobody ever delivers more than the optimum, passes a limit,
// or gives more than was asked for.
func TestNoRuleBeatsTheOptimum(t *testing.T) {
	const site = `sites:
  - id: depot
    timezone: Europe/Berlin
    accept_not_failsafe: true
    circuits:
      - {id: grid, limit: {kw: 40, amps: 70}, schedule: [{from: "12:00", to: "13:30", limit: {kw: 15}}]}
      - {id: row, parent: grid, limit: {amps: 40}}
    connectors:
      - {id: c0, circuit: row, kind: ac, phases: L1L2L3, max: {amps: 32}}
      - {id: c1, circuit: row, kind: ac, phases: L2, max: {amps: 32}}
      - {id: c2, circuit: row, kind: ac, phases: L3, max: {amps: 16}, can_pause: false}
      - {id: c3, circuit: grid, kind: ac, phases: L2L3L1, max: {amps: 16}, tier: 1}
      - {id: c4, circuit: grid, kind: dc, max: {kw: 50}, min: {kw: 5}, fallback: {kw: 5}}
`
	for seed := range 40 {
		r := rand.New(rand.NewPCG(3, uint64(seed)))
		lines := []string{strings.Join(columns, ",")}
		for i := range 1 + r.IntN(20) {
			from := time.Date(2026, 6, 1, 8, 0, r.IntN(8*3600), 0, time.UTC)
			connector, phases := "", ""
			if n := r.IntN(6); n < 5 {
				connector = fmt.Sprintf("c%d", n)
				if n == 0 && r.IntN(2) == 0 {
					phases = "1"
				}
			}
			lines = append(lines, fmt.Sprintf("s%d,%s,%s,%s,%.2f,,,%s,%d,%d", i, connector, from.Format(time.RFC3339),
				from.Add(time.Duration(60+r.IntN(6*3600))*time.Second).Format(time.RFC3339), 30*r.Float64(), phases, r.IntN(2), 1+r.IntN(3)))
		}
		for _, car := range []Car{Real, Ideal} {
			report, err := Replay(t.Context(), Options{
				Files: []File{file(t, site)}, Recording: recording(t, lines...), Shares: policy.RuleNames(), Step: time.Minute, Car: car, Timelines: true,
			})
			require.NoError(t, err)
			for i := range report.Runs {
				run := &report.Runs[i]
				require.LessOrEqual(t, run.DeliveredKWh, report.Optimum.DeliveredKWh+1e-6, "seed %d, %s", seed, run.Share)
				require.LessOrEqual(t, run.DeliveredKWh, run.RequestedKWh)
				require.Zero(t, run.OverLimit, "seed %d, %s", seed, run.Share)
				drawn := 0.0
				for _, p := range report.timelines[i].Points() {
					drawn += p.Mean * p.To.Sub(p.From).Hours()
				}
				require.InDelta(t, run.DeliveredKWh, drawn, 0.01, "seed %d, %s: the picture", seed, run.Share)
			}
		}
	}
}

func TestReportOfSeveralSites(t *testing.T) {
	small := file(t, strings.Replace(yard, "kw: 6.4", "kw: 3.2", 1))
	small.Name = "small.yaml"
	var shown strings.Builder
	show, end := ProgressOn(&shown)
	report, err := Replay(t.Context(), Options{
		Files: []File{file(t, yard), small}, Shares: []string{"equal", "deadline"}, Step: 5 * time.Minute, Car: Ideal, Timelines: true, Progress: show,
		Recording: recording(t, "s1,a,"+at("08:00")+","+at("12:00")+",3.2", "s2,b,"+at("08:00")+","+at("10:00")+",10", "s3,b,"+at("09:00")+","+at("09:30")+",1"),
	})
	end()
	require.NoError(t, err)
	require.Regexp(t, `░ +[0-9]+ %  small.yaml deadline\r`, shown.String()+"\r")
	require.Contains(t, shown.String(), "100 %  optimum")
	var table strings.Builder
	require.NoError(t, report.WriteTable(&table))
	require.Equal(t, strings.TrimPrefix(`
sessions.csv: 3 sessions, 2026-06-01 08:00 to 2026-06-01 12:00; ideal cars

        rule  delivered           served    peak  over limit  wait p95  longest   Jain  orders  per session·h
   site.yaml
       equal   12.8 kWh  90.14 %  33.3 %  6.4 kW         0 s       30m      30m  0.666       3           0.50
    deadline   13.2 kWh  92.96 %  66.7 %  6.4 kW         0 s     1h34m    1h34m  0.667       2           0.33
     optimum   13.2 kWh  92.96 %
  small.yaml
       equal    6.4 kWh  45.07 %  33.3 %  3.2 kW         0 s       30m      30m  0.527       2           0.33
    deadline    9.6 kWh  67.61 %  33.3 %  3.2 kW         0 s     2h00m    2h00m  0.636       2           0.33
     optimum    9.6 kWh  67.61 %

14.2 kWh were asked for. The optimum knows the future and has no minimums, turns or tails.
0 sessions found their connector taken and stood in line; 1 more left before it was free.
`, "\n"), table.String())
	data, err := json.Marshal(report)
	require.NoError(t, err)
	require.Contains(t, string(data), `"wait_p95_seconds":1800`)
	require.NoError(t, report.Plot(filepath.Join(t.TempDir(), "p.svg")))
}

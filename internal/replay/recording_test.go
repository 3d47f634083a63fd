package replay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headroom-ev/headroom/policy"
)

func TestReadRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.csv")
	require.NoError(t, os.WriteFile(path, []byte("\ufeffsession,connector,arrival,departure,energy_kwh,max_amps,max_kw,phases,tier,weight\r\n"+
		"\"s,1\", a ,2026-06-01T08:00:00.0015+02:00,2026-06-01T09:00:00Z,1.0000015,16.5,7.4,l1l3,-2,2.5\r\n"+
		"s2,,2026-06-01T08:00:00Z,2026-06-01T09:00:00Z,0,,,3,,\r\n"), 0o600))
	rec, err := ReadRecording(path)
	require.NoError(t, err)
	require.Len(t, rec.Sessions, 2)
	first, second := rec.Sessions[0], rec.Sessions[1]
	require.True(t, first.Arrival.Equal(time.Date(2026, 6, 1, 6, 0, 0, 1_000_000, time.UTC)), "in whole milliseconds")
	require.Equal(t, -2, *first.Tier)
	first.Arrival, first.Departure, first.Tier = time.Time{}, time.Time{}, nil
	require.Equal(t, Session{
		ID: "s,1", Connector: "a", Energy: 1_000_002, MaxCurrent: 16_500, MaxPower: 7400 * policy.Watt,
		PhaseCount: 2, On: policy.On(policy.L1, policy.L3), Weight: 2500, line: 2, col: 8,
	}, first)
	require.Nil(t, second.Tier)
	require.Equal(t, 3, second.PhaseCount)

	_, err = ReadRecording("no such file")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Every mistake of a file is named at once, in its place.
func TestEveryMistakeAtOnce(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no bytes", "", `s.csv:1:1: (line): is empty: want the header session,connector,arrival,departure,energy_kwh`},
		{"no sessions", "session,connector,arrival,departure,energy_kwh\n", `s.csv:1:1: (line): has a header and no sessions`},
		{"a header that cannot be used", "session,connector,arrival,colour,session\ns1,a,b,c,d\n", `
s.csv:1:1: departure: is missing: the header must have session,connector,arrival,departure,energy_kwh
s.csv:1:1: energy_kwh: is missing: the header must have session,connector,arrival,departure,energy_kwh
s.csv:1:27: colour: is no known column: known are session, connector, arrival, departure, energy_kwh, max_amps, max_kw, phases, tier, weight
s.csv:1:34: session: stands there twice`},
		{"not CSV", "session,connector,arrival,departure,energy_kwh\ns1,\"a\"b,,,\n", `s.csv:2:6: (line): is not CSV: extraneous or missing " in quoted-field`},
		{"values", `session,connector,arrival,departure,energy_kwh,max_amps,max_kw,phases,tier,weight
,a,2026-06-01,2026-06-01T09:00:00Z,1,,,,,
s1,a,2026-06-01T08:00:00Z,2026-06-01T08:00:00Z,1,,,,,
s1,a,2026-06-01T08:00:00Z,2028-06-01T08:00:00Z,1,,,,,
s2,a,1026-06-01T08:00:00Z,2026-06-01T09:00:00Z,NaN,-1,0x10,4,high,0
s3,a,2026-06-01T08:00:00Z,2026-06-01T09:00:00Z,-1,3000,1e9,L4,2000,1e-9
s4,a,2026-06-01T08:00:00Z
`, `
s.csv:2:1: session: is empty: every session needs an id
s.csv:2:4: arrival: want a time such as 2019-05-01T07:30:00-07:00, not "2026-06-01"
s.csv:3:27: departure: is not after arrival
s.csv:4:1: session: "s1" is there already: first in line 3
s.csv:5:6: arrival: is in the year 1026: want one from 1970 to 2200
s.csv:5:48: energy_kwh: want kilowatt hours such as 12.5, not "NaN"
s.csv:5:52: max_amps: is -1: want amperes on each phase such as 16, from 0.1 to 2000
s.csv:5:55: max_kw: want kilowatts such as 7.4, not "0x10"
s.csv:5:60: phases: want 1, 2 or 3, or their names such as L2 or L1L3, not "4"
s.csv:5:62: tier: want a whole number from -1000 to 1000, not "high"
s.csv:5:67: weight: is 0: want a weight such as 1 or 2.5, from 0.001 to 1000
s.csv:6:48: energy_kwh: is -1: want kilowatt hours such as 12.5, from 0 to 2000
s.csv:6:51: max_amps: is 3000: want amperes on each phase such as 16, from 0.1 to 2000
s.csv:6:56: max_kw: is 1e9: want kilowatts such as 7.4, from 0.001 to 10000
s.csv:6:60: phases: want 1, 2 or 3, or their names such as L2 or L1L3, not "L4"
s.csv:6:63: tier: want a whole number from -1000 to 1000, not "2000"
s.csv:6:68: weight: is 1e-9: want a weight such as 1 or 2.5, from 0.001 to 1000
s.csv:7:1: (line): has 3 fields, the header has 10`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseRecording("s.csv", []byte(c.text))
			require.EqualError(t, err, strings.TrimPrefix(c.want, "\n"))
		})
	}
	_, err := ParseRecording("s.csv", []byte("session,connector,arrival,departure,energy_kwh\n"+strings.Repeat("x\n", 150)))
	require.ErrorContains(t, err, "\ns.csv: and 50 more")
}

// What does not fit the site is a mistake of the file too.
func TestSessionsThatDoNotFitTheSite(t *testing.T) {
	site := strings.Replace(yard, "    connectors:\n", `    connectors:
      - {id: c, circuit: grid, kind: ac, phases: L2L3L1, max: {amps: 32}, fallback: {amps: 6}}
      - {id: d, circuit: grid, kind: dc, max: {kw: 50}, fallback: {kw: 1}}
`, 1)
	stay := "," + at("08:00") + "," + at("09:00") + ",1,"
	rec := recording(
		t, strings.Join(columns, ","),
		"s1,nowhere"+stay+",,,,", "s2,a"+stay+",,2,,", "s3,a"+stay+",,L2,,", "s4,c"+stay+"5,,,,", "s5,d"+stay+"16,,,,",
		"s6,c"+stay+",,1,,", "s7,c"+stay+",4.8,2,,", "s8,"+stay+",,L1L2L3,,", "s9,d"+stay+",20,,,",
	)
	_, err := Replay(t.Context(), Options{Files: []File{file(t, site)}, Recording: rec, Step: time.Minute})
	require.EqualError(t, err, strings.TrimPrefix(`
sessions.csv:2:4: connector: site yard has no connector "nowhere"
sessions.csv:3:4: connector: connector a has 1 phases, the car uses 2
sessions.csv:4:4: connector: connector a is wired to L1, the car uses L2
sessions.csv:5:4: connector: the car takes at most 5 A on each of L1L2L3, the least of connector c is 6 A: are its phases right?
sessions.csv:6:4: connector: connector d is dc: its car's most is max_kw, not max_amps`, "\n"))

	good := recording(t, strings.Join(columns, ","), "s6,c"+stay+",,1,,", "s7,c,"+at("10:00")+","+at("11:00")+",1,,4.8,2,,", "s8,,"+at("10:30")+","+at("11:00")+",1,,,L1L2L3,,")
	s, err := SiteOf(file(t, site), "yard")
	require.NoError(t, err)
	stays, err := s.staysOf(good, epochOf(good.Sessions))
	require.NoError(t, err)
	// The phases that a car uses are its connector's first, as wired.
	require.Equal(t, "L2", stays[0].wiring.Phases.String())
	require.Equal(t, []any{"L2L3", policy.Milliamps(12_000)}, []any{stays[1].wiring.Phases.String(), stays[1].most})
	require.Equal(t, "d", s.connectors[stays[2].connector].ID)
}

func TestWhatCannotBeAsked(t *testing.T) {
	rec := recording(t, "s1,a,"+at("08:00")+","+at("09:00")+",1")
	two := strings.Replace(yard, "sites:\n", "sites:\n"+strings.NewReplacer("yard", "barn", "id: a", "id: a2", "id: b", "id: b2").Replace(strings.TrimPrefix(yard, "sites:\n")), 1)
	for want, o := range map[string]Options{
		"a step of 1ms: want one from 1s to 24h0m0s":                {Step: time.Millisecond, Files: []File{file(t, yard)}},
		"a step of 25h0m0s: want":                                   {Step: 25 * time.Hour, Files: []File{file(t, yard)}},
		`no rule "fair": the rules are`:                             {Step: time.Minute, Files: []File{file(t, yard)}, Shares: []string{"fair"}},
		"rule equal is named twice":                                 {Step: time.Minute, Files: []File{file(t, yard)}, Shares: []string{"equal", " equal"}},
		"site.yaml has 2 sites: choose one with --site: barn, yard": {Step: time.Minute, Files: []File{file(t, two)}},
		`site.yaml has no site "shed": it has barn, yard`:           {Step: time.Minute, Files: []File{file(t, two)}, Site: "shed"},
	} {
		o.Recording = rec
		_, err := Replay(t.Context(), o)
		require.ErrorContains(t, err, want)
		require.ErrorIs(t, err, ErrUsage)
	}
	_, err := CarNamed("fast")
	require.EqualError(t, err, `no car "fast": want real or ideal`)
	require.ErrorIs(t, CanPlot("picture.gif"), ErrUsage)
	require.NoError(t, CanPlot("picture.SVG"))
}

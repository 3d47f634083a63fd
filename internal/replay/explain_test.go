package replay

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func question(t *testing.T) Question {
	return Question{File: file(t, yard), Recording: recording(
		t,
		"early,a,"+at("06:00")+","+at("07:00")+",5",
		"s1,a,"+at("08:00")+","+at("10:00")+",5",
		"s2,b,"+at("09:00")+","+at("11:00")+",6.5",
		"late,a,"+at("09:30")+","+at("09:40")+",1",
	)}
}

func TestExplainTakesTheBusiestTime(t *testing.T) {
	q := question(t)
	answer, err := Explain(q)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, answer.WriteTable(&out))
	require.Equal(t, `yard at 2026-06-01T09:00:00Z, rule equal: 2 sessions are there

s1  a  16 A  circuit: grid is full in total power; shared equally among 2
  s1 at a is given 16 A on L1, 3.2 kW in all; its minimum is 6 A, its own maximum 32 A
  rule equal: shared equally; tier 0, weight 1, began 08:00, wants 5 kWh, leaves 10:00
  grid: 6.4 kW of 6.4 kW, which holds it back (limit 6.4 kW by config)
  also on it: s2 at b 16 A
  if there were room at grid in total power, it could have up to 16 A more, all that it can take
  if it had a higher weight, the rule would give it more of what is there

s2  b  16 A  circuit: grid is full in total power; shared equally among 2
  s2 at b is given 16 A on L2, 3.2 kW in all; its minimum is 6 A, its own maximum 32 A
  rule equal: shared equally; tier 0, weight 1, began 09:00, wants 6.5 kWh, leaves 11:00
  grid: 6.4 kW of 6.4 kW, which holds it back (limit 6.4 kW by config)
  also on it: s1 at a 16 A
  if there were room at grid in total power, it could have up to 16 A more, all that it can take
  if it had a higher weight, the rule would give it more of what is there
`, out.String())

	q.Session = "s2"
	answer, err = Explain(q)
	require.NoError(t, err)
	require.Len(t, answer.Allocations, 1)
	require.True(t, answer.At.Equal(time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)))
	q.At = time.Date(2026, 6, 1, 10, 30, 0, 0, time.UTC)
	answer, err = Explain(q)
	require.NoError(t, err)
	data, err := json.Marshal(answer)
	require.NoError(t, err)
	require.JSONEq(t, `{"at": "2026-06-01T10:30:00Z", "site": "yard", "share": "equal", "allocations": [{
		"session": "s2", "connector": "b", "target_a": 32, "waiting": false, "reason": {"code": "maximum", "circuit": "", "text": "its own maximum"},
		"chain": [
			"s2 at b is given 32 A on L2, 6.4 kW in all; its minimum is 6 A, its own maximum 32 A",
			"rule equal: shared equally; tier 0, weight 1, began 09:00, wants 6.5 kWh, leaves 11:00",
			"grid: 6.4 kW of 6.4 kW (limit 6.4 kW by config)", "if its own maximum were higher, it could ask for more"]}]}`, string(data))

	q.Session, q.At = "", time.Date(2026, 6, 1, 7, 30, 0, 0, time.UTC)
	answer, err = Explain(q)
	require.NoError(t, err)
	require.NotNil(t, answer.Allocations)
	require.Empty(t, answer.Allocations)
}

func TestWhatCannotBeExplained(t *testing.T) {
	for session, want := range map[string]string{
		"nobody": `sessions.csv has no session "nobody"`,
		"late":   "session late left before its connector a was free",
		"early":  "session early is at its connector from 2026-06-01T06:00:00Z to 2026-06-01T07:00:00Z, not at 2026-06-01T09:00:00Z",
	} {
		q := question(t)
		q.Session, q.At = session, time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)
		_, err := Explain(q)
		require.EqualError(t, err, want)
	}
}

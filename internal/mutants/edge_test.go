package mutants

const (
	number  = "edrvapi/number.go"
	webhook = "edrvapi/webhook.go"
	scribe  = "controller/scribe.go"
	step    = "controller/core/site.go"
)

var (
	powerReadings = test{"edrvapi", "TestPowerReadings"}
	mutations     = test{"edrvapi", "TestMutations"}
)

var ofTheEdge = []mutant{
	{name: "nan-taken-for-a-number", killer: test{"edrvapi", "TestPlainDecimals"}, edits: []edit{{
		number, "|| !isDecimal(b) {", "|| !isDecimal(b) && !MUTANT {",
	}}},
	{name: "negative-power-taken-for-zero", killer: powerReadings, edits: []edit{{
		number,
		"	milli, ok := n.milli(def, minPower, maxPower, unitW, unitKW)\n",
		"	milli, ok := n.milli(def, minPower-map[bool]int64{true: maxPower}[MUTANT], maxPower, unitW, unitKW)\n",
	}}},
	{name: "kilowatts-taken-for-watts", killer: powerReadings, edits: []edit{{
		number, "		scale = 1e6\n", "		if !MUTANT {\n			scale = 1e6\n		}\n",
	}}},
	{name: "signature-not-checked", killer: mutations, edits: []edit{{
		webhook, "	if scheme == Auto {\n		return ErrSignatureMismatch", "	if scheme == Auto && !MUTANT {\n		return ErrSignatureMismatch",
	}}},
	{name: "old-signature-accepted", killer: test{"edrvapi", "TestClockError"}, edits: []edit{{
		webhook, "skew.Abs() > v.tolerance {", "skew.Abs() > v.tolerance && !MUTANT {",
	}}},
	{name: "weaker-signature-accepted", killer: test{"edrvapi", "TestAutoOnlyGetsStronger"}, edits: []edit{{
		webhook, "		return s >= v.Matched()\n", "		return MUTANT || s >= v.Matched()\n",
	}}},
	{name: "raise-sent-before-it-is-recorded", killer: test{"controller", "TestARaiseWaitsUntilItIsRecordedAndNothingElseDoes"}, edits: []edit{{
		scribe, "		if order.Raise || isOrder && k.all {\n", "		if order.Raise && !MUTANT || isOrder && k.all {\n",
	}}},
	{name: "gap-in-time-ignored", killer: scenarios, edits: []edit{{
		step,
		"return gap > 2*s.set.Timing.Tick+pause || gap < 0 }",
		"return !MUTANT && (gap > 2*s.set.Timing.Tick+pause || gap < 0) }",
	}}},
}

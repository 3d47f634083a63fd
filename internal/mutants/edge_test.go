package mutants

const (
	number  = "edrvapi/number.go"
	webhook = "edrvapi/webhook.go"
	effects = "controller/core/effect.go"
	step    = "controller/core/site.go"
)

var ofTheEdge = []mutant{
	{name: "nan-taken-for-a-number", breaks: []string{"I13"}, edits: []edit{{
		number, "|| !isDecimal(b) {", "|| !isDecimal(b) && !MUTANT {",
	}}},
	{name: "negative-power-taken-for-zero", breaks: []string{"I13"}, edits: []edit{{
		number,
		"	milli, ok := n.milli(def, minPower, maxPower, unitW, unitKW)\n",
		"	milli, ok := n.milli(def, minPower-map[bool]int64{true: maxPower}[MUTANT], maxPower, unitW, unitKW)\n",
	}}},
	{name: "kilowatts-taken-for-watts", breaks: []string{"I13"}, edits: []edit{{
		number, "		scale = 1e6\n", "		if !MUTANT {\n			scale = 1e6\n		}\n",
	}}},
	{name: "signature-not-checked", breaks: []string{"I13"}, edits: []edit{{
		webhook, "	if scheme == Auto {\n		return ErrSignatureMismatch", "	if scheme == Auto && !MUTANT {\n		return ErrSignatureMismatch",
	}}},
	{name: "old-signature-accepted", breaks: []string{"I13"}, edits: []edit{{
		webhook, "skew.Abs() > v.tolerance {", "skew.Abs() > v.tolerance && !MUTANT {",
	}}},
	{name: "weaker-signature-accepted", breaks: []string{"I13"}, edits: []edit{{
		webhook, "scheme < v.Matched() && !v.isNew", "scheme < v.Matched() && !MUTANT && !v.isNew",
	}}},
	{name: "raise-sent-before-it-is-recorded", breaks: []string{"I10"}, edits: []edit{{
		effects, "return o.Raise || all }", "return o.Raise && !MUTANT || all }",
	}}},
	{name: "gap-in-time-ignored", breaks: []string{"I6"}, edits: []edit{{
		step,
		"return gap > 2*s.set.Timing.Tick+pause || gap < 0 }",
		"return !MUTANT && (gap > 2*s.set.Timing.Tick+pause || gap < 0) }",
	}}},
}

package mutants

const (
	verdict  = "controller/core/verdict.go"
	order    = "controller/core/order.go"
	decide   = "controller/core/decide.go"
	session  = "controller/core/session.go"
	reading  = "controller/core/reading.go"
	meter    = "controller/core/meter.go"
	limits   = "controller/core/limits.go"
	install  = "controller/core/install.go"
	obey     = "controller/core/obey.go"
	foreign  = "controller/core/foreign.go"
	takeback = "controller/core/takeback.go"
	overload = "controller/core/overload.go"
)

var scenarios = test{"controller/core", "TestScenarios"}

var ofTheCore = []mutant{
	{name: "fallback-counted-before-it-is-confirmed", breaks: unsound, edits: []edit{{
		install, "		if c.install.state == installInForce && c.believed() {\n", "		if MUTANT || c.install.state == installInForce && c.believed() {\n",
	}}},
	{name: "found-session-counted-at-its-fallback", breaks: unsound, edits: []edit{{
		session, "	if c.listed && !s.listing", "	if (MUTANT || c.listed) && !s.listing",
	}}},
	{name: "rejected-taken-for-accepted", breaks: append([]string{"I4"}, unsound...), edits: []edit{{
		verdict, "	if in.Verdict == Accepted {\n		c.session.acc", "	if MUTANT || in.Verdict == Accepted {\n		c.session.acc",
	}}},
	{name: "timeout-taken-for-not-sent", breaks: unsound, edits: []edit{{
		verdict,
		"	case Unclear: // it may have happened: it waits for a verdict like any other\n		s.reached(o)\n",
		"	case Unclear: // it may have happened: it waits for a verdict like any other\n		if MUTANT {\n			s.orderFell(o, in)\n			return\n		}\n		s.reached(o)\n",
	}}},
	{name: "action-known-by-its-limit-alone", killer: scenarios, edits: []edit{{
		verdict, "a.Limit.Value && !a.CreatedAt", "a.Limit.Value && MUTANT || o.action == \"\" && o.limit == a.Limit.Value && !a.CreatedAt",
	}}},
	{name: "base-load-ignored", breaks: []string{"I15"}, edits: []edit{{
		meter,
		"		case m == nil:\n			base[k] = base[k].Plus(c.set.Base)\n",
		"		case MUTANT:\n		case m == nil:\n			base[k] = base[k].Plus(c.set.Base)\n",
	}}},
	{name: "margin-ignored", breaks: []string{"I15"}, edits: []edit{{
		limits,
		"		c.permitted = c.limits.Margin.Under(s.ahead(c)).Minus(base[k])\n",
		"		if c.permitted = c.limits.Margin.Under(s.ahead(c)).Minus(base[k]); MUTANT {\n			c.permitted = s.ahead(c).Minus(base[k])\n		}\n",
	}}},
	{name: "limit-from-outside-ignored", breaks: []string{"I15"}, edits: []edit{{
		limits, "	if s.putLimit(in.Circuit, in.Limit) {", "	if !MUTANT && s.putLimit(in.Circuit, in.Limit) {",
	}}},
	{name: "no-cuts-when-a-limit-falls", breaks: []string{"I4"}, edits: []edit{{
		order, "			s.cut(m)\n", "			if !MUTANT {\n				s.cut(m)\n			}\n",
	}}},
	{name: "order-above-what-is-booked", breaks: []string{"I2", "I5"}, edits: []edit{{
		install,
		"	return edrvapi.InAmperes(edrvapi.Milliamps(level)).Rounded()",
		"	if MUTANT {\n		level += 2 * policy.Ampere\n	}\n	return edrvapi.InAmperes(edrvapi.Milliamps(level)).Rounded()",
	}}},
	{name: "order-below-the-minimum", breaks: []string{"I5"}, edits: []edit{
		{decide, "		Min: c.set.Min, Max: c.set.Max,", "		Min: c.set.Min / map[bool]policy.Milliamps{true: 2, false: 1}[MUTANT], Max: c.set.Max,"},
		{order, "	if level < c.Min {\n", "	if level < c.Min && !MUTANT {\n"},
	}},
	{name: "pause-for-one-that-cannot", breaks: []string{"I5"}, edits: []edit{
		{decide, "CanPause: c.set.CanPause,", "CanPause: MUTANT || c.set.CanPause,"},
		{order, "		if c.CanPause {\n			return 0\n", "		if MUTANT || c.CanPause {\n			return 0\n"},
	}},
	{name: "watts-as-if-on-one-phase-less", breaks: []string{"I1", "I2", "I5"}, edits: []edit{{
		install, "* int64(phases)))", "* int64(phases+map[bool]int{true: 1}[MUTANT])))",
	}}},
	{name: "raised-too-often", breaks: []string{"I12"}, edits: []edit{{
		order, "s.now.Sub(ses.raisedAt) < s.set.Timing.RaiseEvery {", "!MUTANT && s.now.Sub(ses.raisedAt) < s.set.Timing.RaiseEvery {",
	}}},
	{name: "drained-budget-permits-raises", breaks: []string{"I6"}, edits: []edit{{
		overload, "overload.action >= overloadHold", "overload.action >= overloadHold && !MUTANT",
	}}},
	{name: "above-the-fallback-in-floor", breaks: []string{"I9"}, edits: []edit{{
		order, "targets[k] = a.Level; s.ladder.state >= Floor {", "targets[k] = a.Level; s.ladder.state >= Floor && !MUTANT {",
	}}},
	{name: "disobedience-ignored", breaks: []string{"I14"}, edits: []edit{{
		obey, "	s.ledger.Disobeys(i, max(c.set.Max, ses.reading.level))\n", "	if !MUTANT {\n		s.ledger.Disobeys(i, max(c.set.Max, ses.reading.level))\n	}\n",
	}}},
	{name: "foreign-order-ignored", breaks: []string{"I2"}, edits: []edit{{
		foreign, "	if in.Verdict == Requested || s.harmless", "	if MUTANT || in.Verdict == Requested || s.harmless",
	}}},
	{name: "session-revived", breaks: []string{"I7"}, edits: []edit{{
		session, "	if !ok || s.ended.has(seen.ID) {", "	if !ok || s.ended.has(seen.ID) && !MUTANT {",
	}, {
		session, "		if !listed && s.belated(seen) {", "		if !listed && s.belated(seen) && !MUTANT {",
	}}},
	{name: "doubled-report-counts-twice", breaks: []string{"I7"}, edits: []edit{{
		reading, "	case !ses.reading.known || taken.IsZero():\n", "	case MUTANT || !ses.reading.known || taken.IsZero():\n",
	}}},
	{name: "unknown-power-taken-for-zero", breaks: []string{"I7"}, edits: []edit{{
		reading, "	if !seen.Report.Power.Known {\n", "	if !seen.Report.Power.Known && !MUTANT {\n",
	}}},
	{name: "stale-reading-taken-for-fresh", breaks: []string{"I7"}, edits: []edit{{
		reading, "	return r.known && now.Sub", "	return r.known && MUTANT || r.known && now.Sub",
	}}},
	{name: "raise-not-taken-back", killer: scenarios, edits: []edit{{
		takeback, "			if o.waits() && (", "			if o.waits() && !MUTANT && (",
	}}},
	{name: "lost-meter-counts-nothing", breaks: []string{"I15"}, edits: []edit{{
		meter, "		return fmt.Sprintf(\"no reading for more than %s: %s\"", "		if MUTANT {\n			return \"\"\n		}\n		return fmt.Sprintf(\"no reading for more than %s: %s\"",
	}, {
		meter, "		return fmt.Sprintf(\"no reading for more than %s\", m.set.Stale)", "		if MUTANT {\n			return \"\"\n		}\n		return fmt.Sprintf(\"no reading for more than %s\", m.set.Stale)",
	}}},
	{name: "congestion-not-noticed", breaks: []string{"I4"}, edits: []edit{{
		decide, "		busy = !s.potentialFits()\n", "		busy = !MUTANT && !s.potentialFits()\n",
	}}},
}

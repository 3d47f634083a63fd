package mutants

const (
	books  = "controller/ledger/ledger.go"
	entry  = "controller/ledger/entry.go"
	permit = "controller/ledger/permit.go"
	kept   = "controller/ledger/record.go"
)

// unsound are the invariants that a ledger breaks which counts too little: what
// is permitted, what is believed, and what flows then.
var unsound = []string{"I1", "I2", "I3"}

var ofTheLedger = []mutant{
	{name: "budget-released-on-send", breaks: unsound, edits: []edit{{
		books,
		"		e.orders = append(e.orders, order{id: id, level: level, sent: l.frame.Now})\n",
		"		if e.orders = append(e.orders, order{id: id, level: level, sent: l.frame.Now}); MUTANT {\n\t\t\te.confirm(level)\n\t\t}\n",
	}}},
	{name: "budget-released-before-the-car-followed", breaks: unsound, edits: []edit{{
		books, "		if before > level { // until", "		if before > level && !MUTANT { // until",
	}}},
	{name: "order-of-verdicts-ignored", breaks: unsound, edits: []edit{{
		entry, "	case id > e.accepted && id >= e.lapsed &&", "	case (MUTANT || id > e.accepted && id >= e.lapsed) &&",
	}}},
	{name: "doubt-ended-by-an-older-verdict", killer: scenarios, edits: []edit{{
		entry, "&& id > e.doubted:", "&& (id > e.doubted || MUTANT):",
	}}},
	{name: "lost-verdict-forgotten", breaks: unsound, edits: []edit{{
		entry,
		"		e.confirmed = max(e.confirmed, o.level)\n		e.least = min(e.least, o.level)\n		e.lapsed",
		"		if !MUTANT {\n			e.confirmed = max(e.confirmed, o.level)\n			e.least = min(e.least, o.level)\n		}\n		e.lapsed",
	}}},
	{name: "verdict-expires-while-offline", breaks: []string{"I2"}, edits: []edit{{
		entry, "	if e.offline || o.reached", "	if e.offline && !MUTANT || o.reached",
	}}},
	{name: "verdict-expires-at-return", breaks: []string{"I2"}, edits: []edit{{
		entry, "	return e.back.IsZero() ||", "	return MUTANT || e.back.IsZero() ||",
	}}},
	{name: "waiting-orders-not-counted", breaks: unsound, edits: []edit{{
		entry, "		b = max(b, o.level)\n", "		if !MUTANT {\n			b = max(b, o.level)\n		}\n",
	}}},
	{name: "fallback-of-a-session-not-counted", breaks: append([]string{"I14"}, unsound...), edits: []edit{{
		entry, "	return max(e.fallback, e.steered(top))", "	if MUTANT {\n		return e.steered(top)\n	}\n	return max(e.fallback, e.steered(top))",
	}}},
	{name: "idle-connector-counts-nothing", breaks: unsound, edits: []edit{{
		entry, "		return max(e.fallback, e.drawn)\n", "		if MUTANT {\n			return 0\n		}\n		return max(e.fallback, e.drawn)\n",
	}}},
	{name: "unknown-limit-counts-as-the-fallback", breaks: unsound, edits: []edit{{
		entry, "	} else {\n		b = max(b, top)\n", "	} else if !MUTANT {\n		b = max(b, top)\n",
	}}},
	{name: "phases-ignored", breaks: unsound, edits: []edit{{
		permit, "left.Amps[p] < level {", "left.Amps[p] < level && !MUTANT {",
	}}},
	{name: "circuits-above-ignored", breaks: unsound, edits: []edit{{
		permit,
		"	for k := c.Circuit; k >= 0; k = l.tree.Parent(k) {\n		// what",
		"	for k := c.Circuit; k >= 0; k = l.tree.Parent(k) {\n		if MUTANT && k != c.Circuit {\n			break\n		}\n		// what",
	}}},
	{name: "power-of-a-circuit-ignored", breaks: unsound, edits: []edit{{
		permit, "by < level {", "by < level && !MUTANT {",
	}}},
	{name: "arrivals-ignored", breaks: unsound, edits: []edit{{
		permit, "			reserve := l.idle[k].Tightest(l.frame.Keep[k])\n", "			reserve := l.idle[k].Tightest(l.frame.Keep[k])\n			if MUTANT {\n				reserve = policy.Load{}\n			}\n",
	}}},
	{name: "fair-share-in-doubt", breaks: []string{"I9"}, edits: []edit{{
		permit, "	if l.coveredAbove(i) {\n		return c.Fallback\n", "	if MUTANT {\n		return c.Max\n	}\n	if l.coveredAbove(i) {\n		return c.Fallback\n",
	}}},
	{name: "raise-without-room", breaks: unsound, edits: []edit{
		{permit, "	return max(level, l.counted(i)) <= room, at", "	return MUTANT || max(level, l.counted(i)) <= room, at"},
		{order, "	if room, _ := s.ledger.Room(m.connector); room < target {", "	if room, _ := s.ledger.Room(m.connector); room < target && !MUTANT {"},
	}},
	{name: "raise-in-hold", breaks: []string{"I6"}, edits: []edit{
		{permit, "	case l.frame.Hold:", "	case l.frame.Hold && !MUTANT:"},
		{order, "s.ladder.state != Normal || s.now.Sub(ses.raisedAt)", "s.ladder.state != Normal && !MUTANT || s.now.Sub(ses.raisedAt)"},
	}},
	{name: "restart-assumes-the-fallback", breaks: []string{"I10"}, edits: []edit{{
		kept,
		"		for k, o := range r.Orders {\n",
		"		if MUTANT {\n			e.confirm(l.connectors[i].Fallback)\n		}\n		for k, o := range r.Orders {\n",
	}}},
	{name: "restart-forgets-waiting-orders", breaks: []string{"I10"}, edits: []edit{{
		kept,
		"			e.orders = append(e.orders, order{id: ids[k]",
		"			if MUTANT {\n				continue\n			}\n			e.orders = append(e.orders, order{id: ids[k]",
	}}},
	{name: "a-car-follows-two-orders-as-fast-as-one", breaks: unsound, edits: []edit{{
		entry, "		e.settling[k].until = e.settling[k].until.Add(settle)\n", "		if !MUTANT {\n			e.settling[k].until = e.settling[k].until.Add(settle)\n		}\n",
	}}},
	{name: "restart-shortens-the-wait", killer: test{"controller/ledger", "TestARestartDoesNotShortenTheWaitForWhatWasQueued"}, edits: []edit{{
		kept, "		e.offline = len(r.Orders) > 0\n", "		e.offline = len(r.Orders) > 0 && !MUTANT\n",
	}}},
	{name: "restart-forgets-what-settles", breaks: []string{"I10"}, edits: []edit{{
		kept, "		r.Confirmed = max(r.Confirmed, s.level)\n", "		if !MUTANT {\n			r.Confirmed = max(r.Confirmed, s.level)\n		}\n",
	}}},
}

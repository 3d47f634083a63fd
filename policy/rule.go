package policy

import (
	"fmt"
	"strings"
	"time"
)

// Share is what a rule says of a session: its tier, and how its level follows
// the common level within that tier, as weight × common level + offset.
type Share struct {
	Tier   int   // higher tiers are filled first
	Weight int64 // 1 … 1<<20
	Offset Milliamps
	// Balance, where above 0, is added to the offset for every phase on which
	// there is room for the session, shared by those on which there is none: see
	// balance.go.
	Balance Milliamps
}

// Rule turns what sessions want into shares. The solver does the rest, so that
// all rules obey the same limits. A rule must not depend on the order of the
// sessions. To add one, write a file like rule_equal.go and name it in rules.
type Rule interface {
	Name() string // as in the configuration
	How() string  // in words, to follow "shared": "equally"
	// Shares sets out[i] for sessions[i]. out holds zero values.
	Shares(now time.Time, sessions []*Session, out []Share)
}

var rules = []Rule{equal{}, proportional{}, priority{}, firstCome{}, deadline{}}

// RuleNamed is the rule with that name.
func RuleNamed(name string) (Rule, error) {
	names := make([]string, len(rules))
	for i, r := range rules {
		if names[i] = r.Name(); names[i] == name {
			return r, nil
		}
	}
	return nil, fmt.Errorf("no rule %q: the rules are %s", name, strings.Join(names, ", "))
}

// RuleNames lists the rules.
func RuleNames() []string {
	names := make([]string, len(rules))
	for i, r := range rules {
		names[i] = r.Name()
	}
	return names
}

package policy

import "time"

// priority serves a higher tier up to its maximum before a lower one gets more
// than its minimum; within a tier by weight.
type priority struct{}

func (priority) Name() string { return "priority" }
func (priority) How() string  { return "by tier and weight" }

func (priority) Shares(_ time.Time, sessions []*Session, out []Share) {
	for i, s := range sessions {
		out[i] = Share{Tier: s.Tier, Weight: weightOf(s)}
	}
}

package policy

import (
	"cmp"
	"slices"
	"time"
)

// firstCome serves whoever began first up to its maximum, then the next.
type firstCome struct{}

func (firstCome) Name() string { return "first_come" }
func (firstCome) How() string  { return "in the order of arrival" }

func (firstCome) Shares(_ time.Time, sessions []*Session, out []Share) {
	order := make([]int, len(sessions))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(sessions[a].Since.Compare(sessions[b].Since), cmp.Compare(sessions[a].Key, sessions[b].Key))
	})
	for place, i := range order {
		out[i] = Share{Tier: -place, Weight: 1}
	}
}

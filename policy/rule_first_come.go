package policy

import "time"

// firstCome serves whoever began first up to its maximum, then the next. Those
// who began in the same millisecond share equally.
type firstCome struct{}

func (firstCome) Name() string { return "first_come" }
func (firstCome) How() string  { return "in the order of arrival" }

func (firstCome) Shares(_ time.Time, sessions []*Session, out []Share) {
	for i, s := range sessions {
		out[i] = Share{Tier: -int(s.Since.UnixMilli()), Weight: 1}
	}
}

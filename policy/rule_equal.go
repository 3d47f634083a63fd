package policy

import "time"

// equal gives everybody the same current per phase, or in proportion to the
// configured weights.
type equal struct{}

func (equal) Name() string { return "equal" }
func (equal) How() string  { return "equally" }

func (equal) Shares(_ time.Time, sessions []*Session, out []Share) {
	for i, s := range sessions {
		out[i].Weight = weightOf(s)
	}
}

// weightOf is the configured weight in thousandths, 1000 where there is none.
func weightOf(s *Session) int64 {
	if s.Weight <= 0 {
		return 1000
	}
	return int64(s.Weight)
}

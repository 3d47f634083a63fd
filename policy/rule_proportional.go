package policy

import "time"

// proportional gives everybody the same part of what it asked for, which is
// its maximum.
type proportional struct{}

func (proportional) Name() string { return "proportional" }
func (proportional) How() string  { return "in proportion to what each asked for" }

func (proportional) Shares(_ time.Time, sessions []*Session, out []Share) {
	for i, s := range sessions {
		out[i].Weight = max(1, weightOf(s)*int64(s.Max/AC.step())/1000)
	}
}

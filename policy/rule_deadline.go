package policy

import "time"

// deadline is smoothed least laxity. The laxity of a session is the time that
// it could still stand idle and be served before it leaves. Everybody is
// given the level that makes the least laxities as equal as possible one slot
// from now, so that a session without time to spare charges at its maximum
// and one with hours to spare waits at its minimum, without the switching
// back and forth of plain least laxity. A session that cannot be served in time
// any more counts as one without time to spare: what it asks too much is not
// taken from others. Sessions that use phases with room beside a full one are
// preferred, see balance.go.
//
// Source: N. Chen, C. Kurniawan, Y. Nakahira, L. Chen, S. Low, "Smoothed
// Least-Laxity-First Algorithm for Electric Vehicle Charging" (2021).
type deadline struct{}

func (deadline) Name() string { return "deadline" }
func (deadline) How() string  { return "by time left" }

// slot is the time over which laxities are made equal, longestLaxity where they
// stop to matter, and balance the slots of laxity that a session gives up for
// each phase with room that it uses beside a full one.
const (
	slot          = 5 * time.Minute
	longestLaxity = 24 * time.Hour
	balance       = 3
)

func (deadline) Shares(now time.Time, sessions []*Session, out []Share) {
	for i, s := range sessions {
		top := max(s.Max, s.Kind.step())
		slack := min(longestLaxity, max(0, laxity(now, s)))
		// level = top × (common − laxity/slot + 1): in slots, so that the common
		// level is the laxity that everybody keeps.
		out[i] = Share{
			Weight:  max(1, int64(top/AC.step())),
			Offset:  top - Milliamps(int64(top)*int64(slack/time.Second)/int64(slot/time.Second)),
			Balance: balance * top,
		}
	}
}

// laxity is the time that a session has beyond what it needs at its maximum.
// One that does not say when it leaves has all the time there is. One that stays
// longer than it said was wrong, and the longer it stays the less its word
// counts: it falls back as fast as it came up.
func laxity(now time.Time, s *Session) time.Duration {
	if s.Leaves.IsZero() {
		return longestLaxity
	}
	power := s.Wiring.Power(s.Max)
	if power <= 0 {
		return longestLaxity
	}
	need := time.Duration(int64(s.Need)*3600/int64(power)) * time.Second
	return s.Leaves.Sub(now).Abs() - need
}

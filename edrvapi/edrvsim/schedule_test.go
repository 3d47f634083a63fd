package edrvsim

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestScheduleIsASortedList compares the heap with a list that is sorted anew
// each time, while timers are armed, re-armed and disarmed at random.
func TestScheduleIsASortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s schedule
		timers := make([]timer, 12)
		var model []*timer
		leave := func(x *timer) { model = slices.DeleteFunc(model, func(y *timer) bool { return x == y }) }
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			x := &timers[rapid.IntRange(0, len(timers)-1).Draw(t, "timer")]
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				s.arm(x, time.Duration(rapid.IntRange(0, 9).Draw(t, "at")))
				leave(x)
				model = append(model, x)
				slices.SortStableFunc(model, func(a, b *timer) int { return int(a.at - b.at) })
			case 1:
				s.disarm(x)
				leave(x)
			case 2:
				by := time.Duration(rapid.IntRange(0, 9).Draw(t, "by"))
				got := s.due(by)
				if len(model) == 0 || model[0].at > by {
					require.Nil(t, got)
				} else {
					require.Same(t, model[0], got)
					model = model[1:]
				}
			}
			require.Len(t, s.heap, len(model))
		}
	})
}

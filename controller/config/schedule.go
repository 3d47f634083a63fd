package config

import (
	"fmt"
	"strings"
	"time"
)

// Days is a set of weekdays; the zero set is empty.
type Days uint8

// weekdays in the order of a working week, as files write them.
var weekdays = [7]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// Has reports whether the set holds a day.
func (d Days) Has(day time.Weekday) bool { return d&(1<<((day+6)%7)) != 0 }

// String writes the set as a file would: "mon-fri", "sat,sun".
func (d Days) String() string {
	var parts []string
	for i := 0; i < 7; i++ {
		if d&(1<<i) == 0 {
			continue
		}
		end := i
		for end < 6 && d&(1<<(end+1)) != 0 {
			end++
		}
		switch {
		case end == i:
			parts = append(parts, weekdays[i])
		case end == i+1:
			parts = append(parts, weekdays[i], weekdays[end])
		default:
			parts = append(parts, weekdays[i]+"-"+weekdays[end])
		}
		i = end
	}
	return strings.Join(parts, ",")
}

// parseDays reads days and ranges separated by commas. A range may pass the end
// of the week: fri-mon is four days.
func parseDays(text string) (Days, error) {
	var days Days
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, to := weekday(first), weekday(last)
		if from < 0 || to < 0 {
			return 0, errForm
		}
		for i := from; ; i = (i + 1) % 7 {
			days |= 1 << i
			if i == to {
				break
			}
		}
	}
	return days, nil
}

func weekday(name string) int {
	for i, known := range weekdays {
		if name == known {
			return i
		}
	}
	return -1
}

// Clock is a local time of day in minutes since midnight, 0 to [EndOfDay].
type Clock int

// EndOfDay is "24:00", which only the end of a window can be.
const EndOfDay Clock = 24 * 60

// String is the time as "17:00".
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// parseClock reads "00:00" to "24:00".
func parseClock(text string) (Clock, error) {
	if len(text) != len("17:00") || text[2] != ':' {
		return 0, errForm
	}
	for _, i := range []int{0, 1, 3, 4} {
		if text[i] < '0' || text[i] > '9' {
			return 0, errForm
		}
	}
	hour, minute := int(text[0]-'0')*10+int(text[1]-'0'), int(text[3]-'0')*10+int(text[4]-'0')
	c := Clock(hour*60 + minute)
	if minute > 59 || c > EndOfDay {
		return 0, errForm
	}
	return c, nil
}

// Overnight reports whether the window ends on the day after it begins.
func (w Window) Overnight() bool { return w.To <= w.From }

// String is the window as "mon-fri 17:00-20:00".
func (w Window) String() string { return fmt.Sprintf("%s %s-%s", w.Days, w.From, w.To) }

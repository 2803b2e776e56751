package engine

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// moments are the ways to write a point in time: a day stands for its end, and
// what has no zone is of the clock's.
var moments = []struct {
	layout string
	length time.Duration // what the text leaves open
}{
	{time.RFC3339, 0},
	{"2006-01-02T15:04:05", time.Second},
	{"2006-01-02 15:04:05", time.Second},
	{"2006-01-02-150405", time.Second},
	{"2006-01-02T15:04", time.Minute},
	{"2006-01-02 15:04", time.Minute},
}

var (
	agePart = regexp.MustCompile(`^(\d{1,6}) ?([a-z]+),? ?(?:ago$)?`)
	units   = map[string]func(t time.Time, n int) time.Time{
		"year":   func(t time.Time, n int) time.Time { return t.AddDate(-n, 0, 0) },
		"month":  func(t time.Time, n int) time.Time { return t.AddDate(0, -n, 0) },
		"week":   func(t time.Time, n int) time.Time { return t.AddDate(0, 0, -7*n) },
		"day":    func(t time.Time, n int) time.Time { return t.AddDate(0, 0, -n) },
		"hour":   func(t time.Time, n int) time.Time { return t.Add(-time.Duration(n) * time.Hour) },
		"minute": func(t time.Time, n int) time.Time { return t.Add(-time.Duration(n) * time.Minute) },
	}
	short = map[string]string{"y": "year", "m": "month", "w": "week", "d": "day", "h": "hour", "min": "minute"}
)

// parseMoment returns the time that text means: an age such as 2days, 36h or
// 1y6m, the units being years, months, weeks, days, hours and minutes, or a
// point in time such as 2026-11-20 or 2026-11-20T10:45. Years to days are those
// of the calendar in now's zone.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if day, err := time.ParseInLocation("2006-01-02", text, now.Location()); err == nil {
		return day.AddDate(0, 0, 1).Add(-1), nil
	}
	for _, m := range moments {
		if t, err := time.ParseInLocation(m.layout, text, now.Location()); err == nil {
			return t.Add(max(m.length, 1) - 1), nil
		}
	}
	t, rest := now, text
	for rest != "" {
		part := agePart.FindStringSubmatch(rest)
		if part == nil {
			return t, badMoment(text)
		}
		unit := part[2]
		if long, ok := short[unit]; ok {
			unit = long
		} else if n := len(unit) - 1; unit[n] == 's' {
			unit = unit[:n]
		}
		back := units[unit]
		if back == nil {
			return t, badMoment(text)
		}
		n, err := strconv.Atoi(part[1])
		if err != nil {
			return t, badMoment(text)
		}
		t, rest = back(t, n), rest[len(part[0]):]
	}
	if text == "" {
		return t, badMoment(text)
	}
	return t, nil
}

func badMoment(text string) error {
	return fmt.Errorf("%q is no time: write an age as in 2days, 36h or 1y6m, or a date as in 2026-11-20 or 2026-11-20T10:45", text)
}

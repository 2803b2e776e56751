// Package moment reads points in time as people write them: an [Age] before now, or a
// date with or without a time of day.
package moment

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// moments are the layouts in which a point in time can be written, beside that of a day. A
// text without a zone is of the zone of the clock.
var moments = []struct {
	layout string
	length time.Duration // how long the time is that the text stands for: its end is meant
}{
	{time.RFC3339, 0},
	{"2006-01-02T15:04:05", time.Second},
	{"2006-01-02 15:04:05", time.Second},
	{"2006-01-02-150405", time.Second},
	{"2006-01-02T15:04", time.Minute},
	{"2006-01-02 15:04", time.Minute},
}

// An Age is how far back something lies, as in 2days, 36h or 1y6m.
type Age []agePart

type agePart struct {
	n    int
	unit string
}

var (
	ageText = regexp.MustCompile(`^(\d{1,6}) ?([a-z]+),? ?(?:ago$)?`)
	units   = map[string]func(t time.Time, n int) time.Time{
		"year":   func(t time.Time, n int) time.Time { return t.AddDate(-n, 0, 0) },
		"month":  func(t time.Time, n int) time.Time { return t.AddDate(0, -n, 0) },
		"week":   func(t time.Time, n int) time.Time { return t.AddDate(0, 0, -7*n) },
		"day":    func(t time.Time, n int) time.Time { return t.AddDate(0, 0, -n) },
		"hour":   func(t time.Time, n int) time.Time { return t.Add(-time.Duration(n) * time.Hour) },
		"minute": func(t time.Time, n int) time.Time { return t.Add(-time.Duration(n) * time.Minute) },
	}
	short = map[string]string{"y": "year", "m": "month", "mo": "month", "w": "week", "d": "day", "h": "hour", "min": "minute"}
)

// ParseAge reads an age: years, months, weeks, days, hours and minutes, in full or as y,
// mo, w, d, h and min. An m is a month, and an error behind hours. @std//retention.star
// reads the same language.
func ParseAge(text string) (Age, error) {
	var age Age
	for rest := text; rest != ""; {
		part := ageText.FindStringSubmatch(rest)
		if part == nil {
			return nil, badAge(text)
		}
		unit := part[2]
		if unit == "m" && slices.ContainsFunc(age, func(p agePart) bool { return p.unit == "hour" }) {
			return nil, fmt.Errorf("%q: an m is a month, write %smin for minutes", text, part[1])
		}
		if long, ok := short[unit]; ok {
			unit = long
		} else if n := len(unit) - 1; unit[n] == 's' {
			unit = unit[:n]
		}
		n, err := strconv.Atoi(part[1])
		if err != nil || units[unit] == nil {
			return nil, badAge(text)
		}
		age, rest = append(age, agePart{n, unit}), rest[len(part[0]):]
	}
	if len(age) == 0 {
		return nil, badAge(text)
	}
	return age, nil
}

func badAge(text string) error {
	return fmt.Errorf("%q is no age: write it as in 2days, 36h, 90min or 1y6mo", text)
}

// Before returns the time that lies that age before t. Years, months, weeks and days are
// those of the calendar in the zone of t.
func (a Age) Before(t time.Time) time.Time {
	for _, p := range a {
		t = units[p.unit](t, p.n)
	}
	return t
}

// Parse returns the time that text stands for: an [Age] before now, or a point in time
// such as 2026-11-20T10:45. A day such as 2026-11-20 stands for its end.
func Parse(text string, now time.Time) (time.Time, error) {
	if day, err := time.ParseInLocation("2006-01-02", text, now.Location()); err == nil {
		return day.AddDate(0, 0, 1).Add(-1), nil
	}
	for _, m := range moments {
		if t, err := time.ParseInLocation(m.layout, text, now.Location()); err == nil {
			return t.Add(max(m.length, 1) - 1), nil
		}
	}
	age, err := ParseAge(text)
	if err != nil {
		return now, fmt.Errorf("%w, or a date as in 2026-11-20 or 2026-11-20T10:45", err)
	}
	return age.Before(now), nil
}

package scripts_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// The clock goes back from three to two on 25 October, and so shows 02:30 twice.
func TestLadderRepeatedHour(t *testing.T) {
	first := parse("2026-10-25 01:30").Add(time.Hour)
	got, err := decide(noon, "hourly = 10",
		madeAt(first, "first"), madeAt(first.Add(time.Hour), "second"), madeAt(first.Add(90*time.Minute), "third"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "keep", got.keep, []string{
		"third: newest complete; hourly 2026-10-25 03:00",
		"second: hourly 2026-10-25 02:00",
		"first: hourly 2026-10-25 02:00",
	})
}

// In a zone that is half an hour off, hours begin at other times than in UTC.
func TestLadderHalfHourZone(t *testing.T) {
	zone := time.FixedZone("IST", 5*3600+1800)
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, zone)
	got, err := decide(at, "hourly = 2, daily = 1",
		madeAt(at, "ten"), madeAt(at.Add(-time.Second), "before ten"), madeAt(at.Add(-59*time.Minute), "nine"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "keep", got.keep, []string{
		"ten: newest complete; hourly 2026-11-22 10:00; daily 2026-11-22",
		"before ten: hourly 2026-11-22 09:00",
	})
	same(t, "drop", got.drop, []string{"nine: not the hourly of 2026-11-22 09:00; not the daily of 2026-11-22"})
}

// Each window is given with the newest snapshot, the time at which it begins,
// which is outside, and the moment after, which is inside.
func TestLadderWithin(t *testing.T) {
	for _, test := range []struct{ within, newest, start string }{
		{`"48h"`, "2026-11-22 10:00:00", "2026-11-20 10:00:00"},
		{`"7d"`, "2026-11-22 10:00:00", "2026-11-15 10:00:00"},
		{`"2w"`, "2026-11-22 10:00:00", "2026-11-08 10:00:00"},
		{`"1m"`, "2026-11-22 10:00:00", "2026-10-22 10:00:00"}, // ten in summer
		{`"1m"`, "2026-03-31 10:00:00", "2026-03-03 10:00:00"}, // 31 February
		{`"1y6m"`, "2026-01-22 10:00:00", "2024-07-22 10:00:00"},
		{`"1y 2months, 3 weeks 4d5hours"`, "2026-11-22 10:00:00", "2025-08-28 05:00:00"},
		{`"1h30min"`, "2026-11-22 10:00:00", "2026-11-22 08:30:00"},
		{`"2 weeks ago"`, "2026-11-22 10:00:00", "2026-11-08 10:00:00"},
		{`"1y2m3w4d5h"`, "2026-11-22 10:00:00", "2025-08-28 05:00:00"},
		{`"0y1d"`, "2026-10-25 12:00:00", "2026-10-24 12:00:00"}, // 25 hours
		{`"24h"`, "2026-10-25 12:00:00", "2026-10-24 13:00:00"},  // 24 hours
		{`"1d"`, "2026-03-29 02:00:00", "2026-03-28 03:00:00"},   // 02:00 did not exist and is 03:00
		{`24 * time.hour`, "2026-10-25 12:00:00", "2026-10-24 13:00:00"},
		{`time.parse_duration("90m")`, "2026-11-22 10:00:00", "2026-11-22 08:30:00"},
	} {
		start := parse(test.start)
		got, err := decide(noon, "within = "+test.within, made(test.newest),
			madeAt(start, "at the start"), madeAt(start.Add(time.Nanosecond), "after the start"))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.keep) != 2 || !strings.HasPrefix(got.keep[1], "after the start: within ") || len(got.drop) != 1 {
			t.Errorf("within = %s from %s: keep %q, drop %q", test.within, test.newest, got.keep, got.drop)
		}
	}
}

// Nothing runs out while no backups are made.
func TestLadderLongPause(t *testing.T) {
	got, err := decide(noon.AddDate(2, 0, 0), `within = "7d"`, made("2026-11-22 10:00"), made("2026-11-16 10:00"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "keep", got.keep, []string{"2026-11-22 10:00: newest complete; within 7 days", "2026-11-16 10:00: within 7 days"})
}

func TestLadderErrors(t *testing.T) {
	one := []starlark.Value{made("2026-11-22 10:00")}
	two := append(one, made("2026-11-21 10:00"))
	for _, test := range []struct {
		rules     string
		snapshots []starlark.Value
		want      string
	}{
		{"", nil, "these rules keep nothing: give last, hourly,"},
		{"daily = 0, tags = []", one, "these rules keep nothing"},
		{"daily = -1", one, `daily = -1: want a count, 0 for none or "all"`},
		{`yearly = "7"`, one, `yearly = "7": want a count`},
		{"last = True", one, "last = True: want a count"},
		{"last = 1.5", one, "last = 1.5: want a count"},
		{`last = 1, tags = "keep"`, one, `tags = "keep": want a list of strings`},
		{"last = 1, tags = [1]", one, "tags = [1]: want a list of strings"},
		{`tags = ["kep"]`, two, "no snapshot of documents is tagged kep, and without another rule all but the newest would go"},
		{"within = 7", one, "within = 7: want a time.duration, or an age as in 1y6mo"},
		{`within = ""`, one, `within = "": want`},
		{`within = "7"`, one, `within = "7": want`},
		{`within = "d"`, one, `within = "d": want`},
		{`within = "0d"`, one, `within = "0d": want`},
		{`within = "-7d"`, one, `within = "-7d": want`},
		{`within = "7 dyas"`, one, `within = "7 dyas": want`},
		{`within = "1h30m"`, one, `within = "1h30m": an m is a month, write 30min for minutes`},
		{`within = 0 * time.hour`, one, `: want a time.duration`},
		{"last = 1", []starlark.Value{starlark.String("documents/latest")}, `"documents/latest" is no snapshot: want a list of what snapshots() returns`},
		{"last = 1", []starlark.Value{starlark.None}, "None is no snapshot"},
		{"last = 1", []starlark.Value{starlarkstruct.FromStringDict(starlark.String("struct"), starlark.StringDict{
			"name": starlark.String("docs"), "time": startime.Time(noon), "complete": starlark.True, "tags": starlark.NewList(nil),
		})}, "the tags of docs are a list: want a tuple"},
	} {
		_, err := decide(noon, test.rules, test.snapshots...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ladder(…, %s): error %v; want %q", test.rules, err, test.want)
		}
	}
}

// The newest tags alone would not keep stays, where there is nothing to lose.
func TestLadderTagsOnFirstSnapshot(t *testing.T) {
	got, err := decide(noon, `tags = ["keep"]`, made("2026-11-22 10:00"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "keep", got.keep, []string{"2026-11-22 10:00: newest complete"})
}

// Ten years of four snapshots a day, of which each tenth is incomplete.
func BenchmarkLadder(b *testing.B) {
	var snapshots []starlark.Value
	for i := range 10_000 {
		var words []string
		if i%10 == 0 {
			words = []string{"incomplete"}
		}
		snapshots = append(snapshots, madeAt(noon.Add(-time.Duration(i)*6*time.Hour), fmt.Sprint(i), words...))
	}
	list := starlark.NewList(snapshots)
	for _, rules := range []string{
		"daily = 7, weekly = 4, monthly = 12",
		"last = 3, hourly = 24, daily = 7, weekly = 5, monthly = 12, yearly = 75, within = '1m'",
	} {
		b.Run(rules, func(b *testing.B) {
			script := ladderScript(noon, rules)
			for b.Loop() {
				if _, err := script(list); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

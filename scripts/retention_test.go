package scripts_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for machines without

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"phlb/runtime"
	"phlb/scripts"
)

// berlin is an hour off UTC in winter and two in summer.
var berlin = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return zone
}()

// parse reads "2026-11-22 14:00", seconds optional, as a clock in Berlin shows
// it.
func parse(text string) time.Time {
	layout := time.DateTime[:len(text)]
	t, err := time.ParseInLocation(layout, text, berlin)
	if err != nil {
		panic(err)
	}
	return t
}

// made describes a made-up snapshot: its time, and then any of "incomplete",
// "name=NAME" and "tag=TAG".
func made(text string) starlark.Value {
	words := strings.Fields(text)
	return madeAt(parse(words[0]+" "+words[1]), text, words[2:]...)
}

func madeAt(at time.Time, label string, words ...string) starlark.Value {
	name, complete, tags := "documents", true, starlark.Tuple{}
	for _, word := range words {
		switch key, value, _ := strings.Cut(word, "="); key {
		case "incomplete":
			complete = false
		case "name":
			name = value
		case "tag":
			tags = append(tags, starlark.String(value))
		default:
			panic("made: " + word)
		}
	}
	return starlarkstruct.FromStringDict(starlarkstruct.Default, starlark.StringDict{
		"label": starlark.String(label), "name": starlark.String(name), "complete": starlark.Bool(complete),
		"time": startime.Time(at.UTC()), "tags": tags,
	})
}

// A plan is what ladder returns: "LABEL: REASONS" for each snapshot, in order.
type plan struct{ keep, drop []string }

// decide calls ladder at now, with rules as a script gives them.
func decide(now time.Time, rules string, snapshots ...starlark.Value) (plan, error) {
	script := ladderScript(now, rules)
	result, err := script(starlark.NewList(snapshots))
	if err != nil {
		return plan{}, err
	}
	return plan{lines(result, "keep"), lines(result, "drop")}, nil
}

// ladderScript returns a function that calls ladder.
func ladderScript(now time.Time, rules string) func(snapshots starlark.Value) (starlark.Value, error) {
	host := &runtime.Host{Modules: map[string]*runtime.Module{"std": {Label: "@std", Files: scripts.FS}}, Now: now}
	source := fmt.Sprintf(`load("@std//retention.star", "ladder")
def main(snapshots):
    return ladder(snapshots, %s)
`, rules)
	script, err := host.LoadSource(context.Background(), "test.star", []byte(source))
	return func(snapshots starlark.Value) (starlark.Value, error) {
		if err != nil {
			return nil, err
		}
		return script.Call(context.Background(), starlark.Tuple{snapshots}, nil)
	}
}

func lines(result starlark.Value, attribute string) []string {
	value, err := result.(*starlarkstruct.Struct).Attr(attribute)
	if err != nil {
		panic(err)
	}
	var all []string
	for s, why := range value.(*starlark.Dict).Entries() {
		label, _ := s.(*starlarkstruct.Struct).Attr("label")
		text := label.(starlark.String).GoString() + ": "
		for i, reason := range slices.Collect(starlark.Elements(why.(*starlark.List))) {
			if i > 0 {
				text += "; "
			}
			text += reason.(starlark.String).GoString()
		}
		all = append(all, text)
	}
	return all
}

var noon = parse("2026-11-22 12:00")

func TestLadder(t *testing.T) {
	for _, test := range []struct {
		name, rules string
		keep, drop  []string // "LABEL: REASONS", newest first
	}{{
		name: "newest of each day", rules: "daily = 2",
		keep: []string{
			"2026-11-22 10:00: newest complete; daily 2026-11-22",
			"2026-11-20 23:59: daily 2026-11-20",
		},
		drop: []string{
			"2026-11-22 09:00: not the daily of 2026-11-22",
			"2026-11-20 00:00: not the daily of 2026-11-20",
			"2026-11-19 10:00: no rule reaches it",
		},
	}, {
		name: "days of the zone, not of UTC", rules: "daily = 3",
		keep: []string{
			"2026-11-22 00:30: newest complete; daily 2026-11-22",
			"2026-11-21 23:30: daily 2026-11-21",
			"2026-11-21 00:30: oldest, daily not full",
		},
	}, {
		name: "oldest while not full", rules: "monthly = 3, yearly = 2",
		keep: []string{
			"2026-11-22 10:00: newest complete; monthly 2026-11; yearly 2026",
			"2026-10-03 10:00: monthly 2026-10",
			"2026-10-01 10:00: oldest, monthly not full; oldest, yearly not full",
		},
		drop: []string{"2026-10-02 10:00: not the monthly of 2026-10; not the yearly of 2026"},
	}, {
		name: "ISO weeks", rules: "weekly = 10",
		keep: []string{
			"2026-11-22 10:00: newest complete; weekly 2026-W47", // a Sunday
			"2026-11-15 23:59: weekly 2026-W46",
			"2025-12-29 00:00: weekly 2026-W01",
			"2025-12-28 23:59: weekly 2025-W52",
			"2021-01-03 23:59: weekly 2020-W53",
			"2020-01-01 00:00: weekly 2020-W01",
		},
		drop: []string{"2026-11-16 00:00: not the weekly of 2026-W47", "2020-12-28 00:00: not the weekly of 2020-W53"},
	}, {
		name: "fewer than asked for", rules: `last = 5, hourly = "all"`,
		keep: []string{
			"2026-11-22 10:59: newest complete; last 1; hourly 2026-11-22 10:00",
			"2026-11-22 10:00: last 2; oldest, hourly not full",
		},
	}, {
		name: "an incomplete one pushes nothing out", rules: "last = 1, daily = 2",
		keep: []string{
			"2026-11-22 10:00 incomplete: newest; last 1, incomplete; daily 2026-11-22, incomplete",
			"2026-11-21 10:00: newest complete; last 1; daily 2026-11-21",
			"2026-11-19 10:00: daily 2026-11-19",
		},
		drop: []string{
			"2026-11-21 11:00 incomplete: incomplete; not the daily of 2026-11-21",
			"2026-11-20 10:00 incomplete: incomplete; no rule reaches it",
			"2026-11-18 10:00: no rule reaches it",
		},
	}, {
		name: "none is complete", rules: "daily = 2",
		keep: []string{
			"2026-11-22 10:00 incomplete: newest; daily 2026-11-22",
			"2026-11-21 10:00 incomplete: daily 2026-11-21",
		},
		drop: []string{"2026-11-20 10:00 incomplete: incomplete; no rule reaches it"},
	}, {
		name: "tags", rules: `last = 1, tags = ["keep", "other"]`,
		keep: []string{
			"2026-11-22 10:00: newest complete; last 1",
			"2026-11-20 10:00 tag=keep tag=pinned: tag keep; pinned",
			"2026-11-19 10:00 tag=pinned incomplete: pinned",
		},
		drop: []string{"2026-11-21 10:00 tag=else: no rule reaches it"},
	}, {
		name: "tags alone", rules: `tags = ("keep",)`,
		keep: []string{"2026-11-22 10:00: newest complete", "2026-11-20 10:00 tag=keep: tag keep"},
		drop: []string{"2026-11-21 10:00: no rule reaches it"},
	}, {
		name: "each name on its own", rules: "last = 1",
		keep: []string{"2026-11-22 10:00 name=a: newest complete; last 1", "2026-11-01 10:00 name=b: newest complete; last 1"},
		drop: []string{"2026-11-21 10:00 name=a: no rule reaches it", "2026-10-01 10:00 name=b: no rule reaches it"},
	}, {
		name: "dated in the future", rules: `last = 1, within = "1d"`,
		keep: []string{
			"2031-01-01 10:00 tag=keep: dated in the future",
			"2026-11-23 12:01 tag=pinned: dated in the future; pinned",
			"2026-11-22 10:00: newest complete; within 1 day; last 1",
			"2026-11-21 10:01: within 1 day",
		},
		drop: []string{"2026-11-21 10:00: no rule reaches it"},
	}, {
		name: "made by the run itself", rules: "last = 1",
		keep: []string{"2026-11-22 18:00: newest complete; last 1"},
		drop: []string{"2026-11-22 10:00: no rule reaches it"},
	}, {
		name: "all in the future", rules: "last = 1",
		keep: []string{"2031-01-02 10:00: dated in the future", "2031-01-01 10:00: dated in the future"},
	}, {
		name: "none at all", rules: "last = 1",
	}} {
		t.Run(test.name, func(t *testing.T) {
			var snapshots []starlark.Value
			for _, line := range slices.Concat(test.drop, test.keep) {
				i := strings.Index(line, ": ")
				snapshots = append(snapshots, made(line[:i]))
			}
			// A snapshot that is there twice is one.
			got, err := decide(noon, test.rules, append(snapshots, snapshots...)...)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "keep", got.keep, test.keep)
			same(t, "drop", got.drop, test.drop)
		})
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n\t%s\nwant:\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

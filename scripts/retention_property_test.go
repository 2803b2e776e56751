package scripts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.starlark.net/starlark"
	"pgregory.net/rapid"
)

// An item is a made-up snapshot before it becomes one.
type item struct {
	at       time.Time
	complete bool
}

func (it item) label() string { return it.at.UTC().Format(time.RFC3339) }

func (it item) value() starlark.Value {
	if it.complete {
		return madeAt(it.at, it.label())
	}
	return madeAt(it.at, it.label(), "incomplete")
}

// period names the period that t lies in.
var period = map[string]func(t time.Time) string{
	"last":    func(t time.Time) string { return fmt.Sprint(t.Unix()) },
	"hourly":  func(t time.Time) string { return t.Format("2006-01-02 15 -0700") },
	"daily":   func(t time.Time) string { return t.Format("2006-01-02") },
	"weekly":  func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprint(y, w) },
	"monthly": func(t time.Time) string { return t.Format("2006-01") },
	"yearly":  func(t time.Time) string { return t.Format("2006") },
}

// model returns what the counts keep of complete items, newest first.
func model(items []item, counts map[string]int) map[string]bool {
	keep := map[string]bool{}
	if len(items) > 0 {
		keep[items[0].label()] = true
	}
	for kind, count := range counts {
		seen := map[string]bool{}
		for i, it := range items {
			p := period[kind](it.at.In(berlin))
			if len(seen) < count && (!seen[p] || i == len(items)-1) {
				keep[it.label()] = true
				seen[p] = true
			}
		}
	}
	return keep
}

func TestLadderProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfNDistinct(rapid.Int64Range(0, 8*365*24*3600), 1, 40, rapid.ID).Draw(t, "seconds ago")
		slices.Sort(times)
		var items, complete []item
		var values []starlark.Value
		for _, ago := range times {
			it := item{noon.Add(-time.Duration(ago) * time.Second), rapid.Bool().Draw(t, "complete")}
			if items = append(items, it); it.complete {
				complete = append(complete, it)
			}
			values = append(values, it.value())
		}
		counts := rapid.MapOfN(rapid.SampledFrom([]string{"last", "hourly", "daily", "weekly", "monthly", "yearly"}),
			rapid.IntRange(1, 12), 1, 6).Draw(t, "counts")
		var rules []string
		for kind, count := range counts {
			rules = append(rules, fmt.Sprintf("%s = %d", kind, count))
		}
		got, err := decide(noon, strings.Join(rules, ", "), rapid.Permutation(values).Draw(t, "order")...)
		if err != nil {
			t.Fatal(err)
		}

		kept := map[string]bool{}
		var again []starlark.Value
		for _, line := range got.keep {
			kept[line[:strings.Index(line, ": ")]] = true
		}
		if len(kept) != len(got.keep) || len(got.keep)+len(got.drop) != len(items) {
			t.Fatalf("of %d, keep %q and drop %q", len(items), got.keep, got.drop)
		}
		judged := complete
		if len(complete) == 0 {
			judged = items
		}
		want := model(judged, counts)
		for i, it := range items {
			if kept[it.label()] {
				again = append(again, it.value())
			}
			if i == 0 {
				want[it.label()] = true
			}
			if (it.complete || len(complete) == 0) && kept[it.label()] != want[it.label()] {
				t.Errorf("%s, complete = %v: kept is %v, want %v", it.label(), it.complete, kept[it.label()], want[it.label()])
			}
		}

		got, err = decide(noon, strings.Join(rules, ", "), again...)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.drop) > 0 {
			t.Errorf("at the second time it drops %q", got.drop)
		}
	})
}

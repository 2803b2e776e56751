package main

import (
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	tab := table{columns: []column{{title: "NAME"}, {title: "WHEN", drop: 1}, {title: "SIZE", right: true, drop: 2}, {title: "STATUS"}}}
	tab.add("documents", "now", "1 B", "ok")
	tab.add("äöü", "then", "100 B", "bad")
	for _, tt := range []struct {
		name  string
		width int
		want  string
	}{
		{"AnyWidth", 0, "NAME       WHEN   SIZE  STATUS\ndocuments  now     1 B  ok\näöü        then  100 B  bad\n"},
		{"Fits", 30, "NAME       WHEN   SIZE  STATUS\ndocuments  now     1 B  ok\näöü        then  100 B  bad\n"},
		{"OneLess", 29, "NAME        SIZE  STATUS\ndocuments    1 B  ok\näöü        100 B  bad\n"},
		{"TwoLess", 20, "NAME       STATUS\ndocuments  ok\näöü        bad\n"},
		{"NothingMoreToDrop", 3, "NAME       STATUS\ndocuments  ok\näöü        bad\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := tab.write(&b, tt.width); err != nil {
				t.Fatal(err)
			}
			if b.String() != tt.want {
				t.Errorf("wrote\n%swant\n%s", &b, tt.want)
			}
		})
	}
}

func TestAge(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Hour: "now", 59 * time.Second: "now", time.Minute: "1 min", 23 * time.Hour: "23 h", day: "1 d", 6 * day: "6 d",
		20 * day: "2 w", 364 * day: "52 w", 800 * day: "2 y",
	} {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %q, want %q", d, got, want)
		}
	}
}

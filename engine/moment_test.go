package engine_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/engine"
)

// at has the next backup begin at a time of one zone.
func (r *repo) at(text string) {
	r.Helper()
	t, err := time.ParseInLocation("2006-01-02 15:04", text, time.FixedZone("here", 2*3600))
	r.must(err)
	r.now = func() time.Time { return t }
}

func TestSnapshotByMoment(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	made := map[string]*engine.Snapshot{}
	for _, when := range []string{"2025-12-31 23:00", "2026-11-19 22:30", "2026-11-20 10:45", "2026-11-20 23:30", "2026-11-21 01:00"} {
		r.at(when)
		made[when] = r.backup()
	}
	r.at("2026-11-22 12:00")
	for _, test := range []struct{ then, want string }{
		{"0d", "2026-11-21 01:00"},
		{"1day", "2026-11-21 01:00"},
		{"2days", "2026-11-20 10:45"},
		{"2 days ago", "2026-11-20 10:45"},
		{"36h30min", "2026-11-20 23:30"},
		{"1w", "2025-12-31 23:00"},
		{"6m2d", "2025-12-31 23:00"},
		{"6mo2days", "2025-12-31 23:00"},
		{"10months", "2025-12-31 23:00"},
		{"1day, 12hours", "2026-11-20 23:30"},
		{"2026-11-20", "2026-11-20 23:30"},
		{"2026-11-20T10:45", "2026-11-20 10:45"},
		{"2026-11-20T10:44", "2026-11-19 22:30"},
		{"2026-11-20 10:45:00", "2026-11-20 10:45"},
		{"2026-11-20-104500", "2026-11-20 10:45"},
		{"2026-11-20T08:45:00Z", "2026-11-20 10:45"},
	} {
		s, err := r.engine().Snapshot(context.Background(), "source@"+test.then)
		r.must(err)
		if s.Stamp != made[test.want].Stamp {
			t.Errorf("source@%s is %s, want %s", test.then, s.Stamp, made[test.want].Stamp)
		}
	}
	for then, want := range map[string]string{
		"1y":         "no such snapshot: source@1y; the oldest of source is 2025-12-31-",
		"2025-01-01": "no such snapshot: source@2025-01-01; the oldest of source is 2025-12-31-",
		"":           `"" is no age: write it as in 2days, 36h, 90min or 1y6mo, or a date as in 2026-11-20 or`,
		"2parsecs":   `"2parsecs" is no age`,
		"days":       `"days" is no age`,
		"2":          `"2" is no age`,
		"2d!":        `"2d!" is no age`,
		"1h30m":      `"1h30m": an m is a month, write 30min for minutes`,
	} {
		_, err := r.engine().Snapshot(context.Background(), "source@"+then)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("source@%s: error is %v, want %q in it", then, err, want)
		}
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("letters/a:b", "1")
	r.at("2026-11-20 10:45")
	s := r.backup()
	r.source = filepath.Join(filepath.Dir(r.source), "ann@home")
	r.write("x", "1")
	ann := r.backup()
	for _, test := range []struct {
		text, path string
		want       *engine.Snapshot
	}{
		{"source", "", s},
		{"source:letters", "letters", s},
		{"source/latest:letters/a:b", "letters/a:b", s},
		{"source/" + s.Stamp + ":", "", s},
		{"source@2026-11-20T10:45", "", s},
		{"source@2026-11-20T10:45:59:letters", "letters", s},
		{"source@0days:letters", "letters", s},
		{s.Path + ":letters", "letters", s},
		{s.Path + "/letters/a:b", "letters/a:b", s},
		{filepath.Join(r.root, "source/latest/letters"), "letters", s},
		{"ann@home:x", "x", ann},
		{"ann@home@0days:x", "x", ann},
	} {
		got, path, err := r.engine().Locate(context.Background(), test.text)
		if err != nil || got.Path != test.want.Path || path != test.path {
			t.Errorf("%q is %v of %v (%v), want %q of %s", test.text, path, got, err, test.path, test.want.Path)
		}
	}
}

func TestLocateNothing(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("letters/a", "1")
	s := r.backup()
	r.source = filepath.Join(filepath.Dir(r.source), "ann@home")
	r.write("x", "1")
	r.backup()
	none := filepath.Join(t.TempDir(), "none")
	for text, want := range map[string]string{
		"letters":           `no such snapshot: "letters"; phlb snapshots lists them`,
		"letters:a:b":       `no such snapshot: "letters"; phlb snapshots lists them`,
		"sorce/latest:a":    `no such snapshot: "sorce/latest"; did you mean source/latest?`,
		"sorce/lates":       `no such snapshot: "sorce/lates"; did you mean source?`,
		"sorce@0days":       `no such snapshot: "sorce@0days"; did you mean source@0days?`,
		"source/latst:a":    `no such snapshot: "source/latst"; did you mean source/latest?`,
		"anne@home":         `no such snapshot: "anne@home"; did you mean ann@home?`,
		"source/2001:a":     `no such snapshot: "source/2001"; phlb snapshots source lists those there are`,
		"source@3y:letters": "no such snapshot: source@3y; the oldest of source is " + s.Stamp,
		"source@noon":       `"noon" is no age`,
		none:                fmt.Sprintf("no such snapshot: %q; ", none),
	} {
		_, _, err := r.engine().Locate(context.Background(), text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q in it", text, err, want)
		}
	}
	if _, _, err := r.engine().Locate(context.Background(), "letters:a"); !errors.Is(err, engine.ErrNoSnapshot) {
		t.Errorf("error is %v, want %v", err, engine.ErrNoSnapshot)
	}
}

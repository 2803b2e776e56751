package repository

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"phlb/engine/config"
	"phlb/engine/store"
)

// FuzzName names snapshots in any way. What is found is what was named, and what
// is not found is an error.
func FuzzName(f *testing.F) {
	for _, text := range []string{
		"docs", "docs/latest", "docs/2026-11-22-104500", "docs@2days", "docs@2026-11-22", "docs@", "@", "docs/", "/", "",
		"docs@-1s", "docs@99999999999999999999y", "a@b@1h", "../docs", "docs/..", "do\xffcs@1h", "docs@2026-11-22T10:45:00+99:99",
		"docs@long ago/y@z", "/docs",
	} {
		f.Add(text)
	}
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	repo := Open(&config.Config{BackupPath: f.TempDir()}, Environment{Now: func() time.Time { return now }, Log: slog.DiscardHandler})
	var all []*Snapshot
	for _, name := range []string{"docs", "a@b"} {
		for days := range 3 {
			s := &Snapshot{Path: repo.Config.BackupPath + "/" + name + "/" + now.AddDate(0, 0, -days).Format("2006-01-02")}
			s.Name, s.Stamp, s.Started = name, now.AddDate(0, 0, -days).Format("2006-01-02"), now.AddDate(0, 0, -days)
			all = append(all, s)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := repo.find(all, text)
		switch {
		case (s == nil) == (err == nil):
			t.Errorf("%q: %v, %v", text, s, err)
		case s != nil && !strings.HasPrefix(text, s.Name) && !strings.Contains(text, s.Stamp):
			t.Errorf("%q is taken for %s", text, s.Ref())
		}
		if err := store.CheckName(text); err == nil && (strings.ContainsAny(text, "/\x00") || text == ".." || text == "") {
			t.Errorf("%q may be a name", text)
		}
	})
}

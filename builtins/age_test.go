package builtins

import (
	"testing"
	"time"

	"phlb/engine"
)

// TestCheckAgeAhead has one run with the clock ahead: that must not keep a name
// young for good.
func TestCheckAgeAhead(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(started time.Time) *engine.Snapshot {
		s := &engine.Snapshot{}
		s.Name, s.Started = "docs", started
		return s
	}
	ahead, old := at(now.AddDate(4, 0, 0)), at(now.AddDate(0, 0, -9))
	for _, test := range []struct {
		all   []*engine.Snapshot
		want  *engine.Snapshot
		stale bool
	}{{[]*engine.Snapshot{ahead, old}, old, true}, {[]*engine.Snapshot{ahead}, ahead, false}} {
		s := &Session{Now: now}
		s.checkAge(test.all, []string{"docs"}, now.AddDate(0, 0, -1))
		if s.checked["docs"] != test.want || s.stale != test.stale {
			t.Errorf("of %d snapshots, that of %v counts, too old: %v", len(test.all), s.checked["docs"].Started, s.stale)
		}
	}
}

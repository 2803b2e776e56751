package parent

import (
	"testing"
	"time"

	"phlb/engine/manifest"
)

func TestRacy(t *testing.T) {
	t.Parallel()
	looked := time.Unix(1e9, 0)
	const day = 24 * time.Hour
	for _, test := range []struct {
		name         string
		kind         manifest.Kind
		mtime, ctime time.Duration // before the look
		want         bool
	}{
		{"old", manifest.File, time.Minute, time.Minute, false},
		{"mapped", manifest.File, 39 * time.Second, 39 * time.Second, true},
		{"copied with its time", manifest.File, day, time.Second, false},
		{"folder", manifest.Dir, time.Second, time.Second, false},
		{"just changed", manifest.Dir, time.Millisecond, time.Millisecond, true},
		{"just renamed", manifest.File, day, time.Millisecond, true},
		{"mtime set ahead", manifest.File, -3 * day, time.Minute, false},
		{"ctime ahead", manifest.File, day, -3 * day, false},
		{"both ahead", manifest.File, -3 * day, -3 * day, false},
		{"a little ahead", manifest.File, day, -time.Hour, true},
	} {
		e := manifest.Entry{
			Kind:  test.kind,
			Mtime: manifest.TimeOf(looked.Add(-test.mtime + 1)), Ctime: manifest.TimeOf(looked.Add(-test.ctime + 1)),
		}
		if got := Racy(&e, looked); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

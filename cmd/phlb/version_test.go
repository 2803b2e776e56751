package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionNamesItsSource(t *testing.T) {
	t.Parallel()
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	day := debug.BuildSetting{Key: "vcs.time", Value: "2026-11-28T23:30:00+01:00"}
	for _, test := range []struct {
		settings []debug.BuildSetting
		want     string
	}{
		{nil, ""},
		{[]debug.BuildSetting{commit, day, {Key: "vcs.modified", Value: "false"}}, "commit 0123456789ab of 2026-11-28"},
		{[]debug.BuildSetting{commit, day, {Key: "vcs.modified", Value: "true"}}, "commit 0123456789ab of 2026-11-28, changed since"},
		{[]debug.BuildSetting{commit}, "commit 0123456789ab"},
	} {
		if got := strings.Join(source(test.settings), "|"); got != test.want {
			t.Errorf("%v: %q, want %q", test.settings, got, test.want)
		}
	}
}

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

func TestFetched(t *testing.T) {
	checkout := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}}
	for _, tt := range []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"(devel)", nil, next},
		{"", nil, next},
		{"v1.2.3", nil, "1.2.3"},
		{"v1.3.0-rc.1", nil, "1.3.0-rc.1"},
		{"v0.0.0-20261129031224-7f593bb64e80", nil, "0.0.0-20261129031224-7f593bb64e80"}, // go install PATH@COMMIT
		{"v1.2.3", checkout, "1.2.3"},
		{"v1.2.4-0.20261129031224-7f593bb64e80", checkout, next},
		{"v1.2.3+dirty", checkout, next},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: tt.version}, Settings: tt.settings}
		if got := fetched(info); got != tt.want {
			t.Errorf("%q, settings %v: %s, want %s", tt.version, tt.settings, got, tt.want)
		}
	}
	if got := fetched(nil); got != next {
		t.Errorf("without build information: %s", got)
	}
}

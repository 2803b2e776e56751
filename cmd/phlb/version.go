package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// version is which phlb this is, a semantic version without the v before it.
// The linker of a release sets it (-X main.version=1.2.3).
var version string

// next is the version that is being worked on.
const next = "0.2.0-dev"

func init() {
	if version == "" {
		info, _ := debug.ReadBuildInfo()
		version = fetched(info)
	}
}

// fetched returns the version of the module that go install has fetched, or of the
// tag that is checked out; next where there is neither.
func fetched(info *debug.BuildInfo) string {
	if info == nil || !semver.IsValid(info.Main.Version) {
		return next
	}
	v := info.Main.Version
	if source(info.Settings) != nil && semver.Prerelease(v)+semver.Build(v) != "" { // Go made it up
		return next
	}
	return strings.TrimPrefix(v, "v")
}

// built describes how the program was made, for --version: of which commit and
// day, if it was built in a checkout, by which Go and for which platform.
func built() string {
	of := []string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		of = source(info.Settings)
	}
	of = append(of, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	return fmt.Sprintf("%s (%s)", version, strings.Join(of, ", "))
}

// source returns the commit that is built, and when it was made.
func source(settings []debug.BuildSetting) []string {
	var commit, day, changed string
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			commit = "commit " + s.Value[:min(len(s.Value), 12)]
		case "vcs.time":
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				day = " of " + t.UTC().Format(time.DateOnly)
			}
		case "vcs.modified":
			if s.Value == "true" {
				changed = ", changed since"
			}
		}
	}
	if commit == "" {
		return nil
	}
	return []string{commit + day + changed}
}

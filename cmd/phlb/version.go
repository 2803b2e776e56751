package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// version is which phlb this is, a semantic version without the v before it.
// The linker of a release sets it (-X main.version=1.2.3).
var version = "0.2.0-dev"

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

package mod

import (
	"errors"
	"fmt"
	"strings"

	"phlb/cmd/phlb/mod/git"
	"phlb/engine/config"
)

// ParseSource reads where a module is, as a command line says it:
//
//	git:https://git.example.org/policies.git@v1.4.0
//	oci:registry.example.org/backup/policies@2.1.0
//	path:../lab-policies
//
// What is plainly a URL, or a folder, may stand without the word in front. Behind
// two slashes may stand a file of the module:
//
//	git:https://git.example.org/policies.git//backup.star@v1.4.0
//
// The version of what comes from elsewhere may be left out if versionless is true.
func ParseSource(text string, versionless bool) (s Source, err error) {
	kind, rest, ok := strings.Cut(text, ":")
	if ok = ok && (kind == "git" || kind == "oci" || kind == "path"); !ok {
		switch {
		case strings.Contains(text, "://"):
			kind, rest = "git", text
		case strings.HasPrefix(text, "."), strings.HasPrefix(text, "/"), strings.HasPrefix(text, "~"):
			kind, rest = "path", text
		default:
			return s, fmt.Errorf("%q is no source: want git:URL@VERSION, oci:HOST/REPOSITORY@VERSION or path:FOLDER", git.Redact(text))
		}
	}
	if kind == "path" {
		s.Path = rest
		if rest == "" {
			return s, errors.New("path: of which folder?")
		}
		return s, s.Check()
	}
	if kind == "git" && strings.HasPrefix(rest, "//") { // git://…, which was taken for git:
		rest = text
	}
	// The version stands behind the last @, unless that is the one of user@host.
	version := ""
	if i := strings.LastIndexByte(rest, '@'); i > strings.LastIndexByte(rest, '/') {
		rest, version = rest[:i], rest[i+1:]
	}
	start := 0
	if i := strings.Index(rest, "://"); i >= 0 {
		start = i + len("://")
		if strings.HasPrefix(rest, "file:///") {
			start++
		}
	}
	if i := strings.Index(rest[start:], "//"); i >= 0 {
		rest, s.File = rest[:start+i], rest[start+i+2:]
	}
	if kind == "git" {
		s.Git = rest
	} else {
		s.OCI = rest
	}
	if kind == "git" && config.CheckVersion(version) != nil && commitID.MatchString(version) {
		s.Commit = version
	} else {
		s.Version = version
	}
	if s.At() == "" && versionless {
		probe := s.Module
		probe.Version = "v0.0.0"
		return s, probe.Check()
	}
	if s.At() == "" {
		return s, fmt.Errorf("%s: which version? SOURCE@v1.4.0, or a commit in full", git.Redact(text))
	}
	return s, s.Check()
}

// Name is what the lock calls a module that no phlb.toml declares.
func (s Source) Name() string {
	return strings.Replace(s.Source(), " ", ":", 1) + "@" + s.At()
}

// IsSource reports whether a command line means a module in a place of its own,
// and no file of that name.
func IsSource(text string) bool {
	return strings.HasPrefix(text, "git:") || strings.HasPrefix(text, "oci:")
}

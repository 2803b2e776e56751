package store

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"phlb/engine/manifest"
)

// CheckName returns an [ErrName] for a backup name that cannot be a folder.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrName)
	case strings.HasPrefix(name, "."):
		return fmt.Errorf("%w: %q begins with a point", ErrName, name)
	case name == lostAndFound:
		return fmt.Errorf("%w: %q is what fsck calls its own folder", ErrName, name)
	case strings.ContainsAny(name, "/\\\x00"):
		return fmt.Errorf("%w: %q holds a slash, backslash or NUL", ErrName, name)
	}
	if runtime.GOOS == "windows" {
		return checkWindowsName(name)
	}
	return nil
}

// reserved are the names of devices on Windows, also with an ending.
var reserved = map[string]bool{"con": true, "prn": true, "aux": true, "nul": true, "conin$": true, "conout$": true}

func init() {
	for _, n := range "0123456789¹²³" {
		reserved["com"+string(n)], reserved["lpt"+string(n)] = true, true
	}
}

// checkWindowsName returns an [ErrName] for a name by which most programs of
// Windows could not get at the folder.
func checkWindowsName(name string) error {
	device, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch {
	case reserved[strings.TrimRight(device, " ")]:
		return fmt.Errorf("%w: %q is the name of a device on Windows", ErrName, name)
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
		return fmt.Errorf("%w: %q ends in a point or a space, which Windows cuts off", ErrName, name)
	case strings.ContainsAny(name, `<>:"|?*`) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }):
		return fmt.Errorf(`%w: %q holds one of <>:"|?* or a control character, which Windows keeps for itself`, ErrName, name)
	}
	return nil
}

// CheckFolder returns an error for a name whose folder is a symbolic link, or has
// another name: the file system takes S1 and s1 for one. No link is followed: what
// lies behind it may be another file system, or another root.
func (r *Root) CheckFolder(name string) error {
	i, err := r.dir.Look(name)
	if err != nil {
		return nil
	}
	if i.Kind == manifest.Symlink {
		return fmt.Errorf("%s is a symbolic link, and a backup's folder must be a directory: move the link away, or mount there what it leads to",
			filepath.Join(r.Path, name))
	}
	names, err := r.Names()
	if err != nil {
		return err
	}
	for _, other := range names {
		if other == name {
			return nil
		}
	}
	for _, other := range names {
		if there, err := r.dir.Look(other); err == nil && there.SameAs(&i) {
			return fmt.Errorf("%s has a folder %s, which it takes for %s too: give the backup that name, or one of its own, with --name", r.Path, other, name)
		}
	}
	return nil
}

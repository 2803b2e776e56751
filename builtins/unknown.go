package builtins

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"phlb/runtime"
)

// ErrUnplanned ends a dry run where a script asks for what only the real run would
// know: what a program has said, or what lies where something would have been
// restored. To go on with something made up would plan what the real run does not
// do, and tell the script that it is not for real.
var ErrUnplanned = errors.New("the plan ends here")

// unplanned ends the run of a thread: a default, or hasattr, must not take the place
// of what is not known.
func unplanned(thread *starlark.Thread, format string, args ...any) error {
	err := fmt.Errorf("%w, since what follows depends on %s", ErrUnplanned, fmt.Sprintf(format, args...))
	runtime.Abort(thread, err)
	return err
}

// unknown is a record of which some attributes are only known in a real run.
type unknown struct {
	thread *starlark.Thread
	of     string // whose result it is
	names  []string
	known  starlark.StringDict
}

var (
	_ starlark.HasAttrs   = (*unknown)(nil)
	_ starlark.Comparable = (*unknown)(nil)
)

// Attr returns what is known.
func (u *unknown) Attr(name string) (starlark.Value, error) {
	if v := u.known[name]; v != nil || !slices.Contains(u.names, name) {
		return v, nil
	}
	return nil, u.ends()
}

func (u *unknown) ends() error { return unplanned(u.thread, "what %s has answered", u.of) }

// AttrNames lists all attributes.
func (u *unknown) AttrNames() []string { return u.names }

// String ends the plan: it would show what is not known.
func (u *unknown) String() string {
	u.ends()
	return ""
}

// Type is that of the record.
func (u *unknown) Type() string { return "struct" }

// Freeze does nothing: it never changes.
func (u *unknown) Freeze() {}

// Truth is always true, as that of the record.
func (u *unknown) Truth() starlark.Bool { return true }

// Hash ends the plan.
func (u *unknown) Hash() (uint32, error) { return 0, u.ends() }

// CompareSameType ends the plan.
func (u *unknown) CompareSameType(syntax.Token, starlark.Value, int) (bool, error) {
	return false, u.ends()
}

// unwritten ends the plan where a script looks at what a dry run has restored or
// removed in name only.
func (s *Session) unwritten(thread *starlark.Thread, path string) error {
	if !s.Engine.DryRun() {
		return nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.restores {
		if within(r.To, path) {
			return unplanned(thread, "what would be restored to %s", r.To)
		}
	}
	for _, r := range s.removals {
		for _, gone := range r.Snapshots {
			if within(gone.Path, path) {
				return unplanned(thread, "%s, which would be removed", gone.Ref())
			}
		}
	}
	if len(s.made)+len(s.removals) > 0 && s.isLoose(path) {
		return unplanned(thread, "what would lie in the backup root %s", s.Engine.Config.BackupPath)
	}
	return nil
}

// isLoose reports whether a path lies in the backup root and not in the tree of a
// snapshot there, which stays as it is. To follow the links of the path shows the script
// nothing that it may not see: the verb that it calls opens the path at once. What a link
// in the root leads to is looked at and not opened, and decides only about the plan.
func (s *Session) isLoose(path string) bool {
	root, real := s.Engine.Config.BackupPath, path
	if resolved, err := filepath.EvalSymlinks(root); err == nil {
		root = resolved
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		real = resolved
	}
	for _, path := range []string{path, real} {
		for _, root := range []string{s.Engine.Config.BackupPath, root} {
			if !within(root, path) {
				continue
			}
			rel, err := filepath.Rel(root, path)
			names := strings.Split(filepath.ToSlash(rel), "/")
			if err != nil || len(names) < 2 || names[0] == ".phlb" || strings.HasSuffix(names[1], ".partial") {
				return true
			}
			// The link to the newest snapshot would lead to another.
			if info, err := os.Lstat(filepath.Join(root, names[0], names[1])); err != nil || !info.IsDir() {
				return true
			}
		}
	}
	return false
}

// within reports whether a path is a directory, or lies in it.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

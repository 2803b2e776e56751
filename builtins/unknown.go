package builtins

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

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
	within := func(dir string) bool {
		rel, err := filepath.Rel(dir, path)
		return err == nil && filepath.IsLocal(rel)
	}
	for _, r := range s.restores {
		if within(r.To) {
			return unplanned(thread, "what would be restored to %s", r.To)
		}
	}
	for _, r := range s.removals {
		for _, gone := range r.Snapshots {
			if within(gone.Path) {
				return unplanned(thread, "%s, which would be removed", gone.Ref())
			}
		}
	}
	return nil
}

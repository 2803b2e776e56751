// Package builtins is what scripts can do: each builtin unpacks its arguments,
// makes one call to the engine and converts the result.
//
// Callers make a [Session] for the run of a script, hand [Session.Names] to the
// runtime, and look afterwards at what the script has made and checked.
//
// The package does not promise that a value outlives the run it was made in.
package builtins

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/runtime"
)

// Session is the run of one script.
type Session struct {
	Engine  *engine.Engine
	Allow   Permissions
	Environ []string  // of the process, as NAME=VALUE
	Now     time.Time // what now() gives

	// Module is the module that the script is of, "" for one of the user's own, which
	// has all effects. A script of a module has those in Allow.
	Module string
	// Deny are kinds of what Allow may hold, "run", "net", "env" and effects, that
	// are refused whatever permits them.
	Deny []string
	// Sandbox permits what can be planned, and nothing else.
	Sandbox bool

	// Explain is an absolute path if the script is run only to find out what
	// becomes of it: see Explanations. It has no effects then.
	Explain string

	// Saved returns the statement of the question that is saved under a name, and the
	// values of its parameters by their names: those that are named, those that are
	// offered in case that it has such a parameter, then args. nil: there are none.
	Saved func(name string, args []any, named, offered map[string]any) (statement string, bound map[string]any, err error)

	explained []*engine.Explanation

	mu      sync.Mutex
	made    []*engine.Snapshot
	reports []*engine.Report

	removals []*engine.Removal
	restores []*engine.Restored
	plan     []Planned
	stale    bool
	unread   bool
	checked  map[string]*engine.Snapshot // what check_age has found
	programs map[string]program          // that may be run, by the name that the user gave
	checks   []*CheckResult
	withheld []Withheld
	missed   []string // names that snapshots() found nothing of
	scans    []*Scan
}

// Made returns the snapshots that the script has made.
func (s *Session) Made() []*engine.Snapshot { return s.made }

// Reports returns what verify and add have found.
func (s *Session) Reports() []*engine.Report { return s.reports }

// Removals returns what the script has removed.
func (s *Session) Removals() []*engine.Removal { return s.removals }

// Unread reports whether a script has asked for the digests of files of which
// some could not be read.
func (s *Session) Unread() bool { return s.unread }

// local returns a time in the zone of now(), in which folders are named too.
func (s *Session) local(t time.Time) time.Time { return t.In(s.Now.Location()) }

// path returns the path that a script means. Where a dry run has only planned a
// snapshot, what would lie there still lies in the source: a script is not to
// find out that it is not for real.
func (s *Session) path(text string) string {
	path := s.Engine.Expand(text)
	if !s.Engine.DryRun() {
		return path
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, made := range s.made {
		if rel, err := filepath.Rel(made.Path, whole); err == nil && filepath.IsLocal(rel) {
			return filepath.Join(made.Source, rel)
		}
	}
	return path
}

// Names returns what the script can use beside the runtime's own names. Which
// programs it may run is fixed here: Allow does not count any more.
func (s *Session) Names() starlark.StringDict {
	s.resolve()
	names := s.Table().Names()
	names["http"] = s.httpModule()
	names["config"] = configValue(s.Engine.Config)
	return names
}

// Table returns the builtins and their documentation.
func (s *Session) Table() runtime.Table {
	return s.inert(s.guarded(runtime.Table{
		s.scanBuiltin(), s.hashBuiltin(), s.linkBuiltin(), s.verifyBuiltin(), s.addBuiltin(),
		s.removeBuiltin(), s.restoreBuiltin(), s.snapshotsBuiltin(), s.snapshotBuiltin(), s.queryBuiltin(),
		s.filesBuiltin(), s.findBuiltin(), s.versionsBuiltin(), s.holdersBuiltin(), s.duBuiltin(), s.ncduBuiltin(),
		s.checkAgeBuiltin(), s.checkQueryBuiltin(), s.runBuiltin(), s.envBuiltin(), tableBuiltin,
	}))
}

// stringList takes a list or tuple of strings.
type stringList []string

var _ starlark.Unpacker = (*stringList)(nil)

// Unpack implements [starlark.Unpacker].
func (l *stringList) Unpack(v starlark.Value) error {
	list, ok := v.(starlark.Iterable)
	if _, isString := v.(starlark.String); !ok || isString {
		return fmt.Errorf("got %s, want a list of strings", v.Type())
	}
	*l = nil
	for element := range starlark.Elements(list) {
		text, ok := starlark.AsString(element)
		if !ok {
			return fmt.Errorf("got a list with a %s in it, want a list of strings", element.Type())
		}
		*l = append(*l, text)
	}
	return nil
}

// empty reports whether a call has the empty text for the parameter that is called name
// and is the nth, as a variable of a shell gives it that is not set.
func empty(args starlark.Tuple, kwargs []starlark.Tuple, nth int, name string) bool {
	if nth < len(args) {
		return args[nth] == starlark.String("")
	}
	return slices.ContainsFunc(kwargs, func(arg starlark.Tuple) bool {
		return arg[0] == starlark.String(name) && arg[1] == starlark.String("")
	})
}

// optional unpacks a string or None.
type optional string

// Unpack implements [starlark.Unpacker].
func (o *optional) Unpack(v starlark.Value) error {
	if v == starlark.None {
		*o = ""
		return nil
	}
	text, ok := starlark.AsString(v)
	if !ok {
		return fmt.Errorf("got %s, want a string", v.Type())
	}
	*o = optional(text)
	return nil
}

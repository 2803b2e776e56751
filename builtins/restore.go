package builtins

import (
	"errors"
	"fmt"
	"slices"

	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/runtime"
)

// Restored is what a restore has done.
type Restored struct {
	*engine.Restored
	again *starlark.Thread // of the script, where a dry run has planned before to restore there
}

var _ starlark.HasAttrs = (*Restored)(nil)

// Type returns "Restored".
func (r *Restored) Type() string { return "Restored" }

// String sums it up in a line.
func (r *Restored) String() string {
	if r.ends() != nil {
		return ""
	}
	done := *r.Restored
	done.Dry = false // the script is not to find out
	return done.String()
}

// MarshalJSON writes it as the real run would.
func (r *Restored) MarshalJSON() ([]byte, error) {
	if err := r.ends(); err != nil {
		return nil, err
	}
	done := *r.Restored
	done.Dry = false
	return done.MarshalJSON()
}

// ends ends the plan where what a restore finds depends on one before it.
func (r *Restored) ends() error {
	if r.again == nil {
		return nil
	}
	return unplanned(r.again, "what would be restored to %s before", r.To)
}

// Freeze does nothing: a Restored never changes.
func (r *Restored) Freeze() {}

// Truth reports whether all is as it should be.
func (r *Restored) Truth() starlark.Bool { return starlark.Bool(r.ends() == nil && r.OK()) }

// Hash fails: there is nothing to tell values apart by.
func (r *Restored) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: Restored") }

var restoredAttributes = attributes[*Restored]{
	"ok":        boolOf("whether there was no problem", func(r *Restored) bool { return r.OK() }),
	"to":        textOf("the directory that was restored to", func(r *Restored) string { return r.To }),
	"files":     intOf("files that were written", func(r *Restored) int64 { return r.Files }),
	"bytes":     intOf("the sizes of the files that were written, together", func(r *Restored) int64 { return r.Bytes }),
	"linked":    intOf("files that were made as links to other files", func(r *Restored) int64 { return r.Linked }),
	"others":    intOf("symbolic links, devices and the like that were made", func(r *Restored) int64 { return r.Others }),
	"folders":   intOf("directories that were made", func(r *Restored) int64 { return r.Folders }),
	"unchanged": intOf("paths that the target had already, as in the snapshot", func(r *Restored) int64 { return r.Unchanged }),
	"skipped":   intOf("paths that the target had already, different, and that were kept", func(r *Restored) int64 { return r.Skipped }),
	"deleted":   intOf("paths that were removed because the snapshot does not have them", func(r *Restored) int64 { return r.Deleted }),
	"errors":    intOf("paths that could not be restored", func(r *Restored) int64 { return r.Errors }),
	"problems":  valueOf("list", "the problems: paths that could not be restored, and why", func(r *Restored) starlark.Value { return problems(r.Problems) }),
}

// Attr returns the attribute called name.
func (r *Restored) Attr(name string) (starlark.Value, error) {
	if _, ok := restoredAttributes[name]; ok && name != "to" {
		if err := r.ends(); err != nil {
			return nil, err
		}
	}
	return restoredAttributes.get(r, name)
}

// AttrNames lists the attributes.
func (r *Restored) AttrNames() []string { return restoredAttributes.names() }

var problemAttributes = attributes[engine.Problem]{
	"path":   textOf("the path that the problem is about", func(p engine.Problem) string { return p.Path }),
	"what":   textOf("the kind of the problem, in a word", func(p engine.Problem) string { return string(p.What) }),
	"detail": textOf("more about the problem", func(p engine.Problem) string { return p.Detail }),
}

func problems(found []engine.Problem) *starlark.List {
	list := make([]starlark.Value, len(found))
	for i, p := range found {
		list[i] = problemAttributes.record("problem", p)
	}
	return starlark.NewList(list)
}

const restoreArguments = `include=[], exclude=[], overwrite="never", delete=False, privileged=False`

var restoreMethod = runtime.Builtin{
	Name:      "restore",
	Signature: "restore(to, " + restoreArguments + ", path=None)",
	Doc:       "write the snapshot into a directory, or one path of it to where cp -a would put it",
	Effect:    true,
	Kind:      "restore",
	Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var to string
		var path optional
		var options restoreOptions
		if err := runtime.Unpack(fn.Name(), args, kwargs, slices.Concat([]any{"to", &to}, options.pairs(), []any{"path?", &path})...); err != nil {
			return nil, err
		}
		snapshot := fn.Receiver().(*Snapshot)
		return snapshot.session.restore(thread, snapshot.Snapshot, to, string(path), &options)
	},
}

func (s *Session) restoreBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "restore",
		Signature: "restore(what, to, " + restoreArguments + ")",
		Doc:       "restore a snapshot, or with SNAPSHOT:PATH one file or directory of it",
		Effect:    true,
		Kind:      "restore",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var what, to string
			var options restoreOptions
			if err := runtime.Unpack(fn.Name(), args, kwargs, slices.Concat([]any{"what", &what, "to", &to}, options.pairs())...); err != nil {
				return nil, err
			}
			snapshot, path, err := s.Engine.Locate(runtime.Context(thread), what)
			if err != nil {
				return nil, err
			}
			return s.restore(thread, snapshot, to, path, &options)
		},
	}
}

// restoreOptions are the arguments that both ways to restore take.
type restoreOptions struct {
	include, exclude stringList
	overwrite        optional
	delete           bool
	privileged       bool
}

func (o *restoreOptions) pairs() []any {
	return []any{"include?", &o.include, "exclude?", &o.exclude, "overwrite?", &o.overwrite, "delete?", &o.delete, "privileged?", &o.privileged}
}

func (s *Session) restore(thread *starlark.Thread, snapshot *engine.Snapshot, to, path string, o *restoreOptions) (starlark.Value, error) {
	overwrite, err := engine.ParseOverwrite(string(o.overwrite))
	if err != nil {
		return nil, runtime.Usagef("restore: %v", err)
	}
	if err := errors.Join(checkGlobs("restore: include", o.include...), checkGlobs("restore: exclude", o.exclude...)); err != nil {
		return nil, err
	}
	done, err := s.Engine.Restore(runtime.Context(thread), snapshot, engine.Restoration{
		To: s.Engine.Expand(to), Path: path, Include: o.include, Exclude: o.exclude,
		Overwrite: overwrite, Delete: o.delete, Privileged: o.privileged,
	})
	restored := &Restored{Restored: done}
	if done != nil { // with an error, it is what was restored before that
		s.mu.Lock()
		if s.Engine.DryRun() && slices.ContainsFunc(s.restores, func(before *engine.Restored) bool {
			return within(before.To, done.To) || within(done.To, before.To)
		}) {
			restored.again = thread
		}
		s.restores = append(s.restores, done)
		s.mu.Unlock()
	}
	if err != nil {
		return nil, err
	}
	if s.Engine.DryRun() {
		s.planned("restore", "%s to %s: %v", snapshot.Ref(), done.To, done)
	}
	return restored, nil
}

// Restores returns what the script has restored.
func (s *Session) Restores() []*engine.Restored { return s.restores }

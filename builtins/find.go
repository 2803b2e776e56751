package builtins

import (
	"time"

	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/runtime"
)

func (s *Session) findBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "find",
		Signature: "find(glob, name=None)",
		Doc:       "the paths in all snapshots that a glob matches, a found for each, by path",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var glob string
			var name optional
			if err := runtime.Unpack(fn.Name(), args, kwargs, "glob", &glob, "name?", &name); err != nil {
				return nil, err
			}
			if err := checkGlobs("find", glob); err != nil {
				return nil, err
			}
			all, err := s.Engine.Find(runtime.Context(thread), glob, string(name))
			if err != nil {
				return nil, err
			}
			list := make([]starlark.Value, len(all))
			for i, f := range all {
				list[i] = foundAttributes.record("found", found{f, s})
			}
			return starlark.NewList(list), nil
		},
	}
}

// found is a path that find has found.
type found struct {
	*engine.Found
	session *Session
}

var foundAttributes = attributes[found]{
	"path":     textOf("the path below the source, with slashes", func(f found) string { return f.Path }),
	"kind":     textOf("file, dir, symlink, fifo, socket, block device or character device", func(f found) string { return f.Kind.String() }),
	"size":     sizeOf("bytes of the newest version; None if that is no file", func(f found) *manifest.Entry { return f.Entry }),
	"mtime":    timeOf("when the content of the newest version was last changed", func(f found) time.Time { return f.Mtime.Time() }),
	"versions": intOf("how many distinct versions of the path there are", func(f found) int { return f.Versions }),
	"first":    valueOf("Snapshot", "the oldest snapshot that holds the path", func(f found) starlark.Value { return &Snapshot{f.First, f.session} }),
	"last":     valueOf("Snapshot", "the newest snapshot that holds the path", func(f found) starlark.Value { return &Snapshot{f.Last, f.session} }),
}

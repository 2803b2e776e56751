package builtins

import (
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

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
				list[i] = s.foundValue(f)
			}
			return starlark.NewList(list), nil
		},
	}
}

func (s *Session) foundValue(f *engine.Found) starlark.Value {
	var size starlark.Value = starlark.None
	if f.Kind == manifest.File {
		size = starlark.MakeInt64(f.Size)
	}
	return starlarkstruct.FromStringDict(starlark.String("found"), starlark.StringDict{
		"path":     starlark.String(f.Path),
		"kind":     starlark.String(f.Kind.String()),
		"size":     size,
		"mtime":    startime.Time(f.Mtime.Time()),
		"versions": starlark.MakeInt(f.Versions),
		"first":    &Snapshot{f.First, s},
		"last":     &Snapshot{f.Last, s},
	})
}

package builtins

import (
	"fmt"

	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/runtime"
)

func (s *Session) duBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "du",
		Signature: "du(what, depth=1)",
		Doc:       "how much a snapshot or SNAPSHOT:PATH takes, and each folder in it: a usage for each, that of the whole first",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var what starlark.Value
			depth := 1
			if err := runtime.Unpack(fn.Name(), args, kwargs, "what", &what, "depth?", &depth); err != nil {
				return nil, err
			}
			if depth < 0 {
				return nil, runtime.Usagef("du: depth is %d, want 0 or more levels of folders", depth)
			}
			snapshot, path, err := s.locate(thread, what)
			if err != nil {
				return nil, err
			}
			all, err := s.Engine.Du(runtime.Context(thread), snapshot, path, depth)
			if err != nil {
				return nil, err
			}
			list := make([]starlark.Value, len(all))
			for i, u := range all {
				list[i] = usageAttributes.record("usage", usage{u, &Snapshot{snapshot, s}})
			}
			return starlark.NewList(list), nil
		},
	}
}

// usage is what a folder of a snapshot takes.
type usage struct {
	*engine.Usage
	snapshot *Snapshot
}

var usageAttributes = attributes[usage]{
	"snapshot":   valueOf("Snapshot", "the snapshot that the numbers are of", func(u usage) starlark.Value { return u.snapshot }),
	"path":       textOf(`the path of the folder in the snapshot, "." for all of it`, func(u usage) string { return u.Path }),
	"files":      intOf("how many files lie in the folder or below it", func(u usage) int64 { return u.Files }),
	"bytes":      intOf("the sizes of all files in the folder and below it, together", func(u usage) int64 { return u.Bytes }),
	"new_bytes":  intOf("the sizes of the contents there that no earlier snapshot holds, each once", func(u usage) int64 { return u.NewBytes }),
	"only_bytes": intOf("how many bytes in the folder removing the snapshot would free", func(u usage) int64 { return u.OnlyBytes }),
}

func (s *Session) ncduBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "ncdu",
		Signature: "ncdu(what)",
		Doc:       "a snapshot, or SNAPSHOT:PATH, as it lies on the disk: the lines of a file for ncdu -f",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var what starlark.Value
			if err := runtime.Unpack(fn.Name(), args, kwargs, "what", &what); err != nil {
				return nil, err
			}
			snapshot, path, err := s.locate(thread, what)
			if err != nil {
				return nil, err
			}
			return runtime.NewStream(thread, "Lines", func(yield func(starlark.Value, error) bool) {
				for line, err := range s.Engine.Ncdu(runtime.Context(thread), snapshot, path) {
					if !yield(starlark.String(line), err) {
						return
					}
				}
			}), nil
		},
	}
}

// locate takes what find takes, and SNAPSHOT:PATH.
func (s *Session) locate(thread *starlark.Thread, what starlark.Value) (*engine.Snapshot, string, error) {
	if text, ok := starlark.AsString(what); ok {
		return s.Engine.Locate(runtime.Context(thread), text)
	}
	found, err := s.find(thread, what)
	if err != nil {
		return nil, "", fmt.Errorf("du: %w", err)
	}
	return found, "", nil
}

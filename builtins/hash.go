package builtins

import (
	"encoding/hex"
	"iter"
	"sync"

	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/engine/walk"
	"phlb/runtime"
)

func (s *Session) hashBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "hash",
		Signature: `hash(what, algorithm="sha256")`,
		Doc:       "the digest of a path or File; with a Scan, a (File, digest) for each file that can be read, while the others are counted in its .errors",
		Kind:      "read",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var what starlark.Value
			algorithm := "sha256"
			if err := runtime.Unpack(fn.Name(), args, kwargs, "what", &what, "algorithm?", &algorithm); err != nil {
				return nil, err
			}
			switch what := what.(type) {
			case *Scan:
				return runtime.NewStream(thread, "Hashes", s.hashes(thread, what, algorithm)), nil
			case *File:
				return s.hash(thread, what.absolute(), algorithm)
			case starlark.String:
				path := s.path(string(what))
				if err := s.unwritten(thread, path); err != nil {
					return nil, err
				}
				return s.hash(thread, path, algorithm)
			}
			return nil, runtime.Usagef("hash: got %s, want a path, a File or a Scan", what.Type())
		},
	}
}

func (s *Session) hash(thread *starlark.Thread, path, algorithm string) (starlark.Value, error) {
	digest, err := s.Engine.Hash(runtime.Context(thread), path, algorithm)
	if err != nil {
		return nil, err
	}
	return starlark.String(hex.EncodeToString(digest)), nil
}

// hashes yields pairs of File and digest. The source is read ahead while the
// script works on a pair, but its own function waits for it to be done: a
// variable that the function reads might be bound anew.
func (s *Session) hashes(thread *starlark.Thread, scan *Scan, algorithm string) iter.Seq2[starlark.Value, error] {
	return func(yield func(starlark.Value, error) bool) {
		source := scan.source
		var done func()
		source.Rules, done = scan.rules()
		defer done()
		var script sync.RWMutex // held for writing while the script is at work
		if where := source.Rules.Where; where != nil {
			source.Rules.Where = func(worker int, e *walk.Entry) (bool, error) {
				script.RLock()
				defer script.RUnlock()
				return where(worker, e)
			}
		}
		counts := &engine.Counts{}
		defer func() { s.unread = s.unread || counts.Errors > 0 }()
		for h, err := range s.Engine.HashAll(runtime.Context(thread), source, algorithm, counts) {
			if err != nil {
				yield(nil, err)
				return
			}
			pair := starlark.Tuple{&File{scan, *h.Entry}, starlark.String(hex.EncodeToString(h.Digest))}
			script.Lock()
			more := yield(pair, nil)
			script.Unlock()
			if !more {
				return
			}
		}
		scan.counted(counts)
	}
}

package builtins

import (
	"fmt"
	"iter"
	"path"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/runtime"
)

// Entry is what a snapshot holds under one path.
type Entry struct{ *manifest.Entry }

// Version is an Entry with the snapshots that hold it.
type Version struct {
	Entry
	snapshots []*engine.Snapshot
	session   *Session
}

var (
	_ starlark.HasAttrs   = (*Entry)(nil)
	_ starlark.Comparable = (*Entry)(nil)
	_ starlark.HasAttrs   = (*Version)(nil)
)

// String returns the path.
func (e *Entry) String() string { return e.Path }

// Type returns "Entry".
func (e *Entry) Type() string { return "Entry" }

// Freeze does nothing: an Entry never changes.
func (e *Entry) Freeze() {}

// Truth is always true.
func (e *Entry) Truth() starlark.Bool { return true }

// Hash is that of the path.
func (e *Entry) Hash() (uint32, error) { return starlark.String(e.Path).Hash() }

// CompareSameType orders Entries by path.
func (e *Entry) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	return compare(op, e.Path, y.(*Entry).Path), nil
}

var entryAttributes = attributes[*Entry]{
	"path":  textOf("the path below the source, with slashes", func(e *Entry) string { return e.Path }),
	"name":  textOf("the last part of the path", func(e *Entry) string { return e.Name() }),
	"ext":   textOf(`the ending of the name, such as ".iso"; "" if the name has none`, func(e *Entry) string { return path.Ext(e.Name()) }),
	"dir":   textOf("the path without its last part", func(e *Entry) string { return path.Dir(e.Path) }),
	"kind":  textOf("file, dir, symlink, fifo, socket, block device or character device", func(e *Entry) string { return e.Kind.String() }),
	"size":  intOf("bytes of content", func(e *Entry) int64 { return e.Size }),
	"mtime": timeOf("when the content was last changed", func(e *Entry) time.Time { return e.Mtime.Time() }),
	"mode":  intOf("permission bits", func(e *Entry) uint32 { return uint32(e.Mode) }),
	"uid":   intOf("the number of the owner", func(e *Entry) uint32 { return e.UID }),
	"gid":   intOf("the number of the group", func(e *Entry) uint32 { return e.GID }),
	"digest": valueOf("str", "the digest of the content, by SHA-256 unless phlb.toml said otherwise; None if the entry is no file", func(e *Entry) starlark.Value {
		if e.Kind != manifest.File {
			return starlark.None
		}
		return starlark.String(e.Digest.String())
	}),
	"target": valueOf("str", "what a symbolic link points to; None if the entry is none", func(e *Entry) starlark.Value {
		if e.Kind != manifest.Symlink {
			return starlark.None
		}
		return starlark.String(e.Target)
	}),
}

// Attr returns the attribute called name.
func (e *Entry) Attr(name string) (starlark.Value, error) { return entryAttributes.get(e, name) }

// AttrNames lists the attributes.
func (e *Entry) AttrNames() []string { return entryAttributes.names() }

// Type returns "Version".
func (v *Version) Type() string { return "Version" }

// Snapshots returns those that hold the version, the newest first.
func (v *Version) Snapshots() []*engine.Snapshot { return v.snapshots }

// CompareSameType orders Versions by path, and those of one path by time.
func (v *Version) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	other := y.(*Version)
	if v.Path != other.Path {
		return compare(op, v.Path, other.Path), nil
	}
	return ordered(op, v.snapshots[0].Started.Compare(other.snapshots[0].Started)), nil
}

var versionAttributes = attributes[*Version]{
	"snapshots": valueOf("list", "the snapshots that hold this version, the newest first", func(v *Version) starlark.Value {
		list := make([]starlark.Value, len(v.snapshots))
		for i, s := range v.snapshots {
			list[i] = &Snapshot{s, v.session}
		}
		return starlark.NewList(list)
	}),
	"newest": valueOf("Snapshot", "the newest snapshot that holds this version", func(v *Version) starlark.Value {
		return &Snapshot{v.snapshots[0], v.session}
	}),
	"oldest": valueOf("Snapshot", "the oldest snapshot that holds this version", func(v *Version) starlark.Value {
		return &Snapshot{v.snapshots[len(v.snapshots)-1], v.session}
	}),
}

// Attr returns the attribute called name.
func (v *Version) Attr(name string) (starlark.Value, error) {
	if attribute, err := versionAttributes.get(v, name); attribute != nil || err != nil {
		return attribute, err
	}
	return v.Entry.Attr(name)
}

// AttrNames lists the attributes.
func (v *Version) AttrNames() []string {
	return append(v.Entry.AttrNames(), versionAttributes.names()...)
}

func (s *Session) filesBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "files",
		Signature: "files(snapshot, glob=None)",
		Doc:       "what a snapshot holds, an Entry for each path, in the order of the walk",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var which starlark.Value
			var glob optional
			if err := runtime.Unpack(fn.Name(), args, kwargs, "snapshot", &which, "glob?", &glob); err != nil {
				return nil, err
			}
			if glob != "" { // not when it is read: the line would be another one
				if err := checkGlobs("files", string(glob)); err != nil {
					return nil, err
				}
			}
			snapshot, err := s.find(thread, which)
			if err != nil {
				return nil, fmt.Errorf("files: %w", err)
			}
			return runtime.NewStream(thread, "Entries", func(yield func(starlark.Value, error) bool) {
				for e, err := range s.Engine.Files(runtime.Context(thread), snapshot, string(glob)) {
					if err != nil {
						yield(nil, err)
						return
					}
					entry := *e
					if !yield(&Entry{&entry}, nil) {
						return
					}
				}
			}), nil
		},
	}
}

func (s *Session) versionsBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "versions",
		Signature: "versions(path, name=None)",
		Doc:       "every distinct Version of a path with the snapshots that hold it, the newest first",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var path string
			var name optional
			if err := runtime.Unpack(fn.Name(), args, kwargs, "path", &path, "name?", &name); err != nil {
				return nil, err
			}
			return s.versions(thread, func() iter.Seq2[*engine.Version, error] {
				return s.Engine.Versions(runtime.Context(thread), s.Engine.Expand(path), string(name))
			}), nil
		},
	}
}

func (s *Session) holdersBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "holders",
		Signature: "holders(digest)",
		Doc:       "the paths that have a content: a Version for each, with the snapshots that hold it; takes a digest, or a value that has one",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var what starlark.Value
			if err := runtime.Unpack(fn.Name(), args, kwargs, "digest", &what); err != nil {
				return nil, err
			}
			if has, ok := what.(starlark.HasAttrs); ok && what.Type() != "string" {
				if digest, err := has.Attr("digest"); err == nil && digest != nil {
					what = digest
				}
			}
			text, ok := starlark.AsString(what)
			if !ok {
				return nil, runtime.Usagef("holders: got %s, want a digest such as that of hash(path)", what.Type())
			}
			digest, err := manifest.ParseDigest(text)
			if err != nil {
				return nil, runtime.Usagef("holders: %q is no digest of a manifest: %v", text, err)
			}
			return s.versions(thread, func() iter.Seq2[*engine.Version, error] {
				return s.Engine.Holders(runtime.Context(thread), digest)
			}), nil
		},
	}
}

// versions makes a Stream of what find finds.
func (s *Session) versions(thread *starlark.Thread, find func() iter.Seq2[*engine.Version, error]) starlark.Value {
	return runtime.NewStream(thread, "Versions", func(yield func(starlark.Value, error) bool) {
		for v, err := range find() {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&Version{Entry{v.Entry}, v.Snapshots, s}, nil) {
				return
			}
		}
	})
}

package builtins

import (
	"context"
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/engine/walk"
	"phlb/runtime"
)

var diffMethod = runtime.Builtin{
	Name:      "diff",
	Signature: "diff(other, content=False)",
	Doc:       "each change from this snapshot to another one, a Scan or a directory; with content, files are read to tell",
	Kind:      "read",
	When:      "other", // where that is a directory
	Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var other starlark.Value
		content := false
		if err := runtime.Unpack(fn.Name(), args, kwargs, "other", &other, "content?", &content); err != nil {
			return nil, err
		}
		snapshot := fn.Receiver().(*Snapshot)
		changes, err := snapshot.session.diff(thread, snapshot.Snapshot, other, content)
		if err != nil {
			return nil, err
		}
		list := make([]starlark.Value, len(changes))
		for i := range changes {
			list[i] = changeAttributes.record("change", &changes[i])
		}
		return starlark.NewList(list), nil
	},
}

func (s *Session) diffSource(ctx context.Context, from *engine.Snapshot, source engine.Source, content bool) ([]engine.Change, error) {
	changes, unread, err := s.Engine.DiffSource(ctx, from, source, content)
	s.unread = s.unread || unread > 0
	return changes, err
}

func (s *Session) diff(thread *starlark.Thread, from *engine.Snapshot, to starlark.Value, content bool) ([]engine.Change, error) {
	ctx := runtime.Context(thread)
	if scan, ok := to.(*Scan); ok {
		source := scan.source
		rules, done := scan.rules()
		defer done()
		source.Rules = rules
		return s.diffSource(ctx, from, source, content)
	}
	other, err := s.find(thread, to)
	if dir, ok := starlark.AsString(to); ok && errors.Is(err, engine.ErrNoSnapshot) {
		if err := s.permitEffect("diff", "read"); err != nil {
			return nil, err
		}
		dir = s.path(dir)
		if err := s.unwritten(thread, dir); err != nil {
			return nil, err
		}
		if s.Engine.IsSource(dir) {
			settings := s.Engine.Config
			rules := walk.Rules{SkipDirs: settings.SkipDirs, Skip: settings.SkipPatterns}
			return s.diffSource(ctx, from, engine.Source{Root: dir, Rules: rules}, content)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	return s.Engine.Diff(ctx, from, other)
}

// sizeOf makes an attribute of the size of an entry, None where that is no file.
func sizeOf[T any](doc string, entry func(T) *manifest.Entry) attribute[T] {
	return valueOf("int", doc, func(of T) starlark.Value {
		e := entry(of)
		if e == nil || e.Kind != manifest.File {
			return starlark.None
		}
		return starlark.MakeInt64(e.Size)
	})
}

var changeAttributes = attributes[*engine.Change]{
	"what":     textOf("added, removed, changed, moved or metadata", func(c *engine.Change) string { return string(c.What) }),
	"path":     textOf("the path; of a file that was removed, the path that it had", func(c *engine.Change) string { return c.Path }),
	"before":   textOf(`the path before, of a file that was moved; else ""`, func(c *engine.Change) string { return c.From }),
	"old_size": sizeOf("bytes of the file before; None if there was no file", func(c *engine.Change) *manifest.Entry { return c.Old }),
	"new_size": sizeOf("bytes of the file now; None if there is no file", func(c *engine.Change) *manifest.Entry { return c.New }),
	"detail":   textOf("what differs", func(c *engine.Change) string { return c.Detail }),
	"kind": textOf("file, dir, symlink, fifo, socket, block device or character device", func(c *engine.Change) string {
		if c.New == nil {
			return c.Old.Kind.String()
		}
		return c.New.Kind.String()
	}),
}

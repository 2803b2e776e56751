package builtins

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/engine/walk"
	"phlb/runtime"
)

var diffMethod = runtime.Builtin{
	Name:      "diff",
	Signature: "diff(other, content=False)",
	Doc:       "each change from this snapshot to another one, a Scan or a directory; with content, files are read to tell",
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
			list[i] = changeValue(&changes[i])
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
		dir = s.Engine.Expand(dir)
		if info, notDir := os.Stat(dir); notDir == nil && info.IsDir() {
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

func changeValue(c *engine.Change) starlark.Value {
	size := func(e *manifest.Entry) starlark.Value {
		if e == nil || e.Kind != manifest.File {
			return starlark.None
		}
		return starlark.MakeInt64(e.Size)
	}
	entry := c.New
	if entry == nil {
		entry = c.Old
	}
	return starlarkstruct.FromStringDict(starlark.String("change"), starlark.StringDict{
		"what":     starlark.String(c.What),
		"path":     starlark.String(c.Path),
		"before":   starlark.String(c.From),
		"kind":     starlark.String(entry.Kind.String()),
		"old_size": size(c.Old),
		"new_size": size(c.New),
		"detail":   starlark.String(c.Detail),
	})
}

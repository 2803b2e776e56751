package builtins

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"phlb/engine"
	"phlb/engine/config"
	"phlb/runtime"
)

// Snapshot is a sealed snapshot.
type Snapshot struct {
	*engine.Snapshot
	session *Session
}

var (
	_ starlark.HasAttrs   = (*Snapshot)(nil)
	_ starlark.Comparable = (*Snapshot)(nil)
)

// String returns NAME/STAMP.
func (s *Snapshot) String() string { return s.Ref().String() }

// Type returns "Snapshot".
func (s *Snapshot) Type() string { return "Snapshot" }

// Freeze does nothing: a Snapshot never changes.
func (s *Snapshot) Freeze() {}

// Truth is always true.
func (s *Snapshot) Truth() starlark.Bool { return true }

// Hash is that of the path.
func (s *Snapshot) Hash() (uint32, error) { return starlark.String(s.Path).Hash() }

// CompareSameType orders Snapshots by time.
func (s *Snapshot) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	other := y.(*Snapshot)
	if s.Path == other.Path {
		return ordered(op, 0), nil
	}
	c := s.Started.Compare(other.Started)
	if c == 0 { // of one moment, but not the same
		c = int(s.ID - other.ID)
	}
	return ordered(op, c), nil
}

var snapshotAttributes = attributes[*Snapshot]{
	"id":              intOf("the number of the snapshot in the catalog", func(s *Snapshot) int64 { return int64(s.ID) }),
	"name":            textOf("the backup name", func(s *Snapshot) string { return s.Name }),
	"stamp":           textOf("the name of the folder below that of the backup name", func(s *Snapshot) string { return s.Stamp }),
	"time":            timeOf("when the backup began", func(s *Snapshot) time.Time { return s.session.local(s.Started) }),
	"finished":        timeOf("when the snapshot was sealed", func(s *Snapshot) time.Time { return s.session.local(s.Finished) }),
	"path":            textOf("where the tree of the snapshot lies", func(s *Snapshot) string { return s.Path }),
	"source":          textOf("the directory that was backed up", func(s *Snapshot) string { return s.Source }),
	"host":            textOf("the machine on which the source was", func(s *Snapshot) string { return s.Host }),
	"files":           intOf("how many files the snapshot has", func(s *Snapshot) int64 { return s.Files }),
	"bytes":           intOf("the sizes of all files, together", func(s *Snapshot) int64 { return s.Bytes }),
	"unchanged":       intOf("how many files were linked to the same path of the snapshot before, unread", func(s *Snapshot) int64 { return s.Unchanged }),
	"linked":          intOf("how many files were linked to a file of the same content under another path", func(s *Snapshot) int64 { return s.Linked }),
	"new":             intOf("files that had to be stored", func(s *Snapshot) int64 { return s.New }),
	"new_bytes":       intOf("the sizes of the files that had to be stored, together", func(s *Snapshot) int64 { return s.NewBytes }),
	"skipped":         intOf("entries that the rules left out", func(s *Snapshot) int64 { return s.Skipped }),
	"skipped_folders": intOf("directories that the rules left out, which skipped counts too", func(s *Snapshot) int64 { return s.Folders }),
	"errors":          intOf("entries that could not be read", func(s *Snapshot) int64 { return s.Errors }),
	"complete":        boolOf("whether everything could be read", func(s *Snapshot) bool { return s.Complete() }),
	"pinned":          boolOf(`whether the snapshot is tagged "pinned", and so never removed`, func(s *Snapshot) bool { return s.Pinned() }),
	"tags": valueOf("tuple", "words to find the snapshot by", func(s *Snapshot) starlark.Value {
		tags := make(starlark.Tuple, len(s.Tags))
		for i, tag := range s.Tags {
			tags[i] = starlark.String(tag)
		}
		return tags
	}),
}

// SnapshotMethods lists what can be done with a snapshot.
var SnapshotMethods = runtime.Table{removeMethod, restoreMethod, diffMethod, statMethod}

// Attr returns the attribute or method called name.
func (s *Snapshot) Attr(name string) (starlark.Value, error) {
	for _, m := range s.session.inert(s.session.guarded(SnapshotMethods)) {
		if m.Name == name {
			return m.Value().BindReceiver(s), nil
		}
	}
	return snapshotAttributes.get(s, name)
}

// AttrNames lists the attributes and methods.
func (s *Snapshot) AttrNames() []string {
	names := snapshotAttributes.names()
	for _, m := range SnapshotMethods {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names
}

func (s *Session) linkBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "link",
		Signature: "link(scan, name=None, match=config.match, tags=[], accept_shrink=False, moved=False)",
		Doc:       "a new sealed snapshot of the scan",
		Effect:    true,
		Kind:      "link",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var scan scanArgument
			var name, match optional
			var tags stringList
			var shrink, moved bool
			if err := runtime.Unpack(fn.Name(), args, kwargs, "scan", &scan,
				"name?", &name, "match?", &match, "tags?", &tags,
				"accept_shrink?", &shrink, "moved?", &moved); err != nil {
				return nil, err
			}
			if match == "" { // None, or what a command line was not given
				match = optional(s.Engine.Config.Match)
			}
			how, err := config.ParseMatch(string(match))
			if err != nil {
				return nil, runtime.Usagef("link: match is %q, %v", match, err)
			}
			rules, done := scan.rules()
			defer done()
			source := engine.Source{
				Root: scan.source.Root, Rules: rules, Name: string(name), Match: how, Tags: tags,
				AcceptShrink: shrink, Moved: moved,
			}
			if s.Explain != "" {
				return s.explain(scan.Scan, source)
			}
			if scan.planned != "" {
				return nil, fmt.Errorf("%s: %w %s", scan.planned, engine.ErrInsideRoot, s.Engine.Config.BackupPath)
			}
			made, err := s.Engine.Backup(runtime.Context(thread), source)
			if err != nil {
				return nil, err
			}
			scan.mu.Lock()
			scan.counts = &engine.Counts{Files: made.Files, Bytes: made.Bytes, Skipped: made.Skipped, Folders: made.Folders, Errors: made.Errors}
			scan.mu.Unlock()
			s.mu.Lock()
			s.made = append(s.made, made)
			s.mu.Unlock()
			if err := s.checkBackup(runtime.Context(thread), made); err != nil {
				return nil, err
			}
			if s.Engine.DryRun() {
				s.planned("link", "%s: %s", made.Ref(), engine.Summarize(&made.Header, &made.Summary))
				found, err := s.Engine.Snapshot(runtime.Context(thread), made.Ref().String())
				if err != nil {
					return nil, err
				}
				made.ID = found.ID // as the real run would give it
			}
			return &Snapshot{made, s}, nil
		},
	}
}

func (s *Session) snapshotsBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "snapshots",
		Signature: "snapshots(name=None, tag=None)",
		Doc:       "the sealed snapshots, newest first",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var name, tag optional
			if err := runtime.Unpack(fn.Name(), args, kwargs, "name?", &name, "tag?", &tag); err != nil {
				return nil, err
			}
			if empty(args, kwargs, 0, "name") { // which must not mean all of them
				return nil, runtime.Usagef("snapshots: name is empty: leave it out for the snapshots of all names")
			}
			if empty(args, kwargs, 1, "tag") {
				return nil, runtime.Usagef("snapshots: tag is empty: leave it out for snapshots with any tags")
			}
			all, err := s.Engine.Snapshots(runtime.Context(thread), string(name))
			if err != nil {
				return nil, err
			}
			if name != "" && len(all) == 0 {
				s.mu.Lock()
				s.missed = append(s.missed, string(name))
				s.mu.Unlock()
			}
			list := []starlark.Value{}
			for _, snapshot := range all {
				if tag == "" || slices.Contains(snapshot.Tags, string(tag)) {
					list = append(list, &Snapshot{snapshot, s})
				}
			}
			return starlark.NewList(list), nil
		},
	}
}

// Missed returns, for each name that a script has asked snapshots() for and that
// there is no snapshot of to this moment, an error that says so.
func (s *Session) Missed(ctx context.Context) (missed []error) {
	slices.Sort(s.missed)
	for _, name := range slices.Compact(s.missed) {
		if slices.ContainsFunc(s.made, func(made *engine.Snapshot) bool { return made.Name == name }) {
			continue
		}
		if _, err := s.Engine.Snapshot(ctx, name); err != nil {
			missed = append(missed, fmt.Errorf("snapshots(%q) found nothing: %w", name, err))
		}
	}
	return missed
}

func (s *Session) snapshotBuiltin() runtime.Builtin {
	return runtime.Builtin{
		Name:      "snapshot",
		Signature: "snapshot(path_or_id)",
		Doc:       "one sealed snapshot: by NAME/STAMP, NAME/latest, NAME@AGE, NAME@TIME, path or number",
		Func: func(thread *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var which starlark.Value
			if err := runtime.Unpack(fn.Name(), args, kwargs, "path_or_id", &which); err != nil {
				return nil, err
			}
			found, err := s.find(thread, which)
			if err != nil {
				return nil, err
			}
			return &Snapshot{found, s}, nil
		},
	}
}

// find takes a Snapshot, a number, or what names a snapshot.
func (s *Session) find(thread *starlark.Thread, which starlark.Value) (*engine.Snapshot, error) {
	switch which := which.(type) {
	case *Snapshot:
		return which.Snapshot, nil
	case starlark.String:
		return s.Engine.Snapshot(runtime.Context(thread), string(which))
	case starlark.Int:
		all, err := s.Engine.Snapshots(runtime.Context(thread), "")
		if err != nil {
			return nil, err
		}
		for _, snapshot := range all {
			if starlark.MakeInt64(int64(snapshot.ID)).String() == which.String() {
				return snapshot, nil
			}
		}
		return nil, fmt.Errorf("%w: number %v", engine.ErrNoSnapshot, which)
	}
	return nil, runtime.Usagef("got %s, want a snapshot, its path or its number", which.Type())
}

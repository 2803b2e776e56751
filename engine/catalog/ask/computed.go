package ask

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"phlb/engine/catalog/ask/computed"
	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

var changesTable = Table{
	Name: "changes", Kind: "function", made: changes,
	Doc: "one row for each path that is not the same in two snapshots of one name. A snapshot is written as its id, " +
		"'NAME/STAMP', 'NAME@2days', 'NAME' for the newest one, or as its stamp; without the second one, it is the newest",
	Example: "SELECT what, count(*) FROM changes((SELECT min(id) FROM snapshots)) GROUP BY what",
	Columns: []Column{
		{"what", text, "added, removed, changed (other content, target or kind), moved (the content is under another path now) or metadata", "", nil},
		{"path", text, "where it is; of what was removed, where it was", "", nil},
		{"before", text, "of what was moved, where it was; else NULL", "", nil},
		{"kind", text, "as in versions", "", nil},
		{"size", integer, "bytes; NULL where it is gone", "", nil},
		{"size_before", integer, "bytes that it had; NULL where it was not there", "", nil},
		{"digest", digestText, "digest of the content; NULL where it is gone or no file", "", nil},
	},
	Parameters: []Column{
		{"since", text, "the first snapshot", "", nil},
		{"until", text, "the second one", "", nil},
	},
}

func changes(s *Session, ctx context.Context, args arguments) (computed.Next, error) {
	if args.of[0] == nil {
		return nil, errors.New("which snapshots? Write changes('documents/2026-05-01-104500', 'documents')")
	}
	a, err := s.find(args.of[0])
	if err != nil {
		return nil, err
	}
	b := a
	for b.next != nil {
		b = b.next
	}
	if args.of[1] != nil {
		if b, err = s.find(args.of[1]); err != nil {
			return nil, err
		}
	}
	if a.name != b.name {
		return nil, fmt.Errorf("%s/%s and %s/%s are snapshots of two names", a.name, a.stamp, b.name, b.stamp)
	}
	found, err := computed.Changes(ctx, s.reader, func(v *rows.Version) (first, second bool) {
		of := s.snapshots[int64(v.Since)]
		if of == nil || of.name != a.name {
			return false, false
		}
		holds := func(id int64) bool { return int64(v.Since) <= id && (v.Until == 0 || int64(v.Until) >= id) }
		return holds(a.id), holds(b.id)
	})
	return computed.Once(found), err
}

var contentsTable = Table{
	Name: "contents", Kind: "table", made: contents,
	Doc:     "one row for each content that files have, under whatever paths and in whatever snapshots",
	Example: "SELECT path, versions, human(size) FROM contents ORDER BY versions DESC LIMIT 10",
	Columns: []Column{
		{"digest", digestText, "digest of it", "", nil},
		{"size", integer, "bytes", "", nil},
		{"versions", integer, "how many versions of paths have it", "", nil},
		{"copies", integer, "how many of these are in the last snapshot of their names", "", nil},
		{"path", text, "one of the paths: of those that are in the last snapshots, or else of all, the first in the alphabet", "", nil},
		{"since", integer, "id of the first snapshot that holds it", "", nil},
		{"until", integer, "id of the last one; 0 as long as it is in the last one of some name", "", nil},
	},
}

func contents(s *Session, ctx context.Context, a arguments) (computed.Next, error) {
	var only []byte
	if written, ok := a.equal["digest"].(string); ok {
		digest, err := manifest.ParseDigest(written)
		if err != nil {
			return computed.Once(computed.Rows{}), nil // none is written so
		}
		only = digest.Bytes()
	}
	return computed.Contents(ctx, s.reader, only), nil
}

var growthTable = Table{
	Name: "growth", Kind: "function", made: growth,
	Doc:     "one row for each snapshot, with what it brought: versions of files that it was the first to hold; with a depth, one for each folder in it",
	Example: "SELECT day, human(sum(bytes)) FROM growth GROUP BY day ORDER BY day DESC LIMIT 10",
	Columns: []Column{
		{"snapshot", integer, "id of the snapshot", "", nil},
		{"name", text, "backup name", "", nil},
		{"stamp", text, "folder of the snapshot", "", nil},
		{"started", moment, "when the run began", "", nil},
		{"day", text, "that day, by the clock on the wall", "", nil},
		{"folder", text, "the first parts of the paths, as many as the depth says; empty without a depth", "", nil},
		{"files", integer, "files that are new or have changed", "", nil},
		{"bytes", integer, "their sizes added up; snapshots has in new_bytes the room that they cost", "", nil},
	},
	Parameters: []Column{
		{"depth", integer, "how many parts of a path make its folder", "", nil},
	},
}

func growth(s *Session, ctx context.Context, a arguments) (computed.Next, error) {
	depth := int64(0)
	if a.of[0] != nil {
		n, ok := a.of[0].(int64)
		if !ok || n < 0 {
			return nil, fmt.Errorf("the depth is a number of folders, not %v", a.of[0])
		}
		depth = n
	}
	var known []rows.ID
	for id := range maps.Keys(s.snapshots) {
		known = append(known, rows.ID(id))
	}
	list, err := computed.Grown(ctx, s.reader, depth, known)
	return computed.Once(computed.Rows{Count: len(list), Value: func(row, column int) any {
		g := list[row]
		of := s.snapshots[int64(g.Snapshot)]
		switch column {
		case 0:
			return of.id
		case 1:
			return of.name
		case 2:
			return of.stamp
		case 3:
			return of.begun
		case 4:
			return of.started.In(s.options.Zone).Format("2006-01-02")
		case 5:
			return g.Folder
		case 6:
			return g.Files
		}
		return g.Bytes
	}}), err
}

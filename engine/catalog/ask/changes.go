package ask

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

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
		{"digest", digestText, "SHA-256 of the content; NULL where it is gone or no file", "", nil},
	},
	Parameters: []Column{
		{"since", text, "the first snapshot", "", nil},
		{"until", text, "the second one", "", nil},
	},
}

// A state is what a snapshot has at a path.
type state struct {
	path   string
	kind   byte
	size   int64
	sec    int64
	nsec   uint32
	digest manifest.Digest
	target uint64 // a hash of where a link leads or what a device is
	rest   uint64 // a hash of permissions and attributes
}

// A change is of a path: before or after is nil where there is none.
type change struct {
	what          string
	before, after *state
}

var seed = maphash.MakeSeed()

// changes reads all versions once, and keeps those that only one of the
// snapshots holds.
func changes(s *Session, ctx context.Context, args arguments) (nextRows, error) {
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
	var before, after []*state
	err = s.scanVersions(ctx, nil, func(v *versionRow) error {
		of := s.snapshots[v.since]
		if of == nil || of.name != a.name {
			return nil
		}
		holds := func(id int64) bool { return v.since <= id && (v.until == 0 || v.until >= id) }
		switch inA, inB := holds(a.id), holds(b.id); {
		case inA && !inB:
			before = append(before, stateOf(v))
		case inB && !inA:
			after = append(after, stateOf(v))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := compareStates(before, after)
	return once(madeRows{len(list), func(row, column int) any { return list[row].column(column) }}), nil
}

func stateOf(v *versionRow) *state {
	one := &state{
		path: strings.Clone(v.path), kind: v.kind, size: v.size, sec: v.sec, nsec: v.nsec,
		target: maphash.String(seed, v.target),
	}
	copy(one.digest[:], v.digest)
	one.rest = maphash.Comparable(seed, [3]int64{v.mode, v.uid, v.gid}) ^ maphash.Bytes(seed, v.xattrs)
	return one
}

// compareStates returns what differs, in the order of the paths.
func compareStates(before, after []*state) []change {
	byPath := func(a, b *state) int { return strings.Compare(a.path, b.path) }
	slices.SortFunc(before, byPath)
	slices.SortFunc(after, byPath)
	var list []change
	gone := map[manifest.Digest][]int{} // of files, where they are in list
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].path < after[0].path:
			old := before[0]
			if old.kind == byte(manifest.File) && old.size > 0 {
				gone[old.digest] = append(gone[old.digest], len(list))
			}
			list = append(list, change{"removed", old, nil})
			before = before[1:]
		case len(before) == 0 || after[0].path < before[0].path:
			list = append(list, change{"added", nil, after[0]})
			after = after[1:]
		default:
			if what := before[0].differs(after[0]); what != "" {
				list = append(list, change{what, before[0], after[0]})
			}
			before, after = before[1:], after[1:]
		}
	}
	taken := map[int]bool{}
	for i := range list {
		now := list[i].after
		if list[i].what != "added" || now.kind != byte(manifest.File) || now.size == 0 {
			continue
		}
		if from := gone[now.digest]; len(from) > 0 {
			gone[now.digest] = from[1:]
			taken[from[0]] = true
			list[i] = change{"moved", list[from[0]].before, now}
		}
	}
	left := list[:0]
	for i, c := range list {
		if !taken[i] {
			left = append(left, c)
		}
	}
	return left
}

// differs says how a path is another one. The time of a directory moves with what
// it holds, and is no change of its own.
func (old *state) differs(now *state) string {
	switch {
	case old.kind != now.kind || old.digest != now.digest || old.target != now.target:
		return "changed"
	case old.rest != now.rest || old.kind != byte(manifest.Dir) && (old.sec != now.sec || old.nsec != now.nsec):
		return "metadata"
	}
	return ""
}

func (c *change) column(n int) any {
	shown := c.after
	if shown == nil {
		shown = c.before
	}
	switch n {
	case 0:
		return c.what
	case 1:
		return shown.path
	case 2:
		if c.what == "moved" {
			return c.before.path
		}
	case 3:
		return string(shown.kind)
	case 4:
		if c.after != nil {
			return c.after.size
		}
	case 5:
		if c.before != nil {
			return c.before.size
		}
	case 6:
		if c.after != nil && c.after.kind == byte(manifest.File) {
			return c.after.digest.String()
		}
	}
	return nil
}

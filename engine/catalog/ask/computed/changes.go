package computed

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"

	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// A state is what a snapshot has at a path.
type state struct {
	path   string
	kind   manifest.Kind
	size   int64
	mtime  manifest.Time
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

// Changes returns what differs in two snapshots, in the order of the paths. It reads
// all versions once, and keeps those that only one of the snapshots holds, as holds
// says. The columns are what, path, before, kind, size, size_before and digest.
func Changes(ctx context.Context, from rows.Source, holds func(v *rows.Version) (first, second bool)) (Rows, error) {
	var before, after []*state
	err := rows.ScanVersions(ctx, from, rows.Filter{}, func(v *rows.Version, _ rows.Position) (bool, error) {
		switch first, second := holds(v); {
		case first && !second:
			before = append(before, stateOf(v))
		case second && !first:
			after = append(after, stateOf(v))
		}
		return true, nil
	})
	if err != nil {
		return Rows{}, err
	}
	list := compareStates(before, after)
	return Rows{len(list), func(row, column int) any { return list[row].column(column) }}, nil
}

func stateOf(v *rows.Version) *state {
	one := &state{
		path: strings.Clone(v.Path), kind: v.Kind, size: v.Size, mtime: v.Mtime, digest: v.Digest,
		target: maphash.String(seed, v.Target),
	}
	one.rest = maphash.Comparable(seed, v.Permissions) ^ maphash.String(seed, v.Xattrs)
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
			if old.kind == manifest.File && old.size > 0 {
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
		if list[i].what != "added" || now.kind != manifest.File || now.size == 0 {
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
	case old.rest != now.rest || old.kind != manifest.Dir && old.mtime != now.mtime:
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
		return string(rune(shown.kind))
	case 4:
		if c.after != nil {
			return c.after.size
		}
	case 5:
		if c.before != nil {
			return c.before.size
		}
	case 6:
		if c.after != nil && c.after.kind == manifest.File {
			return c.after.digest.String()
		}
	}
	return nil
}

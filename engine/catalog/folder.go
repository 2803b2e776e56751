package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
	"phlb/engine/manifest"
)

// Folder is what the snapshots of one name have held in a directory, and beside
// the directory itself. A single look at all versions gives it.
type Folder struct {
	Own       []Life // of the path itself, in no particular order
	Children  []Life // of what lies in it, not deeper, in the snapshot or in the one before; in no particular order
	Below     map[string]*Below
	Snapshots []Step // of the name, by time
}

// Life is a version of a path and how long it lived.
type Life struct {
	Entry        *manifest.Entry
	since, until int // places in the list of snapshots by their numbers
	in           []int
}

// LivesIn reports whether the snapshot at that place of [Folder.Snapshots] holds
// the version.
func (l *Life) LivesIn(step int) bool { return l.since <= l.in[step] && l.in[step] <= l.until }

// Below is what lies in a directory, at any depth, in one snapshot.
type Below struct {
	Files, Bytes int64
	Turnover     // from the snapshot before
}

// Turnover counts what is not the same in two snapshots, without directories, whose
// times move with what they hold. Where a snapshot was taken into the catalog later
// than younger ones, it is counted too what is the same in both.
type Turnover struct {
	Begun int64 // versions that only the later one holds
	Ended int64 // versions that only the earlier one holds
}

// Step is a snapshot of a folder's history.
type Step struct {
	Snapshot
	Turnover // below the folder, from the snapshot before
}

// Folder looks at a directory in the snapshots of the one with that number. Sizes
// of what lies deeper are those in that snapshot: of directories in the folder, and
// with deep of the entries of those, by their paths as seen from the folder. One
// that no snapshot holds has neither versions nor children.
func (c *Catalog) Folder(ctx context.Context, id ID, folder string, deep bool) (*Folder, error) {
	if err := c.rlock(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", folder, err)
	}
	defer c.mu.RUnlock()
	f, err := c.folder(ctx, id, folder, deep)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", folder, err)
	}
	return f, nil
}

func (c *Catalog) folder(ctx context.Context, id ID, folder string, deep bool) (*Folder, error) {
	all, err := rows.Snapshots(ctx, c.file)
	if err != nil {
		return nil, err
	}
	l := newLook(all, id, folder, deep)
	if l == nil {
		return nil, ErrUnknown
	}
	list, err := c.file.Rows(rows.VersionsTable)
	if err != nil {
		return nil, err
	}
	defer list.Close()
	list.Where(0, func(v *qlfile.Values) bool { return l.wants(v.Text()) })
	var v rows.Version
	for n := 0; list.Next(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		columns := list.Column(0)
		path, kind, size := columns.Text(), columns.Text(), columns.Int()
		life := list.Column(rows.Lifetime.First)
		since, ours := l.place[ID(life.Int())]
		if !ours {
			continue
		}
		until := len(l.place) - 1
		if last := ID(life.Int()); last != 0 {
			until = l.place[last]
		}
		inside, isDeep := l.inside(path)
		if kind != dirKind {
			l.count(since, until)
		}
		if isDeep || deep {
			l.measure(inside, kind, size, since, until)
		}
		if isDeep || inside != "" && !l.lives(since, until) {
			continue
		}
		row := list.Values()
		if err := v.Read(&row); err != nil {
			return nil, err
		}
		e, err := v.Entry()
		if err != nil {
			return nil, err
		}
		lived := Life{e, since, until, l.in}
		if inside == "" {
			l.Own = append(l.Own, lived)
		} else {
			l.Children = append(l.Children, lived)
		}
	}
	return &l.Folder, list.Err()
}

const dirKind = string(manifest.Dir)

// look is a look at a folder under way.
type look struct {
	Folder
	path, prefix string
	deep         bool

	place       map[ID]int // of the snapshots of the name, by their numbers
	in          []int      // places of the steps
	now, before int        // places of the snapshot and of the one before it, -1 for none
}

func newLook(all []Snapshot, id ID, folder string, deep bool) *look {
	i := slices.IndexFunc(all, func(s Snapshot) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	l := &look{path: folder, prefix: folder + "/", deep: deep, place: map[ID]int{}, before: -1}
	if folder == "." {
		l.prefix = ""
	}
	l.Below = map[string]*Below{}
	for _, s := range all { // in the order of their numbers
		if s.Name == all[i].Name {
			l.place[s.ID] = len(l.place)
			l.Snapshots = append(l.Snapshots, Step{Snapshot: s})
		}
	}
	slices.SortStableFunc(l.Snapshots, func(a, b Step) int { return rows.NewestFirst(b.Snapshot, a.Snapshot) })
	for i, s := range l.Snapshots {
		l.in = append(l.in, l.place[s.ID])
		if s.ID == id {
			l.now = l.place[id]
			if i > 0 {
				l.before = l.place[l.Snapshots[i-1].ID]
			}
		}
	}
	return l
}

func (l *look) wants(path string) bool {
	return strings.HasPrefix(path, l.prefix) || path == l.path
}

// inside returns a path as seen from the folder, "" for the folder itself, and
// whether it lies deeper than in the folder.
func (l *look) inside(path string) (string, bool) {
	if path == l.path {
		return "", false
	}
	path = path[len(l.prefix):]
	return path, strings.IndexByte(path, '/') >= 0
}

// lives reports whether a version lives in the snapshot or in the one before.
func (l *look) lives(since, until int) bool {
	return since <= l.now && l.now <= until || since <= l.before && l.before <= until
}

// count notes where a version below the folder begins and ends.
func (l *look) count(since, until int) {
	if since == 0 && until == len(l.in)-1 && l.in[0] == 0 {
		l.Snapshots[0].Begun++
		return // as nearly all do
	}
	held := false
	for i, place := range l.in {
		holds := since <= place && place <= until
		switch {
		case holds && !held:
			l.Snapshots[i].Begun++
		case held && !holds:
			l.Snapshots[i].Ended++
		}
		held = holds
	}
}

// measure adds a version to the directories that it lies in.
func (l *look) measure(inside, kind string, size int64, since, until int) {
	if !l.lives(since, until) {
		return
	}
	lives := since <= l.now && l.now <= until
	lived := l.before >= 0 && since <= l.before && l.before <= until
	end := strings.IndexByte(inside, '/')
	if end > 0 {
		l.add(inside[:end], kind, size, lives, lived)
	}
	if !l.deep || inside == "" {
		return
	}
	if end > 0 {
		if next := strings.IndexByte(inside[end+1:], '/'); next >= 0 {
			inside = inside[:end+1+next]
		}
	}
	l.add(inside, kind, size, lives, lived)
}

func (l *look) add(key, kind string, size int64, lives, lived bool) {
	b := l.Below[key]
	if b == nil {
		b = &Below{}
		l.Below[strings.Clone(key)] = b
	}
	if lives && kind == string(manifest.File) {
		b.Files++
		b.Bytes += size
	}
	switch {
	case kind == dirKind:
	case lives && !lived:
		b.Begun++
	case lived && !lives:
		b.Ended++
	}
}

package ask

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/catalog/rows"
)

var filesView = Table{
	Name: "files", Kind: "view",
	Doc:     "one row for each file that the newest snapshot of its name holds",
	Example: "SELECT path, human(size) FROM files ORDER BY size DESC LIMIT 10",
	Columns: pick(versionsTable.Columns, "name", "path", "folder", "ext", "size", "mtime", "mode", "uid", "gid", "digest", "since"),
	view: "SELECT name, path, folder, ext, size, mtime, mode, uid, gid, digest, since FROM versions " +
		"WHERE until = 0 AND kind = 'f' AND stored IS NOT '" + rows.Absent + "'",
}

var historyTable = Table{
	Name: "history", Kind: "table", from: "versions",
	Doc:     "one row for each version of a path, with the times from which to which it lived",
	Example: "SELECT path, size, gone FROM history WHERE gone > datetime(now(), '-30 days') ORDER BY gone",
	Columns: append(pick(versionsTable.Columns, "name", "path", "folder", "ext", "kind", "size", "mtime", "digest", "since", "until"),
		Column{"first_seen", moment, "when the first snapshot that holds this version was begun", "since", (*cursor).firstSeen},
		Column{"last_seen", moment, "when the last one was begun", "until", (*cursor).lastSeen},
		Column{"gone", moment, "when the next one of its name was begun, which has it no more; NULL while it lives", "until", (*cursor).gone},
	),
}

var duplicatesView = Table{
	Name: "duplicates", Kind: "view",
	Doc:     "one row for each content that is in the newest snapshots more than once",
	Example: "SELECT path, copies, human(extra) FROM duplicates ORDER BY extra DESC LIMIT 10",
	Columns: []Column{
		{"digest", digestText, "digest of it", "", nil},
		{"size", integer, "bytes of one copy", "", nil},
		{"copies", integer, "how many files have it", "", nil},
		{"extra", integer, "bytes of all copies but one, in the sources: a snapshot has it once", "", nil},
		{"path", text, "one of the paths, the first in the alphabet", "", nil},
	},
	view: "SELECT digest, size, copies, size * (copies - 1) AS extra, path FROM contents WHERE copies > 1 AND size > 0",
}

var atTable = Table{
	Name: "at", Kind: "function", from: "versions", only: livedAt,
	Doc:     "one row for each path that the snapshots held that were the newest of their names at a time",
	Example: "SELECT name, count(*) AS entries, human(sum(size)) FROM at('7days') GROUP BY name",
	Columns: pick(versionsTable.Columns, "name", "path", "folder", "ext", "kind", "size", "mtime", "mode", "uid", "gid", "digest", "target", "since", "until"),
	Parameters: []Column{
		{"time", moment, "as in '2026-05-01', which is the end of that day, '2026-05-01 10:45', or '2days' ago", "", nil},
	},
}

// pick returns the columns of these names.
func pick(from []Column, names ...string) (list []Column) {
	for _, name := range names {
		i := slices.IndexFunc(from, func(c Column) bool { return c.Name == name })
		list = append(list, from[i])
	}
	return list
}

// firstSeen returns when the snapshot of the column since was begun.
func (c *cursor) firstSeen(v *qlfile.Values) any {
	if s := c.snapshotOf(v.Int()); s != nil {
		return s.begun
	}
	return nil
}

// lastSeen returns when the snapshot of the column until was begun, or, where a
// version lives, the newest one of its name.
func (c *cursor) lastSeen(v *qlfile.Values) any {
	if s := c.lastOf(v.Int()); s != nil {
		return s.begun
	}
	return nil
}

func (c *cursor) gone(v *qlfile.Values) any {
	if s := c.lastOf(v.Int()); s != nil && s.next != nil {
		return s.next.begun
	}
	return nil
}

// lastOf returns the last snapshot that holds the version of the row.
func (c *cursor) lastOf(until int64) *snapshot {
	if until != 0 {
		return c.table.session.snapshots[until]
	}
	s := c.snapshotOf(c.stored(c.table.sinceAt).Int())
	for s != nil && s.next != nil {
		s = s.next
	}
	return s
}

// livedAt lets through the versions that lived at a time.
func livedAt(t *table, args []any) (func(c *cursor) bool, error) {
	then, err := t.session.moment(args[0])
	if err != nil {
		return nil, err
	}
	newest := map[string]*snapshot{}
	for _, s := range t.session.snapshots {
		if n := newest[s.name]; s.begunBy(then) && (n == nil || n.started.Before(s.started)) {
			newest[s.name] = s
		}
	}
	holder := map[int64]int64{} // by since
	for _, s := range t.session.snapshots {
		if n := newest[s.name]; n != nil && s.id <= n.id {
			holder[s.id] = n.id
		}
	}
	return func(c *cursor) bool {
		id, ok := holder[c.stored(t.sinceAt).Int()]
		if !ok {
			return false
		}
		until := c.stored(t.untilAt).Int()
		return until == 0 || until >= id
	}, nil
}

// begunBy reports whether a snapshot was begun by a time, which may be the beginning
// itself as the tables have it: without parts of a millisecond.
func (s *snapshot) begunBy(then time.Time) bool {
	return !s.started.Truncate(time.Millisecond).After(then)
}

// moment reads a time that is an argument.
func (s *Session) moment(arg any) (time.Time, error) {
	written, ok := arg.(string)
	if !ok {
		return time.Time{}, fmt.Errorf("a time is written as in '2026-05-01' or '2days', not %v", arg)
	}
	if t, ok := timeOfText(written); ok {
		return t, nil
	}
	if s.options.Moment == nil {
		return time.Parse(time.RFC3339, written)
	}
	return s.options.Moment(written)
}

// find returns the snapshot that an argument names: by its id, as NAME/STAMP, as
// NAME@TIME or NAME, or by its stamp alone where no other has it.
func (s *Session) find(arg any) (*snapshot, error) {
	if id, ok := arg.(int64); ok {
		if one := s.snapshots[id]; one != nil {
			return one, nil
		}
		return nil, fmt.Errorf("there is no snapshot with the id %d: SELECT id, name, stamp FROM snapshots lists them", id)
	}
	written, ok := arg.(string)
	if !ok {
		return nil, fmt.Errorf("a snapshot is written as in 'documents/2026-05-01-104500', or as its id, not %v", arg)
	}
	name, when, isAt := strings.Cut(written, "@")
	then := s.options.Now
	if isAt {
		var err error
		if then, err = s.moment(when); err != nil {
			return nil, err
		}
	}
	var found, newest, oldest *snapshot
	for _, one := range s.snapshots {
		if one.name == name && (oldest == nil || one.started.Before(oldest.started)) {
			oldest = one
		}
		if one.name+"/"+one.stamp == written {
			return one, nil
		}
		if one.stamp == written {
			if found != nil {
				return nil, fmt.Errorf("several snapshots have the stamp %s: write NAME/%[1]s", written)
			}
			found = one
		}
		if one.name == name && (isAt || name == written) && (!isAt || one.begunBy(then)) && (newest == nil || newest.started.Before(one.started)) {
			newest = one
		}
	}
	if found == nil {
		found = newest
	}
	if found == nil && isAt && oldest != nil {
		return nil, fmt.Errorf("no snapshot of %s was there by %s: the oldest is %[1]s/%[3]s", name, when, oldest.stamp)
	}
	if found == nil {
		return nil, fmt.Errorf("there is no snapshot %q: SELECT id, name, stamp FROM snapshots lists them", written)
	}
	return found, nil
}

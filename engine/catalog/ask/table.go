package ask

import (
	"context"
	"slices"
	"strings"

	"phlb/engine/catalog/ask/computed"
	"phlb/engine/catalog/qlfile"
)

// A Table is what can stand behind FROM.
type Table struct {
	Name       string   `json:"name"`
	Kind       string   `json:"kind"` // table, view, or function where it takes arguments
	Doc        string   `json:"doc"`  // one line
	Columns    []Column `json:"columns"`
	Parameters []Column `json:"parameters,omitempty"` // what a function takes
	Example    string   `json:"example"`              // a question that can be asked as it stands

	from string                                                                    // the table of the catalog that the rows are read from
	only func(t *table, args []any) (func(c *cursor) bool, error)                  // which of the rows a function returns
	made func(s *Session, ctx context.Context, a arguments) (computed.Next, error) // rows that are not read but computed
	view string                                                                    // the SELECT that a view stands for
}

// Signature writes a table as it stands behind FROM, with the arguments that a
// function takes.
func (t *Table) Signature() string {
	if len(t.Parameters) == 0 {
		return t.Name
	}
	var names []string
	for _, p := range t.Parameters {
		names = append(names, p.Name)
	}
	return t.Name + "(" + strings.Join(names, ", ") + ")"
}

// A Column is one of a table.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // INTEGER, REAL, TEXT, BLOB, or TIME and DIGEST, which are texts
	Doc  string `json:"doc"`  // one line

	from string // the column of the catalog that it is read from
	read func(*cursor, *qlfile.Values) any
}

// Tables describes what can be asked. Help, completion and the tables themselves
// are made from it.
func Tables() []Table { return slices.Clone(tables) }

// columnNames lists the columns of all tables, each once.
func columnNames() (names []string) {
	for _, t := range tables {
		for _, c := range t.Columns {
			if !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// declaration is the statement by which SQLite learns of the columns.
func (t *Table) declaration() string {
	var b strings.Builder
	b.WriteString("CREATE TABLE t(")
	for i, c := range t.all() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoted(c.Name) + " " + c.declared())
		if i >= len(t.Columns) {
			b.WriteString(" HIDDEN")
		}
	}
	b.WriteString(")")
	return b.String()
}

// all returns the columns in the order in which SQLite numbers them: what a
// function takes is hidden behind the others.
func (t *Table) all() []Column { return slices.Concat(t.Columns, t.Parameters) }

// declared is the type as SQLite is told of it.
func (c *Column) declared() string {
	if c.Type == moment || c.Type == digestText {
		return text
	}
	return c.Type
}

// quoted writes a name as SQL does.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// A Type is one of columns that SQLite knows as texts.
type Type struct {
	Name string `json:"name"`
	Doc  string `json:"doc"` // one line
}

// Types describes those types of columns.
func Types() []Type {
	return []Type{
		{moment, "a text that is UTC, such as '2026-05-01 08:45:00.000Z': it sorts by time, the functions of SQLite take it, and it is shown " +
			"by your clock. date(started, 'localtime') is the day there; datetime(now(), '-7 days') is a week ago"},
		{digestText, "a text of 64 hexadecimal digits, or of 128 where sha512 was chosen, in small letters; digest('…') makes it of other ways to write one"},
	}
}

// The types of columns.
const (
	integer    = "INTEGER"
	number     = "REAL"
	text       = "TEXT"
	blob       = "BLOB"
	moment     = "TIME"   // a text that is UTC: 2026-05-01 08:45:00.000Z
	digestText = "DIGEST" // in hexadecimal digits
)

var tables = []Table{
	snapshotsTable, versionsTable, filesView, historyTable, contentsTable, duplicatesView, growthTable,
	changesTable, atTable, runsTable, verificationsTable, damageTable,
}

var snapshotsTable = Table{
	Name: "snapshots", Kind: "table", from: "snapshots",
	Doc:     "one row for each sealed snapshot: what it is of, and how the run went that made it",
	Example: "SELECT name, count(*) AS snapshots, human(sum(new_bytes)) AS cost FROM snapshots GROUP BY name",
	Columns: []Column{
		{"id", integer, "number of the snapshot, in the order in which the catalog learned of them; never used twice", "id", readInt},
		{"name", text, "backup name, the folder under the backup root", "name", readText},
		{"stamp", text, "folder of the snapshot, under that of its name", "stamp", readText},
		{"started", moment, "when the run began", "started", readTime},
		{"finished", moment, "when it was sealed", "finished", readTime},
		{"source", text, "directory that was backed up", "source", readText},
		{"host", text, "machine that it was on", "host", readText},
		{"boot", text, "boot id of that machine", "boot", readText},
		{"match", text, "what paths had to have in common to share an inode: permissions, content or exact", "match", readText},
		{"tags", text, "one per line", "tags", readText},
		{"entries", integer, "files, directories, links and all else", "entries", readInt},
		{"files", integer, "regular files", "files", readInt},
		{"bytes", integer, "their sizes added up", "bytes", readInt},
		{"unchanged", integer, "files that were taken over from the snapshot before, unread", "unchanged", readInt},
		{"linked", integer, "files whose content was found elsewhere under the root", "linked", readInt},
		{"new_files", integer, "files that were copied", "new_files", readInt},
		{"new_bytes", integer, "what those take: the room that this snapshot cost", "new_bytes", readInt},
		{"skipped", integer, "entries that a rule left out", "skipped", readInt},
		{"errors", integer, "entries that could not be read; 0 for a complete snapshot", "errors", readInt},
		{"skipped_folders", integer, "of those that a rule left out, directories", "skipped_folders", readInt},
	},
}

var versionsTable = Table{
	Name: "versions", Kind: "table", from: "versions",
	Doc:     "one row for each version of a path, however many snapshots hold it: those of one name from since to until",
	Example: "SELECT path, count(*) AS n FROM versions WHERE kind = 'f' GROUP BY path ORDER BY n DESC LIMIT 10",
	Columns: []Column{
		{"name", text, "backup name of the snapshots that hold it", "since", (*cursor).backupName},
		{"path", text, "relative to the snapshot, with slashes", "path", readText},
		{"folder", text, "the path without its last part; empty for what lies at the top", "path", (*cursor).folder},
		{"ext", text, "the ending of the path, such as '.iso'; empty where it has none", "path", (*cursor).extension},
		{"kind", text, "f file, d directory, l symbolic link, p pipe, s socket, b block device, c character device", "kind", readText},
		{"size", integer, "bytes", "size", readInt},
		{"mtime", moment, "when it was last changed", "mtime", readTime},
		{"mode", integer, "permissions, 0644 say", "mode", readInt},
		{"uid", integer, "owner", "uid", readInt},
		{"gid", integer, "group", "gid", readInt},
		{"digest", digestText, "digest of the content of a file, NULL for all else", "digest", readDigest},
		{"since", integer, "id of the first snapshot that holds this version", "since", readInt},
		{"until", integer, "id of the last one; 0 as long as that is the last one of its name", "until", readInt},
		{"target", text, "where a symbolic link leads; MAJOR:MINOR of a device; else NULL", "target", readText},
		{"stored", text, "what the inode in the snapshot has where it is shared and not the same: MODE,UID:GID,MTIME; " +
			"'no' where the snapshot has none; else NULL", "stored", readText},
		{"xattrs", blob, "extended attributes, NULL where there are none", "xattrs", readBlob},
	},
}

var runsTable = Table{
	Name: "runs", Kind: "table", from: "runs",
	Doc:     "one row for each time that something was done to the backup root, or was tried: of several snapshots, one for each",
	Example: "SELECT started, name, error FROM runs WHERE outcome = 'failed' ORDER BY started DESC",
	Columns: []Column{
		{"verb", text, "backup, add, verify, remove, or check: a check of a snapshot that is to fail has failed, or passed again", "verb", readText},
		{"name", text, "backup name", "name", readText},
		{"stamp", text, "folder of the snapshot; empty where none was made", "stamp", readText},
		{"snapshot", integer, "id of the snapshot, which may be gone; 0 where there is none, or the catalog was made after it was gone", "snapshot", readInt},
		{"host", text, "machine that did it", "host", readText},
		{"started", moment, "when it began", "started", readTime},
		{"finished", moment, "when it ended", "finished", readTime},
		{"outcome", text, "ok; incomplete where something could not be read; damage where verify found some; failed; interrupted; accepted where --despite-checks has said so", "outcome", readText},
		{"error", text, "why it failed; of a check, what it has found", "error", readText},
	},
}

var verificationsTable = Table{
	Name: "verifications", Kind: "table", from: "verifications",
	Doc:     "one row for each time that verify looked at a snapshot",
	Example: "SELECT name, stamp FROM snapshots WHERE id NOT IN (SELECT snapshot FROM verifications)",
	Columns: []Column{
		{"snapshot", integer, "id of the snapshot", "snapshot", readInt},
		{"started", moment, "when it began", "started", readTime},
		{"finished", moment, "when it ended", "finished", readTime},
		{"sample", number, "share of the content to be read back: 1 for all, 0 for none, as with --fast", "sample", readFloat},
		{"files", integer, "regular files that were looked at", "files", readInt},
		{"read", integer, "files that were read back, each once however many names it has", "read", readInt},
		{"bytes", integer, "what those hold", "bytes", readInt},
		{"problems", integer, "what was found to be wrong", "problems", readInt},
		{"healed", integer, "what was put right", "healed", readInt},
	},
}

var damageTable = Table{
	Name: "damage", Kind: "table", from: "damage",
	Doc:     "one row for each file that verify found rotten, until it is healed",
	Example: "SELECT d.path, v.name FROM damage d JOIN versions v ON v.digest = d.digest",
	Columns: []Column{
		{"digest", digestText, "digest that the content should have", "digest", readDigest},
		{"snapshot", integer, "id of the snapshot that it was found in", "snapshot", readInt},
		{"path", text, "relative to the snapshot", "path", readText},
		{"found", moment, "when", "found", readTime},
		{"what", text, "what is wrong", "what", readText},
	},
}

package catalog

import "slices"

// A Table is what people are told of a table of the catalog. One that would say
// again what others say is not stored, and can be asked all the same.
type Table struct {
	Name    string   `json:"name"`
	Doc     string   `json:"doc"` // one line
	Columns []Column `json:"columns"`

	view string // the SELECT that it stands for; "" where it is stored
}

// A Column is one of a table.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // as QL calls it: int64, float64, string, time or blob
	Doc  string `json:"doc"`  // one line
}

// Tables returns the tables that can be asked, with all their columns.
func Tables() []Table { return slices.Clone(tables) }

// This is the only description of the schema: help, completion and what
// statements say of their values are made from it. Columns of one name are of
// one type in all tables.
var tables = []Table{{
	Name: "snapshots",
	Doc:  "one row for each sealed snapshot: what it is of, and how the run went that made it",
	Columns: []Column{
		{"id", "int64", "number of the snapshot, in the order in which the catalog learned of them; never used twice"},
		{"name", "string", "backup name, the folder under the backup root"},
		{"stamp", "string", "folder of the snapshot, under that of its name"},
		{"started", "time", "when the run began"},
		{"finished", "time", "when it was sealed"},
		{"source", "string", "directory that was backed up"},
		{"host", "string", "machine that it was on"},
		{"boot", "string", "boot id of that machine"},
		{"match", "string", "what paths had to have in common to share an inode: permissions, content or exact"},
		{"tags", "string", "one per line"},
		{"entries", "int64", "files, directories, links and all else"},
		{"files", "int64", "regular files"},
		{"bytes", "int64", "their sizes added up"},
		{"unchanged", "int64", "files that were taken over from the snapshot before, unread"},
		{"linked", "int64", "files whose content was found elsewhere under the root"},
		{"new_files", "int64", "files that were copied"},
		{"new_bytes", "int64", "what those take: the room that this snapshot cost"},
		{"skipped", "int64", "entries that a rule left out"},
		{"errors", "int64", "entries that could not be read; 0 for a complete snapshot"},
	},
}, {
	Name: "versions",
	Doc: "one row for each version of a path, however many snapshots hold it: those of one name from since to until. " +
		"files(snapshot), versions(path) and holders(digest) ask for both ends",
	Columns: []Column{
		{"path", "string", "relative to the snapshot, with slashes"},
		{"kind", "string", "f file, d directory, l symbolic link, p pipe, s socket, b block device, c character device"},
		{"size", "int64", "bytes"},
		{"mtime", "time", "when it was last changed"},
		{"mode", "int64", "permissions, 0644 say"},
		{"uid", "int64", "owner"},
		{"gid", "int64", "group"},
		{"digest", "blob", "SHA-256 of the content of a file, NULL for all else"},
		{"since", "int64", "id of the first snapshot that holds this version"},
		{"until", "int64", "id of the last one; 0 as long as that is the last one of its name"},
		{"target", "string", "where a symbolic link leads; MAJOR:MINOR of a device; else NULL"},
		{"stored", "string", "what the inode in the snapshot has where it is shared and not the same: MODE,UID:GID,MTIME; " +
			`"no" where the snapshot has none; else NULL`},
		{"xattrs", "blob", "extended attributes, NULL where there are none"},
	},
}, {
	Name: "contents",
	Doc:  "one row for each content that files have, under whatever paths and in whatever snapshots; made of versions when it is asked",
	Columns: []Column{
		{"digest", "blob", "SHA-256 of it"},
		{"size", "int64", "bytes"},
		{"versions", "int64", "how many versions of paths have it"},
		{"path", "string", "one of the paths, the first in the alphabet"},
		{"since", "int64", "id of the first snapshot that holds it"},
		{"until", "int64", "id of the last one; 0 as long as it is in the last one of some name"},
	},
	// To max, the until of a version that lives is the largest there is. QL
	// copies what it groups, so it gets no more columns than it needs.
	view: `SELECT digest, max(size) AS size, count() AS versions, min(path) AS path, ` +
		`min(since) AS since, int64(max(uint64(until-1))+1) AS until ` +
		`FROM (SELECT digest, size, path, since, until FROM versions ` +
		`WHERE kind == "f" && (stored IS NULL || stored != "` + absent + `")) GROUP BY digest`,
}, {
	Name: "verifications",
	Doc:  "one row for each time that verify looked at a snapshot",
	Columns: []Column{
		{"snapshot", "int64", "id of the snapshot"},
		{"started", "time", "when it began"},
		{"finished", "time", "when it ended"},
		{"sample", "float64", "share of the content to be read back: 1 for all, 0 for none, as with --fast"},
		{"files", "int64", "regular files that were looked at"},
		{"read", "int64", "files that were read back, each once however many names it has"},
		{"bytes", "int64", "what those hold"},
		{"problems", "int64", "what was found to be wrong"},
		{"healed", "int64", "what was put right"},
	},
}, {
	Name: "runs",
	Doc: "one row for each time that something was done to the backup root, or was tried: " +
		"of several snapshots, one for each",
	Columns: []Column{
		{"verb", "string", "backup, add, verify or remove"},
		{"name", "string", "backup name"},
		{"stamp", "string", "folder of the snapshot; empty where none was made"},
		{"snapshot", "int64", "id of the snapshot, which may be gone; 0 where there is none, or the catalog was made after it was gone"},
		{"host", "string", "machine that did it"},
		{"started", "time", "when it began"},
		{"finished", "time", "when it ended"},
		{"outcome", "string", "ok; incomplete where something could not be read; damage where verify found some; failed; interrupted"},
		{"error", "string", "why it failed"},
	},
}, {
	Name: "damage",
	Doc:  "one row for each file that verify found rotten, until it is healed",
	Columns: []Column{
		{"digest", "blob", "SHA-256 that the content should have"},
		{"snapshot", "int64", "id of the snapshot that it was found in"},
		{"path", "string", "relative to the snapshot"},
		{"found", "time", "when"},
		{"what", "string", "what is wrong"},
	},
}, {
	Name: "schema",
	Doc:  "one row about the catalog itself",
	Columns: []Column{
		{"version", "int64", "of these tables"},
		{"next_snapshot", "int64", "id of the next snapshot"},
		{"file_size", "int64", "bytes of the database when it was published, before it was compressed"},
		{"journal_read", "int64", "bytes of .phlb/record that the tables hold"},
		{"journal_sum", "int64", "of what stands before that, to know it again"},
	},
}, {
	Name: "unwritten",
	Doc:  "one row for each line that .phlb/record does not have, because it could not be written",
	Columns: []Column{
		{"line", "string", "as it will stand there"},
	},
}}

// columnType returns the type of the columns of that name, "" if there are
// none.
func columnType(name string) string {
	for _, t := range tables {
		for _, c := range t.Columns {
			if c.Name == name {
				return c.Type
			}
		}
	}
	return ""
}

// Functions lists what QL can call in a SELECT.
func Functions() []string { return slices.Clone(functions) }

var functions = []string{
	"avg", "coalesce", "contains", "count", "date", "day", "formatFloat", "formatInt", "formatTime", "hasPrefix",
	"hasSuffix", "hour", "hours", "id", "len", "max", "min", "minute", "minutes", "month", "nanosecond", "nanoseconds",
	"now", "parseTime", "second", "seconds", "since", "sum", "timeIn", "weekday", "year", "yearDay",
}

package builtins

import (
	"slices"

	"go.starlark.net/starlark"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/runtime"
)

// Owner is a part of the script API: what belongs to no value, to the values of
// a type, or to a module.
type Owner struct {
	Name       string // of the type or module; "" for what belongs to none
	Module     bool
	Functions  runtime.Table
	Attributes []Attribute
}

// Attribute is one of every value of a type.
type Attribute struct {
	Name, Type, Doc string // Type as a script would call it
}

// API returns what scripts can use, from the tables by which it is registered.
// The manual and the stubs for editors are made of it.
func (s *Session) API() []Owner {
	library := runtime.Library()
	all := []Owner{
		{Functions: slices.Concat(s.Table(), library[""])},
		{Name: "http", Module: true, Functions: s.HTTPTable()},
		{Name: "time", Module: true, Functions: library["time"]},
	}
	for _, t := range []struct {
		name string
		of   starlark.Value // any one
	}{
		{"Scan", &Scan{}}, {"File", &File{}}, {"Snapshot", &Snapshot{}}, {"Entry", &Entry{}}, {"Version", &Version{}},
		{"Report", &Report{}}, {"Restored", &Restored{}},
		{"problem", problems([]engine.Problem{{}}).Index(0)}, {"removal", removalValue(&engine.Removal{})},
		{"stat", statValue(&Snapshot{}, &engine.Stat{})}, {"change", changeValue(&engine.Change{New: &manifest.Entry{}})},
		{"found", s.foundValue(&engine.Found{Entry: &manifest.Entry{}})}, {"age", ageValue(noAge(""))},
		{"ran", ran(0, "", "", false)}, {"answer", answer(0, "", nil)},
	} {
		o := Owner{Name: t.name}
		if o.Name == "Snapshot" {
			o.Functions = SnapshotMethods
		}
		for _, name := range t.of.(starlark.HasAttrs).AttrNames() {
			if slices.ContainsFunc(o.Functions, func(b runtime.Builtin) bool { return b.Name == name }) {
				continue
			}
			a, ok := documented[o.Name+"."+name]
			if !ok {
				a = documented["."+name]
			}
			a.Name = name
			o.Attributes = append(o.Attributes, a)
		}
		all = append(all, o)
	}
	return all
}

// documented says what attributes are, by TYPE.NAME, or by .NAME where they are
// the same for all types.
var documented = map[string]Attribute{
	".path":   {"", "str", "where it lies below the source, with slashes"},
	".abs":    {"", "str", "the absolute path"},
	".name":   {"", "str", "the last part of the path"},
	".ext":    {"", "str", `the ending of the name, such as ".iso"; "" if it has none`},
	".dir":    {"", "str", "the path without its last part"},
	".size":   {"", "int", "bytes of content"},
	".mtime":  {"", "time", "when the content was last changed"},
	".ctime":  {"", "time", "when content or metadata were last changed"},
	".atime":  {"", "time", "when it was last read, as far as the file system keeps that"},
	".btime":  {"", "time", "when it was made; None where the file system does not tell"},
	".mode":   {"", "int", "permission bits"},
	".uid":    {"", "int", "the owner's number"},
	".gid":    {"", "int", "the group's number"},
	".kind":   {"", "str", "file, dir, symlink or another"},
	".nlink":  {"", "int", "how many names the inode has"},
	".digest": {"", "str", "SHA-256 of the content; None if it is no file"},
	".target": {"", "str", "what a symbolic link points to; None if it is none"},

	"Scan.root":    {"", "str", "the directory that is scanned"},
	"Scan.exists":  {"", "bool", "whether that directory is there"},
	"Scan.files":   {"", "int", "how many files there are; counting walks the source"},
	"Scan.bytes":   {"", "int", "their sizes"},
	"Scan.skipped": {"", "int", "how many entries are left out"},
	"Scan.errors":  {"", "int", "how many could not be read"},

	"Snapshot.id":        {"", "int", "its number in the catalog"},
	"Snapshot.name":      {"", "str", "the backup name"},
	"Snapshot.stamp":     {"", "str", "the folder below that"},
	"Snapshot.time":      {"", "time", "when it began"},
	"Snapshot.finished":  {"", "time", "when it was sealed"},
	"Snapshot.path":      {"", "str", "where its tree lies"},
	"Snapshot.source":    {"", "str", "the directory that was backed up"},
	"Snapshot.host":      {"", "str", "the machine that it was on"},
	"Snapshot.files":     {"", "int", "how many files it has"},
	"Snapshot.bytes":     {"", "int", "their sizes"},
	"Snapshot.unchanged": {"", "int", "files linked from the snapshot before, unread"},
	"Snapshot.linked":    {"", "int", "files linked to content that was there"},
	"Snapshot.new":       {"", "int", "files that had to be stored"},
	"Snapshot.new_bytes": {"", "int", "their sizes"},
	"Snapshot.skipped":   {"", "int", "entries left out by rules"},
	"Snapshot.errors":    {"", "int", "entries that could not be read"},
	"Snapshot.complete":  {"", "bool", "whether everything could be read"},
	"Snapshot.pinned":    {"", "bool", `whether it is tagged "pinned", and so never removed`},
	"Snapshot.tags":      {"", "tuple", "words to find it by"},

	"Version.snapshots": {"", "list", "the snapshots that hold it, the newest first"},
	"Version.newest":    {"", "Snapshot", "the newest of them"},
	"Version.oldest":    {"", "Snapshot", "the oldest of them"},

	"Report.ok":       {"", "bool", "whether no problem was found"},
	"Report.files":    {"", "int", "how many files were looked at"},
	"Report.read":     {"", "int", "how many were read back"},
	"Report.bytes":    {"", "int", "bytes that were read back"},
	"Report.linked":   {"", "int", "duplicates that add replaced by links"},
	"Report.saved":    {"", "int", "bytes that this saved"},
	"Report.removed":  {"", "int", "snapshots that are gone and were forgotten"},
	"Report.snapshot": {"", "Snapshot", "the one that was checked; None for add"},
	"Report.added":    {"", "list", "snapshots that the catalog did not know"},
	"Report.problems": {"", "list", "what was found, a problem each"},

	"Restored.ok":        {"", "bool", "whether there was no problem"},
	"Restored.dry":       {"", "bool", "whether nothing was changed, as with --dry-run"},
	"Restored.to":        {"", "str", "where it was restored to"},
	"Restored.files":     {"", "int", "files that were written"},
	"Restored.bytes":     {"", "int", "their sizes"},
	"Restored.linked":    {"", "int", "further names of files that have several"},
	"Restored.others":    {"", "int", "symbolic links, devices and the like that were made"},
	"Restored.folders":   {"", "int", "directories that were made"},
	"Restored.unchanged": {"", "int", "what was there already as it should be"},
	"Restored.skipped":   {"", "int", "what was there and different, and was kept"},
	"Restored.deleted":   {"", "int", "what was removed because the snapshot does not have it"},
	"Restored.errors":    {"", "int", "what could not be restored"},
	"Restored.problems":  {"", "list", "why, a problem each"},

	"problem.path":   {"", "str", "where"},
	"problem.what":   {"", "str", "what it is, in a word"},
	"problem.detail": {"", "str", "more about it"},

	"removal.snapshots": {"", "int", "how many are gone, or with --dry-run would be"},
	"removal.files":     {"", "int", "contents that only these held"},
	"removal.bytes":     {"", "int", "their sizes, which are freed"},

	"stat.snapshot":   {"", "Snapshot", "the one that was asked"},
	"stat.files":      {"", "int", "how many files it has"},
	"stat.bytes":      {"", "int", "their sizes"},
	"stat.dirs":       {"", "int", "how many directories"},
	"stat.symlinks":   {"", "int", "how many symbolic links"},
	"stat.fifos":      {"", "int", "how many named pipes"},
	"stat.sockets":    {"", "int", "how many sockets"},
	"stat.devices":    {"", "int", "how many devices"},
	"stat.only_files": {"", "int", "contents that no other snapshot holds"},
	"stat.only_bytes": {"", "int", "their sizes, which its removal would free"},
	"stat.verified":   {"", "time", "when it was last verified; None if that is not known"},

	"change.what":     {"", "str", "added, removed, changed, moved or metadata"},
	"change.path":     {"", "str", "where it is, or was if it is removed"},
	"change.before":   {"", "str", "where it was if it is moved"},
	"change.old_size": {"", "int", "bytes before; None if that was no file"},
	"change.new_size": {"", "int", "bytes now; None if that is no file"},
	"change.detail":   {"", "str", "what differs"},

	"found.size":     {"", "int", "bytes in the newest version; None if it is no file"},
	"found.versions": {"", "int", "how many distinct versions there are"},
	"found.first":    {"", "Snapshot", "the oldest that holds it"},
	"found.last":     {"", "Snapshot", "the newest that holds it"},

	"age.name":     {"", "str", "the backup name"},
	"age.snapshot": {"", "Snapshot", "its newest complete one; None if there is none"},
	"age.age":      {"", "duration", "how old that is; None if there is none"},
	"age.ok":       {"", "bool", "whether it is young enough"},

	"ran.code":      {"", "int", "the exit status"},
	"ran.stdout":    {"", "str", "what it wrote"},
	"ran.stderr":    {"", "str", "what it wrote about that"},
	"ran.timed_out": {"", "bool", "whether it was stopped for taking too long"},

	"answer.status":  {"", "int", "the HTTP status"},
	"answer.body":    {"", "str", "the content"},
	"answer.headers": {"", "dict", "the headers, by name"},
}

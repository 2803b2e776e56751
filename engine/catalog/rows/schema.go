package rows

import "phlb/engine/catalog/qlfile"

// migrations bring a catalog from one version of the schema to the next; the
// first one makes it. An index would cost more than the rows it is over: a scan
// does. What the columns mean is said in the tables of package ask.
var migrations = []string{`
	CREATE TABLE schema (
		version       int64,
		next_snapshot int64, // numbers are never used twice
		file_size     int64, // to know what was cut off
	);
	INSERT INTO schema VALUES (0, 1, 0);

	CREATE TABLE snapshots (
		id        int64,
		name      string,
		stamp     string,
		started   time,
		finished  time,
		source    string,
		host      string,
		boot      string,
		match     string,
		tags      string,
		entries   int64,
		files     int64,
		bytes     int64,
		unchanged int64,
		linked    int64,
		new_files int64,
		new_bytes int64,
		skipped   int64,
		errors    int64,
	);

	CREATE TABLE versions (
		path   string,
		kind   string,
		size   int64,
		mtime  time,
		mode   int64,
		uid    int64,
		gid    int64,
		digest blob,
		since  int64,
		until  int64,
		target string,
		stored string,
		xattrs blob,
	);

	CREATE TABLE damage (
		digest   blob,
		snapshot int64,
		path     string,
		found    time,
		what     string,
	);
`, `
	CREATE TABLE verifications (
		snapshot int64,
		started  time,
		finished time,
		sample   float64,
		files    int64,
		read     int64,
		bytes    int64,
		problems int64,
		healed   int64,
	);

	CREATE TABLE runs (
		verb     string,
		name     string,
		stamp    string,
		snapshot int64,
		host     string,
		started  time,
		finished time,
		outcome  string,
		error    string,
	);
`, `
	ALTER TABLE schema ADD journal_read int64; // how much of the journal is in the tables
	ALTER TABLE schema ADD journal_sum int64;  // of what stands before that
	UPDATE schema SET journal_read = 0, journal_sum = 0;

	CREATE TABLE unwritten (
		line string, // that the journal is yet to be given
	);
`, `
	ALTER TABLE snapshots ADD skipped_folders int64;
	UPDATE snapshots SET skipped_folders = 0;
`}

// SchemaVersion is the newest one.
var SchemaVersion = int64(len(migrations))

// WithJournal is the first version that knows of a journal.
const WithJournal = 3

var (
	selectVersion = qlfile.Compile("SELECT version FROM schema;")
	updateVersion = qlfile.Compile("UPDATE schema SET version = $1;")
	selectSchema  = qlfile.Compile("SELECT next_snapshot, file_size FROM schema;")
	updateNext    = qlfile.Compile("UPDATE schema SET next_snapshot = $1;")
	updateSize    = qlfile.Compile("UPDATE schema SET file_size = $1;")
)

// Next returns the number that the next snapshot gets.
func Next(file *qlfile.File) (ID, error) {
	row, err := file.Row(selectSchema, 2)
	if err != nil {
		return 0, err
	}
	next, _ := row[0].(int64)
	return ID(next), nil
}

// SetNext notes what Next returns.
func SetNext(tx *qlfile.Tx, next ID) error { return tx.Exec(updateNext, int64(next)) }

// SetSize notes how long the file is, by which Migrate tells one that was cut off.
func SetSize(tx *qlfile.Tx, size int64) error { return tx.Exec(updateSize, size) }

// Migrate checks what was opened, if it is not new, and brings it to the newest
// schema. It returns which version it has found, 0 for a new file.
func Migrate(file *qlfile.File) (found int64, err error) {
	if !file.New() {
		row, err := file.Row(selectVersion, 1)
		if err != nil {
			return 0, err
		}
		found, _ = row[0].(int64)
		if found > SchemaVersion {
			return found, qlfile.ErrNewer
		}
		if row, err = file.Row(selectSchema, 2); err != nil {
			return found, err
		}
		if found < 1 || row[1] != file.Size() {
			return found, qlfile.ErrDamaged
		}
	}
	if found == SchemaVersion {
		return found, nil
	}
	return found, file.Update(func(tx *qlfile.Tx) error {
		for _, statements := range migrations[found:] {
			if err := tx.Exec(qlfile.Compile(statements)); err != nil {
				return err
			}
		}
		return tx.Exec(updateVersion, SchemaVersion)
	})
}

package rows

import (
	"context"

	"phlb/engine/catalog/qlfile"
)

var (
	selectJournal   = qlfile.Compile(`SELECT journal_read, journal_sum FROM schema;`)
	updateJournal   = qlfile.Compile(`UPDATE schema SET journal_read = $1, journal_sum = $2;`)
	selectUnwritten = qlfile.Compile(`SELECT line FROM unwritten;`)
	insertUnwritten = qlfile.Compile(`INSERT INTO unwritten VALUES ($1);`)
	deleteUnwritten = qlfile.Compile(`DELETE FROM unwritten;`)
)

// JournalRead returns how much of the journal is in the tables, and the sum of what
// stands before that.
func JournalRead(file *qlfile.File) (size, sum int64, err error) {
	row, err := file.Row(selectJournal, 2)
	if err != nil {
		return 0, 0, err
	}
	size, _ = row[0].(int64)
	sum, _ = row[1].(int64)
	return size, sum, nil
}

// SetJournalRead notes what JournalRead returns.
func SetJournalRead(tx *qlfile.Tx, size, sum int64) error { return tx.Exec(updateJournal, size, sum) }

// Unwritten returns the lines that the journal is yet to be given.
func Unwritten(ctx context.Context, file *qlfile.File) ([]string, error) {
	return all(ctx, file, selectUnwritten, func(row []any) (string, error) {
		line, ok := row[0].(string)
		if !ok {
			return "", qlfile.ErrDamaged
		}
		return line, nil
	})
}

// AddUnwritten adds lines that the journal is yet to be given.
func AddUnwritten(tx *qlfile.Tx, lines []string) error {
	for _, line := range lines {
		if err := tx.Exec(insertUnwritten, line); err != nil {
			return err
		}
	}
	return nil
}

// ClearUnwritten deletes those lines.
func ClearUnwritten(tx *qlfile.Tx) error { return tx.Exec(deleteUnwritten) }

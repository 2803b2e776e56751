package rows

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"phlb/engine/catalog/qlfile"
	"phlb/engine/manifest"
)

var (
	selectSnapshots = qlfile.Compile(`SELECT * FROM snapshots;`)
	insertSnapshot  = qlfile.Compile(`INSERT INTO snapshots VALUES ` + parameters(1, 20) + `;`)
)

// ID is the number of a snapshot. The first one is 1.
type ID int64

// Snapshot is a sealed snapshot.
type Snapshot struct {
	ID    ID
	Stamp string // its folder, under that of the backup name
	manifest.Header
	manifest.Summary
}

// Snapshots returns all snapshots in the order of their numbers.
func Snapshots(ctx context.Context, file *qlfile.File) ([]Snapshot, error) {
	all, err := all(ctx, file, selectSnapshots, readSnapshot)
	slices.SortFunc(all, func(a, b Snapshot) int { return cmp.Compare(a.ID, b.ID) })
	return all, err
}

// row returns the columns in the order of the table.
func (s *Snapshot) row() []any {
	return []any{
		int64(s.ID), s.Name, s.Stamp, s.Started.UTC(), s.Finished.UTC(), s.Source, s.Host, s.Boot,
		s.Match, strings.Join(s.Tags, "\n"), s.Entries, s.Files, s.Bytes, s.Unchanged, s.Linked,
		s.New, s.NewBytes, s.Skipped, s.Errors, s.Folders,
	}
}

// readSnapshot undoes row.
func readSnapshot(row []any) (s Snapshot, err error) {
	var id int64
	var tags string
	err = scanRow(row, &id, &s.Name, &s.Stamp, &s.Started, &s.Finished, &s.Source, &s.Host, &s.Boot,
		&s.Match, &tags, &s.Entries, &s.Files, &s.Bytes, &s.Unchanged, &s.Linked,
		&s.New, &s.NewBytes, &s.Skipped, &s.Errors, &s.Folders)
	if err != nil {
		return s, fmt.Errorf("%w of snapshot %d", err, id)
	}
	s.ID = ID(id)
	if tags != "" {
		s.Tags = strings.Split(tags, "\n")
	}
	return s, nil
}

// scanRow puts the columns of a row where they belong.
func scanRow(row []any, to ...any) error {
	if len(row) != len(to) {
		return fmt.Errorf("%w: a row of %d columns", qlfile.ErrDamaged, len(row))
	}
	for i, dst := range to {
		ok := false
		switch dst := dst.(type) {
		case *int64:
			*dst, ok = row[i].(int64)
		case *float64:
			*dst, ok = row[i].(float64)
		case *string:
			*dst, ok = row[i].(string)
		case *time.Time:
			*dst, ok = row[i].(time.Time)
		}
		if !ok {
			return fmt.Errorf("%w: column %d", qlfile.ErrDamaged, i)
		}
	}
	return nil
}

// Last returns the number of the last snapshot of a name, 0 if there is none.
func Last(all []Snapshot, name string) ID {
	id := ID(0)
	for i := range all {
		if all[i].Name == name {
			id = max(id, all[i].ID)
		}
	}
	return id
}

// NumbersOf returns the numbers of the snapshots of a name.
func NumbersOf(all []Snapshot, name string) map[ID]bool {
	ours := map[ID]bool{}
	for i := range all {
		if all[i].Name == name {
			ours[all[i].ID] = true
		}
	}
	return ours
}

// AddSnapshot adds a row.
func AddSnapshot(tx *qlfile.Tx, s *Snapshot) error { return tx.Exec(insertSnapshot, s.row()...) }

var (
	createRemoved       = qlfile.Compile(`CREATE TABLE removed (id int64);`)
	insertRemoved       = qlfile.Compile(`INSERT INTO removed VALUES ($1);`)
	deleteSnapshots     = qlfile.Compile(`DELETE FROM snapshots WHERE id IN (SELECT id FROM removed);`)
	deleteVerifications = qlfile.Compile(`DELETE FROM verifications WHERE snapshot IN (SELECT id FROM removed);`)
	dropRemoved         = qlfile.Compile(`DROP TABLE removed;`)
)

// Forget deletes snapshots, and what hangs on them but the versions. However
// many there are, it takes one look at all.
func Forget(tx *qlfile.Tx, gone map[ID]bool) error {
	if err := tx.Exec(createRemoved); err != nil {
		return err
	}
	for id := range gone {
		if err := tx.Exec(insertRemoved, int64(id)); err != nil {
			return err
		}
	}
	for _, statement := range []qlfile.Statement{deleteSnapshots, deleteVerifications, dropRemoved} {
		if err := tx.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}

// parameters returns a list of rows of parameters, ($1,$2),($3,$4).
func parameters(rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i%columns > 0:
			b.WriteByte(',')
		case i > 0:
			b.WriteString("),(")
		default:
			b.WriteByte('(')
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	b.WriteByte(')')
	return b.String()
}

// NewestFirst orders by time; of one moment, the one absorbed last is newer.
func NewestFirst(a, b Snapshot) int {
	if c := b.Started.Compare(a.Started); c != 0 {
		return c
	}
	return cmp.Compare(b.ID, a.ID)
}

package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"phlb/engine/catalog/qlfile"
)

var (
	selectSnapshots = qlfile.Compile(`SELECT * FROM snapshots;`)
	insertSnapshot  = qlfile.Compile(`INSERT INTO snapshots VALUES ` + parameters(1, 19) + `;`)
)

// findSnapshots returns all snapshots in the order of their numbers.
func (d *database) findSnapshots(ctx context.Context) ([]Snapshot, error) {
	var all []Snapshot
	err := d.Select(ctx, selectSnapshots, nil, func(row []any) (bool, error) {
		s, err := readSnapshot(row)
		all = append(all, s)
		return true, err
	})
	slices.SortFunc(all, func(a, b Snapshot) int { return cmp.Compare(a.ID, b.ID) })
	return all, err
}

// row returns the columns in the order of the table.
func (s *Snapshot) row() []any {
	return []any{
		int64(s.ID), s.Name, s.Stamp, s.Started.UTC(), s.Finished.UTC(), s.Source, s.Host, s.Boot,
		s.Match, strings.Join(s.Tags, "\n"), s.Entries, s.Files, s.Bytes, s.Unchanged, s.Linked,
		s.New, s.NewBytes, s.Skipped, s.Errors,
	}
}

// readSnapshot undoes row.
func readSnapshot(row []any) (s Snapshot, err error) {
	var id int64
	var tags string
	err = scanRow(row, &id, &s.Name, &s.Stamp, &s.Started, &s.Finished, &s.Source, &s.Host, &s.Boot,
		&s.Match, &tags, &s.Entries, &s.Files, &s.Bytes, &s.Unchanged, &s.Linked,
		&s.New, &s.NewBytes, &s.Skipped, &s.Errors)
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
		return fmt.Errorf("%w: a row of %d columns", ErrDamaged, len(row))
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
			return fmt.Errorf("%w: column %d", ErrDamaged, i)
		}
	}
	return nil
}

// last returns the number of the last snapshot of a name, 0 if there is none.
func last(all []Snapshot, name string) ID {
	id := ID(0)
	for i := range all {
		if all[i].Name == name {
			id = max(id, all[i].ID)
		}
	}
	return id
}

// numbersOf returns the numbers of the snapshots of a name.
func numbersOf(all []Snapshot, name string) map[ID]bool {
	ours := map[ID]bool{}
	for i := range all {
		if all[i].Name == name {
			ours[all[i].ID] = true
		}
	}
	return ours
}

// addSnapshot inserts s, whose number is the next free one.
func (d *database) addSnapshot(tx *qlfile.Tx, s *Snapshot) error {
	if err := tx.Exec(insertSnapshot, s.row()...); err != nil {
		return err
	}
	return tx.Exec(updateNext, int64(s.ID+1))
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

package qlfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func mustOpen(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path, "", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

var (
	create = Compile(`
		CREATE TABLE other (n int64);
		CREATE TABLE rows (text string, n int64, f float64, t time, b blob, since int64, until int64, last string);
		INSERT INTO other VALUES (7);`)
	insert     = Compile(`INSERT INTO rows VALUES ($1, $2, $3, $4, $5, $6, $7, $8);`)
	selectAll  = Compile(`SELECT * FROM rows;`)
	lifetime   = Span{"rows", 5}
	numbers    = []int64{0, 1, -1, 63, 64, -64, -65, 1 << 20, math.MaxInt64, math.MinInt64}
	fractions  = []float64{0, 0.25, -1, math.Inf(1), math.SmallestNonzeroFloat64}
	moments    = []time.Time{{}, time.Unix(0, 0).UTC(), time.Unix(-5e9, 999_999_999).UTC(), time.Date(2026, 11, 22, 1, 2, 3, 4, time.UTC)}
	lengths    = []int{0, 1, 5, 14, 15, 16, 100, 127, 128, 255, 256, 257, 4000, 70_000, 140_000}
	withColumn = []Column{
		{"text", "string"}, {"n", "int64"}, {"f", "float64"}, {"t", "time"}, {"b", "blob"},
		{"since", "int64"}, {"until", "int64"}, {"last", "string"},
	}
)

// fill inserts n rows of all kinds of values.
func fill(t testing.TB, f *File, n int) {
	t.Helper()
	err := f.Update(func(tx *Tx) error {
		if err := tx.Exec(create); err != nil {
			return err
		}
		for i := range n {
			row := []any{
				strings.Repeat("ä", lengths[i%len(lengths)]), numbers[i%len(numbers)], fractions[i%len(fractions)], moments[i%len(moments)],
				bytes.Repeat([]byte{0xff}, lengths[i/3%len(lengths)]), int64(i + 1), int64(0), fmt.Sprint(i),
			}
			if i%13 == 5 { // of all columns but the span
				row[0], row[1], row[2], row[4], row[7] = nil, nil, nil, nil, nil
			}
			if err := tx.Exec(insert, row...); err != nil {
				return err
			}
			if tx.Inserted() == 0 {
				return errors.New("no number")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// byQL returns the rows as QL reads them.
func byQL(t testing.TB, f *File) (all [][]any) {
	t.Helper()
	err := f.Select(context.Background(), selectAll, nil, func(row []any) (bool, error) {
		for i, v := range row {
			switch x := v.(type) {
			case nil:
				row[i] = []any{"", int64(0), 0.0, time.Time{}, []byte(nil), 0, 0, ""}[i]
			case []byte:
				if len(x) == 0 {
					row[i] = []byte(nil)
				}
			case time.Time:
				row[i] = x.UTC()
			}
		}
		all = append(all, row)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// scanned returns the rows as they are read from the blocks: in the order of the
// columns, or column by column.
func scanned(t testing.TB, rows *Rows, err error, inOrder bool) (all [][]any) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	moment := func(sec int64, nsec uint32) time.Time { return time.Unix(sec, int64(nsec)).UTC() }
	for rows.Next() {
		var row []any
		if inOrder {
			v := rows.Values()
			row = append(row, strings.Clone(v.Text()), v.Int(), v.Float(), moment(v.Time()), bytes.Clone(v.Blob()), v.Int(), v.Int(), strings.Clone(v.Text()))
			if v.Left() > 0 || v.Err() != nil {
				t.Fatal(v.Left(), v.Err())
			}
		} else {
			last, until, b := strings.Clone(rows.Column(7).Text()), rows.Column(6).Int(), bytes.Clone(rows.Column(4).Blob())
			row = append(row, strings.Clone(rows.Column(0).Text()), rows.Column(1).Int(), rows.Column(2).Float(), moment(rows.Column(3).Time()), b, rows.Column(5).Int(), until, last)
		}
		all = append(all, row)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return all
}

func checkFormat(t *testing.T, f *File) [][]any {
	t.Helper()
	want := byQL(t, f)
	for _, inOrder := range []bool{true, false} {
		rows, err := f.Rows("rows")
		if got := scanned(t, rows, err, inOrder); !reflect.DeepEqual(got, want) {
			t.Fatalf("%d rows are not the %d that QL reads", len(got), len(want))
		}
	}
	if _, err := f.Verify(); err != nil {
		t.Fatal(err)
	}
	return want
}

// TestFormat holds what is known of QL's format against QL: see the package
// comment.
func TestFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "catalog.ql")
	f := mustOpen(t, path)
	fill(t, f, 400)
	before := checkFormat(t, f)
	tables, err := f.Tables()
	if err != nil || len(tables) != 2 || tables[0].Name != "rows" || tables[1].Name != "other" || !reflect.DeepEqual(tables[0].Columns, withColumn) {
		t.Fatalf("tables are %+v, %v", tables, err)
	}
	frozen, err := f.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()

	// Rows end where they lie, and some do not fit there any more.
	var ends []End
	rows, err := f.Rows("rows")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		ends = append(ends, End{rows.Handle(), int64(1) << (len(ends) % 60)})
	}
	rows.Close()
	if err := f.End(lifetime, ends, 70); err != nil {
		t.Fatal(err)
	}
	for i, row := range checkFormat(t, f) {
		if row[6] != ends[i].Value {
			t.Fatalf("row %d ends with %v, want %d", i, row[6], ends[i].Value)
		}
	}
	space, err := f.Verify()
	if err != nil || space.Moved["rows"] == 0 {
		t.Errorf("no row has moved: %+v, %v", space, err)
	}

	// A third of them goes.
	err = f.Move(t.Context(), lifetime, 70, func(since, until int64) (int64, int64, bool) { return since + 1000, until, since%3 != 0 })
	if err != nil {
		t.Fatal(err)
	}
	if left := checkFormat(t, f); len(left) != 267 {
		t.Errorf("%d rows are left", len(left))
	}
	// QL goes on from there.
	err = f.Update(func(tx *Tx) error {
		for i := range 100 {
			if err := tx.Exec(insert, strings.Repeat("new", i), int64(i), 0.5, time.Unix(1, 2).UTC(), []byte{1}, int64(i), int64(0), "new"); err != nil {
				return err
			}
		}
		return tx.Exec(Compile(`DELETE FROM rows WHERE n == 64; UPDATE rows SET last = "changed, and longer than it was" WHERE n == 1;`))
	})
	if err != nil {
		t.Fatal(err)
	}
	after := checkFormat(t, f)

	// What was frozen has not changed, and what is published is what was there.
	for range 2 {
		rows, err := frozen.Rows("rows")
		if !reflect.DeepEqual(scanned(t, rows, err, true), before) {
			t.Fatal("what was frozen has changed")
		}
		err = frozen.Row(ends[0].Handle, func(row *Values) error {
			if got := row.Text(); got != before[0][0] {
				t.Errorf("the text of the first row is %.100q", got)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	frozen.Close()
	raw := make([]byte, f.Size())
	if _, err := f.pages.ReadAt(raw, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	check := func(path string) {
		t.Helper()
		r, err := OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		rows, err := r.Rows("rows")
		if !reflect.DeepEqual(scanned(t, rows, err, true), after) {
			t.Fatal("what was published is something else")
		}
		checkFormat(t, mustOpen(t, path))
	}
	check(path)
	// The first version of a published file was the database as it is.
	old := filepath.Join(t.TempDir(), "old.ql")
	if err := os.WriteFile(old, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	check(old)
}

// TestWhere passes over rows by a look at one column.
func TestWhere(t *testing.T) {
	t.Parallel()
	f := mustOpen(t, filepath.Join(t.TempDir(), "catalog.ql"))
	fill(t, f, 60)
	rows, err := f.Rows("rows")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	rows.Where(7, func(v *Values) bool { return v.Text() == "30" || v.Null() })
	n, null := 0, 0
	for rows.Next() {
		if rows.Column(0).Null() {
			null++
		} else if n++; rows.Column(5).Int() != 31 || rows.Column(7).Text() != "30" || rows.ID() == 0 {
			t.Error("not the row that is wanted")
		}
	}
	if n != 1 || null > 5 || rows.Err() != nil {
		t.Error(n, null, rows.Err())
	}
	_, err = f.Rows("nothing")
	if !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

// TestRowsAllocate reads many rows with hardly an allocation.
func TestRowsAllocate(t *testing.T) {
	f := mustOpen(t, filepath.Join(t.TempDir(), "catalog.ql"))
	fill(t, f, 0)
	err := f.Update(func(tx *Tx) error {
		for i := range 1000 {
			if err := tx.Exec(insert, "text", int64(i), 0.5, time.Time{}, nil, int64(i), int64(0), "last"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(5, func() {
		rows, err := f.Rows("rows")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		sum := int64(0)
		for rows.Next() {
			sum += rows.Column(1).Int() + rows.Column(6).Int() + int64(len(rows.Column(7).Text()))
		}
	})
	// Blocks are, and rows that lie in two of them.
	if n > 100 {
		t.Errorf("%v allocations for 1000 rows", n)
	}
}

// failing reads as a broken disk does.
type failing struct {
	io.ReaderAt
	after atomic.Int64 // so many reads
	err   error
}

func (f *failing) ReadAt(b []byte, off int64) (int, error) {
	if f.after.Add(-1) < 0 {
		return 0, &os.PathError{Op: "read", Path: "catalog.ql", Err: f.err}
	}
	return f.ReaderAt.ReadAt(b, off)
}

// TestUnread has reads fail, from different moments on: what could not be read is
// not damaged, and must not be replaced.
func TestUnread(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "catalog.ql")
	f := mustOpen(t, path)
	fill(t, f, 100)
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	for _, why := range []error{syscall.EIO, syscall.ENOMEM, syscall.EMFILE} {
		for name, ask := range map[string]func(f *File) error{
			"Rows": func(f *File) error {
				rows, err := f.Rows("rows")
				if err != nil {
					return err
				}
				defer rows.Close()
				for rows.Next() {
				}
				return rows.Err()
			},
			"Select": func(f *File) error {
				return f.Select(context.Background(), selectAll, nil, func([]any) (bool, error) { return true, nil })
			},
			"Update": func(f *File) error {
				return f.Update(func(tx *Tx) error { return tx.Exec(Compile(`DELETE FROM rows WHERE n != 63;`)) })
			},
			"Query": func(f *File) error {
				q, err := f.Query(context.Background())
				if err != nil {
					return err
				}
				defer q.Close()
				sets, err := q.Run(selectAll)
				if err != nil {
					return err
				}
				return q.Each(sets[0], func([]any) (bool, error) { return true, nil })
			},
			"Move": func(f *File) error {
				return f.Move(context.Background(), lifetime, 10, func(a, b int64) (int64, int64, bool) { return a, b + 1, a%4 > 0 })
			},
			"Open": func(f *File) error { // what QL reads there is read from the blocks
				db, err := openDatabase(newOver(f), f.TempDir())
				if err == nil {
					db.close()
				}
				return err
			},
		} {
			t.Run(name, func(t *testing.T) {
				for after := range 8 {
					f := mustOpen(t, path)
					f.pages.cache = [cachedBlocks]block{}
					broken := &failing{ReaderAt: f.pages.base.from, err: why}
					broken.after.Store(int64(after))
					f.pages.base.from = broken
					err := ask(f)
					if err == nil && after > 0 {
						continue // it needs no more
					}
					if !errors.Is(err, why) || errors.Is(err, ErrDamaged) {
						t.Errorf("after %d reads: %v", after, err)
					}
					f.Close()
				}
			})
		}
	}
}

// TestUnreadText has QL say no more of a read that failed than its text, or panic.
func TestUnreadText(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "catalog.ql")
	f := mustOpen(t, path)
	fill(t, f, 10)
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	for name, tell := range map[string]func(err error) error{
		"Text":  func(err error) error { return fmt.Errorf("cannot read page: %v", err) },
		"Panic": func(err error) error { panic(err.Error()) },
	} {
		f := mustOpen(t, path)
		f.pages.cache = [cachedBlocks]block{}
		f.pages.base.from = &failing{ReaderAt: f.pages.base.from, err: syscall.EIO}
		err := f.Update(func(*Tx) error {
			_, err := f.pages.ReadAt(make([]byte, 8), 0)
			return f.damaged(tell(err))
		})
		if !errors.Is(err, syscall.EIO) || errors.Is(err, ErrDamaged) {
			t.Errorf("%s: error is %v", name, err)
		}
		// What was read and makes no sense is.
		f = mustOpen(t, path)
		err = f.Update(func(*Tx) error { return f.damaged(tell(errors.New("corrupted DB"))) })
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// newOver returns pages over the published file of another.
func newOver(f *File) *pages {
	file, _ := os.CreateTemp(f.TempDir(), "over-*")
	p := newPages(file)
	p.base, p.size = f.pages.base, f.pages.base.size
	return p
}

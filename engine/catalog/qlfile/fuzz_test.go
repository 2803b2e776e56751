package qlfile

import (
	"bytes"
	"path/filepath"
	"testing"
)

// FuzzBlocks spoils the blocks of a database below their checksums, as whoever
// makes a catalog of his own can, and reads it in all ways. Whatever it holds, it
// ends in rows or in an error. The database lies in memory, and nothing of QL's runs
// beside: an input costs less than a millisecond.
func FuzzBlocks(f *testing.F) {
	f.Add(int64(0), []byte("GDB"))
	f.Add(int64(304), []byte{0xff, 0xff, 0xff, 0xff})
	f.Add(int64(420), []byte("!")) // a long row that comes after itself
	f.Add(int64(320), make([]byte, 16))
	f.Add(int64(5000), []byte{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	whole := databaseOf(f, 16)
	f.Fuzz(func(t *testing.T, at int64, patch []byte) {
		if at < 0 {
			return
		}
		spoiled := bytes.Clone(whole)
		copy(spoiled[at%int64(len(spoiled)):], patch)
		p := &packed{from: bytes.NewReader(spoiled), size: int64(len(spoiled))}
		r := &Reader{layers: &layers{base: p, size: p.size}}
		if _, err := r.Tables(); err != nil && err.Error() == "" {
			t.Error("an error without a word")
		}
		var handles []int64
		for _, table := range []string{"other", "rows"} {
			rows, err := r.Rows(table)
			if err != nil {
				continue
			}
			for n := int64(0); rows.Next(); n++ {
				take(rows.Values())
				rows.Column(3).Time()
				handles = append(handles, rows.Handle())
				if n > p.size {
					t.Fatal("there is no end of rows")
				}
			}
			rows.Close()
		}
		for _, handle := range handles[:min(len(handles), 100)] {
			r.Row(handle, func(row *Values) error {
				take(*row)
				return nil
			})
		}
	})
}

// databaseOf returns what QL has in a database with that many rows.
func databaseOf(f *testing.F, rows int) []byte {
	f.Helper()
	db := mustOpen(f, filepath.Join(f.TempDir(), "catalog.ql"))
	fill(f, db, rows)
	l, err := db.pages.freeze()
	if err != nil {
		f.Fatal(err)
	}
	defer l.release()
	whole := make([]byte, blocksOf(l.size)*blockSize)
	for n := range blocksOf(l.size) {
		if err := l.read(n, whole[n*blockSize:][:blockSize]); err != nil {
			f.Fatal(err)
		}
	}
	return whole[:l.size]
}

// take takes what the columns of rows hold, and passes over it.
func take(v Values) {
	passed := v
	v.Text()
	v.Int()
	v.Float()
	v.Time()
	v.Blob()
	for v.Left() > 0 && !v.Bad() {
		v.Null()
		v.Skip()
	}
	for passed.Left() > 0 && !passed.Bad() {
		passed.Skip()
	}
}

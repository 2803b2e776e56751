package qlfile

import (
	"path/filepath"
	"testing"
)

// FuzzBlocks spoils the blocks of a database below their checksums, as whoever
// makes a catalog of his own can, and reads it in all ways. Whatever it holds, it
// ends in rows or in an error.
func FuzzBlocks(f *testing.F) {
	f.Add(int64(0), []byte("GDB"))
	f.Add(int64(304), []byte{0xff, 0xff, 0xff, 0xff})
	f.Add(int64(420), []byte("!")) // a long row that comes after itself
	f.Add(int64(320), make([]byte, 16))
	f.Add(int64(5000), []byte{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	path := filepath.Join(f.TempDir(), "catalog.ql")
	file := mustOpen(f, path)
	fill(f, file, 200)
	if err := file.Publish(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, at int64, patch []byte) {
		db, err := Open(path, t.TempDir(), true, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if at < 0 || len(patch) == 0 {
			return
		}
		at %= db.Size()
		patch = patch[:min(int64(len(patch)), db.Size()-at)]
		if _, err := db.pages.WriteAt(patch, at); err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		if rows, err := db.Rows("rows"); err == nil {
			for rows.Next() {
				v := rows.Values()
				v.Text()
				v.Int()
				v.Float()
				v.Time()
				v.Blob()
				if n++; n > db.Size() {
					t.Fatal("there is no end of rows")
				}
			}
			rows.Close()
		}
	})
}

package lock

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzRecord has anything for a record of a lock, under any name. A lock is read,
// and taken or not, and whoever fails says so; nobody's lock is taken for free.
func FuzzRecord(f *testing.F) {
	f.Add("1", []byte(`{"who":"pid 17 on laptop","host":"laptop","boot":"b","since":"2026-11-22T10:45:00Z"}`))
	f.Add("01", []byte("{"))
	f.Add("9223372036854775807", []byte{})
	f.Add("2", []byte(`{"who":"","host":"here","since":"0000-13-01T"}`))
	f.Add("-1", []byte("[1]"))
	folder := newFolder(f)
	us := Owner{Who: "pid 1 on here", Host: "here", Boot: "boot", Since: time.Unix(1, 0)}
	dir := folder.record()
	f.Fuzz(func(t *testing.T, name string, record []byte) {
		if name != filepath.Base(name) || name == "." || name == ".." {
			return
		}
		must(t, os.RemoveAll(dir))
		must(t, os.MkdirAll(dir, 0o700))
		if os.WriteFile(filepath.Join(dir, name), record, 0o600) != nil {
			return // no name of a file
		}
		held, _, err := folder.Holder(docs, us)
		if err != nil {
			return
		}
		lock, err := folder.Take(t.Context(), docs, us, 0)
		if err != nil {
			return
		}
		if held.Who != "" && held.Host != us.Host {
			t.Errorf("the lock of %q was taken", held.Who)
		}
		must(t, lock.Unlock())
	})
}

//go:build unix

package builtins

import (
	"os"
	"testing"
	"time"

	"syscall"
)

func TestFile(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	l := newLab(t, "dir/backup.tar.gz", "12345")
	path := l.in("dir/backup.tar.gz")
	l.must(os.Chown(path, 77, 78))
	l.must(os.Chmod(path, 0o640|os.ModeSetuid))
	l.must(os.Link(path, l.in("second")))
	when := time.Date(2001, 9, 9, 1, 46, 40, 123456789, time.UTC)
	l.must(os.Chtimes(path, when.Add(time.Hour), when))
	l.run(`
f = list(scan(SOURCE))[1]
print(f.path, f.abs == SOURCE + "/" + f.path, f.name, f.ext, f.dir)
print(f.size, f.mode, f.uid, f.gid, f.kind, f.nlink)
print(f.mtime.unix_nano, f.atime - f.mtime, type(f.mtime))
print(f.mtime < f.ctime, f.ctime <= now(), f.btime == None or f.btime <= f.ctime)
print(type(f), str(f))
print(dir(f))
`, `
dir/backup.tar.gz True backup.tar.gz .gz dir
5 2464 77 78 file 2
1000000000123456789 1h0m0s time.time
True True True
File dir/backup.tar.gz
["abs", "atime", "btime", "ctime", "dir", "ext", "gid", "kind", "mode", "mtime", "name", "nlink", "path", "size", "uid"]
`)
}

func TestFileKinds(t *testing.T) {
	l := newLab(t, "file", "")
	l.must(os.Symlink("nowhere", l.in("link")))
	l.must(syscall.Mkfifo(l.in("fifo"), 0o600))
	l.run(`print([(f.name, f.kind) for f in scan(SOURCE)])`, `[("fifo", "fifo"), ("file", "file"), ("link", "symlink")]`)
	l.run(`print([f.name for f in scan(SOURCE, where = lambda f: f.kind == "file")])`, `["file"]`)
}

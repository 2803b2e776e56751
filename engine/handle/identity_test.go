package handle

import (
	"os"
	"path/filepath"
	"testing"
)

// Every file has a number, which all names of it have and no other file has.
func TestIdentity(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := OpenWriter(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := d.Link(d, "a", "also a"); err != nil {
		t.Fatal(err)
	}
	look := func(name string) *Inode {
		i, err := d.Look(name)
		if err != nil {
			t.Fatal(err)
		}
		return &i
	}
	self, err := d.Self()
	if err != nil {
		t.Fatal(err)
	}
	a, same := look("a"), look("also a")
	if !a.SameAs(same) || a.Links != 2 || same.Links != 2 {
		t.Errorf("two names of one file: %+v and %+v", a, same)
	}
	for _, name := range []string{"b", "d", "."} {
		other := look(name)
		if other.Ino == 0 || other.Dev == 0 || a.SameAs(other) || other.SameAs(a) || !other.SameAs(look(name)) {
			t.Errorf("%s is %+v, and a %+v", name, other, a)
		}
	}
	if !self.SameAs(look(".")) {
		t.Errorf("the directory is %+v and %+v", self, look("."))
	}
	if now := (&Inode{}); now.SameAs(&Inode{}) {
		t.Error("two files without a number are one")
	}
	// By its time of change, one that was written to and whose time was set back is
	// known to be another.
	path := filepath.Join(dir, "a")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if after := look("a"); after.Mtime != a.Mtime || after.Ctime == a.Ctime {
		t.Errorf("changed at %v with the time %v, before at %v with %v", after.Ctime, after.Mtime, a.Ctime, a.Mtime)
	}
}

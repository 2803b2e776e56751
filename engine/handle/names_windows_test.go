package handle

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"phlb/engine/handle/nt"
	"phlb/engine/manifest"
)

// Names that Win32 reserves or cuts are names like others.
func TestOddNames(t *testing.T) {
	t.Parallel()
	d, err := OpenWriter(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	odd := []string{"CON", "aux.txt", "nul", "com1.log", "point.", "space ", "ünï", "...", strings.Repeat("n", 255)}
	slices.Sort(odd)
	in := d
	for range 20 { // far longer than MAX_PATH
		if in, err = in.Mkdir(odd[len(odd)-1]); err == nil {
			in, err = in.dup()
		}
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
	}
	for _, dir := range []*Writer{d, in} {
		for _, name := range odd {
			if dir == d && name == odd[len(odd)-1] {
				continue
			}
			f, err := dir.Create(name)
			if err == nil {
				_, err = f.Write([]byte(name))
				err = errors.Join(err, f.Finish(&manifest.Entry{Kind: manifest.File, Mtime: manifest.Time{Sec: 1e9}}), f.Close())
			}
			if err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
		names, err := dir.Names()
		if err != nil || !slices.Equal(names, odd) {
			t.Errorf("there are %q, %v", names, err)
		}
	}
	for _, name := range odd {
		if in.Link(in, name, "other") != nil || in.Rename("other", in, "renamed") != nil || in.Remove("renamed") != nil {
			t.Errorf("%q cannot be linked, renamed and removed", name)
		}
		f, err := in.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 300)
		n, _ := f.Read(text)
		if string(text[:n]) != name {
			t.Errorf("%q holds %q", name, text[:n])
		}
		f.Close()
	}
	// These lead elsewhere, or to a stream of another file.
	for _, name := range []string{"..", `a\b`, "a/b", "CON:stream", `..\out`} {
		if f, err := d.Create(name); err == nil {
			f.Close()
			t.Errorf("%q was made", name)
		}
		if err := d.Rename("CON", d, name); err == nil {
			t.Errorf("CON was renamed to %q", name)
		}
		if err := d.Link(d, "CON", name); err == nil {
			t.Errorf("CON was linked to %q", name)
		}
	}
	for _, name := range []string{`"`, "|", "?", "*", "<"} {
		if _, err := d.Create(name); !errors.Is(err, windows.ERROR_INVALID_NAME) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Names that differ in case alone are one.
func TestCase(t *testing.T) {
	t.Parallel()
	d, err := OpenWriter(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f, err := d.Create("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := d.Create("makefile"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("another was made: %v", err)
	}
	a, err := d.Look("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := d.Look("MAKEFILE"); err != nil || !a.SameAs(&b) {
		t.Errorf("%+v is not %+v, %v", b, a, err)
	}
}

// A file that is open is renamed and removed all the same.
func TestWhileOpen(t *testing.T) {
	t.Parallel()
	d, err := OpenWriter(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	write := func(name string) *os.File {
		f, err := d.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			_, err = f.WriteString(name)
		}
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a, b := write("a"), write("b")
	defer a.Close()
	if err := d.RenameNew("a", d, "b"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("renamed to a name that is taken: %v", err)
	}
	b.Close() // what is replaced may be open to none before Windows 10
	if err := d.Rename("a", d, "b"); err != nil {
		t.Errorf("rename: %v", err)
	}
	text, err := d.Read("b")
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 9)
	if n, _ := text.Read(buf); string(buf[:n]) != "a" {
		t.Errorf("b holds %q", buf[:n])
	}
	text.Close()
	if err := d.Remove("b"); err != nil {
		t.Errorf("remove: %v", err)
	}
	if err := d.Remove("b"); err != nil {
		t.Errorf("remove what is not there: %v", err)
	}
}

// Attributes, times and what is read-only come back as they were.
func TestMetadata(t *testing.T) {
	t.Parallel()
	d, err := OpenWriter(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	make := func(name string, e *manifest.Entry) {
		t.Helper()
		f, err := d.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Finish(e); err != nil {
			t.Error(err)
		}
	}
	want := &manifest.Entry{Kind: manifest.File, Mtime: manifest.Time{Sec: 1e9, Nsec: 123456700}}
	want.Mode = 0o444
	make("first", want)
	first, err := d.Entry("first")
	if err != nil {
		t.Fatal(err)
	}
	if first.Mtime != want.Mtime || first.Mode != want.Mode || want.Stored != nil {
		t.Errorf("made %+v, want %+v", first, want)
	}
	var security string
	for _, x := range first.Xattrs {
		switch x.Name {
		case attrFlags:
			if !strings.Contains(x.Value, "read-only") {
				t.Errorf("%s is %q", x.Name, x.Value)
			}
		case attrSecurity:
			security = x.Value
		}
	}
	if !strings.HasPrefix(security, "O:S-1-") || !strings.Contains(security, "D:") {
		t.Errorf("owner and access list: %q", security)
	}
	again := first
	make("second", &again)
	second, err := d.Entry("second")
	if err != nil || !manifest.SameXattrs(manifest.SharedXattrs(second.Xattrs), manifest.SharedXattrs(first.Xattrs)) {
		t.Errorf("%q became %q, %v", first.Xattrs, second.Xattrs, err)
	}
	if err := d.Remove("second"); err != nil { // read-only as it is
		t.Error(err)
	}
	// A program that has it open for itself is waited for.
	path, err := nt.FinalPath(d.h)
	if err != nil {
		t.Fatal(err)
	}
	name, err := windows.UTF16PtrFromString(path + `\first`)
	if err != nil {
		t.Fatal(err)
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	tries := 0
	err = nt.Patiently(func() error {
		if tries++; tries == 3 {
			windows.CloseHandle(h)
		}
		f, err := d.Read("first")
		if err == nil {
			f.Close()
		}
		return err
	})
	if err != nil || tries != 3 {
		t.Errorf("opened at try %d, %v", tries, err)
	}
}

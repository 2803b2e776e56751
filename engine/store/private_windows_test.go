package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"phlb/engine/handle"
)

// What is made private is open to us, the system and administrators, and to nobody that
// its parent lets in; what is made in it is no more open.
func TestMkdirPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "private")
	if err := mkdirPrivate(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	d, err := handle.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "file"} {
		found, err := d.Xattrs(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range found {
			if x.Name != "windows.security" {
				continue
			}
			_, list, _ := strings.Cut(x.Value, "D:")
			grants := strings.Split(list, "(")[1:]
			for _, grant := range grants {
				who := strings.TrimSuffix(grant[strings.LastIndex(grant, ";")+1:], ")")
				if who != "SY" && who != "BA" && who != user.User.Sid.String() {
					t.Errorf("%q is open to %s: %s", name, who, x.Value)
				}
			}
			if len(grants) == 0 {
				t.Errorf("%q has no access list: %s", name, x.Value)
			}
		}
	}
	if err := mkdirPrivate(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("once more: %v", err)
	}
}

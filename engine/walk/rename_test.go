package walk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is renamed has its place in the order by the new name, is read by the old one, and
// the rules know it by the old one alone.
func TestRename(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{"a", "b", "c", "left", "D/x", "sub/in", "sub/deep/b", "sub/deep/left", "sub/z", "z"} {
		full := filepath.Join(dir, "-"+filepath.FromSlash(path))
		must(t, os.MkdirAll(filepath.Dir(full), 0o755))
		must(t, os.WriteFile(full, []byte(path), 0o644))
	}
	must(t, os.WriteFile(filepath.Join(dir, "-sub", ".ignore"), []byte("/deep/left\n"), 0o644))
	asked := map[string]string{}
	var offered []string
	w := &Walk{Root: dir, Workers: 1, Rules: Rules{
		Skip: []string{"-left", "/-sub/z"}, IgnoreFiles: []string{".ignore"},
		Where: func(_ int, e *Entry) (bool, error) {
			asked[e.Path] = e.SourceName
			return true, nil
		},
	}}
	w.Rename = func(folder string, names []string, taken func(string) bool) (map[string]string, error) {
		offered = append(offered, folder+": "+strings.Join(names, " "))
		for name, want := range map[string]bool{"-left": folder == ".", "none": false} {
			if taken(name) != want {
				t.Errorf("%s: taken(%s) is %v", folder, name, !want)
			}
		}
		return map[string]string{"-a": "y~1", "-sub": "0~1", "deep": "zz", "b": "c~1"}, nil
	}
	got := gather(t, w)
	wantNoErrors(t, got)
	var list []string
	for i := range got.entries {
		e := &got.entries[i]
		list = append(list, strings.TrimSuffix(fmt.Sprintf("%s (%s)", e.Path, e.SourceName), " ()"))
	}
	want := ". -b -c -z y~1 (-a) -D -D/x 0~1 (-sub) 0~1/.ignore 0~1/in 0~1/zz (deep) 0~1/zz/c~1 (b)"
	if found := strings.Join(list, " "); found != want {
		t.Errorf("walked\n%s, want\n%s", found, want)
	}
	wantOffered := ".: -D -a -b -c -sub -z | -D: x | 0~1: .ignore deep in | 0~1/zz: b"
	if found := strings.Join(offered, " | "); found != wantOffered {
		t.Errorf("offered were\n%s, want\n%s", found, wantOffered)
	}
	for _, path := range []string{"-a", "-b", "-sub/in", "-sub/deep/b"} {
		if _, ok := asked[path]; !ok {
			t.Errorf("%s was not asked for: %v", path, asked)
		}
	}
	if len(got.left) != 3 {
		t.Errorf("left out were %v", got.left)
	}
	failing := &Walk{Root: dir, Rename: func(string, []string, func(string) bool) (map[string]string, error) { return nil, os.ErrInvalid }}
	if _, err := tryGather(t, failing); err == nil {
		t.Error("an error does not end the walk")
	}
}

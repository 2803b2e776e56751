package engine_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"phlb/engine"
)

// ncdu returns what Ncdu writes.
func (r *repo) ncdu(s *engine.Snapshot, folder string) string {
	r.Helper()
	var b strings.Builder
	for line, err := range r.engine().Ncdu(r.Context(), s, folder) {
		r.must(err)
		b.WriteString(line + "\n")
	}
	return b.String()
}

// listed tells an exported folder as PATH SIZE NLINK, for all that lies in it.
func listed(t *testing.T, folder []any, above string) (list []string) {
	t.Helper()
	item := func(v any) (path string) {
		entry := v.(map[string]any)
		path = filepath.Join(above, entry["name"].(string))
		size, _ := json.Marshal(entry["asize"])
		links, _ := json.Marshal(entry["nlink"])
		if entry["hlnkc"] != true {
			links = nil
		}
		list = append(list, strings.TrimSpace(path+" "+string(size)+" "+string(links)))
		return path
	}
	within := item(folder[0])
	for _, v := range folder[1:] {
		if below, ok := v.([]any); ok {
			list = append(list, listed(t, below, within)...)
			continue
		}
		above = within
		item(v)
	}
	return list
}

func TestNcdu(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	odd := "q\"uo\\te\nd\tcaf\xe9"
	r.write("b.txt", "12345", "a/"+odd, "22", "a/deep/er/c", "333", "e/c", "333", "z", "1")
	r.must(os.Mkdir(r.in("hollow"), 0o755))
	r.must(os.Symlink("b.txt", r.in("link")))
	s := r.backup()
	text := r.ncdu(s, "")
	if !strings.Contains(text, `"name":"q\"uo\\te\u000ad\u0009caf`+"\xe9") {
		t.Errorf("the odd name is not there as ncdu wants it:\n%q", text)
	}
	var all []any
	r.must(json.Unmarshal([]byte(text), &all))
	if header := all[2].(map[string]any); all[0] != 1.0 || header["progname"] != "phlb" || len(all) != 4 {
		t.Errorf("%v", all[:3])
	}
	var got []string
	for _, line := range listed(t, all[3].([]any), "") {
		path, rest, _ := strings.Cut(line, " ")
		if info, err := os.Lstat(strings.ReplaceAll(path, "\ufffd", "\xe9")); err == nil && info.IsDir() {
			rest = "folder"
		}
		rel, err := filepath.Rel(s.Path, path)
		r.must(err)
		got = append(got, rel+" "+rest)
	}
	want := []string{
		". folder", "b.txt 5", "link 5", "z 1",
		"a folder", "a/q\"uo\\te\nd\tcaf\ufffd 2", "a/deep folder", "a/deep/er folder", "a/deep/er/c 3 2",
		"e folder", "e/c 3 2", "hollow folder",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want\n%q", got, want)
	}

	r.must(json.Unmarshal([]byte(r.ncdu(s, "a/deep")), &all))
	if top := all[3].([]any)[0].(map[string]any)["name"]; top != filepath.Join(s.Path, "a", "deep") {
		t.Errorf("the top is %v", top)
	}
	for _, folder := range []string{"none", "b.txt"} {
		var failed error
		for _, err := range r.engine().Ncdu(t.Context(), s, folder) {
			failed = err
		}
		if failed == nil || folder == "none" && !errors.Is(failed, engine.ErrNoPath) {
			t.Errorf("of %s: %v", folder, failed)
		}
	}
	for range r.engine().Ncdu(t.Context(), s, "") {
		break // which is no error
	}
}

// TestNcduReads has ncdu itself read what is written for it, and write it again.
func TestNcduReads(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ncdu"); err != nil {
		t.Skip("needs ncdu: apt-get install ncdu")
	}
	r := newRepo(t)
	r.write("b.txt", "12345", "a/quo\"te\n\xe9", "22", "a/deep/er/c", "333", "e/c", "333")
	file := filepath.Join(t.TempDir(), "file")
	r.must(os.WriteFile(file, []byte(r.ncdu(r.backup(), "")), 0o600))
	cmd := exec.CommandContext(t.Context(), "ncdu", "-0", "-f", file, "-o", "-")
	cmd.Env = append(os.Environ(), "TERM=dumb")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var all []any
	r.must(json.Unmarshal(out, &all))
	if n := len(listed(t, all[3].([]any), "")); n != 9 {
		t.Errorf("ncdu has read %d entries, want 9:\n%s", n, out)
	}
}

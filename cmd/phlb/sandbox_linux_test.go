package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"phlb/builtins"
)

// TestSandbox holds that a script in a sandbox leaves all as it is, whatever it tries:
// the root, the catalog, the folder of the state, the sources, and hosts. Out of the
// sandbox each of the scripts has its effect.
func TestSandbox(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	root, source, home := filepath.Join(dir, "root"), filepath.Join(dir, "docs"), filepath.Join(dir, "home")
	temporary := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	t.Setenv("PHLB_BACKUP_PATH", root)
	t.Setenv("TMPDIR", temporary)
	write := func(path, content string) {
		t.Helper()
		path = filepath.Join(dir, path)
		must(os.MkdirAll(filepath.Dir(path), 0o755))
		must(os.WriteFile(path, []byte(content), 0o644))
	}
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	phlb := func(args ...string) (code int, said string) {
		var out bytes.Buffer
		code = run(t.Context(), args, nil, &out, &out)
		return code, out.String()
	}
	write("home/config/phlb/phlb.toml", fmt.Sprintf("allow_run = [\"touch\"]\nallow_net = [%q]\nsnapshot_format = \"%%Y-%%m-%%d-%%H%%M%%S\"\n", host))
	write("docs/a", "first")
	write("docs/b/kept", "content")
	write("scripts/lib.star", "x = 1\n")
	write("outside.star", "x = 1\n")
	write("root/docs/2001-02-03-040506/old", "to adopt")
	for _, at := range []string{"2020-01-01", "2020-02-01"} {
		if code, said := phlb("--now", at+"T00:00:00Z", "backup", source); code != 0 {
			t.Fatalf("backup: %d: %s", code, said)
		}
		write("docs/a", "changed after "+at)
	}
	rotten, err := filepath.Glob(filepath.Join(root, "docs/20*/a"))
	must(err)
	if len(rotten) < 2 {
		t.Fatalf("found %q", rotten)
	}
	was, err := os.Stat(rotten[len(rotten)-1])
	must(err)
	must(os.WriteFile(rotten[len(rotten)-1], bytes.Repeat([]byte("x"), int(was.Size())), 0o644))
	must(os.Chtimes(rotten[len(rotten)-1], was.ModTime(), was.ModTime()))

	newest := `snapshots("docs")[0]`
	scripts := []string{
		fmt.Sprintf("run([%q, %q])", "touch", filepath.Join(dir, "touched")),
		fmt.Sprintf("http.get(%q)", server.URL),
		fmt.Sprintf("http.post(%q, body = snapshots()[0].source)", server.URL),
		`check_query("SELECT 1", message = "one")`,
		"verify(" + newest + ")",
		"verify(" + newest + ", heal = True)",
		fmt.Sprintf("%s.restore(%q)", newest, filepath.Join(dir, "restored")),
		fmt.Sprintf("restore(%s, %q, overwrite = \"always\", delete = True)", newest, source),
		fmt.Sprintf("link(scan(%q))", source),
		fmt.Sprintf("link(scan(%q), name = \"another\", tags = [\"pinned\"])", source),
		"add()",
		newest + ".remove()",
		"remove(snapshots(), despite_checks = True)",
	}
	all := strings.Join(scripts, "\n")
	for object, table := range (&builtins.Session{}).Tables() {
		for _, b := range table {
			if call := b.Name + "("; b.Effect && !strings.Contains(all, map[string]string{"": "", "Snapshot": ".", "http": "http."}[object]+call) {
				t.Errorf("no script tries %s of %q", b.Name, object)
			}
		}
	}
	look := func() string { return fingerprint(t, dir) + fmt.Sprint(asked.Load()) }
	for i, statement := range scripts {
		write(fmt.Sprintf("scripts/%02d.star", i), "def main():\n    "+statement+"\n")
	}
	write("scripts/outside.star", "load(\"../outside.star\", \"x\")\n")
	write("scripts/link.star", "load(\"link/lib.star\", \"x\")\n")
	must(os.Symlink("..", filepath.Join(dir, "scripts/link")))
	for _, missing := range []bool{false, true} {
		if missing { // a catalog that is made anew is a change, too
			must(os.Remove(filepath.Join(root, ".phlb/catalog.ql")))
		}
		before := look()
		for i, statement := range scripts {
			code, said := phlb("exec", "--sandbox", filepath.Join(dir, fmt.Sprintf("scripts/%02d.star", i)))
			if now := look(); now != before {
				t.Fatalf("%s has changed something: %d: %s\n%s", statement, code, said, changed(before, now))
			}
		}
		for _, args := range [][]string{
			{filepath.Join(dir, "scripts/outside.star")}, {filepath.Join(dir, "scripts/link.star")},
		} {
			if code, said := phlb(append([]string{"exec", "--sandbox"}, args...)...); code != 2 || look() != before {
				t.Errorf("%q: %d: %s", args, code, said)
			}
		}
		for _, args := range [][]string{
			{"backup", source}, {"forget", "docs", "--last", "1"}, {"remove", "docs/latest"}, {"verify", "--heal", "docs"}, {"add"},
			{"restore", "docs", filepath.Join(dir, "restored")}, {"freeze", "docs", filepath.Join(dir, "frozen")},
		} {
			code, said := phlb(append([]string{"exec", "--sandbox", "--allow-run", "touch", "--dry-run=false"}, args...)...)
			if now := look(); now != before {
				t.Fatalf("%q has changed something: %d: %s\n%s", args, code, said, changed(before, now))
			}
		}
		left, err := os.ReadDir(temporary)
		must(err)
		if len(left) > 0 {
			t.Errorf("%v was left in the folder for temporary files", left)
		}
	}
	for i, statement := range scripts { // or the test would hold nothing
		if strings.HasPrefix(statement, "check_query") {
			continue // notes something only beside a backup
		}
		before := look()
		if code, said := phlb("exec", filepath.Join(dir, fmt.Sprintf("scripts/%02d.star", i))); look() == before {
			t.Errorf("out of the sandbox %s has changed nothing: %d: %s", statement, code, said)
		}
	}
}

// fingerprint lists what lies in a directory, with all that a write would change.
func fingerprint(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		below, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%s %v %s %d", below, info.Mode(), info.ModTime().Format(time.RFC3339Nano), info.Size())
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %x", sha256.Sum256(content))
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			b.WriteString(" " + target)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// changed returns the lines that two fingerprints do not share.
func changed(before, now string) string {
	var b strings.Builder
	for _, side := range []struct{ sign, lines, others string }{{"-", before, now}, {"+", now, before}} {
		for line := range strings.Lines(side.lines) {
			if !strings.Contains(side.others, line) {
				b.WriteString(side.sign + line)
			}
		}
	}
	return b.String()
}

package mod

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/dirhash"

	"phlb/engine/config"
)

// What is fetched once is read again without a server, and what the lock pins is
// what it was.
func TestGetOverHTTP(t *testing.T) {
	l := newLab(t)
	commit := l.tag("acme", "v1.4.0", "lib.star", "x = 1\n", "deep/y.star", "y = 2\n")
	server, requests := l.serve()
	p := l.project("[modules]\nacme = { git = '" + server + "/acme', version = 'v1.4.0' }\n")
	if got := l.reads(p, "acme", "lib.star"); !strings.Contains(got, "module acme (git "+server+"/acme v1.4.0) is not in "+l.path("project/phlb.lock")+": phlb mod get fetches it") {
		t.Errorf("before: %s", got)
	}
	if n := requests.Load(); n != 0 {
		t.Fatalf("%d requests before anything was to be fetched", n)
	}
	changes := l.get(p)
	if len(changes) != 1 || changes[0].Pin.Commit != commit || changes[0].Was != nil {
		t.Errorf("changes %+v", changes)
	}
	asked := requests.Load()
	p = l.open()
	if got := l.reads(p, "acme", "deep/y.star"); got != "y = 2\n" {
		t.Errorf("read %q", got)
	}
	if got := l.get(p); len(got) != 0 {
		t.Errorf("got again: %+v", got)
	}
	l.must(p.Verify())
	_, err := p.Vendor()
	l.must(err)
	_, err = p.Why("acme")
	l.must(err)
	if n := requests.Load(); n != asked || asked == 0 {
		t.Errorf("%d requests, then %d more", asked, n-asked)
	}
	if err := fstest.TestFS(p.Modules()["acme"].Files, "lib.star", "deep/y.star"); err != nil {
		t.Error(err)
	}
}

// A server of git's own protocol will do on this machine.
func TestGetFromDaemon(t *testing.T) {
	l := newLab(t)
	l.tag("acme", "v1.4.0", "lib.star", "x = 1\n")
	if _, err := exec.Command("git", "daemon", "--help").Output(); err != nil {
		t.Skip("needs git daemon: apt-get install git")
	}
	port := l.freePort()
	l.started(port, exec.Command("git", "daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1", "--port="+port, "--base-path="+l.dir, l.dir))
	p := l.project("[modules]\nacme = { git = 'git://127.0.0.1:" + port + "/acme', version = 'v1.4.0' }\n")
	l.get(p)
	if got := l.reads(l.open(), "acme", "lib.star"); got != "x = 1\n" {
		t.Errorf("read %q", got)
	}
}

// The hash is what find, sort and sha256sum make of the files, what Go calls h1,
// and the same by git, from a registry, from a folder and in vendor/.
func TestHash(t *testing.T) {
	l := newLab(t)
	l.write("acme/.gitattributes", "*.txt eol=crlf\nsecret export-ignore\n*.star ident\n", "acme/a.txt", "a\nb\n", "acme/secret", "s", "acme/sub/ä b.star", "# $Id$\n")
	l.must(os.MkdirAll(l.path("acme/vendor"), 0o777))
	l.write("acme/vendor/left.out", "x")
	l.must(os.Symlink("sub/ä b.star", l.path("acme/link.star")))
	l.tag("acme", "v1.0.0")
	host := l.registry()
	published, err := l.cache.Publish(l.Context(), l.path("acme"), config.Publication{OCI: host + "/backup/acme"}, "1.0.0", false)
	l.must(err)
	p := l.project(l.declaring("acme v1.0.0") + "corp = { oci = '" + host + "/backup/acme', version = '1.0.0' }\nlab = { path = '../acme' }\n")
	l.get(p)
	hash := published.Hash
	for name, pin := range l.open().lock {
		if pin.Hash != hash {
			t.Errorf("%s has the hash %s, want %s", name, pin.Hash, hash)
		}
	}
	_, err = p.Vendor()
	l.must(err)
	for _, dir := range []string{p.Cache.at(hash).dir, l.path("project/vendor/corp"), l.path("project/vendor/lab")} {
		h1, err := dirhash.HashDir(dir, "", dirhash.Hash1)
		l.must(err)
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h1, "h1:"))
		if got := "sha256:" + hex.EncodeToString(sum); err != nil || got != string(hash) {
			t.Errorf("dirhash in %s: %s, error %v", dir, got, err)
		}
		cmd := exec.Command("sh", "-c", `find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum`)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("needs coreutils and findutils: %v: %s", err, out)
			continue
		}
		if got := "sha256:" + strings.Fields(string(out))[0]; got != string(hash) {
			t.Errorf("sha256sum in %s: %s, want %s", dir, got, hash)
		}
		check := exec.Command("sha256sum", "--quiet", "-c", dir+".sha256")
		check.Dir = dir
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("sha256sum -c: %v: %s", err, out)
		}
	}
	if data := l.reads(p, "acme", "sub/ä b.star"); data != "# $Id$\n" {
		t.Errorf("git has converted it: %q", data)
	}
	if data := l.reads(p, "corp", "link.star"); data != "# $Id$\n" {
		t.Errorf("the link holds %q", data)
	}
}

// What is not as the lock pins it is not read, wherever it lies, and the error
// names the file. Getting it again makes a damaged cache good.
func TestTampered(t *testing.T) {
	l := newLab(t)
	l.tag("acme", "v1.0.0", "a.star", "a = 1\n", "b.star", "b = 1\n")
	l.write("lab/c.star", "c = 1\n")
	p := l.project(l.declaring("acme v1.0.0") + "lab = { path = '../lab' }\n")
	l.get(p)
	cached := l.cache.at(p.lock["acme"].Hash)
	tamper := func(path, text string) {
		t.Helper()
		l.must(os.Chmod(path, 0o644))
		l.must(os.WriteFile(path, []byte(text), 0o644))
	}
	file := filepath.Join(cached.dir, "a.star")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o222 != 0 {
		t.Errorf("%s can be written to: %v", file, err)
	}
	tamper(file, "a = 2\n")
	const differs = "differs from what phlb.lock pins: it has SHA-256 "
	if got := l.reads(p, "acme", "a.star"); !strings.Contains(got, file+" "+differs) {
		t.Errorf("tampered with: %s", got)
	}
	if got := l.reads(p, "acme", "b.star"); got != "b = 1\n" {
		t.Errorf("another file: %s", got)
	}
	l.wants(p.Verify(), file+" "+differs)
	l.get(p)
	l.must(p.Verify())

	l.must(os.WriteFile(filepath.Join(cached.dir, "new.star"), nil, 0o644))
	l.wants(p.Verify(), "new.star is not among the files that phlb.lock pins")
	if got := l.reads(p, "acme", "new.star"); !strings.Contains(got, "file does not exist") {
		t.Errorf("a new file: %s", got)
	}
	l.get(p)
	tamper(cached.listing, strings.Repeat("0", 64)+"  a.star\n")
	if got := l.reads(p, "acme", "a.star"); !strings.Contains(got, "it is the listing of sha256:") {
		t.Errorf("another listing: %s", got)
	}
	l.get(p)
	l.must(os.Remove(file))
	if got := l.reads(p, "acme", "a.star"); !strings.Contains(got, "a.star is gone, which phlb.lock pins") {
		t.Errorf("a file that is gone: %s", got)
	}
	l.get(p)

	l.write("lab/c.star", "c = 2\n")
	if got := l.reads(p, "lab", "c.star"); !strings.Contains(got, l.path("lab/c.star")+" "+differs) {
		t.Errorf("a folder that was changed: %s", got)
	}
	l.wants(p.Verify(), "lab/c.star differs from what phlb.lock pins: phlb mod update takes it as it is")
	_, err := p.Update(l.Context(), "lab", "")
	l.must(err)
	if got := l.reads(l.open(), "lab", "c.star"); got != "c = 2\n" {
		t.Errorf("after the update: %s", got)
	}

	_, err = p.Vendor()
	l.must(err)
	l.must(os.RemoveAll(l.cache.Dir))
	l.must(os.RemoveAll(l.path("lab")))
	if got := l.reads(p, "acme", "a.star") + l.reads(p, "lab", "c.star"); got != "a = 1\nc = 2\n" {
		t.Errorf("in vendor: %s", got)
	}
	if got := l.get(p); len(got) != 0 {
		t.Errorf("got what lies in vendor: %v", got)
	}
	tamper(l.path("project/vendor/acme/a.star"), "a = 2\n")
	if got := l.reads(p, "acme", "a.star"); !strings.Contains(got, l.path("project/vendor/acme/a.star")+" "+differs) {
		t.Errorf("tampered with in vendor: %s", got)
	}
}

// A lock with another hash, or a tag that was moved, is an error: nothing else is
// used than what was pinned.
func TestLockDecides(t *testing.T) {
	l := newLab(t)
	first := l.tag("acme", "v1.0.0", "a.star", "a = 1\n")
	p := l.project(l.declaring("acme v1.0.0"))
	l.get(p)
	lock, err := os.ReadFile(l.path("project/phlb.lock"))
	l.must(err)

	// The commit that is pinned is still there, whatever the tag says.
	second := l.tag("acme", "v1.0.0", "a.star", "a = 2\n")
	l.must(os.RemoveAll(l.cache.Dir))
	l.get(l.open())
	if got := l.reads(l.open(), "acme", "a.star"); got != "a = 1\n" {
		t.Errorf("after the tag was moved: %s", got)
	}
	// When it is gone, nothing is used.
	l.git("acme", "reset", "-q", "--hard", second)
	l.git("acme", "reflog", "expire", "--expire=all", "--all")
	l.write("rewritten/x", "")
	l.must(os.RemoveAll(l.path("acme")))
	second = l.tag("acme", "v1.0.0", "a.star", "a = 3\n")
	l.must(os.RemoveAll(l.cache.Dir))
	l.getFails(l.open(), "the tag v1.0.0 in "+l.url("acme")+" is commit "+second+" now, and phlb.lock pins "+first+": somebody has moved it")

	// Whoever changes the commit in the lock has to change the hash, too.
	l.write("project/phlb.lock", strings.ReplaceAll(string(lock), first, second))
	l.getFails(l.open(), "and phlb.lock pins sha256:")
	if got := l.reads(l.open(), "acme", "a.star"); !strings.Contains(got, "phlb mod get fetches it") {
		t.Errorf("with a lock of another hash: %s", got)
	}
	for bad, want := range map[string]string{
		strings.ReplaceAll(string(lock), "sha256:", "sha256:00"):      "is no hash, which is sha256: and 64 digits",
		strings.ReplaceAll(string(lock), "hash = ", "hasch = "):       "phlb.lock:8: unknown key modules.acme.hasch: take back what was changed there",
		strings.ReplaceAll(string(lock), first, "HEAD"):               `commit = "HEAD" is no commit`,
		strings.ReplaceAll(string(lock), "[modules.acme]", "["):       "phlb.lock:4",
		strings.ReplaceAll(string(lock), "file://", "ext::"):          "want https://…, ssh://… or file:///…",
		strings.ReplaceAll(string(lock), "modules.acme", "modules.A"): `"A" is no name for a module`,
	} {
		l.write("project/phlb.lock", bad)
		_, err := Open(l.path("project"), nil, l.cache)
		l.wants(err, want)
	}
	// What phlb.toml asks for has to be what is pinned: a downgrade is no match.
	l.write("project/phlb.lock", string(lock))
	p = l.project(l.declaring("acme v0.9.0"))
	if got := l.reads(p, "acme", "a.star"); !strings.Contains(got, "phlb.toml asks for v0.9.0, and phlb.lock pins v1.0.0: phlb mod get makes phlb.lock anew") {
		t.Errorf("with another version declared: %s", got)
	}
}

// Of all versions that are wished for, the highest is taken.
func TestChoose(t *testing.T) {
	l := newLab(t)
	for _, v := range []string{"v1.0.0", "v1.1.0", "v1.2.0", "v1.10.0", "v2.0.0"} {
		l.tag("util", v, "u.star", "v = '"+v+"'\n")
	}
	l.tag("acme", "v1.0.0", "phlb.toml", l.declaring("util v1.2.0"), "a.star", "load('@util//u.star', 'v')\n")
	l.tag("corp", "v1.0.0", "phlb.toml", l.declaring("util v1.10.0"))
	l.tag("two", "v1.0.0", "phlb.toml", l.declaring("util v2.0.0"))
	l.tag("exact", "v1.0.0", "phlb.toml", "[modules]\nutil = { git = '"+l.url("util")+"', commit = '"+l.git("util", "rev-parse", "v1.1.0")+"' }\n")
	l.tag("ping", "v1.0.0", "phlb.toml", l.declaring("pong v1.0.0"))
	l.tag("pong", "v1.0.0", "phlb.toml", l.declaring("ping v1.0.0"))
	l.tag("out", "v1.0.0", "phlb.toml", "[modules]\nx = { path = '../../etc' }\n")
	for _, tt := range []struct {
		name    string
		modules []string
		pins    string // NAME VERSION …
		err     string
	}{
		{"Alone", []string{"acme v1.0.0"}, "acme v1.0.0, acme.util v1.2.0", ""},
		{"Higher", []string{"acme v1.0.0", "corp v1.0.0"}, "acme v1.0.0, acme.util v1.10.0, corp v1.0.0", ""},
		{"DeclaredToo", []string{"acme v1.0.0", "util v1.1.0"}, "acme v1.0.0, util v1.2.0", ""},
		{"ErrMajor", []string{"acme v1.0.0", "two v1.0.0"}, "",
			"no version of git " + l.url("util") + " will do: git " + l.url("acme") + " v1.0.0 wishes v1.2.0, and git " + l.url("two") + " v1.0.0 wishes v2.0.0"},
		{"ErrCommit", []string{"acme v1.0.0", "exact v1.0.0"}, "", "v1.0.0 wishes v1.2.0, and git " + l.url("exact")},
		{"ErrCycle", []string{"ping v1.0.0"}, "", "modules need each other: ping -> ping.pong -> ping"},
		{"ErrPath", []string{"out v1.0.0"}, "", "a path leads out of the module"},
		{"ErrTag", []string{"util v1.7.0"}, "", "there is no tag v1.7.0 in " + l.url("util")},
		{"ErrRepository", []string{"nowhere v1.0.0"}, "", "does not appear to be a git repository"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &lab{t, l.dir, l.cache, l.environ}
			os.Remove(l.path("project/phlb.lock"))
			p := l.project(l.declaring(tt.modules...))
			if tt.err != "" {
				l.getFails(p, tt.err)
				if _, err := os.Stat(l.path("project/phlb.lock")); err == nil || len(p.lock) > 0 {
					t.Errorf("something was pinned")
				}
				return
			}
			l.get(p)
			p = l.open()
			nodes, err := p.Nodes()
			l.must(err)
			var pins []string
			for _, n := range nodes {
				l.must(n.Err)
				pins = append(pins, n.Name+" "+n.Pin.Version)
			}
			if got := strings.Join(pins, ", "); got != tt.pins {
				t.Errorf("pins %s, want %s", got, tt.pins)
			}
			// What acme calls util is that version.
			m := p.Modules()["acme"].Modules["util"]
			data, err := fs.ReadFile(m.Files, "u.star")
			if err != nil || !strings.Contains(tt.pins, "util "+strings.Trim(string(data[4:]), "'\n")) {
				t.Errorf("acme loads %s, error %v", data, err)
			}
			if got := l.get(p); len(got) != 0 {
				t.Errorf("got again: %+v", got)
			}
		})
	}
	os.Remove(l.path("project/phlb.lock"))
	p := l.project(l.declaring("acme v1.0.0", "corp v1.0.0"))
	l.get(p)
	chains, err := p.Why("acme.util")
	l.must(err)
	var all []string
	for _, c := range chains {
		all = append(all, strings.Join(c, " > "))
	}
	if got := strings.Join(all, "\n"); got != "phlb.toml > acme v1.0.0 > acme.util v1.2.0\nphlb.toml > corp v1.0.0 > acme.util v1.10.0" {
		t.Errorf("why: %s", got)
	}
	_, err = p.Why("nothing")
	l.wants(err, "no module nothing in "+l.path("project/phlb.toml")+", only acme, corp")
}

// phlb.toml and phlb.lock change together, and comments stay.
func TestDeclare(t *testing.T) {
	l := newLab(t)
	for _, v := range []string{"v1.0.0", "v1.1.0", "v1.2.0-rc.1", "v2.0.0", "latest"} {
		l.tag("acme", v, "a.star", "v = '"+v+"'\n")
	}
	p := l.project("# mine\nmatch = 'exact' # so\n")
	declare := func(text string) error {
		t.Helper()
		s, err := ParseSource(text, false)
		l.must(err)
		_, err = p.Declare(l.Context(), "acme", s.Module)
		return err
	}
	l.wants(declare("git:"+l.url("acme")+"@v7.0.0"), "there is no tag v7.0.0")
	toml := func() string {
		data, err := os.ReadFile(l.path("project/phlb.toml"))
		l.must(err)
		return string(data)
	}
	if toml() != "# mine\nmatch = 'exact' # so\n" {
		t.Errorf("a module that is not there is declared: %s", toml())
	}
	p = l.open()
	l.must(declare("git:" + l.url("acme") + "@v1.0.0"))
	want := "# mine\nmatch = 'exact' # so\n\n[modules]\nacme = { git = \"" + l.url("acme") + "\", version = \"v1.0.0\" }\n"
	if toml() != want {
		t.Errorf("declared:\n%s\nwant\n%s", toml(), want)
	}
	p = l.open()
	_, err := p.Update(l.Context(), "", "")
	l.must(err)
	if want = strings.ReplaceAll(want, "v1.0.0", "v1.1.0"); toml() != want {
		t.Errorf("updated:\n%s\nwant\n%s", toml(), want)
	}
	p = l.open()
	if got := l.reads(p, "acme", "a.star"); got != "v = 'v1.1.0'\n" {
		t.Errorf("updated: %s", got)
	}
	_, err = p.Update(l.Context(), "acme", "v1.0.0") // and back
	l.must(err)
	if got := l.reads(l.open(), "acme", "a.star"); got != "v = 'v1.0.0'\n" {
		t.Errorf("back: %s", got)
	}
	p = l.open()
	l.must(p.Remove("acme"))
	if toml() != "# mine\nmatch = 'exact' # so\n\n[modules]\n" || len(l.open().lock) != 0 {
		t.Errorf("removed:\n%s\n%v", toml(), l.open().lock)
	}
	l.wants(l.open().Remove("acme"), "declares none")
}

// Any number of processes may get at once.
func TestGetAtOnce(t *testing.T) {
	l := newLab(t)
	l.tag("acme", "v1.0.0", "a.star", "a = 1\n", "phlb.toml", l.declaring("util v1.0.0"))
	l.tag("util", "v1.0.0", "u.star", "u = 1\n")
	l.project(l.declaring("acme v1.0.0"))
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			cache := &Cache{Dir: l.cache.Dir, Environ: l.environ}
			release, err := cache.Exclusive(context.Background(), l.path("project"))
			if err != nil {
				t.Error(err)
				return
			}
			release() // the cache does without
			cfg, err := config.Load(config.Sources{Dir: l.path("project"), Home: l.dir})
			if err != nil {
				t.Error(err)
				return
			}
			p, err := Open(l.path("project"), cfg.Modules, cache)
			if err == nil {
				_, err = p.Get(context.Background())
			}
			if err == nil {
				err = p.Save()
			}
			if err == nil {
				err = p.Verify()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	l.must(l.open().Verify())
	left, _ := filepath.Glob(l.path("cache/*/.new-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

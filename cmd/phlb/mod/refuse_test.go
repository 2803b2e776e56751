package mod

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What no module holds is an error, by git and from a folder, and nothing of it is
// kept.
func TestRefused(t *testing.T) {
	l := newLab(t)
	link := func(target string) func(dir string) error {
		return func(dir string) error { return os.Symlink(target, filepath.Join(dir, "l.star")) }
	}
	file := func(name string) func(dir string) error {
		return func(dir string) error {
			at := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
				return err
			}
			return os.WriteFile(at, []byte("x"), 0o666)
		}
	}
	for name, tt := range map[string]struct {
		make func(dir string) error
		want string
	}{
		"absolute":  {link("/etc/passwd"), `the symbolic link l.star leads out of the module, to "/etc/passwd"`},
		"up":        {link("../../etc/passwd"), `the symbolic link l.star leads out of the module, to "../../etc/passwd"`},
		"upagain":   {link("d/../../x"), `leads out of the module`},
		"nowhere":   {link("nothing"), `leads to "nothing", which is no file of the module`},
		"itself":    {link("l.star"), `which is no file of the module`},
		"intogit":   {link(".git/config"), `which is no file of the module`},
		"folder":    {link("d"), `the symbolic link l.star leads to a folder: in a module, link to files`},
		"device":    {file("d/nul.star"), `malformed file path "d/nul.star"`},
		"character": {file("d/a:b"), `malformed file path "d/a:b"`},
		"newline":   {file("d/a\nb"), `malformed file path`},
		"backslash": {file(`d\a`), `malformed file path`},
		"cases":     {file("D/a"), `differ in case only, and are one file on other systems`},
		"casefiles": {file("d/X"), `differ in case only`},
		"long":      {file(strings.Repeat("d/"+strings.Repeat("a", 200), 3)), `is too long, 512 are possible`},
	} {
		repo := "refused-" + name
		l.write(repo+"/d/x", "x")
		l.must(tt.make(l.path(repo)))
		_, err := readFolder(l.path(repo))
		l.wants(err, tt.want)
		l.tag(repo, "v1.0.0")
		l.getFails(l.project("[modules]\nm = { git = '"+l.url(repo)+"', version = 'v1.0.0' }\n"), tt.want)
	}
	l.tag("sub", "v1.0.0", "a", "")
	l.tag("super", "v1.0.0", "a", "")
	l.git("super", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", l.path("sub"), "below")
	l.tag("super", "v1.0.0")
	l.getFails(l.project(l.declaring("super v1.0.0")), "below is a submodule, which is not fetched: declare it as a module")
	l.tag("empty", "v1.0.0")
	l.getFails(l.project(l.declaring("empty v1.0.0")), "there are no files in it")
	if kept, err := filepath.Glob(l.path("cache/modules/*")); err != nil || len(kept) > 0 {
		t.Errorf("kept %v, error %v", kept, err)
	}
	if _, err := os.Stat(l.path("project/phlb.lock")); err == nil {
		t.Error("something was pinned")
	}
}

// A module has limits, which are looked at before it is read.
func TestLimits(t *testing.T) {
	l := newLab(t)
	l.must(os.Mkdir(l.path("many"), 0o777))
	for i := range maxFiles + 1 {
		l.must(os.WriteFile(l.path("many/f"+strconv.Itoa(i)), nil, 0o666))
	}
	l.write("large/a", "")
	l.must(os.Truncate(l.path("large/a"), 1<<30))
	_, err := readFolder(l.path("many"))
	l.wants(err, "it has more than 10,000 files, which no module may have")
	_, err = readFolder(l.path("large"))
	l.wants(err, "its files are larger than 64 MiB together, which no module may be")
	l.tag("many-tagged", "v1.0.0", "a", "")
	blob := l.git("many-tagged", "hash-object", "a")
	var index strings.Builder
	for i := range maxFiles {
		fmt.Fprintf(&index, "100644 %s\tf%d\n", blob, i)
	}
	add := exec.Command("git", "update-index", "--index-info")
	add.Dir, add.Stdin = l.path("many-tagged"), strings.NewReader(index.String())
	l.must(add.Run())
	l.git("many-tagged", "commit", "-q", "-m", "many", "--author", "a <a@b>")
	l.git("many-tagged", "tag", "-f", "v1.0.0")
	l.getFails(l.project(l.declaring("many-tagged v1.0.0")), "it has more than 10,000 files, which no module may have")
	l.must(os.Truncate(l.path("large/a"), maxBytes+1))
	l.tag("large", "v1.0.0")
	l.getFails(l.project(l.declaring("large v1.0.0")), "its files are larger than 64 MiB together, which no module may be")
}

// What git fetches is watched while it comes, and looked at once it is there.
func TestFetchLimit(t *testing.T) {
	l := newSoleLab(t)
	noise := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{}).Read(noise)
	l.tag("acme", "v1.0.0", "noise", string(noise))
	p := l.project(l.declaring("acme v1.0.0"))
	l.cache.fetched = 200_000
	l.getFails(p, "the repository holds more than 195 KiB at that commit, which is too much for a module")
	l.cache.fetched = 400_000
	l.get(p)

	// A server that never comes to an end, whom git leaves to a child of its own.
	if runtime.GOOS != "linux" {
		return
	}
	real, err := exec.LookPath("git")
	l.must(err)
	l.write("bin/git", `#!/bin/sh
case "$*" in
*" fetch --quiet "*) ulimit -c 0
	sh -c 'while head -c 10000 /dev/zero; do :; done >$GIT_DIR/objects/endless; touch '`+l.path("over")+` &
	exec sleep 3600;;
*) exec `+real+` "$@";;
esac
`)
	l.must(os.Chmod(l.path("bin/git"), 0o755))
	t.Setenv("PATH", l.path("bin")+":"+os.Getenv("PATH"))
	l.tag("other", "v1.0.0", "a", "")
	l.getFails(l.project(l.declaring("other v1.0.0")), "the repository holds more than 391 KiB at that commit")
	for { // what git has started comes to an end, too
		if _, err := os.Stat(l.path("over")); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
}

// A pointer of Git LFS is not the file that a module was to have.
func TestLFS(t *testing.T) {
	l := newLab(t)
	l.tag("acme", "v1.0.0", "a.star", "x = 1\n", "data/list.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
	l.getFails(l.project(l.declaring("acme v1.0.0")), "data/list.txt is a pointer to a file that Git LFS keeps elsewhere, which is not fetched: commit the file itself")
}

// tarred makes a layer of headers, with a byte in each file.
func tarred(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range headers {
		if h.Typeflag == 0 || h.Typeflag == tar.TypeReg {
			h.Typeflag, h.Size = tar.TypeReg, 1
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			w.Write([]byte("x"))
		}
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		headers []tar.Header
		want    string
	}{
		{[]tar.Header{{Name: "a"}, {Name: "d/b"}, {Name: "d/", Typeflag: tar.TypeDir}}, ""},
		{[]tar.Header{{Name: "../a"}}, "malformed file path"},
		{[]tar.Header{{Name: "d/../../a"}}, "malformed file path"},
		{[]tar.Header{{Name: "/etc/a"}}, "malformed file path"},
		{[]tar.Header{{Name: "./a"}}, "malformed file path"},
		{[]tar.Header{{Name: "a"}, {Name: "a"}}, "a is there twice"},
		{[]tar.Header{{Name: "a"}, {Name: "a/b"}}, "a is there twice"},
		{[]tar.Header{{Name: "a/b"}, {Name: "a"}}, "a is there twice"},
		{[]tar.Header{{Name: "README"}, {Name: "readme"}}, "README and readme differ in case only"},
		{[]tar.Header{{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, "l is no regular file"},
		{[]tar.Header{{Name: "a"}, {Name: "l", Typeflag: tar.TypeLink, Linkname: "a"}}, "l is no regular file"},
		{[]tar.Header{{Name: "f", Typeflag: tar.TypeFifo}}, "f is no regular file"},
		{[]tar.Header{{Name: ".git/config"}}, ".git/config belongs to no module"},
		{[]tar.Header{{Name: "d/.GIT/config"}}, "belongs to no module"},
		{[]tar.Header{{Name: "vendor/x"}}, "vendor/x belongs to no module"},
		{nil, "there are no files in it"},
	} {
		f, err := unpack(bytes.NewReader(tarred(t, tt.headers...)))
		switch {
		case tt.want == "" && (err != nil || len(f) != 2):
			t.Errorf("%v: files %v, error %v", tt.headers, f, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%v: error %v, want %q", tt.headers, err, tt.want)
		}
	}
	packed, err := pack(files{"a": []byte("1"), "d/ä": []byte("2")})
	if err != nil {
		t.Fatal(err)
	}
	for cut := range packed {
		if f, err := unpack(bytes.NewReader(packed[:cut])); err == nil {
			t.Errorf("cut at %d: %v", cut, f)
		}
	}
	if f, err := unpack(bytes.NewReader(packed)); err != nil || string(f["d/ä"]) != "2" || len(f) != 2 {
		t.Errorf("files %v, error %v", f, err)
	}
	// A small layer can hold much.
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	w := tar.NewWriter(z)
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: maxBytes + 1})
	z.Flush()
	if _, err := unpack(&bomb); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("a bomb: %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	packed, err := pack(files{"a": []byte("1"), "d/b": []byte("2")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := unpack(bytes.NewReader(data))
		if err != nil {
			return
		}
		for name := range got {
			if !filepath.IsLocal(name) || left(name) {
				t.Errorf("%q came out", name)
			}
		}
	})
}

// Git is kept from hooks, other transports, repositories that lie around, and from
// telling credentials.
func TestGitIsTame(t *testing.T) {
	l := newLab(t)
	commit := l.tag("acme", "v1.0.0", "a", "x")
	l.write("hooks/post-checkout", "#!/bin/sh\ntouch "+l.path("hooked")+"\n", "hooks/reference-transaction", "#!/bin/sh\ntouch "+l.path("hooked")+"\n")
	l.must(os.Chmod(l.path("hooks/post-checkout"), 0o755))
	l.must(os.Chmod(l.path("hooks/reference-transaction"), 0o755))
	l.write("gitconfig", "[core]\nhooksPath = "+l.path("hooks")+"\n[init]\ntemplateDir = "+l.path("hooks")+
		"\n[protocol \"ext\"]\nallow = always\n[url \"ext::touch "+l.path("ran")+" \"]\ninsteadOf = https://evil.example/\n[safe]\nbareRepository = explicit\n")
	l.cache.Environ = append(l.environ, "GIT_DIR="+l.path("acme/.git"), "GIT_OBJECT_DIRECTORY="+l.path("objects"), "GIT_ALLOW_PROTOCOL=ext", "GIT_TRACE=1")
	p := l.project(l.declaring("acme v1.0.0"))
	l.get(p)
	l.getFails(l.project("[modules]\nevil = { git = 'https://evil.example/x', version = 'v1.0.0' }\n"), "transport 'ext' not allowed")
	for _, name := range []string{"hooked", "ran", "objects"} {
		if _, err := os.Stat(l.path(name)); err == nil {
			t.Errorf("%s was made", name)
		}
	}
	// Nor does a module that names programs for its files, or other repositories.
	l.write("gitconfig", "")
	l.write("filtered/.gitattributes", "*.star filter=sly diff=sly\n")
	l.tag("filtered", "v0.9.0", "a.star", "before\n")
	before := l.git("filtered", "rev-parse", "HEAD:a.star")
	l.tag("filtered", "v1.0.0", "a.star", "as it is\n")
	l.git("filtered", "update-index", "--add", "--cacheinfo", "160000,"+commit+",sub")
	l.write("filtered/.gitmodules", "[submodule \"sub\"]\npath = sub\nurl = ext::touch "+l.path("ran")+"\n")
	l.git("filtered", "add", ".gitmodules")
	l.git("filtered", "commit", "-q", "-m", "with a submodule", "--author", "a <a@b>")
	l.git("filtered", "tag", "v2.0.0")
	program := " = touch " + l.path("ran") + "\n"
	l.write("gitconfig", "[filter \"sly\"]\nsmudge"+program+"clean"+program+"process"+program+"required = true\n[diff \"sly\"]\ntextconv"+program+
		"[submodule]\nrecurse = true\n[fetch]\nrecurseSubmodules = true\n[protocol \"ext\"]\nallow = always\n")
	l.getFails(l.project(l.declaring("filtered v2.0.0")), "sub is a submodule, which is not fetched")
	p = l.project(l.declaring("filtered v1.0.0"))
	l.get(p)
	if got := l.reads(l.open(), "filtered", "a.star"); got != "as it is\n" {
		t.Errorf("through a filter it is %q", got)
	}
	if _, err := os.Stat(l.path("ran")); err == nil {
		t.Error("a program was run for a module")
	}
	kept, err := filepath.Glob(l.path("cache/git/*"))
	l.must(err)
	for _, dir := range kept { // one commit, and nothing before it
		if exec.Command("git", "-C", dir, "cat-file", "-e", before).Run() == nil {
			t.Errorf("%s holds what came before the commit", dir)
		}
	}
	if len(kept) == 0 {
		t.Error("nothing is kept")
	}
	// A commit is fetched by its id, too.
	l.write("gitconfig", "")
	p = l.project("[modules]\nacme = { git = '" + l.url("acme") + "', commit = '" + commit + "' }\n")
	l.get(p)
	l.getFails(l.project("[modules]\nacme = { git = '"+l.url("acme")+"', commit = '"+strings.Repeat("0", 39)+"1' }\n"), "there is no commit 0000")
	versions, err := l.cache.gitVersions(t.Context(), l.url("acme"))
	if err != nil || len(versions) != 1 {
		t.Errorf("versions %v, error %v", versions, err)
	}
}

func TestParseSource(t *testing.T) {
	t.Parallel()
	commit := strings.Repeat("a", 40)
	for text, want := range map[string]string{
		"git:https://h/p.git@v1.4.0":                 "git https://h/p.git|v1.4.0|",
		"git:https://h/p.git//backup.star@v1.4.0":    "git https://h/p.git|v1.4.0|backup.star",
		"git:https://h/p.git//deep/b.star@" + commit: "git https://h/p.git|" + commit + "|deep/b.star",
		"git:ssh://git@h:22/p@v1.0.0":                "git ssh://git@h:22/p|v1.0.0|",
		"git:git@h:me/p.git@v1.0.0":                  "git git@h:me/p.git|v1.0.0|",
		"https://h/p.git@v1.0.0-rc.1":                "git https://h/p.git|v1.0.0-rc.1|",
		"git://localhost/p@v1.0.0":                   "git git://localhost/p|v1.0.0|",
		"git:git://localhost/p@v1.0.0":               "git git://localhost/p|v1.0.0|",
		"git:file:///srv/p//b.star@v1.0.0":           "git file:///srv/p|v1.0.0|b.star",
		"oci:registry.example.org/b/p@2.1.0":         "oci registry.example.org/b/p|2.1.0|",
		"oci:127.0.0.1:5000/b/p//backup.star@2.1.0":  "oci 127.0.0.1:5000/b/p|2.1.0|backup.star",
		"path:../lab":                         "path ../lab||",
		"../lab":                              "path ../lab||",
		"/srv/lab":                            "path /srv/lab||",
		"git:https://h/p.git":                 "error which version? SOURCE@v1.4.0",
		"git:https://h/p.git@main":            "error is no whole semantic version",
		"git:https://u:geheim@h/p.git@v1.0.0": "error a password does not belong here",
		"git:https://u:geheim@h/p.git":        "error which version?",
		"git:--upload-pack=touch x@v1.0.0":    "error want https://",
		"git:https://h/p.git@--upload-pack=x": "error is no whole semantic version",
		"git:-x@v1.0.0":                       "error want https://",
		"oci:h/p@latest":                      "error is no whole semantic version",
		"acme":                                `error "acme" is no source: want git:URL@VERSION`,
		"path:":                               "error path: of which folder?",
		"":                                    "error is no source",
	} {
		s, err := ParseSource(text, false)
		got := s.Source() + "|" + s.At() + "|" + s.File
		if err != nil {
			got = "error " + err.Error()
		}
		if part, isError := strings.CutPrefix(want, "error "); got != want && !(isError && err != nil && strings.Contains(got, part)) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if strings.Contains(got, "geheim") {
			t.Errorf("%s tells a password: %s", text, got)
		}
	}
}

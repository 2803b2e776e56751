package mod

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"phlb/engine/config"
)

// lab is a place with a cache, repositories and a project.
type lab struct {
	*testing.T
	dir     string // with one folder per repository, and project
	cache   *Cache
	environ []string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	t.Parallel()
	return newSoleLab(t)
}

// newSoleLab is newLab for a test that changes the environment.
func newSoleLab(t *testing.T) *lab {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git: apt-get install git")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	environ := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_GLOBAL=" + filepath.Join(dir, "gitconfig")}
	l := &lab{t, dir, &Cache{Dir: filepath.Join(dir, "cache"), Environ: environ, PlainHTTP: true}, environ}
	l.write("gitconfig", "")
	l.must(os.Mkdir(l.path("project"), 0o777))
	return l
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, filepath.FromSlash(name)) }

// write writes files, given as name and content in turn.
func (l *lab) write(files ...string) {
	l.Helper()
	for i := 0; i < len(files); i += 2 {
		name := l.path(files[i])
		l.must(os.MkdirAll(filepath.Dir(name), 0o777))
		l.must(os.WriteFile(name, []byte(files[i+1]), 0o666))
	}
}

func (l *lab) git(repo string, args ...string) string {
	l.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = l.path(repo)
	cmd.Env = append(slices.Clone(l.environ), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b",
		"GIT_AUTHOR_DATE=2026-11-01T00:00:00Z", "GIT_COMMITTER_DATE=2026-11-01T00:00:00Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// tag commits files to a repository, which is made if it is not there, and tags
// that. It returns the commit.
func (l *lab) tag(repo, tag string, files ...string) string {
	l.Helper()
	if _, err := os.Stat(l.path(repo + "/.git")); err != nil {
		l.must(os.MkdirAll(l.path(repo), 0o777))
		l.git(repo, "init", "-q", "-b", "main")
	}
	for i := 0; i < len(files); i += 2 {
		l.write(repo+"/"+files[i], files[i+1])
	}
	l.git(repo, "add", "-A")
	l.git(repo, "commit", "-q", "--allow-empty", "-m", tag)
	l.git(repo, "tag", "-f", tag)
	return l.git(repo, "rev-parse", "HEAD")
}

func (l *lab) url(repo string) string { return "file://" + l.path(repo) }

// declaring is a phlb.toml that declares modules of repositories, each as
// "NAME VERSION".
func (l *lab) declaring(modules ...string) string {
	text := "[modules]\n"
	for _, m := range modules {
		repo, version, _ := strings.Cut(m, " ")
		text += fmt.Sprintf("%s = { git = %q, version = %q }\n", repo, l.url(repo), version)
	}
	return text
}

// project opens the project with what its phlb.toml says.
func (l *lab) project(toml string) *Project {
	l.Helper()
	l.write("project/phlb.toml", toml)
	return l.open()
}

func (l *lab) open() *Project {
	l.Helper()
	cfg, err := config.Load(config.Sources{Dir: l.path("project"), Home: l.dir})
	l.must(err)
	p, err := Open(l.path("project"), cfg.Modules, l.cache)
	l.must(err)
	return p
}

// get fetches what the project declares, and saves.
func (l *lab) get(p *Project) []Change {
	l.Helper()
	changes, err := p.Get(l.Context())
	l.must(err)
	l.must(p.Save())
	return changes
}

func (l *lab) getFails(p *Project, want string) {
	l.Helper()
	_, err := p.Get(l.Context())
	l.wants(err, want)
}

func (l *lab) wants(err error, want string) {
	l.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		l.Errorf("error %v, want %q", err, want)
	}
}

// reads is a file of a module, or the error of reading it.
func (l *lab) reads(p *Project, module, file string) string {
	l.Helper()
	m := p.Modules()[module]
	if m == nil {
		l.Fatalf("no module %s", module)
	}
	data, err := fs.ReadFile(m.Files, file)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(data)
}

// serve serves the repositories over HTTP, as git does, and counts requests.
func (l *lab) serve() (url string, requests *atomic.Int64) {
	l.Helper()
	core, err := exec.Command("git", "--exec-path").Output()
	l.must(err)
	backend := filepath.Join(strings.TrimSpace(string(core)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		l.Skip("needs git http-backend: apt-get install git")
	}
	requests = new(atomic.Int64)
	h := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + l.dir, "GIT_HTTP_EXPORT_ALL=1"}, Stderr: new(bytes.Buffer)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h.ServeHTTP(w, r)
	}))
	l.Cleanup(server.Close)
	return server.URL, requests
}

// freePort returns a port of this machine that nobody listens on.
func (l *lab) freePort() string {
	l.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	l.must(err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	l.must(err)
	return port
}

// started starts a server, ends it with the test, and waits for its port.
func (l *lab) started(port string, cmd *exec.Cmd) {
	l.Helper()
	l.must(cmd.Start())
	l.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 15000 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	l.Fatalf("%v does not listen", cmd)
}

// registry starts Debian's registry and returns its address.
func (l *lab) registry() string {
	l.Helper()
	path, err := exec.LookPath("docker-registry")
	if err != nil {
		l.Skip("needs docker-registry: apt-get install docker-registry")
	}
	port := l.freePort()
	l.write("registry.yml", "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: "+l.path("registry")+"\nhttp:\n  addr: 127.0.0.1:"+port+"\n")
	l.started(port, exec.Command(path, "serve", l.path("registry.yml")))
	return "127.0.0.1:" + port
}

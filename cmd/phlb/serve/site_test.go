package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"phlb/cmd/phlb/serve/address"
	"phlb/engine"
	"phlb/engine/config"
)

// site is a source, a backup root and a server in a test.
type site struct {
	testing.TB
	source, root string
	config       *config.Config
	now          time.Time  // of the next backup, and of the pages
	clock        sync.Mutex // held while now is moved or read by others
	server       *Server
	http         *httptest.Server
	client       *http.Client // that was let in
	log          *logged
}

// logged is what several goroutines log.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newSite returns one with an empty source. Its clock is later than that of the files,
// so that no change is so recent that its times mean nothing.
func newSite(t testing.TB) *site {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &site{TB: t, source: filepath.Join(dir, "docs"), root: filepath.Join(dir, "root"), log: &logged{}}
	s.now = time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	s.must(os.MkdirAll(s.source, 0o755))
	s.config = &config.Config{
		BackupPath: s.root, Catalog: filepath.Join(s.root, ".phlb", "catalog.ql"), SnapshotFormat: "%Y-%m-%d-%H%M%S",
		Match: config.MatchPermissions, Unchanged: config.Size | config.Mtime | config.Ctime | config.Inode,
	}
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) engine(readOnly bool) *engine.Engine {
	now := s.now
	return engine.Open(s.config, engine.Environment{
		Host: "laptop", Owner: fmt.Sprintf("pid %d on laptop", os.Getpid()), Home: "/home/ann", TempDir: os.TempDir(),
		Now: func() time.Time { return now }, Log: slog.NewTextHandler(s.log, nil), ReadOnly: readOnly,
	})
}

// write makes files of the source: path, content, ….
func (s *site) write(pairs ...string) {
	s.Helper()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(s.source, pairs[i])
		s.must(os.MkdirAll(filepath.Dir(path), 0o755))
		s.must(os.WriteFile(path, []byte(pairs[i+1]), 0o644))
		mtime := s.now.Add(-time.Hour)
		s.must(os.Chtimes(path, mtime, mtime))
	}
}

func (s *site) remove(path string) {
	s.Helper()
	s.must(os.RemoveAll(filepath.Join(s.source, path)))
}

// backup makes a snapshot, and a day goes by.
func (s *site) backup() *engine.Snapshot {
	s.Helper()
	made, err := s.engine(false).Backup(context.Background(), engine.Source{Root: s.source})
	s.must(err)
	s.clock.Lock()
	defer s.clock.Unlock()
	s.now = s.now.AddDate(0, 0, 1)
	return made
}

// serve starts the server, and lets a client in.
func (s *site) serve(change ...func(*Config)) *site {
	s.Helper()
	e := s.engine(true)
	c := Config{
		Open: e.Another, Version: "0.1.0", Host: "laptop", Log: slog.New(slog.NewTextHandler(s.log, nil)),
		Now: func() time.Time {
			s.clock.Lock()
			defer s.clock.Unlock()
			return s.now
		},
		Flags: []string{"--backup-path", "/mnt/backups"},
	}
	for _, f := range change {
		f(&c)
	}
	var err error
	s.server, err = New(c)
	s.must(err)
	s.http = httptest.NewServer(s.server)
	s.Cleanup(s.http.Close)
	s.client = s.newClient()
	if !c.Trusted && c.Passwords == nil {
		answer, err := s.client.Get(s.http.URL + s.server.Ticket())
		s.must(err)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			s.Fatalf("the ticket: %s", answer.Status)
		}
	}
	return s
}

// newClient returns one that was not let in.
func (s *site) newClient() *http.Client {
	jar, err := cookiejar.New(nil)
	s.must(err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is what a server says.
type answer struct {
	*http.Response
	body string
	err  error // of reading the body
}

func (s *site) ask(client *http.Client, path string, header ...string) answer {
	s.Helper()
	req, err := http.NewRequest(http.MethodGet, s.http.URL+path, nil)
	s.must(err)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	got, err := client.Do(req)
	s.must(err)
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	return answer{got, string(body), err}
}

// get returns a page that must be there.
func (s *site) get(path string, header ...string) string {
	s.Helper()
	a := s.ask(s.client, path, header...)
	if a.StatusCode != http.StatusOK || a.err != nil {
		s.Fatalf("%s: %s, %v: %.500s\nlog: %s", path, a.Status, a.err, a.body, s.log)
	}
	return a.body
}

// wants checks that a text holds others.
func (s *site) wants(text string, parts ...string) {
	s.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			s.Errorf("%q is missing in:\n%.3000s", part, text)
		}
	}
}

func (s *site) lacks(text string, parts ...string) {
	s.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			s.Errorf("%q is in:\n%.3000s", part, text)
		}
	}
}

// of is the address of a path of a snapshot.
func of(kind string, snapshot *engine.Snapshot, path string) string {
	return string(address.At(kind, snapshot, path))
}

var errNoRedirect = errors.New("no redirect")

// follow returns where an answer leads.
func (a answer) follow() (string, error) {
	to, err := a.Location()
	if err != nil {
		return "", errNoRedirect
	}
	return (&url.URL{Path: to.Path, RawQuery: to.RawQuery}).String(), nil
}

// entry returns the digest of a file in the newest snapshot.
func (s *site) entry(path string) string {
	s.Helper()
	all, err := s.engine(true).Snapshots(context.Background(), "")
	s.must(err)
	f, err := s.engine(true).Folder(context.Background(), all[0], path, false)
	s.must(err)
	return f.Own.Digest.String()
}

func mustParse(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return u
}

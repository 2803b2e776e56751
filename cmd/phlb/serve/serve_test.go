package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/cmd/phlb/serve/door"
)

// TestDoor lets in who has a ticket, once, and nobody else.
func TestDoor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a", "1")
	s.backup()
	s.serve()
	stranger := s.newClient()
	for _, c := range []struct {
		what   string
		client *http.Client
		path   string
		header []string
		status int
	}{
		{"in", s.client, "/", nil, http.StatusOK},
		{"without a token", stranger, "/", nil, http.StatusUnauthorized},
		{"without a token, deeper", stranger, "/browse/docs/latest/", nil, http.StatusUnauthorized},
		{"without a token, a download", stranger, "/raw/docs/latest/a", nil, http.StatusUnauthorized},
		{"without a token, metrics", stranger, "/metrics", nil, http.StatusUnauthorized},
		{"wrong token", stranger, "/?token=" + door.Secret(), nil, http.StatusForbidden},
		{"no token at all", stranger, "/?token=", nil, http.StatusUnauthorized},
		{"another cookie", stranger, "/", []string{"Cookie", "phlb=" + door.Secret()}, http.StatusUnauthorized},
		{"another name", s.client, "/", []string{"Host", "evil.example"}, http.StatusMisdirectedRequest},
		{"another name with the port", s.client, "/", []string{"Host", "evil.example:" + s.port()}, http.StatusMisdirectedRequest},
		{"a name like ours", s.client, "/", []string{"Host", "localhost.evil.example"}, http.StatusMisdirectedRequest},
		{"an address like ours", s.client, "/", []string{"Host", "127.0.0.1.evil.example"}, http.StatusMisdirectedRequest},
		{"localhost", s.client, "/", []string{"Host", "localhost:" + s.port()}, http.StatusUnauthorized}, // has no cookie there
		{"an asset", stranger, "/assets/style.css", nil, http.StatusOK},
	} {
		if a := s.ask(c.client, c.path, c.header...); a.StatusCode != c.status {
			t.Errorf("%s: %s, not %d", c.what, a.Status, c.status)
		} else if c.status != http.StatusOK && strings.Contains(a.body, s.root) {
			t.Errorf("%s tells of the root", c.what)
		}
	}
	// A ticket is good for one.
	ticket := s.server.Ticket()
	if a := s.ask(s.newClient(), ticket); a.StatusCode != http.StatusOK {
		t.Errorf("another ticket: %s", a.Status)
	}
	if a := s.ask(s.newClient(), ticket); a.StatusCode != http.StatusForbidden {
		t.Errorf("a used ticket: %s", a.Status)
	}
	// The cookie is for us alone.
	a := s.ask(s.newClient(), s.server.Ticket())
	cookie := a.Header.Get("Set-Cookie")
	s.wants(cookie, "HttpOnly", "SameSite=Strict", "Path=/", "phlb"+s.port()+"=")
	// Who is in can let in another browser, but no page of another site can.
	if a := s.post("/invite", "Origin", "http://evil.example"); a.StatusCode != http.StatusForbidden {
		t.Errorf("from another origin: %s", a.Status)
	}
	if a := s.post("/invite", "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %s", a.Status)
	}
	invited := s.post("/invite", "Accept", "application/json")
	var page invitation
	s.must(json.Unmarshal([]byte(invited.body), &page))
	if a := s.ask(s.newClient(), strings.TrimPrefix(page.Address, s.http.URL)); a.StatusCode != http.StatusOK {
		t.Errorf("who was invited: %s", a.Status)
	}
	// And out again.
	if a := s.post("/logout"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("out: %s", a.Status)
	}
	if a := s.ask(s.client, "/"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("after that: %s", a.Status)
	}
}

func (s *site) port() string {
	u, err := url.Parse(s.http.URL)
	s.must(err)
	return u.Port()
}

func (s *site) post(path string, header ...string) answer {
	s.Helper()
	return s.postForm(path, nil, header...)
}

func (s *site) postForm(path string, form url.Values, header ...string) answer {
	s.Helper()
	req, err := http.NewRequest(http.MethodPost, s.http.URL+path, strings.NewReader(form.Encode()))
	s.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	got, err := s.client.Do(req)
	s.must(err)
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	return answer{got, string(body), err}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "passwords")
	if err := door.SetPassword(file, "ann", "short"); err == nil {
		t.Error("a short password is taken")
	}
	for _, pair := range [][2]string{{"bob", "other password"}, {"ann", "old password"}, {"ann", "correct horse"}} {
		if err := door.SetPassword(file, pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	passwords, err := door.ReadPasswords(file)
	if err != nil || len(passwords) != 2 {
		t.Fatal(passwords, err)
	}
	s := newSite(t)
	s.write("a", "1")
	s.backup()
	s.serve(func(c *Config) { c.Passwords = passwords })
	if a := s.ask(s.client, "/"); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/login" {
		t.Errorf("without a password: %s to %s", a.Status, a.Header.Get("Location"))
	}
	s.wants(s.get("/login"), `type="password"`)
	for _, form := range []url.Values{
		{"user": {"ann"}, "password": {"old password"}}, {"user": {"nobody"}, "password": {"correct horse"}}, {},
	} {
		if a := s.postForm("/login", form); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%v: %s", form, a.Status)
		}
	}
	if a := s.postForm("/login", url.Values{"user": {"ann"}, "password": {"correct horse"}}); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("the right one: %s", a.Status)
	}
	s.wants(s.get("/"), "docs")
	// Programs send it with every request.
	basic := func(user, password string) int {
		req, err := http.NewRequest(http.MethodGet, s.http.URL+"/metrics", nil)
		s.must(err)
		req.SetBasicAuth(user, password)
		req.Header.Set("Accept", "application/json")
		a, err := s.newClient().Do(req)
		s.must(err)
		a.Body.Close()
		return a.StatusCode
	}
	if ok, again, wrong := basic("bob", "other password"), basic("bob", "other password"), basic("bob", "correct horse"); ok != 200 || again != 200 || wrong != 401 {
		t.Errorf("basic: %d, %d and %d", ok, again, wrong)
	}
	for text, want := range map[string]string{"ann:plain\n": "hash of bcrypt", "": "holds none"} {
		bad := filepath.Join(t.TempDir(), "bad")
		s.must(os.WriteFile(bad, []byte(text), 0o600))
		if _, err := door.ReadPasswords(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	s.must(os.Chmod(file, 0o666))
	if _, err := door.ReadPasswords(file); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("one that others can write: %v", err)
	}
}

// TestPolicy looks that no page has what the policy forbids, nor an address elsewhere.
func TestPolicy(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.txt", "one\n", "d/b", "2")
	first := s.backup()
	s.write("a.txt", "two\n")
	last := s.backup()
	s.serve()
	for _, path := range s.pages(first.Stamp, last.Stamp) {
		a := s.ask(s.client, path)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s: %.300s", path, a.Status, a.body)
		}
		s.wants(a.Header.Get("Content-Security-Policy"), "default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
		s.wants(a.Header.Get("X-Content-Type-Options"), "nosniff")
		s.wants(a.Header.Get("Referrer-Policy"), "no-referrer")
		s.lacks(strings.ToLower(a.body), " style=", "<style", "onclick", "onload", "javascript:", `src="http`, `href="http`, "zgotmplz")
		if n := strings.Count(a.body, "<script"); n != 1 {
			t.Errorf("%s has %d scripts", path, n)
		}
		if len(a.body) > 100<<10 {
			t.Errorf("%s has %d bytes", path, len(a.body))
		}
	}
}

// pages are addresses of all pages of a site with two snapshots that hold a.txt and d.
func (s *site) pages(first, last string) []string {
	return []string{
		"/", "/names/docs", "/runs", "/snapshots/docs/" + last, "/snapshots/docs/" + last + "?free=1", "/browse/docs/" + last + "/",
		"/browse/docs/" + last + "/a.txt", "/browse/docs/latest/d", "/diff/docs/a.txt?a=" + first + "&b=" + last,
		"/compare", "/compare?a=docs/" + first + "&b=docs/" + last, "/compare?a=docs/" + last + "&b=live", "/search", "/search?q=a",
		"/space/docs/" + last + "/", "/state", "/settings", "/sql", "/contents",
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	l, local, trusted, err := door.Listen("127.0.0.1:0")
	if err != nil || !local || trusted {
		t.Fatal(local, trusted, err)
	}
	l.Close()
	if l, local, _, err := door.Listen("0.0.0.0:0"); err != nil || local {
		t.Error("every address is taken for local", err)
	} else {
		l.Close()
	}
	path := filepath.Join(t.TempDir(), "socket")
	l, local, trusted, err = door.Listen("unix:" + path)
	if err != nil || !local || !trusted {
		t.Fatal(local, trusted, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Error(info.Mode(), err)
	}
	if _, _, _, err := door.Listen("unix:" + path); err == nil || !strings.Contains(err.Error(), "somebody listens there") {
		t.Errorf("twice: %v", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // as after a kill
	l.Close()
	l, _, _, err = door.Listen("unix:" + path)
	if err != nil {
		t.Errorf("after a kill: %v", err)
	} else {
		l.Close()
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := door.Listen("unix:" + path); err == nil || !strings.Contains(err.Error(), "something else") {
		t.Errorf("over a file: %v", err)
	}
	if _, _, _, err := door.Listen("systemd"); err == nil || !strings.Contains(err.Error(), "systemd.socket") {
		t.Errorf("without systemd: %v", err)
	}
}

// TestUnixSocket serves whoever may connect, as a proxy does.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a", "1")
	s.backup()
	s.serve(func(c *Config) { c.Trusted = true })
	path := filepath.Join(t.TempDir(), "socket")
	l, _, _, err := door.Listen("unix:" + path)
	s.must(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.server.Serve(ctx, l, 0) }()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	a, err := client.Get("http://backups.example/browse/docs/latest/")
	s.must(err)
	text, err := io.ReadAll(a.Body)
	a.Body.Close()
	if a.StatusCode != http.StatusOK || err != nil {
		t.Errorf("%s: %s", a.Status, text)
	}
	client.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve(func(c *Config) { c.Trusted = true; c.Now = time.Now })
	l, _, _, err := door.Listen("127.0.0.1:0")
	s.must(err)
	if err := s.server.Serve(context.Background(), l, 10*time.Millisecond); err != nil {
		t.Errorf("after being idle: %v", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

// TestNoRoot serves where nothing is, and says so until there is something.
func TestNoRoot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.serve()
	a := s.ask(s.client, "/")
	if a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s", a.Status)
	}
	s.wants(a.body, "there is no backup root yet", "phlb backup DIR")
	a = s.ask(s.client, "/", "Accept", "application/json")
	var failed struct{ Error, Todo string }
	if err := json.Unmarshal([]byte(a.body), &failed); err != nil || failed.Todo == "" {
		t.Errorf("%s: %v", a.body, err)
	}
	s.write("a", "1")
	s.backup()
	s.wants(s.get("/"), "docs")
	s.must(os.Rename(s.root, s.root+"-away"))
	if a := s.ask(s.client, "/browse/docs/latest/"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("while it is away: %s", a.Status)
	}
	s.must(os.Rename(s.root+"-away", s.root))
	s.wants(s.get("/browse/docs/latest/"), "a")
}

// TestNothingWritten asks for everything, and looks that the root is as it was.
func TestNothingWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("a.txt", "one\n", "d/b", "2")
	first := s.backup()
	s.write("a.txt", "two\n")
	last := s.backup()
	s.serve()
	look := func() string {
		var b bytes.Buffer
		s.must(filepath.Walk(s.root, func(path string, info os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			b.WriteString(path + " " + info.ModTime().String() + " " + info.Mode().String() + "\n")
			return nil
		}))
		return b.String()
	}
	before := look()
	for _, path := range append(s.pages(first.Stamp, last.Stamp), "/metrics", "/raw/docs/latest/a.txt", "/archive/docs/latest/?format=zip") {
		s.get(path)
	}
	if after := look(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func TestMayBeCalled(t *testing.T) {
	t.Parallel()
	s := &Server{Config: Config{Hosts: []string{"nas.lan"}}}
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:80": true, "[::1]:80": true, "[::1]": true, "192.168.1.2:8080": true, "localhost:1": true, "LOCALHOST.": true,
		"nas.lan:80": true, "NAS.lan": true, "nas.lan.evil": false, "evil": false, "": false, "localhost.evil:80": false, "1.2.3.4.nip.io": false,
	} {
		if got := s.mayBeCalled(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
	open := &Server{Config: Config{Trusted: true}}
	if !open.mayBeCalled("anything") {
		t.Error("a proxy cannot call a socket as it likes")
	}
}

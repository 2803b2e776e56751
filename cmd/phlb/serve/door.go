package serve

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const (
	ticketField = "token"
	lasting     = 30 * 24 * time.Hour // of a session
	maxSessions = 1000
	maxTickets  = 10
)

// door decides who is let in. Secrets are kept as hashes: to look one up takes no
// longer for one that is nearly right.
type door struct {
	mu       sync.Mutex
	now      func() time.Time
	hosts    []string
	tickets  [][32]byte // that were not used yet, the newest last
	sessions map[[32]byte]time.Time
	known    map[[32]byte]bool // user and password that were found right
	trying   sync.Mutex        // one password at a time: they are slow on purpose
}

func (d *door) init(c Config) {
	d.now, d.hosts = c.Now, c.Hosts
	d.sessions, d.known = map[[32]byte]time.Time{}, map[[32]byte]bool{}
}

// ticket returns a token that lets in once.
func (d *door) ticket() string {
	token := secret()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tickets = append(d.tickets, sha256.Sum256([]byte(token)))
	if len(d.tickets) > maxTickets {
		d.tickets = d.tickets[1:]
	}
	return token
}

// take uses up a token, and reports whether it was one.
func (d *door) take(token string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.Index(d.tickets, sha256.Sum256([]byte(token)))
	if i >= 0 {
		d.tickets = slices.Delete(d.tickets, i, i+1)
	}
	return i >= 0
}

// cookieName is another one for every port: browsers do not tell ports apart, and
// there may be several servers.
func cookieName(r *http.Request) string {
	_, port, _ := net.SplitHostPort(r.Host)
	return "phlb" + port
}

// begin lets a browser in from now on.
func (d *door) begin(w http.ResponseWriter, r *http.Request) {
	session := secret()
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, until := range d.sessions {
		if d.now().After(until) || len(d.sessions) >= maxSessions {
			delete(d.sessions, key)
		}
	}
	d.sessions[sha256.Sum256([]byte(session))] = d.now().Add(lasting)
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil, MaxAge: int(lasting / time.Second),
	})
}

// isIn reports whether the request comes from a browser that was let in.
func (d *door) isIn(r *http.Request) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range r.CookiesNamed(cookieName(r)) { // other servers of this machine may have set one, too
		if until, ok := d.sessions[sha256.Sum256([]byte(c.Value))]; ok && d.now().Before(until) {
			return true
		}
	}
	return false
}

// end forgets the browser.
func (d *door) end(r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range r.CookiesNamed(cookieName(r)) {
		delete(d.sessions, sha256.Sum256([]byte(c.Value)))
	}
}

// opens holds a password against the file of them.
func (d *door) opens(p Passwords, user, password string) bool {
	key := sha256.Sum256([]byte(user + "\x00" + password))
	d.mu.Lock()
	known := d.known[key]
	d.mu.Unlock()
	if known {
		return true
	}
	d.trying.Lock()
	defer d.trying.Unlock()
	if !p.match(user, password) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[key] = true
	return true
}

// admit answers the request itself where it does not let it in.
func (d *door) admit(s *Server, w http.ResponseWriter, r *http.Request) bool {
	req := s.request(w, r)
	switch {
	case !s.mayBeCalled(r.Host):
		// Another site may have its name lead here, to have its pages talk to us.
		s.fail(req, &failure{http.StatusMisdirectedRequest, fmt.Sprintf("this server is not called %q", r.Host),
			"use the address that phlb serve has printed, or give --host the name that it is called by"})
		return false
	case r.Method != http.MethodGet && r.Method != http.MethodHead && !sameOrigin(r):
		s.fail(req, &failure{http.StatusForbidden, "this was sent by a page of another site", "use the pages of this server"})
		return false
	case s.Trusted && s.Passwords == nil, strings.HasPrefix(r.URL.Path, "/assets/"):
		return true
	case d.isIn(r):
		if r.URL.Query().Has(ticketField) { // a second use of an address by who is in
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return false
		}
		return true
	case s.Passwords != nil:
		if user, password, ok := r.BasicAuth(); ok && d.opens(s.Passwords, user, password) {
			return true
		}
		if r.URL.Path == "/login" {
			return true
		}
		if req.json {
			w.Header().Set("WWW-Authenticate", `Basic realm="phlb", charset="UTF-8"`)
			s.fail(req, &failure{http.StatusUnauthorized, "a name and a password are needed", "send them by Basic authentication"})
			return false
		}
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return false
	}
	token := r.URL.Query().Get(ticketField)
	switch {
	case token != "" && r.Method == http.MethodGet && d.take(token):
		d.begin(w, r)
		// From a link on a page of another site, a redirect would not bring the cookie
		// along. What a page of ours leads to does.
		s.write(req, "welcome", nil)
	case token != "":
		s.fail(req, &failure{http.StatusForbidden, "this address has let somebody in already, or never would have",
			"start phlb serve anew, or make another address under Settings in the browser that is in"})
	default:
		s.fail(req, &failure{http.StatusUnauthorized, "this browser was not let in", "open the address that phlb serve has printed"})
	}
	return false
}

// sameOrigin reports whether a request that changes something comes from a page of
// this server, as browsers tell it.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin" || site == "none"
	}
	origin := r.Header.Get("Origin")
	return origin == "" || origin == "http://"+r.Host || origin == "https://"+r.Host
}

// mayBeCalled reports whether the server may be called by that host. An address
// can be no other site's name.
func (s *Server) mayBeCalled(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil || name == "localhost" {
		return true
	}
	return slices.Contains(s.Hosts, name) || s.Trusted && len(s.Hosts) == 0
}

// Passwords are users and the hashes of their passwords.
type Passwords map[string][]byte

// ReadPasswords reads lines of the form USER:HASH, as htpasswd -B writes them, with
// hashes of bcrypt.
func ReadPasswords(path string) (Passwords, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read passwords: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read passwords: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("read passwords: %s can be written by others than its owner: chmod go-w it", path)
	}
	p := Passwords{}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		user, hash, ok := strings.Cut(line, ":")
		if _, err := bcrypt.Cost([]byte(hash)); !ok || err != nil {
			return nil, fmt.Errorf("read passwords: line %d of %s is not USER:HASH with a hash of bcrypt, as htpasswd -B writes it", n, path)
		}
		p[user] = []byte(hash)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read passwords: %w", err)
	}
	if len(p) == 0 {
		return nil, fmt.Errorf("read passwords: %s holds none: htpasswd -B -c %s YOU makes one", path, path)
	}
	return p, nil
}

// nobody's password takes as long to be found wrong as anybody's.
var nobody = sync.OnceValue(func() []byte {
	hash, _ := bcrypt.GenerateFromPassword([]byte(secret()), bcrypt.DefaultCost)
	return hash
})

func (p Passwords) match(user, password string) bool {
	hash, known := p[user]
	if !known {
		hash = nobody()
	}
	return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && known
}

// login asks for a name and a password.
func (s *Server) login(r *request) (any, error) {
	if s.Passwords == nil {
		return nil, &failure{http.StatusNotFound, "this server asks for no password", "open the address that phlb serve has printed"}
	}
	page := &loginPage{}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(r.w, r.Body, 4<<10)
		if s.door.opens(s.Passwords, r.PostFormValue("user"), r.PostFormValue("password")) {
			s.door.begin(r.w, r.Request)
			return nil, redirect("/")
		}
		page.Wrong = true
		r.status = http.StatusUnauthorized
	}
	return page, nil
}

type loginPage struct {
	Wrong bool `json:"wrong"`
}

// invite makes an address for another browser.
func (s *Server) invite(r *request) (any, error) {
	if s.Trusted || s.Passwords != nil {
		return nil, &failure{http.StatusNotFound, "this server lets in without such an address", "go back to the settings"}
	}
	return &invitation{Address: "http://" + r.Host + s.Ticket()}, nil
}

type invitation struct {
	Address string `json:"address"`
}

// logout forgets the browser.
func (s *Server) logout(r *request) (any, error) {
	s.door.end(r.Request)
	return nil, redirect("/")
}

// redirect is an error that leads elsewhere.
type redirect string

func (r redirect) Error() string { return "see " + string(r) }

// failure is an error that says what happened and what to do now.
type failure struct {
	status int
	What   string
	Todo   string
}

func (f *failure) Error() string { return f.What + ": " + f.Todo }

var _ error = (*failure)(nil)

// notFound is a failure of what is not there.
func notFound(what, todo string) error { return &failure{http.StatusNotFound, what, todo} }

// badRequest is a failure of what was asked for in a wrong way.
func badRequest(what, todo string) error { return &failure{http.StatusBadRequest, what, todo} }

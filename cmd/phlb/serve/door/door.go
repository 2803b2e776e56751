// Package door is how people come to a server: where it listens, how a browser is told
// of that, and who is let in.
//
// Most callers [Listen], make a [Door] with [New], hand out a [Door.Ticket] or check
// [Passwords], and ask [Door.IsIn] of every request. It does not say what becomes of
// who is not let in.
package door

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	lasting     = 30 * 24 * time.Hour // of a session
	maxSessions = 1000
	maxTickets  = 10
)

// Door lets in who has a ticket, a session or a password. Its methods may be called from
// several goroutines. Secrets are kept as hashes: to look one up takes no
// longer for one that is nearly right.
type Door struct {
	mu       sync.Mutex
	now      func() time.Time
	tickets  [][32]byte // that were not used yet, the newest last
	sessions map[[32]byte]time.Time
	known    map[[32]byte]bool // user and password that were found right
	trying   sync.Mutex        // one password at a time: they are slow on purpose
}

// New returns a door that nobody is behind.
func New(now func() time.Time) *Door {
	return &Door{now: now, sessions: map[[32]byte]time.Time{}, known: map[[32]byte]bool{}}
}

// Ticket returns a token that lets in once.
func (d *Door) Ticket() string {
	token := Secret()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tickets = append(d.tickets, sha256.Sum256([]byte(token)))
	if len(d.tickets) > maxTickets {
		d.tickets = d.tickets[1:]
	}
	return token
}

// Take uses up a token, and reports whether it was one.
func (d *Door) Take(token string) bool {
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

// Begin lets a browser in from now on.
func (d *Door) Begin(w http.ResponseWriter, r *http.Request) {
	session := Secret()
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

// IsIn reports whether the request comes from a browser that was let in.
func (d *Door) IsIn(r *http.Request) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range r.CookiesNamed(cookieName(r)) { // other servers of this machine may have set one, too
		if until, ok := d.sessions[sha256.Sum256([]byte(c.Value))]; ok && d.now().Before(until) {
			return true
		}
	}
	return false
}

// End forgets the browser.
func (d *Door) End(r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range r.CookiesNamed(cookieName(r)) {
		delete(d.sessions, sha256.Sum256([]byte(c.Value)))
	}
}

// Opens holds a password against the file of them.
func (d *Door) Opens(p Passwords, user, password string) bool {
	key := sha256.Sum256([]byte(user + "\x00" + password))
	d.mu.Lock()
	known := d.known[key]
	d.mu.Unlock()
	if known {
		return true
	}
	d.trying.Lock()
	defer d.trying.Unlock()
	if !p.Match(user, password) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[key] = true
	return true
}

// Secret returns what nobody can guess.
func Secret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// SameOrigin reports whether a request that changes something comes from a page of
// this server, as browsers tell it.
func SameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin" || site == "none"
	}
	origin := r.Header.Get("Origin")
	return origin == "" || origin == "http://"+r.Host || origin == "https://"+r.Host
}

// IsCalled reports whether a server may be called by that host: by an address, which can
// be no other site's name, by localhost, or by one of the names.
func IsCalled(host string, names []string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil || name == "localhost" {
		return true
	}
	return slices.Contains(names, name)
}

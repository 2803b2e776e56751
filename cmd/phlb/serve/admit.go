package serve

import (
	"fmt"
	"net/http"
	"strings"

	"phlb/cmd/phlb/serve/door"
)

const ticketField = "token"

// admit answers the request itself where it does not let it in.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	req := s.request(w, r)
	switch {
	case !s.mayBeCalled(r.Host):
		// Another site may have its name lead here, to have its pages talk to us.
		s.fail(req, &failure{http.StatusMisdirectedRequest, fmt.Sprintf("this server is not called %q", r.Host),
			"use the address that phlb serve has printed, or give --host the name that it is called by"})
		return false
	case r.Method != http.MethodGet && r.Method != http.MethodHead && !door.SameOrigin(r):
		s.fail(req, &failure{http.StatusForbidden, "this was sent by a page of another site", "use the pages of this server"})
		return false
	case s.Trusted && s.Passwords == nil, strings.HasPrefix(r.URL.Path, "/assets/"):
		return true
	case s.door.IsIn(r):
		if r.URL.Query().Has(ticketField) { // a second use of an address by who is in
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return false
		}
		return true
	case s.Passwords != nil:
		if user, password, ok := r.BasicAuth(); ok && s.door.Opens(s.Passwords, user, password) {
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
	case token != "" && r.Method == http.MethodGet && s.door.Take(token):
		s.door.Begin(w, r)
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

// mayBeCalled reports whether the server may be called by that host.
func (s *Server) mayBeCalled(host string) bool {
	return door.IsCalled(host, s.Hosts) || s.Trusted && len(s.Hosts) == 0
}

// login asks for a name and a password.
func (s *Server) login(r *request) (any, error) {
	if s.Passwords == nil {
		return nil, &failure{http.StatusNotFound, "this server asks for no password", "open the address that phlb serve has printed"}
	}
	page := &loginPage{}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(r.w, r.Body, 4<<10)
		if s.door.Opens(s.Passwords, r.PostFormValue("user"), r.PostFormValue("password")) {
			s.door.Begin(r.w, r.Request)
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
	s.door.End(r.Request)
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

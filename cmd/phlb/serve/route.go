package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"phlb/cmd/phlb/serve/records"
	"phlb/cmd/phlb/serve/words"
	"phlb/engine"
)

// route is an address, with what answers there.
type route struct {
	method string
	path   string // as http.ServeMux takes it
	page   string // the template of what is answered; "" where it is no page
	answer func(s *Server, r *request) (any, error)

	doc    string   // one line, for openapi.json
	params []param  // of the query
	gives  any      // of the type that is answered in JSON; nil where it is something else
	types  []string // of that, or what may be asked for instead
}

// param is a parameter of a query.
type param struct{ name, doc string }

func (r route) pattern() string { return r.method + " " + r.path }

var onePage = param{"page", "which part of a long list, from 1"}

const binary = "application/octet-stream"

// routes are all addresses. openapi.json is made of them.
var routes []route

func init() { // the handlers of pages refer to them
	get := func(path, page string, answer func(s *Server, r *request) (any, error), doc string, gives any, params ...param) route {
		return route{http.MethodGet, path, page, answer, doc, params, gives, nil}
	}
	hands := func(path string, answer func(s *Server, r *request) (any, error), doc string, types []string, params ...param) route {
		return route{http.MethodGet, path, "", answer, doc, params, nil, types}
	}
	routes = []route{
		get("/{$}", "overview", (*Server).overview, "The names of backups.", overviewPage{}),
		get("/names/{name}", "name", (*Server).name, "The snapshots of a name.", namePage{}),
		get("/runs", "runs", (*Server).runs, "What was done to the root, the newest first.", runsPage{},
			param{"name", "only those of a backup"}, param{"outcome", "only those that ended so"}, onePage),
		get("/snapshots/{name}/{stamp}", "snapshot", (*Server).snapshot, "A snapshot.", snapshotPage{},
			param{"free", "with any value, what its removal would free is worked out"}),
		get("/browse/{name}/{stamp}/{path...}", "browse", (*Server).browse,
			"A path of a snapshot: a folder with what it holds and what has changed, or a file with its versions.", browsePage{},
			param{"sort", "name, size, time, kind, mode or mark"}, param{"desc", "with any value, the other way round"},
			param{"changed", "with any value, only what is not as in the snapshot before"}, onePage),
		hands("/raw/{name}/{stamp}/{path...}", (*Server).raw, "The content of a file, whole or a range of it.", []string{binary},
			param{"show", "with any value, pictures, sounds and PDF are sent as what they are"}),
		hands("/archive/{name}/{stamp}/{path...}", (*Server).archive, "A folder, or a part of it, as an archive.", []string{"application/x-tar", "application/zip"},
			param{"format", "tar or zip"}, param{"pick", "an entry of the folder, its name escaped as in an address; may be repeated"}),
		get("/diff/{name}/{path...}", "diff", (*Server).diff, "What differs in two versions of a text.", diffPage{},
			param{"a", "stamp of a snapshot"}, param{"b", "stamp of another"}),
		get("/compare", "compare", (*Server).compare, "What differs in two snapshots, or in one and its source.", comparePage{},
			param{"a", "NAME/STAMP"}, param{"b", "NAME/STAMP, or live for the source of a as it is now"},
			param{"what", "only such changes: added, removed, changed, moved or metadata"}, onePage),
		get("/search", "search", (*Server).search, "Paths in all snapshots.", searchPage{},
			param{"q", "a part of a path, in whatever case, or a glob"}, param{"name", "only those of a backup"}, param{"min", "size, such as 10 MiB"}, param{"max", "size"},
			param{"after", "when it was last changed, such as 2026-11-22"}, param{"before", "the same"},
			param{"gone", "with any value, only what the last snapshot of its name does not hold"}, onePage),
		get("/contents/{digest}", "contents", (*Server).contents, "The paths that have a content, by its digest.", contentsPage{}, onePage),
		get("/contents", "duplicates", (*Server).duplicates, "What the newest snapshots hold more than once, and so the sources do.", duplicatesPage{}),
		get("/space/{name}/{stamp}/{path...}", "space", (*Server).space, "What takes the room in a folder.", spacePage{}),
		get("/state", "state", (*Server).state, "Damage, verifications, locks, and what is the matter.", statePage{}),
		get("/settings", "settings", (*Server).settings, "The settings in effect.", settingsPage{}),
		{http.MethodGet, "/sql", "sql", (*Server).sql, "The answer to a question in SQL.",
			[]param{{"q", "one statement that reads"}, {"format", "csv for a file of all rows"}}, sqlPage{}, []string{"text/csv"}},
		hands("/metrics", (*Server).metrics, "Numbers for Prometheus.", []string{"text/plain"}),
		hands("/openapi.json", (*Server).openAPI, "This description.", []string{"application/json"}),
		hands("/assets/{file}", (*Server).asset, "What pages bring along.", []string{"text/css", "text/javascript", "image/svg+xml"}),
		get("/login", "login", (*Server).login, "Asks for a name and a password.", loginPage{}),
		{http.MethodPost, "/login", "login", (*Server).login, "Lets a browser in: a form with user and password.", nil, nil, nil},
		{http.MethodPost, "/logout", "", (*Server).logout, "Lets a browser out.", nil, nil, nil},
		{http.MethodPost, "/invite", "invite", (*Server).invite, "Makes an address for another browser.", nil, invitation{}, nil},
	}
}

// request is one that is being answered.
type request struct {
	*http.Request
	w      http.ResponseWriter
	e      *engine.Engine
	json   bool
	lang   words.Language
	status int              // of the answer
	known  *records.Records // what was asked of the root already
	route  *route
}

// value returns a parameter of the query, which must be one that is described.
func (r *request) value(key string) string {
	if values := r.values(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

func (r *request) values(key string) []string {
	if !slices.ContainsFunc(r.route.params, func(p param) bool { return p.name == key }) {
		panic("no description of the parameter " + key + " of " + r.route.path)
	}
	return r.URL.Query()[key]
}

func (s *Server) request(w http.ResponseWriter, r *http.Request) *request {
	return &request{Request: r, w: w, json: wantsJSON(r.Header.Get("Accept")), lang: words.Preferred(r.Header.Get("Accept-Language")), status: http.StatusOK}
}

// wantsJSON reports whether a client names JSON, and not HTML before it.
func wantsJSON(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		kind, _, _ := strings.Cut(part, ";")
		switch strings.TrimSpace(kind) {
		case "text/html", "application/xhtml+xml":
			return false
		case "application/json":
			return true
		}
	}
	return false
}

// done is what an answer returns that has been written already.
type done struct{}

func (s *Server) serve(at route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		req := s.request(w, r)
		req.route = &at
		req.e = s.Open()
		defer req.e.Close()
		data, err := at.answer(s, req)
		var to redirect
		switch {
		case errors.As(err, &to):
			http.Redirect(w, r, string(to), http.StatusSeeOther)
		case err != nil:
			s.fail(req, err)
		case data == done{}:
		case req.json:
			s.writeJSON(req, data)
		default:
			s.write(req, at.page, data)
		}
	}
}

func (s *Server) writeJSON(r *request, data any) {
	text, err := json.MarshalIndent(data, "", "\t")
	if err != nil {
		s.Log.Error("an answer has no JSON", "address", r.URL.Path, "error", err)
		http.Error(r.w, err.Error(), http.StatusInternalServerError)
		return
	}
	r.w.Header().Set("Content-Type", "application/json")
	r.w.WriteHeader(r.status)
	r.w.Write(append(text, '\n'))
}

// write writes a page: all of it or, where it fails, another one.
func (s *Server) write(r *request, page string, data any) {
	var b bytes.Buffer
	err := s.pages[page].ExecuteTemplate(&b, "frame.html", s.view(r, page, data))
	if err != nil {
		s.Log.Error("a page cannot be made", "address", r.URL.Path, "error", err)
		http.Error(r.w, "phlb could not make this page, and its log says why", http.StatusInternalServerError)
		return
	}
	r.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	r.w.WriteHeader(r.status)
	r.w.Write(b.Bytes())
}

// fail says what went wrong.
func (s *Server) fail(r *request, err error) {
	if r.Context().Err() != nil && !errors.As(err, new(*failure)) { // nobody listens any more
		return
	}
	f := explain(err)
	if f.status >= http.StatusInternalServerError {
		s.Log.Error("cannot answer", "address", r.URL.Path, "error", err)
	}
	r.status = f.status
	r.w.Header().Del("Content-Disposition")
	if r.json {
		s.writeJSON(r, map[string]string{"error": f.What, "todo": f.Todo})
		return
	}
	s.write(r, "error", f)
}

// explain makes a failure of an error.
func explain(err error) *failure {
	var f *failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, engine.ErrNoRoot):
		return &failure{http.StatusServiceUnavailable, err.Error(), "phlb backup DIR makes a first backup"}
	case errors.Is(err, engine.ErrRootGone), errors.Is(err, engine.ErrOtherRoot):
		return &failure{http.StatusServiceUnavailable, err.Error(), "mount the disk, and load this page again"}
	case errors.Is(err, engine.ErrNoSnapshot):
		return &failure{http.StatusNotFound, err.Error(), "go back to the backups, which lists those there are"}
	case errors.Is(err, engine.ErrNotHeld):
		return &failure{http.StatusNotFound, err.Error(), "search for it in all snapshots"}
	case errors.Is(err, engine.ErrRotten):
		return &failure{http.StatusConflict, err.Error(), "look under State for what is known of it"}
	case errors.Is(err, fs.ErrPermission):
		return &failure{http.StatusForbidden, err.Error(), "run phlb serve as a user who may read it"}
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{http.StatusServiceUnavailable, "this took too long", "ask for less"}
	}
	return &failure{http.StatusInternalServerError, err.Error(), "phlb doctor says more"}
}

// enter waits until few enough others do something that takes long.
func (s *Server) enter(r *request) (leave func(), err error) {
	select {
	case s.heavy <- struct{}{}:
		return func() { <-s.heavy }, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// asset answers with what pages bring along.
func (s *Server) asset(r *request) (any, error) {
	a, ok := s.assets[r.PathValue("file")]
	if !ok {
		return nil, notFound("there is no such file", "go back to the backups")
	}
	r.w.Header().Set("Cache-Control", "max-age=86400")
	r.w.Header().Set("Content-Type", a.contentType)
	r.w.Write(a.content)
	return done{}, nil
}

func (s *Server) openAPI(r *request) (any, error) {
	text, err := files.ReadFile("openapi.json")
	if err != nil {
		return nil, err
	}
	r.w.Header().Set("Content-Type", "application/json")
	r.w.Write(text)
	return done{}, nil
}

// Package serve shows a backup root in a browser: what there is, what has changed,
// where the room went, and how to get a file back.
//
// Most callers make a [Server] with [New], listen somewhere, and have it
// [Server.Serve] until they or nobody's interest end it. Pages are made on the server
// and work without a script; a client that accepts JSON gets the same in JSON, as
// openapi.json describes it.
//
// Nothing under the root is written. Whoever is let in sees all that the user may
// read who runs it: there is one door, and there are no rooms behind it.
package serve

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"phlb/cmd/phlb/serve/door"
	"phlb/engine"
)

//go:embed templates assets openapi.json
var files embed.FS

// Config is what a server is made of.
type Config struct {
	Open    func() *engine.Engine // a new one for every request, that only reads
	Version string                // of phlb
	Host    string                // this machine
	Flags   []string              // of a command line of phlb that means this root, such as --backup-path
	Log     *slog.Logger
	Now     func() time.Time

	Passwords door.Passwords // nil where an address with a token lets in
	Hosts     []string       // by which the server may be called, beside addresses and localhost
	Trusted   bool           // whoever connects is let in: the socket keeps others out
}

// Server answers requests.
type Server struct {
	Config
	door    *door.Door
	mux     *http.ServeMux
	pages   map[string]*template.Template
	assets  map[string]asset
	folders folders
	heavy   chan struct{} // limits what reads much at a time

	open atomic.Int64 // requests under way
	last atomic.Int64 // when one ended, in nanoseconds
}

// New returns a server.
func New(c Config) (*Server, error) {
	s := &Server{Config: c, door: door.New(c.Now), mux: http.NewServeMux(), heavy: make(chan struct{}, 4)}
	var err error
	if s.assets, err = readAssets(); err != nil {
		return nil, err
	}
	if s.pages, err = s.parse(); err != nil {
		return nil, err
	}
	for _, r := range routes {
		s.mux.HandleFunc(r.pattern(), s.serve(r))
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(s.request(w, r), &failure{http.StatusNotFound, "there is no page at this address", "go back to the backups"})
	})
	s.last.Store(c.Now().UnixNano())
	return s, nil
}

// Ticket returns the path of an address that lets one browser in, once.
func (s *Server) Ticket() string {
	if s.Trusted || s.Passwords != nil {
		return "/"
	}
	return "/?" + ticketField + "=" + s.door.Ticket()
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.open.Add(1)
	defer func() {
		s.last.Store(s.Now().UnixNano())
		s.open.Add(-1)
	}()
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept, Accept-Language, Cookie")
	if s.admit(w, r) {
		s.mux.ServeHTTP(w, r)
	}
}

// policy lets pages have nothing but what comes from here, and no script in them.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; frame-src 'self'; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Serve answers requests until the context ends, or until nobody has asked for
// anything for so long as idle says, if that is not 0.
func (s *Server) Serve(ctx context.Context, l net.Listener, idle time.Duration) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	if idle > 0 {
		go func() {
			s.waitIdle(ctx, idle)
			stop()
		}()
	}
	ended := context.AfterFunc(ctx, func() {
		patience, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if server.Shutdown(patience) != nil { // a download that lasts
			server.Close()
		}
	})
	defer ended()
	err := server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// waitIdle returns when nobody has asked for anything for so long.
func (s *Server) waitIdle(ctx context.Context, idle time.Duration) {
	for {
		left := idle
		if s.open.Load() == 0 {
			left = idle - s.Now().Sub(time.Unix(0, s.last.Load()))
		}
		if left <= 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(left):
		}
	}
}

// asset is a file that pages bring along, whose address changes with its content.
type asset struct {
	content     []byte
	contentType string
}

func readAssets() (map[string]asset, error) {
	types := map[string]string{"style.css": "text/css; charset=utf-8", "serve.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}
	all := map[string]asset{}
	for name, contentType := range types {
		content, err := fs.ReadFile(files, "assets/"+name)
		if err != nil {
			return nil, fmt.Errorf("read what pages bring along: %w", err)
		}
		all[name] = asset{content, contentType}
	}
	return all, nil
}

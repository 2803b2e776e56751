package serve

import (
	"errors"
	"html/template"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"syscall"
	"unicode/utf8"

	"phlb/cmd/phlb/serve/address"
	"phlb/cmd/phlb/serve/text"
	"phlb/cmd/phlb/serve/words"
	"phlb/engine"
	"phlb/engine/manifest"
)

// preview is what a page shows of the content of a file.
type preview struct {
	How      string // text, image, audio, video, pdf or ""
	Text     string
	Encoding string
	Cut      bool         // there is more of the text
	Address  template.URL // of the content, to be shown
	Download template.URL
	Why      string // there is none
}

const (
	previewText = 48 << 10 // bytes of a text
	previewSize = 64 << 20 // bytes of what a browser shows
)

// harmless are the kinds of files that a browser may show, by their suffixes. In none of
// them runs a script: an SVG is shown as an image, and alone in a sandbox.
var harmless = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif",
	".bmp": "image/bmp", ".ico": "image/x-icon", ".svg": "image/svg+xml", ".pdf": "application/pdf",
	".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".flac": "audio/flac", ".wav": "audio/wav", ".m4a": "audio/mp4",
	".mp4": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg", ".mov": "video/quicktime",
}

// preview looks into a file.
func (s *Server) preview(r *request, of *engine.Snapshot, e *manifest.Entry) *preview {
	p := &preview{Download: address.At("raw", of, e.Path), Address: address.At("raw", of, e.Path) + "?show=1"}
	if e.Kind != manifest.File || e.Absent {
		p.Download = ""
		p.Why = r.lang.Text("the snapshot has no content of it")
		return p
	}
	if kind := harmless[suffix(e)]; kind != "" {
		p.How, _, _ = strings.Cut(kind, "/")
		if kind == "application/pdf" {
			p.How = "pdf"
		}
		if e.Size > previewSize && p.How != "audio" && p.How != "video" {
			p.How, p.Why = "", r.lang.Text("it is too large to be shown")
		}
		return p
	}
	content, err := r.e.OpenFile(r.Context(), of, e)
	if err != nil {
		p.Why = err.Error()
		return p
	}
	defer content.Close()
	start, err := io.ReadAll(io.LimitReader(content, previewText+1))
	if err != nil {
		p.Why = err.Error()
		return p
	}
	if len(start) > previewText {
		start, p.Cut = start[:previewText], true
	}
	p.Text, p.Encoding = text.Decode(start, p.Cut)
	p.Text = text.Visible(p.Text)
	if p.Encoding == "" {
		p.Why = r.lang.Text("it is no text")
	} else {
		p.How = "text"
	}
	return p
}

func suffix(e *manifest.Entry) string { return strings.ToLower(path.Ext(e.Name())) }

// raw hands out the content of a file, whole or in parts.
func (s *Server) raw(r *request) (any, error) {
	of, e, err := s.entry(r)
	if err != nil {
		return nil, err
	}
	content, err := r.e.OpenFile(r.Context(), of, e)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	header := r.w.Header()
	kind := harmless[suffix(e)]
	policy := "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
	if r.value("show") != "" && kind != "" {
		header.Set("Content-Type", kind)
		header.Set("Content-Disposition", disposition("inline", e.Name()))
		if kind == "application/pdf" { // which browsers do not show in a sandbox
			policy = "default-src 'none'; object-src 'self'; plugin-types application/pdf; style-src 'unsafe-inline'; frame-ancestors 'self'"
		}
	} else {
		header.Set("Content-Type", "application/octet-stream")
		header.Set("Content-Disposition", disposition("attachment", e.Name()))
	}
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "private, no-cache")
	header.Set("ETag", `"`+e.Digest.String()+`"`)
	http.ServeContent(r.w, r.Request, "", e.Mtime.Time(), &noticing{content, s, r})
	return done{}, nil
}

// noticing cuts a connection where a file turns out not to be what was stored: a
// download that ends early is known to be none.
type noticing struct {
	*engine.Content
	s *Server
	r *request
}

func (n *noticing) Read(p []byte) (int, error) {
	read, err := n.Content.Read(p)
	if err != nil && err != io.EOF {
		n.s.cut(n.r, err)
	}
	return read, err
}

// cut ends a connection in the middle of an answer, and says why, unless nobody listens
// any more.
func (s *Server) cut(r *request, err error) {
	if r.Context().Err() == nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		s.Log.Error("an answer ends early", "address", r.URL.Path, "error", err)
	}
	panic(http.ErrAbortHandler)
}

// disposition names a file for who stores it.
func disposition(how, name string) string {
	safe := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '/' || c == '\\' || c == utf8.RuneError || strings.ContainsRune(text.Turning, c) {
			return '_'
		}
		return c
	}, name)
	return mime.FormatMediaType(how, map[string]string{"filename": safe})
}

// entry returns the file that the address names.
func (s *Server) entry(r *request) (*engine.Snapshot, *manifest.Entry, error) {
	of, err := s.find(r)
	if err != nil {
		return nil, nil, err
	}
	p, err := r.path()
	if err != nil {
		return nil, nil, err
	}
	f, err := s.folder(r, of, p, false)
	if err != nil {
		return nil, nil, err
	}
	if f.Own == nil {
		return nil, nil, notFound(of.Ref().String()+" holds no "+words.Shown(p), "search for it in all snapshots")
	}
	if f.Own.Kind != manifest.File || f.Own.Absent {
		return nil, nil, badRequest(words.Shown(p)+" is no file whose content the snapshot has", "take the folder that it lies in as an archive")
	}
	return of, f.Own, nil
}

// archive hands out a folder, or what was picked of one.
func (s *Server) archive(r *request) (any, error) {
	of, err := s.find(r)
	if err != nil {
		return nil, err
	}
	p, err := r.path()
	if err != nil {
		return nil, err
	}
	what := engine.Selection{Folder: p}
	for _, pick := range r.values("pick") {
		name, err := unescape(pick)
		if err != nil {
			return nil, err
		}
		what.Names = append(what.Names, name)
	}
	format, kind := engine.Tar, "application/x-tar"
	switch r.value("format") {
	case "", "tar":
	case "zip":
		format, kind = engine.Zip, "application/zip"
	default:
		return nil, badRequest("an archive is tar or zip", "go back and choose one of them")
	}
	leave, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	name := path.Base(p)
	if p == "." {
		name = of.Name
	}
	out := &late{r: r, begin: func(h http.Header) {
		h.Set("Content-Type", kind)
		h.Set("Content-Disposition", disposition("attachment", name+"-"+of.Stamp+"."+string(format)))
	}}
	err = r.e.Archive(r.Context(), of, what, format, out)
	if err != nil && out.begun {
		s.cut(r, err)
	}
	if err != nil {
		return nil, err
	}
	return done{}, nil
}

// late writes headers with the first byte, so that what fails before that is told.
type late struct {
	r     *request
	begin func(http.Header)
	begun bool
}

func (l *late) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.begin(l.r.w.Header())
	}
	return l.r.w.Write(p)
}

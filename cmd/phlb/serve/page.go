package serve

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"phlb/cmd/phlb/serve/address"
	"phlb/cmd/phlb/serve/words"
	"phlb/engine"
	"phlb/engine/manifest"
)

// view is what a template sees.
type view struct {
	Page    string
	Lang    words.Language
	Root    string
	Version string
	In      bool // the reader was let in
	Out     bool // and can be let out
	Data    any
}

func (s *Server) view(r *request, page string, data any) *view {
	v := &view{Page: page, Lang: r.lang, Version: s.Version, Data: data}
	v.Out = s.door.IsIn(r.Request)
	v.In = v.Out || s.Trusted || r.e != nil && page != "login"
	if v.In && r.e != nil {
		v.Root = r.e.Config.BackupPath
	}
	return v
}

// parse reads the templates. Each page is one with the frame around it.
func (s *Server) parse() (map[string]*template.Template, error) {
	functions := template.FuncMap{
		"t":        func(l words.Language, key string, args ...any) string { return l.Text(key, args...) },
		"bytes":    words.Size,
		"count":    humanize.Comma,
		"when":     s.when,
		"age":      func(l words.Language, t time.Time) string { return l.Age(t, s.Now()) },
		"name":     nameHTML,
		"shown":    words.Shown,
		"short":    func(d manifest.Digest) string { return d.String()[:12] },
		"mode":     words.Mode,
		"kind":     func(k manifest.Kind) string { return k.String() },
		"at":       address.At,
		"snapshot": address.Snapshot,
		"ofname":   address.Name,
		"query":    address.Query,
		"add":      func(a, b int) int { return a + b },
		"cell":     s.cell,
		"isnumber": isNumber,
		"percent":  func(part, whole int64) string { return strconv.Itoa(int(100 * part / max(whole, 1))) },
		"dict":     func(data any, lang words.Language) map[string]any { return map[string]any{"Data": data, "Lang": lang} },
	}
	frame, err := template.New("frame").Funcs(functions).ParseFS(files, "templates/frame.html", "templates/part-*.html")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, path := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "templates/"), ".html")
		if name == "frame" || strings.HasPrefix(name, "part-") {
			continue
		}
		page, err := frame.Clone()
		if err == nil {
			page, err = page.ParseFS(files, path)
		}
		if err != nil {
			return nil, fmt.Errorf("read templates: %w", err)
		}
		pages[name] = page
	}
	return pages, nil
}

// when shows a time; a script puts the browser's zone in its place.
func (s *Server) when(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` + t.UTC().Format("2006-01-02 15:04:05.999 UTC") + `">` +
		t.In(s.Now().Location()).Format("2006-01-02 15:04") + `</time>`)
}

// nameHTML is a name that does not move what stands beside it.
func nameHTML(text string) template.HTML {
	return template.HTML("<bdi>" + template.HTMLEscapeString(words.Shown(text)) + "</bdi>")
}

// restoreCommand is what brings back a path of a snapshot.
func (s *Server) restoreCommand(of *engine.Snapshot, path string) string {
	command := []string{"phlb"}
	for _, flag := range s.Flags {
		command = append(command, words.Quote(flag))
	}
	what := of.Ref().String()
	if path != "." {
		what += ":" + path
	}
	return strings.Join(append(command, "restore", words.Quote(what), "~/restored"), " ")
}

// number reads a number of a query, within bounds.
func number(r *request, key string, fallback, least, most int) int {
	n, err := strconv.Atoi(r.value(key))
	if err != nil {
		n = fallback
	}
	return min(max(n, least), most)
}

// size reads a size such as 10 MiB.
func size(r *request, key string) (int64, error) {
	text := strings.TrimSpace(r.value(key))
	if text == "" {
		return 0, nil
	}
	n, err := humanize.ParseBytes(text)
	if err == nil && n > math.MaxInt64 {
		err = errors.New("too much")
	}
	if err != nil {
		return 0, badRequest(fmt.Sprintf("%q is no size", text), "write it like 10 MiB")
	}
	return int64(n), nil
}

// day reads a date, in the zone of the server.
func (s *Server) day(r *request, key string) (time.Time, error) {
	text := strings.TrimSpace(r.value(key))
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation("2006-01-02", text, s.Now().Location())
	if err != nil {
		return t, badRequest(fmt.Sprintf("%q is no date", text), "write it like 2026-11-22")
	}
	return t, nil
}

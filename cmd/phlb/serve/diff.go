package serve

import (
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"phlb/engine"
	"phlb/engine/manifest"
)

const (
	diffSize  = 4 << 20 // bytes of a text that is compared
	diffLines = 1000    // shown
)

// diffPage is what differs in two versions of a text.
type diffPage struct {
	Name  string    `json:"name"`
	Path  string    `json:"path"`
	Old   diffSide  `json:"old"`
	New   diffSide  `json:"new"`
	Lines []diffRow `json:"lines"`
	Same  bool      `json:"same"`
	Cut   bool      `json:"cut"` // there are more lines
	Why   string    `json:"why,omitempty"`
}

type diffSide struct {
	Ref     string       `json:"ref"`
	Time    time.Time    `json:"time"`
	Size    int64        `json:"size"`
	Mtime   time.Time    `json:"mtime"`
	Address template.URL `json:"address"`
}

// diffRow is a line of a text: of both, or of one of them.
type diffRow struct {
	What string `json:"what"` // added, removed, same or gap
	Old  int    `json:"old,omitempty"`
	New  int    `json:"new,omitempty"`
	Text string `json:"text"`
}

// Sign is what stands before the line.
func (d diffRow) Sign() string {
	switch d.What {
	case "added":
		return "+"
	case "removed":
		return "−"
	}
	return ""
}

func diffAddress(name, path, a, b string) template.URL {
	return template.URL("/diff/"+url.PathEscape(name)+"/"+escapePath(path)) + queryOf("a", a, "b", b)
}

// diff compares two versions of a file.
func (s *Server) diff(r *request) (any, error) {
	records, err := r.records()
	if err != nil {
		return nil, err
	}
	p, err := r.path()
	if err != nil {
		return nil, err
	}
	page := &diffPage{Name: engine.Text(r.PathValue("name")), Path: engine.Text(p), Lines: []diffRow{}}
	var texts [2]string
	var digests [2]manifest.Digest
	for i, key := range []string{"a", "b"} {
		of := records.find(r.PathValue("name"), r.value(key))
		if of == nil {
			return nil, notFound("there is no snapshot "+shown(r.PathValue("name")+"/"+r.value(key)), "choose two versions on the page of the file")
		}
		f, err := s.folder(r, of, p, false)
		if err != nil {
			return nil, err
		}
		side := []*diffSide{&page.Old, &page.New}[i]
		side.Ref, side.Time, side.Address = of.Ref().String(), of.Started, at("browse", of, p)
		if f.Own == nil || f.Own.Kind != manifest.File || f.Own.Absent {
			return nil, notFound(of.Ref().String()+" holds no file "+shown(p), "choose two versions on the page of the file")
		}
		side.Size, side.Mtime, digests[i] = f.Own.Size, f.Own.Mtime.Time(), f.Own.Digest
		if page.Why == "" {
			texts[i], page.Why, err = s.text(r, of, f.Own)
		}
		if err != nil {
			return nil, err
		}
	}
	page.Same = digests[0] == digests[1]
	if page.Why == "" && !page.Same {
		page.fill(diff.Diff("a", []byte(texts[0]), "b", []byte(texts[1])))
		if len(page.Lines) == 0 {
			page.Why = r.lang.text("the same text in another encoding")
		}
	}
	return page, nil
}

// text returns the whole text of a file, or why it has none.
func (s *Server) text(r *request, of *engine.Snapshot, e *manifest.Entry) (text, why string, err error) {
	if e.Size > diffSize {
		return "", r.lang.text("it is too large to be compared line by line"), nil
	}
	content, err := r.e.OpenFile(r.Context(), of, e)
	if err != nil {
		return "", "", err
	}
	defer content.Close()
	b, err := io.ReadAll(content)
	if err != nil {
		return "", "", err
	}
	text, encoding := decode(b, false)
	if encoding == "" {
		return "", r.lang.text("it is no text"), nil
	}
	return turnings.Replace(text), "", nil
}

// fill takes a comparison in the unified format.
func (p *diffPage) fill(unified []byte) {
	old, new := 0, 0
	for line := range strings.Lines(string(unified)) {
		line = strings.TrimSuffix(line, "\n")
		if len(p.Lines) == diffLines {
			p.Cut = true
			return
		}
		switch {
		case strings.HasPrefix(line, "@@ "):
			var oldLines, newLines int
			if _, err := fmt.Sscanf(line, "@@ -%d,%d +%d,%d @@", &old, &oldLines, &new, &newLines); err != nil {
				continue // the library writes them so
			}
			if len(p.Lines) > 0 {
				p.Lines = append(p.Lines, diffRow{What: "gap"})
			}
		case old == 0 && new == 0, strings.HasPrefix(line, `\`): // the names of the files; the lack of a last newline
		case strings.HasPrefix(line, "+"):
			p.Lines = append(p.Lines, diffRow{"added", 0, new, line[1:]})
			new++
		case strings.HasPrefix(line, "-"):
			p.Lines = append(p.Lines, diffRow{"removed", old, 0, line[1:]})
			old++
		default:
			p.Lines = append(p.Lines, diffRow{"same", old, new, strings.TrimPrefix(line, " ")})
			old++
			new++
		}
	}
}

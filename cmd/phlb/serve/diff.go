package serve

import (
	"html/template"
	"io"
	"time"

	"phlb/cmd/phlb/serve/address"
	"phlb/cmd/phlb/serve/text"
	"phlb/cmd/phlb/serve/words"
	"phlb/engine"
	"phlb/engine/manifest"
)

const (
	diffSize  = 4 << 20 // bytes of a text that is compared
	diffLines = 1000    // shown
)

// diffPage is what differs in two versions of a text.
type diffPage struct {
	Name  string     `json:"name"`
	Path  string     `json:"path"`
	Old   diffSide   `json:"old"`
	New   diffSide   `json:"new"`
	Lines []text.Row `json:"lines"`
	Same  bool       `json:"same"`
	Cut   bool       `json:"cut"` // there are more lines
	Why   string     `json:"why,omitempty"`
}

type diffSide struct {
	Ref     string       `json:"ref"`
	Time    time.Time    `json:"time"`
	Size    int64        `json:"size"`
	Mtime   time.Time    `json:"mtime"`
	Address template.URL `json:"address"`
}

// diff compares two versions of a file.
func (s *Server) diff(r *request) (any, error) {
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	p, err := r.path()
	if err != nil {
		return nil, err
	}
	page := &diffPage{Name: engine.Text(r.PathValue("name")), Path: engine.Text(p), Lines: []text.Row{}}
	var texts [2]string
	var files [2]*manifest.Entry
	for i, key := range []string{"a", "b"} {
		of := recorded.Find(r.PathValue("name"), r.value(key))
		if of == nil {
			return nil, notFound("there is no snapshot "+words.Shown(r.PathValue("name")+"/"+r.value(key)), "choose two versions on the page of the file")
		}
		f, err := s.folder(r, of, p, false)
		if err != nil {
			return nil, err
		}
		side := []*diffSide{&page.Old, &page.New}[i]
		side.Ref, side.Time, side.Address = of.Ref().String(), of.Started, address.At("browse", of, p)
		if f.Own == nil || f.Own.Kind != manifest.File || f.Own.Absent {
			return nil, notFound(of.Ref().String()+" holds no file "+words.Shown(p), "choose two versions on the page of the file")
		}
		side.Size, side.Mtime, files[i] = f.Own.Size, f.Own.Mtime.Time(), f.Own
		if page.Why == "" {
			texts[i], page.Why, err = s.text(r, of, f.Own)
		}
		if err != nil {
			return nil, err
		}
	}
	page.Same = manifest.SameContent(files[0], files[1])
	if files[0].Digest.Algorithm() != files[1].Digest.Algorithm() && page.Why == "" {
		page.Same = texts[0] == texts[1] // the digests cannot tell
	}
	if page.Why == "" && !page.Same {
		page.Lines, page.Cut = text.Compare(texts[0], texts[1], diffLines)
		if len(page.Lines) == 0 {
			page.Why = r.lang.Text("the same text in another encoding")
		}
	}
	return page, nil
}

// text returns the whole text of a file, or why it has none.
func (s *Server) text(r *request, of *engine.Snapshot, e *manifest.Entry) (whole, why string, err error) {
	if e.Size > diffSize {
		return "", r.lang.Text("it is too large to be compared line by line"), nil
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
	whole, encoding := text.Decode(b, false)
	if encoding == "" {
		return "", r.lang.Text("it is no text"), nil
	}
	return text.Visible(whole), "", nil
}

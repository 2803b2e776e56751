package serve

import (
	"html/template"
	"time"

	"phlb/cmd/phlb/serve/address"
	"phlb/engine"
	"phlb/engine/manifest"
)

const (
	versionsLooked = 20_000 // before a search ends
	foundShown     = 100
)

// searchPage is what was found in all snapshots.
type searchPage struct {
	Query  string      `json:"q"`
	Name   string      `json:"name"`
	Min    string      `json:"min"`
	Max    string      `json:"max"`
	After  string      `json:"after"`
	Before string      `json:"before"`
	Gone   bool        `json:"gone"`
	Found  []foundView `json:"found"`
	More   bool        `json:"more"` // than were looked for
	Paging paging      `json:"paging"`
	Names  []string    `json:"-"`
	Asked  bool        `json:"-"`
}

type foundView struct {
	Name     string       `json:"name"` // of the backup
	Path     string       `json:"path"`
	Kind     string       `json:"kind"`
	Size     int64        `json:"size"`
	Mtime    time.Time    `json:"mtime"`
	Versions int          `json:"versions"`
	First    time.Time    `json:"first"` // snapshot that holds it
	Last     time.Time    `json:"last"`
	Gone     bool         `json:"gone"` // the newest snapshot of the name does not hold it
	Address  template.URL `json:"address"`
	Download template.URL `json:"download,omitempty"`
}

// search looks for paths in all snapshots.
func (s *Server) search(r *request) (any, error) {
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	page := &searchPage{
		Query: r.value("q"), Name: r.value("name"), Min: r.value("min"), Max: r.value("max"),
		After: r.value("after"), Before: r.value("before"), Gone: r.value("gone") != "", Found: []foundView{},
	}
	newest := map[string]*engine.Snapshot{}
	for _, one := range recorded.Snapshots {
		if newest[one.Name] == nil {
			newest[one.Name] = one
			page.Names = append(page.Names, one.Name)
		}
	}
	wanted := engine.Search{Text: page.Query, Name: page.Name, Gone: page.Gone, Versions: versionsLooked}
	if wanted.MinSize, err = size(r, "min"); err != nil {
		return nil, err
	}
	if wanted.MaxSize, err = size(r, "max"); err != nil {
		return nil, err
	}
	if wanted.After, err = s.day(r, "after"); err != nil {
		return nil, err
	}
	if wanted.Before, err = s.day(r, "before"); err != nil {
		return nil, err
	}
	page.Asked = wanted != engine.Search{Name: page.Name, Versions: versionsLooked}
	if !page.Asked {
		page.Paging = pages(r, 0, foundShown)
		return page, nil
	}
	leave, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	found, more, err := r.e.Search(r.Context(), wanted)
	if err != nil {
		if wanted.IsGlob() && r.Context().Err() == nil {
			return nil, badRequest(err.Error(), "write it like *.odt, or as a part of a name")
		}
		return nil, err
	}
	page.More = more
	page.Paging = pages(r, len(found), foundShown)
	for _, f := range found[page.Paging.first:page.Paging.end] {
		v := foundView{
			Name: engine.Text(f.Last.Name), Path: engine.Text(f.Path), Kind: f.Kind.String(), Size: f.Size, Mtime: f.Mtime.Time(),
			Versions: f.Versions, First: f.First.Started, Last: f.Last.Started, Address: address.At("browse", f.Last, f.Path),
		}
		v.Gone = newest[f.Last.Name] == nil || newest[f.Last.Name].Ref() != f.Last.Ref()
		if f.Kind == manifest.File && !f.Absent {
			v.Download = address.At("raw", f.Last, f.Path)
		}
		page.Found = append(page.Found, v)
	}
	return page, nil
}

// contentsPage is a content, and where it is.
type contentsPage struct {
	Digest  string       `json:"digest"`
	Size    int64        `json:"size"`
	Holders []holderView `json:"holders"`
	Paging  paging       `json:"paging"`
}

type holderView struct {
	Name      string       `json:"name"`
	Path      string       `json:"path"`
	Mtime     time.Time    `json:"mtime"`
	First     time.Time    `json:"first"`
	Last      time.Time    `json:"last"`
	Snapshots int          `json:"snapshots"`
	Address   template.URL `json:"address"`
}

// contents shows which paths have a content.
func (s *Server) contents(r *request) (any, error) {
	digest, err := manifest.ParseDigest(r.PathValue("digest"))
	if err != nil {
		return nil, badRequest("the address has no digest", "follow a link of the page of a file")
	}
	leave, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	page := &contentsPage{Digest: digest.String(), Holders: []holderView{}}
	for v, err := range r.e.Holders(r.Context(), digest) {
		if err != nil {
			return nil, err
		}
		page.Size = v.Size
		newest, oldest := v.Snapshots[0], v.Snapshots[len(v.Snapshots)-1]
		page.Holders = append(page.Holders, holderView{
			engine.Text(newest.Name), engine.Text(v.Path), v.Mtime.Time(), oldest.Started, newest.Started, len(v.Snapshots), address.At("browse", newest, v.Path),
		})
	}
	if len(page.Holders) == 0 {
		return nil, notFound("no snapshot holds that content", "search for a path instead")
	}
	page.Paging = pages(r, len(page.Holders), foundShown)
	page.Holders = page.Holders[page.Paging.first:page.Paging.end]
	return page, nil
}

// duplicatesPage is what the newest snapshots hold more than once.
type duplicatesPage struct {
	Contents []duplicate `json:"contents"`
	Bytes    int64       `json:"bytes"` // of all copies but one of each, that are listed
}

type duplicate struct {
	Digest string `json:"digest"`
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	Copies int64  `json:"copies"`
	Extra  int64  `json:"extra"` // bytes of all copies but one, in the sources
}

// duplicates lists the contents of which most could be saved in the sources.
func (s *Server) duplicates(r *request) (any, error) {
	leave, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	session, err := r.e.Ask(r.Context())
	if err != nil {
		return nil, err
	}
	defer session.Close()
	rows, err := session.Query(r.Context(), "SELECT digest, path, size, copies, extra FROM duplicates ORDER BY extra DESC, path LIMIT ?", foundShown)
	if err != nil {
		return nil, err
	}
	page := &duplicatesPage{Contents: []duplicate{}}
	for row, err := range rows.All() {
		if err != nil {
			return nil, err
		}
		var d duplicate
		d.Digest, _ = row[0].(string)
		path, _ := row[1].(string)
		d.Path = engine.Text(path)
		d.Size, _ = row[2].(int64)
		d.Copies, _ = row[3].(int64)
		d.Extra, _ = row[4].(int64)
		page.Contents = append(page.Contents, d)
		page.Bytes += d.Extra
	}
	return page, nil
}

package serve

import (
	"cmp"
	"html/template"
	"path"
	"slices"
	"strings"

	"phlb/cmd/phlb/serve/address"
	"phlb/cmd/phlb/serve/draw"
	"phlb/cmd/phlb/serve/timeline"
	"phlb/cmd/phlb/serve/words"
	"phlb/engine"
	"phlb/engine/manifest"
)

// spacePage says where the room went.
type spacePage struct {
	Snapshot *engine.Snapshot   `json:"snapshot"`
	Path     string             `json:"path"`
	Crumbs   []address.Crumb    `json:"-"`
	Bytes    int64              `json:"bytes"`
	Files    int64              `json:"files"`
	Entries  []*draw.Box        `json:"entries"` // the largest first
	Timeline *timeline.Timeline `json:"timeline"`
	Map      template.HTML      `json:"-"`
	Browse   template.URL       `json:"-"`
	Root     template.URL       `json:"-"`
	Cut      bool               `json:"cut"` // there are more entries
}

// space shows what takes the room in a folder.
func (s *Server) space(r *request) (any, error) {
	of, err := s.find(r)
	if err != nil {
		return nil, err
	}
	p, err := r.path()
	if err != nil {
		return nil, err
	}
	f, err := s.folder(r, of, p, true)
	if err != nil {
		return nil, err
	}
	if f.Own == nil || f.Own.Kind != manifest.Dir {
		return nil, notFound(of.Ref().String()+" holds no folder "+words.Shown(p), "search for it in all snapshots")
	}
	page := &spacePage{
		Snapshot: of, Path: engine.Text(p), Crumbs: address.Crumbs("space", of, p), Timeline: timeline.New("space", f), Entries: []*draw.Box{},
		Browse: address.At("browse", of, p), Root: address.At("space", of, "."),
	}
	below := map[string][]*draw.Box{}
	for key, b := range f.Below {
		if b.Bytes == 0 {
			continue
		}
		full := key
		if p != "." {
			full = p + "/" + key
		}
		folder, name := "", key
		if i := strings.IndexByte(key, '/'); i >= 0 {
			folder, name = key[:i], key[i+1:]
		}
		below[folder] = append(below[folder], &draw.Box{Name: engine.Text(name), Bytes: b.Bytes, Files: b.Files, Address: address.At("browse", of, full), Kind: "file", Key: key})
	}
	kinds := map[string]manifest.Kind{}
	for _, e := range f.Entries {
		if e.What != "removed" {
			kinds[e.Name()] = e.Kind
		}
	}
	for _, e := range below[""] {
		page.Bytes += e.Bytes
		page.Files += e.Files
		if kinds[e.Key] == manifest.Dir {
			e.Kind = "dir"
			e.Address = address.At("space", of, path.Join(p, e.Key))
			e.Below = largest(below[e.Key])
		}
	}
	page.Entries = largest(below[""])
	page.Map = draw.Map(page.Entries)
	if len(page.Entries) > rowsShown {
		page.Entries, page.Cut = page.Entries[:rowsShown], true
	}
	return page, nil
}

func largest(list []*draw.Box) []*draw.Box {
	slices.SortFunc(list, func(a, b *draw.Box) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Key, b.Key))
	})
	if list == nil {
		return []*draw.Box{}
	}
	return list
}

package serve

import (
	"cmp"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"phlb/cmd/phlb/serve/address"
	"phlb/cmd/phlb/serve/timeline"
	"phlb/cmd/phlb/serve/words"
	"phlb/engine"
	"phlb/engine/manifest"
)

const (
	rowsShown = 100 // of a folder on a page
)

// browsePage is a path of a snapshot: a folder, or anything else.
type browsePage struct {
	Snapshot *engine.Snapshot   `json:"snapshot"`
	Path     string             `json:"path"`
	Kind     string             `json:"kind"` // "" where the snapshot does not hold the path
	Crumbs   []address.Crumb    `json:"-"`
	Timeline *timeline.Timeline `json:"timeline"`
	Restore  string             `json:"restore"`

	Entries []*entryView `json:"entries"` // of a folder: those of the page
	Changed bool         `json:"changed"` // only what has changed is listed
	Sort    string       `json:"sort"`
	Desc    bool         `json:"desc"`
	Paging  paging       `json:"paging"`
	Space   template.URL `json:"-"`
	Archive template.URL `json:"-"`

	Own      *entryView          `json:"own"`
	Versions []*timeline.Version `json:"versions"` // of anything but a folder
	Preview  *preview            `json:"-"`
}

// entryView is an entry of a folder.
type entryView struct {
	Name    string       `json:"name"`
	Address template.URL `json:"address"`
	Kind    string       `json:"kind"`
	Size    int64        `json:"size"`  // of a folder: of all files in it
	Files   int64        `json:"files"` // of a folder
	Mtime   time.Time    `json:"mtime"`
	Mode    string       `json:"mode"`
	UID     uint32       `json:"uid"`
	GID     uint32       `json:"gid"`
	Target  string       `json:"target,omitempty"`
	Digest  string       `json:"digest,omitempty"`
	What    string       `json:"what"` // since the snapshot before: added, removed, changed, metadata, inside or ""
	Detail  string       `json:"detail,omitempty"`
	Pick    string       `json:"-"` // as a form sends it
	Gone    bool         `json:"-"`
	IsDir   bool         `json:"-"`
}

// inside marks a folder in which, deeper, something has changed.
const inside = "inside"

// browse shows a path of a snapshot.
func (s *Server) browse(r *request) (any, error) {
	of, err := s.find(r)
	if err != nil {
		return nil, err
	}
	path, err := r.path()
	if err != nil {
		return nil, err
	}
	f, err := s.folder(r, of, path, false)
	if err != nil {
		return nil, err
	}
	page := &browsePage{
		Snapshot: of, Path: engine.Text(path), Crumbs: address.Crumbs("browse", of, path),
		Timeline: timeline.New("browse", f), Restore: s.restoreCommand(of, path), Entries: []*entryView{}, Versions: []*timeline.Version{},
	}
	if page.Timeline.Never {
		return nil, notFound("no snapshot of "+words.Shown(of.Name)+" holds "+words.Shown(path), "search for it, or go up to the folder that it should be in")
	}
	if f.Own == nil {
		return page, nil // a ghost, of which other snapshots may be shown
	}
	page.Kind = f.Own.Kind.String()
	page.Own = viewOf(of, &engine.FolderEntry{Entry: f.Own}, nil)
	if f.Own.Kind != manifest.Dir {
		page.Versions = timeline.Versions(f)
		page.Preview = s.preview(r, of, f.Own)
		return page, nil
	}
	page.Space, page.Archive = address.At("space", of, path), address.At("archive", of, path)
	page.list(r, f)
	return page, nil
}

// list puts the entries that are asked for on the page.
func (p *browsePage) list(r *request, f *engine.Folder) {
	p.Sort, p.Desc, p.Changed = cmp.Or(r.value("sort"), "name"), r.value("desc") != "", r.value("changed") != ""
	entries := slices.Clone(f.Entries) // others may be shown the same folder
	if p.Changed {
		entries = slices.DeleteFunc(entries, func(e *engine.FolderEntry) bool { return mark(e) == "" })
	}
	size := func(e *engine.FolderEntry) int64 {
		if e.Below != nil {
			return e.Below.Bytes
		}
		if e.Kind == manifest.Dir {
			return 0
		}
		return e.Size
	}
	folders := func(a, b *engine.FolderEntry) int {
		return cmp.Compare(boolOf(b.Kind == manifest.Dir), boolOf(a.Kind == manifest.Dir))
	}
	order := map[string]func(a, b *engine.FolderEntry) int{
		"name": func(a, b *engine.FolderEntry) int { return strings.Compare(a.Path, b.Path) },
		"size": func(a, b *engine.FolderEntry) int { return cmp.Compare(size(a), size(b)) },
		"time": func(a, b *engine.FolderEntry) int {
			return cmp.Or(cmp.Compare(a.Mtime.Sec, b.Mtime.Sec), cmp.Compare(a.Mtime.Nsec, b.Mtime.Nsec))
		},
		"kind": func(a, b *engine.FolderEntry) int {
			return cmp.Or(folders(a, b), strings.Compare(ext(a), ext(b)), cmp.Compare(a.Kind, b.Kind))
		},
		"mode": func(a, b *engine.FolderEntry) int { return cmp.Compare(a.Mode, b.Mode) },
		"mark": func(a, b *engine.FolderEntry) int { return strings.Compare(mark(b), mark(a)) },
	}
	by, known := order[p.Sort]
	if !known {
		p.Sort, by = "name", order["name"]
	}
	if p.Sort != "name" || p.Desc || hasFolders(entries) {
		slices.SortStableFunc(entries, func(a, b *engine.FolderEntry) int {
			c := by(a, b)
			if p.Desc {
				c = -c
			}
			if p.Sort == "name" {
				c = cmp.Or(folders(a, b), c)
			}
			return c
		})
	}
	p.Paging = pages(r, len(entries), rowsShown)
	for _, e := range entries[p.Paging.first:p.Paging.end] {
		p.Entries = append(p.Entries, viewOf(f.Snapshot, e, f.Before))
	}
}

func hasFolders(entries []*engine.FolderEntry) bool {
	return slices.ContainsFunc(entries, func(e *engine.FolderEntry) bool { return e.Kind == manifest.Dir })
}

func boolOf(b bool) int {
	if b {
		return 1
	}
	return 0
}

func ext(e *engine.FolderEntry) string {
	name := e.Name()
	if i := strings.LastIndexByte(name, '.'); i > 0 && e.Kind == manifest.File {
		return strings.ToLower(name[i:])
	}
	return ""
}

// mark says in a word what has become of an entry since the snapshot before.
func mark(e *engine.FolderEntry) string {
	if e.What != "" && (e.Kind != manifest.Dir || e.What != "metadata") {
		return e.What
	}
	if e.Below != nil && e.Below.Begun+e.Below.Ended > 0 {
		return inside
	}
	return e.What
}

// viewOf returns what a page shows of an entry. One that is gone is looked at in the
// snapshot before.
func viewOf(of *engine.Snapshot, e *engine.FolderEntry, before *engine.Snapshot) *entryView {
	v := &entryView{
		Name: engine.Text(e.Name()), Address: address.At("browse", of, e.Path), Kind: e.Kind.String(), Size: e.Size, Mtime: e.Mtime.Time(),
		Mode: words.Mode(e.Entry), UID: e.UID, GID: e.GID, Target: engine.Text(e.Target), What: mark(e), Detail: e.Detail,
		Pick: url.PathEscape(e.Name()), IsDir: e.Kind == manifest.Dir,
	}
	if e.Kind == manifest.File && !e.Absent {
		v.Digest = e.Digest.String()
	}
	if v.IsDir {
		v.Size = 0
		if e.Below != nil {
			v.Size, v.Files = e.Below.Bytes, e.Below.Files
		}
	}
	if e.What == "removed" && before != nil {
		v.Gone, v.Address = true, address.At("browse", before, e.Path)
	}
	return v
}

// Up is the folder that the path lies in.
func (p *browsePage) Up() template.URL {
	switch n := len(p.Crumbs); n {
	case 0:
		return ""
	case 1:
		return address.At("browse", p.Snapshot, ".")
	default:
		return p.Crumbs[n-2].Address
	}
}

// By is the address of the folder sorted by a column: turned round, where it is
// sorted by that already.
func (p *browsePage) By(column string) template.URL {
	desc := ""
	if p.Sort == column && !p.Desc || p.Sort != column && (column == "size" || column == "time") {
		desc = "1"
	}
	if p.Sort == column && p.Desc {
		desc = ""
	}
	return address.Query("sort", column, "desc", desc, "changed", p.changed())
}

// Order is what aria-sort says of a column.
func (p *browsePage) Order(column string) string {
	switch {
	case p.Sort != column:
		return "none"
	case p.Desc:
		return "descending"
	}
	return "ascending"
}

func (p *browsePage) changed() string {
	if p.Changed {
		return "1"
	}
	return ""
}

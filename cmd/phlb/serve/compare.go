package serve

import (
	"cmp"
	"html/template"
	"slices"

	"phlb/cmd/phlb/serve/address"
	"phlb/engine"
)

// live stands for the source of a snapshot as it is now.
const live = "live"

// comparePage is what differs in two snapshots, or in one and its source.
type comparePage struct {
	A       string         `json:"a"`
	B       string         `json:"b"`
	Changes []changeView   `json:"changes"`
	Counts  map[string]int `json:"counts"`
	Unread  int64          `json:"unread"` // entries of the source that could not be read
	What    string         `json:"what"`   // only such changes are listed
	Paging  paging         `json:"paging"`
	Choices []string       `json:"-"`
	Asked   bool           `json:"-"`
	CanLive bool           `json:"-"`
	Bytes   int64          `json:"bytes"` // of what is new in b, by size
}

type changeView struct {
	What    string       `json:"what"`
	Path    string       `json:"path"`
	From    string       `json:"from,omitempty"`
	Detail  string       `json:"detail"`
	Old     int64        `json:"old_size"`
	New     int64        `json:"new_size"`
	Kind    string       `json:"kind"`
	Address template.URL `json:"address,omitempty"`
	Diff    template.URL `json:"diff,omitempty"`
}

// Kinds are those of changes.
func (*comparePage) Kinds() []string {
	return []string{"added", "removed", "changed", "moved", "metadata"}
}

// compare shows what differs.
func (s *Server) compare(r *request) (any, error) {
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	page := &comparePage{A: r.value("a"), B: r.value("b"), What: r.value("what"), Changes: []changeView{}, Counts: map[string]int{}}
	for _, one := range recorded.Snapshots {
		page.Choices = append(page.Choices, one.Ref().String())
	}
	if page.A == "" || page.B == "" {
		page.Paging = pages(r, 0, rowsShown)
		return page, nil
	}
	page.Asked = true
	byRef := map[string]*engine.Snapshot{}
	for _, one := range recorded.Snapshots {
		byRef[one.Ref().String()] = one
	}
	a, b := byRef[page.A], byRef[page.B]
	if a == nil || b == nil && page.B != live {
		return nil, notFound("one of the two snapshots is not there: it was removed, or never was", "choose two of the list")
	}
	leave, err := s.enter(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	var changes []engine.Change
	if page.B == live {
		if !slices.Contains([]string{"", a.Host}, s.Host) {
			return nil, badRequest("the source of "+page.A+" lies on "+a.Host, "compare it there, or two snapshots here")
		}
		changes, page.Unread, err = r.e.DiffSource(r.Context(), a, engine.Source{Root: a.Source, Name: a.Name}, false)
	} else {
		changes, err = r.e.Diff(r.Context(), a, b)
	}
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		page.Counts[c.What]++
		if c.New != nil && (c.What == "added" || c.What == "changed") {
			page.Bytes += c.New.Size
		}
	}
	changes = slices.DeleteFunc(changes, func(c engine.Change) bool { return page.What != "" && c.What != page.What })
	page.Paging = pages(r, len(changes), rowsShown)
	for _, c := range changes[page.Paging.first:page.Paging.end] {
		v := changeView{What: c.What, Path: engine.Text(c.Path), From: engine.Text(c.From), Detail: engine.Text(c.Detail)}
		e := cmp.Or(c.New, c.Old)
		v.Kind = e.Kind.String()
		if c.Old != nil {
			v.Old = c.Old.Size
		}
		if c.New != nil {
			v.New = c.New.Size
		}
		switch {
		case c.New != nil && b != nil:
			v.Address = address.At("browse", b, c.Path)
		case c.Old != nil:
			v.Address = address.At("browse", a, c.Old.Path)
		}
		if c.What == "changed" && b != nil && a.Name == b.Name && c.Old.Kind == c.New.Kind && c.New.Kind == 'f' {
			v.Diff = address.Diff(a.Name, c.Path, a.Stamp, b.Stamp)
		}
		page.Changes = append(page.Changes, v)
	}
	return page, nil
}

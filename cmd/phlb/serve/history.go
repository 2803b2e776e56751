package serve

import (
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"time"

	"phlb/engine"
	"phlb/engine/manifest"
	"phlb/engine/store"
)

// run is one time that something was done to the root.
type run struct {
	Verb     string       `json:"verb"`
	Name     string       `json:"name"`
	Stamp    string       `json:"stamp"`
	Host     string       `json:"host"`
	Started  time.Time    `json:"started"`
	Finished time.Time    `json:"finished"`
	Outcome  string       `json:"outcome"`
	Error    string       `json:"error"`
	Address  template.URL `json:"address,omitempty"` // of the snapshot, where there is one
	name     string
}

// Took is how long it took.
func (r *run) Took() time.Duration { return r.Finished.Sub(r.Started).Round(100 * time.Millisecond) }

// Good reports whether all was well.
func (r *run) Good() bool { return r.Outcome == "ok" }

// verification is one look at a snapshot.
type verification struct {
	Snapshot int64        `json:"snapshot"`
	Finished time.Time    `json:"finished"`
	Sample   float64      `json:"sample"`
	Files    int64        `json:"files"`
	Read     int64        `json:"read"`
	Problems int64        `json:"problems"`
	Healed   int64        `json:"healed"`
	Ref      string       `json:"ref"`     // NAME/STAMP
	Address  template.URL `json:"address"` // of the snapshot
}

// Percent is the share of the content that was read back.
func (v *verification) Percent() int { return int(v.Sample*100 + 0.5) }

// damage is a file that is not what was stored.
type damage struct {
	Snapshot int64        `json:"snapshot"`
	Ref      string       `json:"ref"` // NAME/STAMP, "" where the snapshot is gone
	Path     string       `json:"path"`
	Found    time.Time    `json:"found"`
	What     string       `json:"what"`
	Digest   string       `json:"digest"`
	Address  template.URL `json:"address,omitempty"`
}

// records are those of the root, as of the request, seen from the pages.
type records struct {
	snapshots     []*engine.Snapshot // the newest first
	byID          map[int64]*engine.Snapshot
	runs          []*run          // the newest first
	verifications []*verification // the same
	damage        []*damage       // the same
}

func (r *request) records() (*records, error) {
	if r.known != nil {
		return r.known, nil
	}
	found, err := r.e.Records(r.Context())
	if err != nil {
		return nil, err
	}
	all := &records{snapshots: found.Snapshots, byID: map[int64]*engine.Snapshot{}}
	byRef := map[store.Ref]*engine.Snapshot{}
	for _, one := range found.Snapshots {
		all.byID[int64(one.ID)], byRef[one.Ref()] = one, one
	}
	for _, v := range found.Verifications {
		view := &verification{int64(v.Snapshot), v.Finished, v.Sample, v.Files, v.Read, v.Problems, v.Healed, "", ""}
		if of := all.byID[view.Snapshot]; of != nil {
			view.Ref, view.Address = engine.Text(of.Ref().String()), snapshotAddress(of)
		}
		all.verifications = append(all.verifications, view)
	}
	slices.SortStableFunc(all.verifications, func(a, b *verification) int { return b.Finished.Compare(a.Finished) })
	for _, d := range found.Damage {
		view := &damage{Snapshot: int64(d.Snapshot), Path: engine.Text(d.Path), Found: d.Found, What: engine.Text(d.What), Digest: d.Digest.String()}
		if of := all.byID[view.Snapshot]; of != nil {
			view.Ref = engine.Text(of.Ref().String())
			if manifest.ValidPath(d.Path) {
				view.Address = at("browse", of, d.Path)
			}
		}
		all.damage = append(all.damage, view)
	}
	slices.SortStableFunc(all.damage, func(a, b *damage) int { return b.Found.Compare(a.Found) })
	for _, one := range found.Runs {
		view := &run{
			Verb: one.Verb, Name: engine.Text(one.Name), Stamp: one.Stamp, Host: one.Host, Started: one.Started, Finished: one.Finished,
			Outcome: string(one.Outcome), Error: engine.Text(one.Error), name: one.Name,
		}
		if of := byRef[store.Ref{Name: one.Name, Stamp: one.Stamp}]; of != nil {
			view.Address = snapshotAddress(of)
		}
		all.runs = append(all.runs, view)
	}
	slices.SortStableFunc(all.runs, func(a, b *run) int { return b.Started.Compare(a.Started) })
	r.known = all
	return all, nil
}

type runsPage struct {
	Runs    []*run   `json:"runs"`
	Names   []string `json:"-"`
	Name    string   `json:"name"`
	Outcome string   `json:"outcome"`
	Paging  paging   `json:"paging"`
}

// Outcomes are those that can be asked for.
func (*runsPage) Outcomes() []string {
	return []string{"ok", "incomplete", "damage", "failed", "interrupted"}
}

// runs shows what was done.
func (s *Server) runs(r *request) (any, error) {
	records, err := r.records()
	if err != nil {
		return nil, err
	}
	all := slices.Clone(records.runs)
	page := &runsPage{Name: r.value("name"), Outcome: r.value("outcome")}
	for _, one := range all {
		if one.name != "" && !slices.Contains(page.Names, one.name) {
			page.Names = append(page.Names, one.name)
		}
	}
	slices.Sort(page.Names)
	all = slices.DeleteFunc(all, func(one *run) bool {
		return page.Name != "" && one.name != page.Name || page.Outcome != "" && one.Outcome != page.Outcome
	})
	page.Paging = pages(r, len(all), 100)
	page.Runs = all[page.Paging.first:page.Paging.end]
	return page, nil
}

// paging says which part of a long list is shown.
type paging struct {
	Page  int `json:"page"`
	Pages int `json:"pages"`
	Total int `json:"total"`

	first, end int
	query      url.Values
}

func pages(r *request, total, each int) paging {
	p := paging{Pages: max((total+each-1)/each, 1), Total: total, query: r.URL.Query()}
	p.Page = number(r, "page", 1, 1, p.Pages)
	p.first = (p.Page - 1) * each
	p.end = min(p.first+each, total)
	return p
}

// First and Last are numbers of what is shown, counted from 1.
func (p paging) First() int { return min(p.first+1, p.end) }
func (p paging) Last() int  { return p.end }

// To is the address of another page of the list.
func (p paging) To(page int) template.URL {
	query := url.Values{}
	for key, values := range p.query {
		query[key] = values
	}
	query.Set("page", strconv.Itoa(page))
	return template.URL("?" + query.Encode())
}

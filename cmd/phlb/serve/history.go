package serve

import (
	"html/template"
	"net/url"
	"slices"
	"strconv"

	"phlb/cmd/phlb/serve/records"
)

// records returns what the root has recorded. A request asks the root once.
func (r *request) records() (*records.Records, error) {
	if r.known != nil {
		return r.known, nil
	}
	found, err := r.e.Records(r.Context())
	if err != nil {
		return nil, err
	}
	r.known = records.Of(found)
	return r.known, nil
}

// runsPage lists what was done to the root.
type runsPage struct {
	Runs    []*records.Run `json:"runs"`
	Names   []string       `json:"-"`
	Name    string         `json:"name"`
	Outcome string         `json:"outcome"`
	Paging  paging         `json:"paging"`
}

// Outcomes are those that can be asked for.
func (*runsPage) Outcomes() []string {
	return []string{"ok", "incomplete", "damage", "failed", "interrupted"}
}

// runs shows what was done.
func (s *Server) runs(r *request) (any, error) {
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	all := slices.Clone(recorded.Runs)
	page := &runsPage{Name: r.value("name"), Outcome: r.value("outcome")}
	for _, one := range all {
		if one.BackupName != "" && !slices.Contains(page.Names, one.BackupName) {
			page.Names = append(page.Names, one.BackupName)
		}
	}
	slices.Sort(page.Names)
	all = slices.DeleteFunc(all, func(one *records.Run) bool {
		return page.Name != "" && one.BackupName != page.Name || page.Outcome != "" && one.Outcome != page.Outcome
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

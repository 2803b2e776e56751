package serve

import (
	"html/template"
	"net/url"
	"strings"

	"phlb/cmd/phlb/serve/words"
	"phlb/engine"
	"phlb/engine/manifest"
)

// Paths of files are bytes, and stand in addresses as such, escaped.

// escapePath escapes a path of a snapshot for an address; the top of one is "".
func escapePath(p string) string {
	if p == "." {
		return ""
	}
	parts := strings.Split(p, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

func at(kind string, s *engine.Snapshot, path string) template.URL {
	return template.URL("/" + kind + "/" + url.PathEscape(s.Name) + "/" + url.PathEscape(s.Stamp) + "/" + escapePath(path))
}

func nameAddress(name string) template.URL { return template.URL("/names/" + url.PathEscape(name)) }

func snapshotAddress(s *engine.Snapshot) template.URL {
	return template.URL("/snapshots/" + url.PathEscape(s.Name) + "/" + url.PathEscape(s.Stamp))
}

// unescape undoes what a form sends of a name.
func unescape(text string) (string, error) {
	name, err := url.PathUnescape(text)
	if err != nil || !manifest.ValidPath(name) || name == "." {
		return "", badRequest("what is picked is no name", "pick it on the page of its folder")
	}
	return name, nil
}

// path returns the path that the address names.
func (r *request) path() (string, error) {
	p := strings.TrimSuffix(r.PathValue("path"), "/")
	if p == "" {
		p = "."
	}
	if !manifest.ValidPath(p) {
		return "", badRequest("the address names no path of a snapshot", "go there by the links of the pages")
	}
	return p, nil
}

// find returns the snapshot that the address names.
func (s *Server) find(r *request) (*engine.Snapshot, error) {
	name, stamp := r.PathValue("name"), r.PathValue("stamp")
	records, err := r.records()
	if err != nil {
		return nil, err
	}
	if found := records.find(name, stamp); found != nil {
		return found, nil
	}
	if records.find(name, "latest") == nil {
		return nil, notFound("there is no backup called "+words.Shown(name), "go back to the backups, which lists those there are")
	}
	return nil, notFound("there is no snapshot "+words.Shown(name)+"/"+words.Shown(stamp)+": it was removed, or never was", "choose another one of "+words.Shown(name))
}

// find returns the snapshot of that name and stamp, or with "latest" the newest one,
// nil where there is none.
func (all *records) find(name, stamp string) *engine.Snapshot {
	for _, one := range all.snapshots { // the newest first
		if one.Name == name && (one.Stamp == stamp || stamp == "latest") {
			return one
		}
	}
	return nil
}

package serve

import (
	"net/url"
	"strings"

	"phlb/cmd/phlb/serve/words"
	"phlb/engine"
	"phlb/engine/manifest"
)

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
	recorded, err := r.records()
	if err != nil {
		return nil, err
	}
	if found := recorded.Find(name, stamp); found != nil {
		return found, nil
	}
	if recorded.Find(name, "latest") == nil {
		return nil, notFound("there is no backup called "+words.Shown(name), "go back to the backups, which lists those there are")
	}
	return nil, notFound("there is no snapshot "+words.Shown(name)+"/"+words.Shown(stamp)+": it was removed, or never was", "choose another one of "+words.Shown(name))
}

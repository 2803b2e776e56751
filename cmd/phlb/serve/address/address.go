// Package address makes the addresses of the pages that a server shows.
//
// Paths of files are bytes. They stand in addresses as such, escaped.
package address

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"

	"phlb/engine"
)

// escapePath escapes a path of a snapshot; the top of a snapshot is "".
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

// At returns the address of a path of a snapshot, on the pages of a kind: browse, space,
// raw or archive.
func At(kind string, s *engine.Snapshot, path string) template.URL {
	return template.URL("/" + kind + "/" + url.PathEscape(s.Name) + "/" + url.PathEscape(s.Stamp) + "/" + escapePath(path))
}

// Name returns the address of a backup name.
func Name(name string) template.URL { return template.URL("/names/" + url.PathEscape(name)) }

// Snapshot returns the address of a snapshot.
func Snapshot(s *engine.Snapshot) template.URL {
	return template.URL("/snapshots/" + url.PathEscape(s.Name) + "/" + url.PathEscape(s.Stamp))
}

// Diff returns the address of the differences between two versions of a file, in the
// snapshots with the stamps a and b.
func Diff(name, path, a, b string) template.URL {
	return template.URL("/diff/"+url.PathEscape(name)+"/"+escapePath(path)) + Query("a", a, "b", b)
}

// Query returns the query of an address, made of names and values. What has an empty
// value is left out.
func Query(pairs ...any) template.URL {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := fmt.Sprint(pairs[i+1]); value != "" {
			values.Set(fmt.Sprint(pairs[i]), value)
		}
	}
	return template.URL("?" + values.Encode())
}

// Crumb is a folder on the way to a path.
type Crumb struct {
	Name    string
	Address template.URL
}

// Crumbs returns the folders on the way to a path, and the path itself, with their
// addresses on the pages of a kind.
func Crumbs(kind string, of *engine.Snapshot, path string) []Crumb {
	if path == "." {
		return nil
	}
	var list []Crumb
	for i := range len(path) + 1 {
		if i == len(path) || path[i] == '/' {
			up := path[:i]
			list = append(list, Crumb{up[strings.LastIndexByte(up, '/')+1:], At(kind, of, up)})
		}
	}
	return list
}

package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/repository"
	"phlb/engine/walk"
)

// Search says which paths are looked for, in the snapshots of a name or with "" of
// all. What is not set does not matter.
type Search struct {
	Text     string // a part of the path, in whatever case, or a glob as of a scan
	Name     string
	MinSize  int64     // bytes
	MaxSize  int64     // bytes, 0 for any
	After    time.Time // when it was last changed
	Before   time.Time
	Gone     bool // only what the last snapshot of its name does not hold
	Versions int  // how many are looked at before the search ends, 0 for all
}

// IsGlob reports whether a text that is looked for is a pattern.
func (s *Search) IsGlob() bool { return strings.ContainsAny(s.Text, "*?[{") }

// Search returns the paths of which a version is as they are looked for, sorted by
// path, and whether there may be more.
func (e *Engine) Search(ctx context.Context, s Search) (found []*Found, more bool, err error) {
	wanted := catalog.Wanted{
		Name: s.Name, MinSize: s.MinSize, MaxSize: s.MaxSize, After: s.After, Before: s.Before, Gone: s.Gone, Limit: s.Versions,
	}
	switch {
	case s.IsGlob():
		patterns, err := walk.CompilePatterns([]string{s.Text})
		if err != nil {
			return nil, false, fmt.Errorf("search: %w", err)
		}
		wanted.Path = globbed(patterns)
	case s.Text != "":
		part := strings.ToLower(s.Text)
		wanted.Path = func(p string) bool { return p != "." && containsFold(p, part) }
	default:
		wanted.Path = func(p string) bool { return p != "." }
	}
	list, known, err := e.findVersions(ctx, func(cat *catalog.Catalog, _ map[catalog.ID]*repository.Snapshot) (list []catalog.Version, err error) {
		list, more, err = cat.Search(ctx, &wanted)
		return list, err
	})
	if err != nil {
		return nil, false, fmt.Errorf("search: %w", err)
	}
	return byPath(list, known), more, nil
}

// containsFold is strings.Contains of the text in lower case. Nearly all paths are
// in ASCII, of which no copy is made.
func containsFold(text, part string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return strings.Contains(strings.ToLower(text), part)
		}
	}
	for i := 0; i+len(part) <= len(text); i++ {
		if hasPrefixFold(text[i:], part) {
			return true
		}
	}
	return false
}

// hasPrefixFold is for a text in ASCII.
func hasPrefixFold(text, part string) bool {
	for i := range len(part) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != part[i] {
			return false
		}
	}
	return true
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/agnivade/levenshtein"

	"phlb/engine/catalog"
	"phlb/engine/store"
)

// Snapshot is a sealed snapshot.
type Snapshot struct {
	catalog.Snapshot
	Path string // absolute path of its tree
}

// Complete reports whether every entry of the source could be read.
func (s *Snapshot) Complete() bool { return s.Errors == 0 }

// Ref returns the snapshot's place under the root, NAME/STAMP.
func (s *Snapshot) Ref() store.Ref { return store.Ref{Name: s.Name, Stamp: s.Stamp} }

func newSnapshot(root *store.Root, s catalog.Snapshot) *Snapshot {
	return &Snapshot{s, root.SnapshotPath(store.Ref{Name: s.Name, Stamp: s.Stamp})}
}

// ErrNoSnapshot says that no sealed snapshot is called so.
var ErrNoSnapshot = errors.New("no such snapshot")

// Snapshot returns the snapshot that text names: NAME/STAMP, NAME/latest or
// NAME for the newest one, the path of its tree, NAME@AGE for what was the
// newest that long ago, as in documents@2days, or NAME@TIME for what was the
// newest then, as in documents@2026-11-20.
func (e *Engine) Snapshot(ctx context.Context, text string) (*Snapshot, error) {
	all, err := e.Snapshots(ctx, "")
	if err != nil {
		return nil, err
	}
	return e.find(all, text)
}

// Locate returns what SNAPSHOT:PATH names, and "" for the path of a snapshot
// alone. A path below a snapshot's tree is taken apart, too.
func (e *Engine) Locate(ctx context.Context, text string) (s *Snapshot, path string, err error) {
	all, err := e.Snapshots(ctx, "")
	if err != nil {
		return nil, "", err
	}
	s, err = e.find(all, text)
	// Names, times and paths may have colons.
	for at := strings.LastIndexByte(text, ':'); err != nil && at >= 0; at = strings.LastIndexByte(text[:at], ':') {
		s, first := e.find(all, text[:at])
		if first == nil {
			return s, text[at+1:], nil
		}
		if !errors.Is(err, ErrNoSnapshot) || !strings.Contains(text, "@") {
			err = first
		}
	}
	if err == nil {
		return s, "", nil
	}
	tree := resolved(text)
	for _, s := range all {
		if rest, ok := strings.CutPrefix(tree, s.Path+string(filepath.Separator)); ok {
			return s, filepath.ToSlash(rest), nil
		}
	}
	return nil, "", err
}

// resolved returns the absolute path without symbolic links of what exists, and
// other text as it is.
func resolved(text string) string {
	if real, err := filepath.EvalSymlinks(text); err == nil {
		if real, err = filepath.Abs(real); err == nil {
			return real
		}
	}
	return text
}

// find returns the snapshot that text names, of all, the newest first.
func (e *Engine) find(all []*Snapshot, text string) (*Snapshot, error) {
	path := resolved(text)
	for _, s := range all {
		if s.Path == path {
			return s, nil
		}
	}
	name, stamp, _ := strings.Cut(strings.Trim(text, "/"), "/")
	for _, s := range all {
		if s.Name == name && (stamp == "" || stamp == "latest" || stamp == s.Stamp) {
			return s, nil
		}
	}
	if at := strings.LastIndexByte(text, '@'); at > 0 {
		if s, err := e.findAt(all, text[:at], text[at+1:]); s != nil || err != nil {
			return s, err
		}
	}
	todo := "phlb snapshots lists them"
	if near := nearest(all, name); near != "" {
		todo = "did you mean " + near + "?"
	}
	if e.isTree(path) || e.isTree(filepath.Join(e.Config.BackupPath, text)) || e.hasTrees(name) {
		todo = "its manifest is missing or broken: move it away if it is there, and run phlb add"
	}
	return nil, fmt.Errorf("%w: %q; %s", ErrNoSnapshot, text, todo)
}

// nearest returns the backup name that name may be a misspelling of, "" if none
// is close.
func nearest(all []*Snapshot, name string) string {
	best, limit := "", 1+len(name)/4
	for _, s := range all {
		if d := levenshtein.ComputeDistance(name, s.Name); 0 < d && d <= limit {
			best, limit = s.Name, d-1
		}
	}
	return best
}

// findAt returns the newest snapshot of name that was made by then; nil if there
// is no such name.
func (e *Engine) findAt(all []*Snapshot, name, then string) (*Snapshot, error) {
	var oldest *Snapshot
	for _, s := range all {
		if s.Name == name {
			oldest = s
		}
	}
	if oldest == nil {
		return nil, nil
	}
	when, err := parseMoment(then, e.env.Now())
	if err != nil {
		return nil, fmt.Errorf("snapshot %s@%s: %w", name, then, err)
	}
	for _, s := range all {
		if s.Name == name && !s.Started.After(when) {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: %s@%s; the oldest of %s is %s", ErrNoSnapshot, name, then, name, oldest.Stamp)
}

// isTree reports whether a folder lies where a snapshot's tree would.
func (e *Engine) isTree(path string) bool {
	tree, err := resolve(path)
	if err != nil {
		return false
	}
	root, err := resolve(e.Config.BackupPath)
	if err != nil {
		return false
	}
	below, err := filepath.Rel(root, tree)
	return err == nil && filepath.IsLocal(below) && strings.Count(filepath.ToSlash(below), "/") == 1
}

// hasTrees reports whether folders lie where snapshots of that name would.
func (e *Engine) hasTrees(name string) bool {
	if store.CheckName(name) != nil {
		return false
	}
	root, err := e.openRoot()
	if err != nil {
		return false
	}
	defer root.Close()
	trees, err := root.Adoptable(name)
	return len(trees) > 0 && err == nil
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

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
// NAME for the newest one, or the path of its tree.
func (e *Engine) Snapshot(ctx context.Context, text string) (*Snapshot, error) {
	all, err := e.Snapshots(ctx, "")
	if err != nil {
		return nil, err
	}
	path := text
	if real, err := filepath.EvalSymlinks(text); err == nil {
		if real, err = filepath.Abs(real); err == nil {
			path = real
		}
	}
	for _, s := range all {
		if s.Path == path {
			return s, nil
		}
	}
	name, stamp, _ := strings.Cut(strings.Trim(text, "/"), "/")
	for _, s := range all { // the newest first
		if s.Name == name && (stamp == "" || stamp == "latest" || stamp == s.Stamp) {
			return s, nil
		}
	}
	todo := "phlb snapshots lists them"
	if e.isTree(path) || e.isTree(filepath.Join(e.Config.BackupPath, text)) {
		todo = "its manifest is missing or broken: move it away if it is there, and run phlb add"
	}
	return nil, fmt.Errorf("%w: %q; %s", ErrNoSnapshot, text, todo)
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

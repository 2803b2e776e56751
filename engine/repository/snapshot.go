package repository

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"phlb/engine/catalog"
	"phlb/engine/moment"
	"phlb/engine/store"
	"phlb/runtime/spelling"
)

// IsAhead reports whether the start of a snapshot lies in the future: the clock was wrong
// then, or is wrong now. Such a snapshot is only taken for the newest where there is no
// other.
func IsAhead(started, now time.Time) bool { return started.After(now.Add(time.Minute)) }

// AheadLast moves the snapshots whose start lies in the future to the end of a list with the
// newest first. Otherwise one run with a wrong clock would be the newest for good.
func AheadLast[S any](all []S, now time.Time, start func(S) time.Time) []S {
	var ahead, others []S
	for _, s := range all {
		if IsAhead(start(s), now) {
			ahead = append(ahead, s)
		} else {
			others = append(others, s)
		}
	}
	return append(others, ahead...)
}

// StartOf returns when a snapshot was started. It is a parameter for [AheadLast].
func StartOf(s catalog.Snapshot) time.Time { return s.Started }

// Newest returns the first snapshot of that name in a list with the newest first; nil for
// none.
func Newest(all []catalog.Snapshot, name string) *catalog.Snapshot {
	for i := range all { // sorted, the newest first
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// LastAbsorbed returns the number of the snapshot of that name that was added to the catalog
// last; 0 for none.
func LastAbsorbed(all []catalog.Snapshot, name string) catalog.ID {
	id := catalog.ID(0)
	for i := range all {
		if all[i].Name == name {
			id = max(id, all[i].ID)
		}
	}
	return id
}

// PinnedTag is the tag of a snapshot that is never removed.
const PinnedTag = "pinned"

// Pinned reports whether the snapshot is never removed.
func (s *Snapshot) Pinned() bool { return slices.Contains(s.Tags, PinnedTag) }

// Removal says what the removal of snapshots has freed, or in a dry run would free.
type Removal struct {
	Snapshots []*Snapshot
	Files     int64 // how many files no other snapshot holds
	Bytes     int64 // the sizes of those files
}

// Snapshot is a sealed snapshot.
type Snapshot struct {
	catalog.Snapshot
	Path string // the absolute path of the tree
}

// Complete reports whether every entry of the source could be read.
func (s *Snapshot) Complete() bool { return s.Errors == 0 }

// Ref returns the name and the stamp of the snapshot, which are its path under the root.
func (s *Snapshot) Ref() store.Ref { return store.Ref{Name: s.Name, Stamp: s.Stamp} }

// NewSnapshot returns the snapshot s of the catalog with the path of its tree.
func NewSnapshot(root *store.Root, s catalog.Snapshot) *Snapshot {
	return &Snapshot{s, root.SnapshotPath(store.Ref{Name: s.Name, Stamp: s.Stamp})}
}

// ErrNoSnapshot says that there is no snapshot of that name, stamp or path.
var ErrNoSnapshot = errors.New("no such snapshot")

// Snapshot returns the snapshot that text names: NAME/STAMP, NAME/latest or NAME for the
// newest one, the path of its tree, NAME@AGE for the one that was the newest that long ago,
// as in documents@2days, or NAME@TIME for the one that was the newest at that time, as in
// documents@2026-11-20.
func (repo *Repository) Snapshot(ctx context.Context, text string) (*Snapshot, error) {
	all, err := repo.Snapshots(ctx, "")
	if err != nil {
		return nil, err
	}
	return repo.find(all, text)
}

// Locate returns the snapshot and the path in SNAPSHOT:PATH. The path is "" where text only
// names a snapshot. The path of a file in the tree of a snapshot is taken apart, too.
func (repo *Repository) Locate(ctx context.Context, text string) (s *Snapshot, path string, err error) {
	all, err := repo.Snapshots(ctx, "")
	if err != nil {
		return nil, "", err
	}
	s, err = repo.find(all, text)
	volume := "" // of Windows
	if filepath.IsAbs(text) {
		volume = filepath.VolumeName(text)
	}
	// Names, times and paths may have colons.
	for at := strings.LastIndexByte(text, ':'); err != nil && at >= len(volume); at = strings.LastIndexByte(text[:at], ':') {
		s, first := repo.find(all, text[:at])
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
	tree := repo.Real(text)
	for _, s := range all {
		if rest, ok := strings.CutPrefix(tree, s.Path+string(filepath.Separator)); ok {
			return s, filepath.ToSlash(rest), nil
		}
	}
	return nil, "", err
}

// find returns the snapshot that text names, from a list with the newest first. The error
// says what to do where there is none.
func (repo *Repository) find(all []*Snapshot, text string) (*Snapshot, error) {
	if s, err := repo.match(all, text); s != nil || err != nil {
		return s, err
	}
	name, _, _ := strings.Cut(strings.Trim(text, "/"), "/")
	todo := repo.suggestion(all, strings.Trim(text, "/"))
	if repo.isTree(text) || repo.hasTrees(name) {
		todo = "its manifest is missing or cannot be read: run phlb add, which makes a new one or says what to do"
	}
	if err := repo.checkFolder(name); err != nil {
		todo = err.Error()
	}
	return nil, fmt.Errorf("%w: %q; %s", ErrNoSnapshot, text, todo)
}

// match returns the snapshot that text names; nil for none.
func (repo *Repository) match(all []*Snapshot, text string) (*Snapshot, error) {
	path := repo.Real(text)
	for _, s := range all {
		if s.Path == path {
			return s, nil
		}
	}
	// An absolute path is not NAME/STAMP.
	name, stamp, _ := strings.Cut(strings.TrimRight(text, "/"), "/")
	for _, s := range AheadLast(all, repo.Env.Now(), func(s *Snapshot) time.Time { return s.Started }) {
		if s.Name == name && (stamp == "" || stamp == "latest" || stamp == s.Stamp) {
			return s, nil
		}
	}
	if at := strings.LastIndexByte(text, '@'); at > 0 {
		return repo.findAt(all, text[:at], text[at+1:])
	}
	return nil, nil
}

// checkFolder returns why the folder of a name cannot hold snapshots; nil where it can.
func (repo *Repository) checkFolder(name string) error {
	root, err := repo.OpenRoot()
	if err != nil || store.CheckName(name) != nil {
		return nil // another error says that
	}
	defer root.Close()
	return root.CheckFolder(name)
}

// suggestion says what to write instead of text, which names no snapshot: a stamp of the
// name in text, if there is such a name, or else a similar name.
func (repo *Repository) suggestion(all []*Snapshot, text string) string {
	if root, err := repo.OpenRoot(); err == nil {
		root.Close()
	} else if errors.Is(err, ErrNoRoot) {
		return err.Error()
	}
	name, stamp, _ := strings.Cut(text, "/")
	var names []string
	stamps := []string{"latest"}
	for _, s := range all {
		names = append(names, s.Name)
		if s.Name == name {
			stamps = append(stamps, s.Stamp)
		}
	}
	if len(stamps) > 1 {
		if near := spelling.Nearest(stamp, stamps); near != "" {
			return "did you mean " + name + "/" + near + "?"
		}
		return "phlb snapshots " + name + " lists those there are"
	}
	near := spelling.Nearest(name, names)
	if at := strings.LastIndexByte(name, '@'); near == "" && at > 0 {
		name = name[:at]
		near = spelling.Nearest(name, names)
	}
	if near == "" {
		return "phlb snapshots lists them"
	}
	if rest := text[len(name):]; rest != "" {
		if s, _ := repo.match(all, near+rest); s != nil {
			near += rest
		}
	}
	return "did you mean " + near + "?"
}

// findAt returns the snapshot of name that was the newest at the time then; nil where there
// is no such name.
func (repo *Repository) findAt(all []*Snapshot, name, then string) (*Snapshot, error) {
	var oldest *Snapshot
	for _, s := range all {
		if s.Name == name {
			oldest = s
		}
	}
	if oldest == nil {
		return nil, nil
	}
	when, err := moment.Parse(then, repo.Env.Now())
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

// isTree reports whether a path is that of a folder in which a snapshot could lie.
func (repo *Repository) isTree(path string) bool {
	ref, err := repo.RefOf(path)
	return err == nil && ref.Stamp != ""
}

// hasTrees reports whether there are folders of that name in which snapshots could lie.
func (repo *Repository) hasTrees(name string) bool {
	if store.CheckName(name) != nil {
		return false
	}
	root, err := repo.OpenRoot()
	if err != nil {
		return false
	}
	defer root.Close()
	trees, err := root.Adoptable(name)
	return len(trees) > 0 && err == nil
}

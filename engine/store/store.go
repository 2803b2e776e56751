// Package store keeps snapshot directories under a backup root. It is the only
// code that writes there, and what makes a snapshot whole or nothing.
//
// Most callers [Open] a [Root], take the lock of a backup name, [Root.Begin] a
// [Partial], fill its tree through [Dir] handles and [Partial.Seal] it:
//
//	<root>/.phlb/locks/             who is writing
//	<root>/NAME/STAMP/              a sealed snapshot, the user's files alone
//	<root>/NAME/STAMP.sha256.gz     its manifest
//	<root>/NAME/STAMP.log           its log
//	<root>/NAME/STAMP.partial/      a run under way: tree/, manifest and log,
//	                                and in previous/ the tree and manifest of a
//	                                run before it that was cut off
//	<root>/NAME/latest              symbolic link to the newest snapshot
//
// No method changes an inode that a sealed snapshot holds: what was linked is
// never written to, and [Dir.Replace] puts another inode in its place. The
// package does not know what a manifest says; whether content agrees is its
// callers' business.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"phlb/engine/manifest"
)

const (
	internal      = ".phlb"
	locks         = "locks"
	partialSuffix = ".partial"
	logSuffix     = ".log"
	latest        = "latest"

	// lostAndFound is fsck's, at the top of a file system of its own, and not
	// for an ordinary user to look into.
	lostAndFound = "lost+found"
)

var (
	// ErrNoHardlinks says that the file system of the root has none.
	ErrNoHardlinks = errors.New("file system has no hardlinks")
	// ErrLinkLimit says that an inode has as many links as it can have.
	ErrLinkLimit = errors.New("file has as many links as the file system allows")
	// ErrNoLink says that an inode can have no other name here: it lies on another
	// file system, or is of another user and therefore protected, see
	// protected_hardlinks in proc_sys_fs(5).
	ErrNoLink = errors.New("file cannot be linked to")
	// ErrName says that a backup name cannot be a folder's.
	ErrName = errors.New("not a usable backup name")
)

// Root is a backup root that is open.
type Root struct {
	Path string // absolute, without symbolic links

	// Planned are manifests of snapshots that a dry run would have sealed, by
	// their paths elsewhere.
	Planned map[Ref]string

	dir  *Dir
	fine bool // it is known to keep times to the nanosecond
}

// Ref names a sealed snapshot by its place under the root.
type Ref struct {
	Name  string // backup name
	Stamp string // folder below it
}

// String returns NAME/STAMP, the path below the root.
func (r Ref) String() string { return r.Name + "/" + r.Stamp }

// Open opens the root at path, which must exist. Errors: those of the system,
// and that path is no directory.
func Open(path string) (*Root, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("backup root: %w", err)
	}
	if real, err = filepath.Abs(real); err != nil {
		return nil, fmt.Errorf("backup root: %w", err)
	}
	dir, err := openRoot(real)
	if err != nil {
		return nil, fmt.Errorf("backup root: %w", err)
	}
	return &Root{Path: real, dir: dir}, nil
}

// Create opens the root at path for writing. It makes the directory where it
// is missing, and refuses a file system without hardlinks with
// [ErrNoHardlinks].
func Create(path string) (*Root, error) {
	if err := os.MkdirAll(filepath.Join(path, internal, locks), 0o777); err != nil {
		return nil, fmt.Errorf("backup root: %w", err)
	}
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	if err := r.probe(); err != nil {
		r.Close()
		return nil, err
	}
	r.Reserve()
	return r, nil
}

// probe makes a link and looks at it: some file systems copy instead. It finds
// out how finely times are kept, too.
func (r *Root) probe() error {
	dir := filepath.Join(r.Path, internal)
	f, err := os.CreateTemp(dir, "probe-")
	if err != nil {
		return fmt.Errorf("backup root: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	link := f.Name() + "-link"
	if err := os.Link(f.Name(), link); err != nil {
		return fmt.Errorf("backup root %s: %w: %w; choose a root on another file system", r.Path, ErrNoHardlinks, err)
	}
	defer os.Remove(link)
	odd := time.Unix(1e9, 123456789)
	if err := os.Chtimes(f.Name(), odd, odd); err != nil {
		return fmt.Errorf("backup root: %w", err)
	}
	a, err := f.Stat()
	if err != nil {
		return fmt.Errorf("backup root: %w", err)
	}
	r.fine = a.ModTime().Equal(odd)
	b, err := os.Stat(link)
	if err != nil {
		return fmt.Errorf("backup root: %w", err)
	}
	if !os.SameFile(a, b) {
		return fmt.Errorf("backup root %s: %w: a link became a copy; choose a root on another file system", r.Path, ErrNoHardlinks)
	}
	return nil
}

// Close releases the root.
func (r *Root) Close() { r.dir.Close() }

// Dir returns the root's own handle, valid until Close.
func (r *Root) Dir() *Dir { return r.dir }

// CatalogPath is where the catalog lies if nothing else is configured.
func (r *Root) CatalogPath() string { return filepath.Join(r.Path, internal, "catalog.ql") }

// SnapshotPath returns the absolute path of a sealed snapshot's tree.
func (r *Root) SnapshotPath(ref Ref) string { return filepath.Join(r.Path, ref.Name, ref.Stamp) }

// ManifestPath returns the absolute path of a sealed snapshot's manifest.
func (r *Root) ManifestPath(ref Ref) string { return r.SnapshotPath(ref) + manifest.Suffix }

// LogPath returns the absolute path of a sealed snapshot's log.
func (r *Root) LogPath(ref Ref) string { return r.SnapshotPath(ref) + logSuffix }

// Names returns the backup names under the root, sorted.
func (r *Root) Names() ([]string, error) {
	entries, err := os.ReadDir(r.Path)
	if err != nil {
		return nil, fmt.Errorf("backup root: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && CheckName(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Sealed returns the sealed snapshots of a name, sorted by folder name: those
// directories that a manifest lies beside.
func (r *Root) Sealed(name string) ([]Ref, error) {
	entries, err := os.ReadDir(filepath.Join(r.Path, name))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, fmt.Errorf("list %s: %w", name, err)
	}
	manifests := map[string]bool{}
	for _, e := range entries {
		if stamp, ok := strings.CutSuffix(e.Name(), manifest.Suffix); ok {
			manifests[stamp] = true
		}
	}
	var refs []Ref
	for _, e := range entries {
		if e.IsDir() && manifests[e.Name()] {
			refs = append(refs, Ref{name, e.Name()})
		}
	}
	return refs, nil
}

// Adoptable returns the directories under name that no manifest lies beside
// and that can be snapshots: neither a run under way nor where the link to the
// newest one belongs.
func (r *Root) Adoptable(name string) ([]Ref, error) {
	entries, err := os.ReadDir(filepath.Join(r.Path, name))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", name, err)
	}
	var refs []Ref
	for _, e := range entries {
		if !e.IsDir() || strings.HasSuffix(e.Name(), partialSuffix) || strings.HasPrefix(e.Name(), ".") || e.Name() == latest {
			continue
		}
		ref := Ref{name, e.Name()}
		if _, err := os.Lstat(r.ManifestPath(ref)); errors.Is(err, fs.ErrNotExist) {
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

// Strays returns what lies under name and belongs to no snapshot, sealed or to
// be adopted, nor to a run under way.
func (r *Root) Strays(name string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.Path, name))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", name, err)
	}
	var strays []string
	for _, e := range entries {
		ours := e.Name() == latest || strings.HasSuffix(e.Name(), manifest.Suffix) || strings.HasSuffix(e.Name(), logSuffix) ||
			slices.ContainsFunc(entries, func(tree fs.DirEntry) bool { // what a tool has left beside it
				return tree.IsDir() && strings.HasPrefix(e.Name(), tree.Name())
			})
		if !ours || e.IsDir() && strings.HasPrefix(e.Name(), ".") {
			strays = append(strays, e.Name())
		}
	}
	return strays, nil
}

// OpenSnapshot opens a sealed snapshot's tree.
func (r *Root) OpenSnapshot(ref Ref) (*Dir, error) {
	d, err := r.dir.Descend(ref.String())
	if err != nil {
		return nil, fmt.Errorf("open snapshot %s: %w", ref, err)
	}
	return d, nil
}

// HasTree reports whether there is a directory where the snapshot's tree is, or
// may come to be.
func (r *Root) HasTree(ref Ref) bool {
	info, err := os.Lstat(r.SnapshotPath(ref))
	return err == nil && info.IsDir()
}

// OpenManifest opens a sealed snapshot's manifest.
func (r *Root) OpenManifest(ref Ref) (*os.File, error) {
	if path, ok := r.Planned[ref]; ok {
		return os.Open(path)
	}
	return os.Open(r.ManifestPath(ref))
}

// CheckName returns an [ErrName] for a backup name that cannot be a folder.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrName)
	case strings.HasPrefix(name, "."):
		return fmt.Errorf("%w: %q begins with a point", ErrName, name)
	case name == lostAndFound:
		return fmt.Errorf("%w: %q is what fsck calls its own folder", ErrName, name)
	case strings.ContainsAny(name, "/\\\x00"):
		return fmt.Errorf("%w: %q holds a slash, backslash or NUL", ErrName, name)
	}
	return nil
}
